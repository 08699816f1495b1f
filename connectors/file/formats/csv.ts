/**
 * Cuts CSV records (RFC 4180): quoted fields may hold separators, line ends and doubled quotes. Records without a quote
 * take a fast way over the text; the others are scanned by the byte, which is safe in UTF-8 because separator, quote and
 * line ends are ASCII. Checked against csv-parse on random input by `csv.test.ts`.
 */
import { createHash } from 'node:crypto';
import { type ConnectValue, type Field, type Schema, Schemas, struct } from '../../api/index.ts';
import { badFileConfig, messageOf } from '../errors.ts';
import type { ColumnType, CsvSettings } from '../source-config.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter } from './cutter.ts';
import type { LearntTypes } from './learnt-types.ts';

const lineFeed = 10;
const carriageReturn = 13;

/** What one header line means. */
interface Columns {
  readonly names: readonly string[];
  readonly types: readonly ColumnType[];
  readonly schema: Schema | null;
  /** Index of the key's column, or -1. */
  readonly key: number;
  /** A short hash of the header, kept in offsets. */
  readonly hash: string;
}

/** A scanned record: its fields, and the index behind its line end. */
interface Scanned {
  readonly fields: string[];
  readonly end: number;
}

/** The record goes on behind the chunk's end. */
const incomplete = Symbol('incomplete');
/** A quote where none may be. */
class Malformed {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

const schemaOf: Record<ColumnType, Schema> = {
  string: Schemas.optionalString,
  int: Schemas.optionalInt64,
  double: Schemas.optionalFloat64,
  boolean: Schemas.optionalBoolean,
};

/** One cutter per file, because each file has its own header. */
export class CsvCutter implements Cutter {
  readonly #settings: CsvSettings;
  readonly #separator: string;
  #columns: Columns | null = null;
  /** Null where types are given. */
  readonly #learnt: LearntTypes | null;
  /** Index of the first quote at or after the cursor in the chunk below; -1 for none. */
  #nextQuote = 0;
  #quoteChunk: Chunk | null = null;

  constructor(settings: CsvSettings, learnt: LearntTypes | null = null) {
    this.#settings = settings;
    this.#learnt = learnt;
    this.#separator = String.fromCharCode(settings.separator);
    if (!settings.hasHeader && learnt === null) this.#columns = columnsOf(settings.columns, settings, null);
  }

  /** Hash of the header in use, for the offset; null before it was read. */
  get headerHash(): string | null {
    return this.#columns?.hash ?? null;
  }

  /** Reads the header from the file's first bytes; answers the index behind it, or -1 when it is not whole yet. */
  begin(head: Chunk): number {
    let names = this.#settings.columns;
    let end = afterLines(head, this.#settings.skipLines);
    if (end < 0) return -1;
    if (this.#settings.hasHeader) {
      const scanned = this.#scan(head, Math.max(end, head.cursor));
      if (scanned === incomplete) return -1;
      if (scanned instanceof Malformed) throw badFileConfig('csv.header', true, `The header ${scanned.problem}.`);
      names = scanned.fields;
      end = scanned.end;
    }
    if (this.#learnt !== null) this.#learnFrom(head, end, names, this.#learnt);
    this.#columns = columnsOf(names, this.#settings, this.#learnt);
    return end;
  }

  /** What the records say that stand at the beginning of the file. */
  #learnFrom(head: Chunk, from: number, names: readonly string[], learnt: LearntTypes): void {
    for (let at = from; at < head.end; ) {
      const scanned = this.#scan(head, at);
      if (scanned === incomplete || scanned instanceof Malformed) return;
      if (scanned.fields.length === names.length) {
        for (const [index, text] of scanned.fields.entries())
          learnt.learn(names[index]!, text, this.#settings.nullText);
      }
      at = scanned.end;
    }
  }

  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max && !chunk.isSpent; taken++) {
      const from = chunk.cursor;
      const scanned = this.#scanFast(chunk, from) ?? this.#scan(chunk, from);
      if (scanned === incomplete) return;
      if (scanned instanceof Malformed) {
        this.#refuseLine(chunk, sink, scanned.problem);
        continue;
      }
      chunk.cursor = scanned.end;
      const isBlank = scanned.fields.length === 1 && scanned.fields[0] === '';
      if (!isBlank || this.#columns!.names.length === 1) this.#emit(from, scanned, sink);
    }
  }

  giveUp(chunk: Chunk, sink: CutSink): void {
    if (chunk.lineEnd(chunk.cursor) >= 0) this.#refuseLine(chunk, sink, 'hold a quoted field that is never closed');
  }

  /** Gives up the line at the cursor, so that a stray quote costs one line and not the rest of the file. */
  #refuseLine(chunk: Chunk, sink: CutSink, problem: string): void {
    const from = chunk.cursor;
    const at = chunk.lineEnd(from);
    const end = at < 0 ? chunk.end : at + 1;
    sink.bad(from, end, problem);
    chunk.cursor = end;
  }

  #emit(from: number, { fields, end }: Scanned, sink: CutSink): void {
    const columns = this.#columns!;
    if (fields.length !== columns.names.length) {
      const found = `${fields.length} ${fields.length === 1 ? 'column' : 'columns'}`;
      sink.bad(from, end, `have ${found}, the header has ${columns.names.length}`);
      return;
    }
    let value: Record<string, ConnectValue>;
    try {
      value = this.#valueOf(columns, fields);
    } catch (error) {
      if (this.#learnt !== null) {
        this.#widen(columns.names, fields, this.#learnt);
        this.#emit(from, { fields, end }, sink);
      } else sink.bad(from, end, messageOf(error), error);
      return;
    }
    sink.record(columns.schema, value, columns.key < 0 ? null : fields[columns.key]!, end);
  }

  #valueOf({ names, types }: Columns, fields: readonly string[]): Record<string, ConnectValue> {
    const { nullText } = this.#settings;
    const value: Record<string, ConnectValue> = {};
    for (let i = 0; i < fields.length; i++) {
      const text = fields[i]!;
      const type = types[i]!;
      if (text === nullText) value[names[i]!] = null;
      else value[names[i]!] = type === 'string' ? text : typed(type, text);
    }
    return value;
  }

  /** The record does not fit what was learnt: its columns become wider, and records from here on have a new schema. */
  #widen(names: readonly string[], fields: readonly string[], learnt: LearntTypes): void {
    for (const [index, text] of fields.entries()) learnt.learn(names[index]!, text, this.#settings.nullText);
    this.#columns = columnsOf(names, this.#settings, learnt);
  }

  /** A record without any quote, or null when it has one or is not plain text. */
  #scanFast(chunk: Chunk, from: number): Scanned | typeof incomplete | null {
    const text = chunk.text;
    if (text === null) return null;
    const at = text.indexOf('\n', from);
    if (at < 0) return incomplete;
    if (this.#quoteChunk !== chunk || (this.#nextQuote >= 0 && this.#nextQuote < from)) {
      this.#quoteChunk = chunk;
      this.#nextQuote = chunk.bytes.indexOf(this.#settings.quote, from);
    }
    if (this.#nextQuote >= 0 && this.#nextQuote < at) return null;
    return { fields: text.slice(from, chunk.contentEnd(from, at)).split(this.#separator), end: at + 1 };
  }

  #scan(chunk: Chunk, from: number): Scanned | typeof incomplete | Malformed {
    const { bytes } = chunk;
    const { quote, separator } = this.#settings;
    const fields: string[] = [];
    let at = from;
    for (;;) {
      const isQuoted = bytes[at] === quote;
      const close = isQuoted ? closingQuote(bytes, at + 1, quote) : endOfPlain(bytes, at, separator);
      if (close < 0) return incomplete;
      const text = chunk.slice(isQuoted ? at + 1 : at, close);
      if (text === null) return new Malformed('are not UTF-8 (or not of "encoding"); set "encoding"');
      at = isQuoted ? close + 1 : close;
      if (at + 1 >= bytes.length && bytes[at] !== lineFeed && bytes[at] !== separator) return incomplete;
      const isCrlf = bytes[at] === carriageReturn && bytes[at + 1] === lineFeed;
      const isLast = bytes[at] === lineFeed || isCrlf;
      if (!isLast && bytes[at] !== separator) return new Malformed('have text behind a closing quote');
      const quoteText = String.fromCharCode(quote);
      const unquoted = isQuoted ? text.replaceAll(quoteText + quoteText, quoteText) : text;
      // The \r before a line feed belongs to the line end; endOfPlain stops at the line feed.
      fields.push(isLast && !isQuoted && unquoted.endsWith('\r') ? unquoted.slice(0, -1) : unquoted);
      if (isLast) return { fields, end: at + (isCrlf ? 2 : 1) };
      at++;
    }
  }
}

/** Index behind so many lines, or -1 when they are not there yet. */
function afterLines(head: Chunk, lines: number): number {
  let at = 0;
  for (let line = 0; line < lines; line++) {
    at = head.lineEnd(at) + 1;
    if (at === 0) return -1;
  }
  return at;
}

/** Index of the quote that closes a field, skipping doubled ones; -1 when it is not there (or cannot be told yet). */
function closingQuote(bytes: Buffer, from: number, quote: number): number {
  let at = from;
  for (;;) {
    at = bytes.indexOf(quote, at);
    if (at < 0 || at + 1 >= bytes.length) return -1;
    if (bytes[at + 1] !== quote) return at;
    at += 2;
  }
}

/** Index of the separator or line feed that ends an unquoted field, or -1. */
function endOfPlain(bytes: Buffer, from: number, separator: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === separator || byte === lineFeed) return at;
  }
  return -1;
}

function columnsOf(names: readonly string[], settings: CsvSettings, learnt: LearntTypes | null): Columns {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw badFileConfig('csv.header', true, `The CSV header names the column "${repeated}" twice. Correct the file.`);
  }
  for (const wanted of [...settings.types.keys(), ...(settings.keyColumn === null ? [] : [settings.keyColumn])]) {
    if (names.includes(wanted)) continue;
    const key = settings.types.has(wanted) ? 'csv.types' : 'key.column';
    throw badFileConfig(key, wanted, `"${key}" names the column "${wanted}", but the file has ${names.join(', ')}.`);
  }
  const types = names.map((name) => settings.types.get(name) ?? learnt?.of(name) ?? 'string');
  const given = new Map((settings.schema?.fields ?? []).map(({ name, schema }) => [name, schema]));
  const fields: Field[] = names.map((name, index) => ({ name, schema: given.get(name) ?? schemaOf[types[index]!] }));
  return {
    names,
    types,
    schema: settings.hasSchema ? struct(settings.schema?.name, fields) : null,
    key: settings.keyColumn === null ? -1 : names.indexOf(settings.keyColumn),
    hash: createHash('sha1').update(names.join('\u0000')).digest('hex').slice(0, 16),
  };
}

/** A field of a typed column; throws with the rest of the sentence "Bytes … ". */
function typed(type: ColumnType, text: string): ConnectValue {
  if (text === '') return null;
  switch (type) {
    case 'int': {
      if (!/^[+-]?\d+$/.test(text)) break;
      const number = Number(text);
      return Number.isSafeInteger(number) ? number : BigInt(text);
    }
    case 'double': {
      const number = Number(text);
      if (Number.isFinite(number) && text.trim() !== '') return number;
      break;
    }
    case 'boolean': {
      const lower = text.toLowerCase();
      if (lower === 'true' || lower === 'false') return lower === 'true';
      break;
    }
  }
  throw new Error(`have the value ${JSON.stringify(text.slice(0, 100))} where a column of type ${type} is declared`);
}
