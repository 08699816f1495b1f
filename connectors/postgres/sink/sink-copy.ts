/**
 * Rows as lines of COPY, straight from the bytes of records: for topics whose records look like the one before, which is
 * what a table's rows do. Whatever looks otherwise is left to `sink-change.ts`, which reads anything. No I/O.
 *
 * Only where COPY means what the upsert would: columns of plain types, each in every record, none to be converted. And only
 * for records that say their row is new; whether it is, the table's key tells.
 */
import { JsonText, type Schema, type SinkRecord } from '../../api/index.ts';
import { quoteIdentifier } from '../wire/connection.ts';
import { endOfObject, isEqualButForDigits, type MemberBytes, memberBytes, startsWith } from './json-bytes.ts';
import { PLAIN_TYPE } from './sink-arrays.ts';
import type { SinkChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { readColumn } from './target-column.ts';
import type { TargetTable } from './target-tables.ts';

/** What the records of a topic have in common, as bytes. */
export interface RowLayout {
  readonly table: TargetTable;
  /** `COPY … FROM STDIN`. */
  readonly sql: string;
  readonly topic: string;
  readonly valueSchema: Schema | null;
  readonly keySchema: Schema | null;
  /** What stands before the row's brace: nothing, or the beginning of an envelope. */
  readonly before: Uint8Array;
  /** `{"id":`, `,"name":` and so on, as the row has them. */
  readonly heads: readonly Uint8Array[];
  /** Per member: whether the table takes it; a generated column makes its own. */
  readonly isWritten: readonly boolean[];
  /** Per member: whether it must not be null. */
  readonly isKey: readonly boolean[];
  /** Behind the row's brace; other records may have other digits there. */
  readonly behind: Uint8Array;
  /** Of the record's key, likewise; null where the key is not asked. */
  readonly keyHeads: readonly Uint8Array[] | null;
  /** The text that stands for a value the source did not send, as JSON without its quotes. */
  readonly placeholder: Uint8Array;
}

/** The settings under which inserting new rows is all there is to do for them. */
export function mayCopy(settings: SinkSettings): boolean {
  const { insertMode, deletes, newerBy, keyMode, fields, fieldsLeftOut, tableFormat } = settings;
  const isInsert = insertMode === 'upsert' || (insertMode === 'insert' && !deletes);
  const isKeyInRow = keyMode === 'record_key' || keyMode === 'record_value' || keyMode === 'none';
  const isWhole = fields.length === 0 && fieldsLeftOut.length === 0;
  return isInsert && isKeyInRow && isWhole && newerBy === null && !tableFormat.includes('source.');
}

/** What the records look like of which this is one, and this its change; null where its rows cannot go by COPY. */
export function layoutOf(change: SinkChange, table: TargetTable, settings: SinkSettings): RowLayout | null {
  const { record, columns, values } = change;
  const { topic, value, valueSchema, key, keySchema } = record;
  if (change.kind !== 'write' || values === null || !(value instanceof JsonText)) return null;
  // Rows that point to others are put into order first; a view takes no COPY.
  if (table.parents.length > 0 || table.uniques === null) return null;
  const row = rowOf(value.bytes);
  if (row === null || row.members.length !== columns.length) return null;
  const written = columns.filter((name) => !table.generated.has(name));
  if (!written.every((name) => isPlain(name, table, change))) return null;
  if (table.required.some((name) => !written.includes(name))) return null;
  let keyHeads: readonly Uint8Array[] | null = null;
  if (settings.keyMode === 'record_key') {
    const members = key instanceof JsonText ? memberBytes(key.bytes, 0) : null;
    if (members === null || members.length === 0) return null;
    keyHeads = members.map(({ head }) => head);
  }
  return {
    table,
    sql: `COPY ${table.sql} (${written.map(quoteIdentifier).join(', ')}) FROM STDIN`,
    topic,
    valueSchema,
    keySchema,
    before: Buffer.from(row.before),
    heads: row.members.map(({ head }) => head),
    isWritten: columns.map((name) => !table.generated.has(name)),
    isKey: columns.map((name) => change.keyColumns.includes(name)),
    behind: row.behind,
    keyHeads,
    placeholder: Buffer.from(JSON.stringify(settings.placeholder).slice(1, -1)),
  };
}

/** Whether COPY reads for this column what the statement's own reading would. */
function isPlain(name: string, table: TargetTable, change: SinkChange): boolean {
  const type = table.columns.get(name);
  if (type === undefined || !PLAIN_TYPE.test(type)) return false;
  const { declared, expression } = readColumn(name, type, change.fields);
  const isSame = declared === type || (declared === 'timestamptz' && type.endsWith(' with time zone'));
  return isSame && expression === `x.${quoteIdentifier(name)}`;
}

interface RowBytes {
  readonly before: Uint8Array;
  readonly members: readonly MemberBytes[];
  readonly behind: Uint8Array;
}

/** Where the row is: `after` of an envelope that says the row is new, or the whole of a flat record. */
function rowOf(bytes: Uint8Array): RowBytes | null {
  const members = memberBytes(bytes, 0);
  if (members === null) return null;
  const find = (wanted: string) => members.find(({ name }) => name === wanted);
  const op = find('op');
  if (op === undefined || find('source') === undefined) {
    return { before: bytes.subarray(0, 0), members, behind: Buffer.from(bytes.subarray(endOfObject(members))) };
  }
  const after = find('after');
  const what = String.fromCharCode(...bytes.subarray(op.start, op.end));
  if (after === undefined || (what !== '"c"' && what !== '"r"')) return null;
  const inner = memberBytes(bytes, after.start);
  const behind = Buffer.from(bytes.subarray(after.end));
  // Other digits in an escape could make another name.
  if (inner === null || inner.length === 0 || behind.includes('\\u')) return null;
  return { before: bytes.subarray(0, after.start), members: inner, behind };
}

/** What a piece of COPY holds at most, unless one row is larger: the server works on it while the next is made. */
const CHUNK_BYTES = 64 << 10;

/** Lines of one layout, gathered in a buffer of their own. */
export class CopyLines {
  readonly #layout: RowLayout;
  readonly #out: Buffer;
  #at: number;
  rows = 0;
  /** The last record, and where its row ended. */
  #before: Uint8Array | null = null;
  #beforeRest = 0;

  /** Leaves room in front for what the protocol puts there. `first`: a record that will be added. */
  constructor(layout: RowLayout, first: SinkRecord, roomBefore: number) {
    this.#layout = layout;
    const least = first.value instanceof JsonText ? first.value.bytes.length : 0;
    this.#out = Buffer.allocUnsafe(roomBefore + Math.max(CHUNK_BYTES, least + 1));
    this.#at = roomBefore;
  }

  /** With the room in front. Not to be added to any more. */
  get bytes(): Buffer {
    return this.#out.subarray(0, this.#at);
  }

  /** False, and nothing is changed, where there is no room or the record does not look like the layout. */
  add({ topic, key, keySchema, value, valueSchema }: SinkRecord): boolean {
    const layout = this.#layout;
    const { keyHeads } = layout;
    if (!(value instanceof JsonText) || valueSchema !== layout.valueSchema || topic !== layout.topic) return false;
    if (keySchema !== layout.keySchema) return false;
    if (keyHeads !== null && !(key instanceof JsonText && hasKey(key.bytes, keyHeads))) return false;
    const { bytes } = value;
    const { before, behind } = layout;
    // No value is longer in COPY than in JSON, but for the names that JSON has besides.
    if (this.#at + bytes.length + 1 > this.#out.length || !startsWith(bytes, 0, before)) return false;
    const from = this.#at;
    const end = this.#addRow(bytes, before.length);
    if (end < 0 || !(this.#isAsBefore(bytes, end) || isEqualButForDigits(bytes, end, behind))) {
      this.#at = from;
      return false;
    }
    this.#before = bytes;
    this.#beforeRest = end;
    this.rows++;
    return true;
  }

  /** In a snapshot envelopes are mostly alike to the byte, which is told in a third of the time. */
  #isAsBefore(bytes: Uint8Array, rest: number): boolean {
    const before = this.#before;
    if (before === null || !(bytes instanceof Buffer)) return false;
    if (before.length - this.#beforeRest !== bytes.length - rest) return false;
    return bytes.compare(before, this.#beforeRest, before.length, rest, bytes.length) === 0;
  }

  /** Answers where the row ends, or -1. */
  #addRow(bytes: Uint8Array, from: number): number {
    const { heads, isWritten, isKey } = this.#layout;
    const count = heads.length;
    const line = this.#at;
    let at = from;
    for (let index = 0; index < count; index++) {
      const head = heads[index]!;
      if (!startsWith(bytes, at, head)) return -1;
      const out = this.#at;
      if (out > line) this.#out[this.#at++] = TAB;
      at = this.#addValue(bytes, at + head.length, isKey[index]!);
      if (at < 0) return -1;
      if (!isWritten[index]!) this.#at = out;
    }
    if (bytes[at] !== CLOSE_BRACE) return -1;
    this.#out[this.#at++] = NEWLINE;
    return at + 1;
  }

  /** Answers what is behind the value, or -1. */
  #addValue(bytes: Uint8Array, from: number, isKey: boolean): number {
    const first = bytes[from];
    if (first === QUOTE) return this.#addText(bytes, from + 1);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) return -1;
    const out = this.#out;
    if (first === SMALL_N) {
      if (isKey) return -1;
      out[this.#at++] = BACKSLASH;
      out[this.#at++] = CAPITAL_N;
      return from + NULL_LENGTH;
    }
    const end = bytes.length;
    let to = this.#at;
    for (let at = from; at < end; at++) {
      const code = bytes[at]!;
      if (code === COMMA || code === CLOSE_BRACE) {
        this.#at = to;
        return at;
      }
      if (code <= SPACE || code === BACKSLASH) return -1;
      out[to++] = code;
    }
    return -1;
  }

  /** A string from behind its opening quote. What COPY escapes, JSON escapes too, and mostly alike. */
  #addText(bytes: Uint8Array, from: number): number {
    const out = this.#out;
    const end = bytes.length;
    let to = this.#at;
    for (let at = from; at < end; at++) {
      let code = bytes[at]!;
      if (code === QUOTE) {
        const { placeholder } = this.#layout;
        if (at - from === placeholder.length && startsWith(bytes, from, placeholder)) return -1;
        this.#at = to;
        return at + 1;
      }
      if (code < SPACE) return -1;
      if (code === BACKSLASH) {
        code = bytes[++at]!;
        // What escapes by number stand for is judged elsewhere.
        if (code === SMALL_U) return -1;
        if (code !== QUOTE && code !== SLASH) out[to++] = BACKSLASH;
      }
      out[to++] = code;
    }
    return -1;
  }
}

/** Whether these are the key's members, none of them null. */
function hasKey(bytes: Uint8Array, heads: readonly Uint8Array[]): boolean {
  let at = 0;
  for (let index = 0; index < heads.length; index++) {
    const head = heads[index]!;
    if (!startsWith(bytes, at, head)) return false;
    at += head.length;
    if (bytes[at] === SMALL_N) return false;
    at = endOfPlain(bytes, at);
    if (at < 0) return false;
  }
  return bytes[at] === CLOSE_BRACE && at + 1 === bytes.length;
}

/** Behind a number, a word, or a string without escapes; -1 for anything else. */
function endOfPlain(bytes: Uint8Array, from: number): number {
  const isText = bytes[from] === QUOTE;
  for (let at = isText ? from + 1 : from; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (code === BACKSLASH) return -1;
    if (isText ? code === QUOTE : code === COMMA || code === CLOSE_BRACE) return isText ? at + 1 : at;
    if (!isText && (code === OPEN_BRACE || code === OPEN_BRACKET)) return -1;
  }
  return -1;
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SLASH = 0x2f;
const CAPITAL_N = 0x4e;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const SMALL_N = 0x6e;
const SMALL_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NULL_LENGTH = 4;
