/**
 * Cuts the values of a JSON document: the elements of the list it is, or the values that stand in it one behind the
 * other, spread over lines as they may be. Each is checked and handed over as the text it is.
 *
 * A value that is too long to be kept is skipped by its brackets and quotes, so that what follows it is still read.
 */
import { isUtf8 } from 'node:buffer';
import { JsonText } from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter, SchemaOfValue } from './cutter.ts';

const [tab, lineFeed, carriageReturn, blank, quote, comma, open, backslash, close] = [
  9, 10, 13, 32, 34, 44, 91, 92, 93,
] as const;
const [openObject, closeObject] = [123, 125] as const;

/** How far a value has been scanned that goes on in the next piece. */
interface Scan {
  depth: number;
  isText: boolean;
  isEscaped: boolean;
}

/** One cutter per file, because each file is a document of its own. */
export class JsonValuesCutter implements Cutter {
  readonly #schemaOf: SchemaOfValue | null;
  /** A value that is skipped: where its scan stands. */
  #skipping: Scan | null = null;

  constructor(schemaOf: SchemaOfValue | null) {
    this.#schemaOf = schemaOf;
  }

  /** Behind the bracket of the list, or at the first value; -1 when nothing but blanks is there yet. */
  begin(head: Chunk): number {
    for (let at = head.cursor; at < head.end; at++) {
      const byte = head.bytes[at]!;
      if (isBlank(byte)) continue;
      return byte === open ? at + 1 : at;
    }
    return -1;
  }

  cut(chunk: Chunk, max: number, sink: CutSink): void {
    if (this.#skipping !== null && !this.#skip(chunk)) return;
    for (let taken = 0; taken < max; taken++) {
      const from = afterSeparators(chunk.bytes, chunk.cursor);
      if (from >= chunk.end) {
        chunk.cursor = chunk.end;
        return;
      }
      // The bracket that closes the list, and one that opens a further list.
      if (chunk.bytes[from] === close) {
        chunk.cursor = from + 1;
        continue;
      }
      const end = endOfValue(chunk.bytes, from, { depth: 0, isText: false, isEscaped: false }, chunk.isLast);
      if (end < 0) return;
      this.#emit(chunk, from, end, sink);
      chunk.cursor = end;
    }
  }

  /** The value is longer than may be kept: it is skipped, however long it is. */
  giveUp(chunk: Chunk, sink: CutSink): void {
    this.#skipping = { depth: 0, isText: false, isEscaped: false };
    const from = chunk.cursor;
    chunk.cursor = afterSeparators(chunk.bytes, from);
    const problem = chunk.isLast
      ? 'are a value that does not end'
      : 'are the beginning of a value longer than max.record.bytes, which is skipped';
    sink.bad(chunk.cursor, chunk.end, problem);
    this.#skip(chunk);
  }

  /** True when the end of the skipped value was found. */
  #skip(chunk: Chunk): boolean {
    const end = endOfValue(chunk.bytes, chunk.cursor, this.#skipping!, chunk.isLast);
    chunk.cursor = end < 0 ? chunk.end : end;
    if (end < 0) return false;
    this.#skipping = null;
    return true;
  }

  #emit(chunk: Chunk, from: number, end: number, sink: CutSink): void {
    const bytes = chunk.bytes.subarray(from, end);
    const value = new JsonText(bytes);
    try {
      if (!chunk.isValid && !isUtf8(bytes)) throw new SyntaxError('it is not UTF-8');
      const parsed = value.parse();
      sink.record(this.#schemaOf?.(parsed) ?? null, value, null, end);
    } catch (error) {
      sink.bad(from, end, `are not JSON: ${messageOf(error)}`, error);
    }
  }
}

function isBlank(byte: number): boolean {
  return byte === blank || byte === lineFeed || byte === carriageReturn || byte === tab;
}

function afterSeparators(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && (isBlank(bytes[at]!) || bytes[at] === comma)) at++;
  return at;
}

/** Index behind the value that begins (or goes on) at `from`, or -1 when its end is not there. Moves the scan along. */
function endOfValue(bytes: Buffer, from: number, scan: Scan, isLast: boolean): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (scan.isText) {
      if (scan.isEscaped) scan.isEscaped = false;
      else if (byte === backslash) scan.isEscaped = true;
      else if (byte === quote) {
        scan.isText = false;
        if (scan.depth === 0) return at + 1;
      }
      continue;
    }
    if (byte === quote) {
      if (scan.depth === 0 && at > from) return at;
      scan.isText = true;
    } else if (byte === openObject || byte === open) {
      if (scan.depth === 0 && at > from) return at;
      scan.depth++;
    } else if (byte === closeObject || byte === close) {
      // A number or a word that stands last in its list.
      if (scan.depth === 0) return at === from ? at + 1 : at;
      if (--scan.depth === 0) return at + 1;
    } else if (scan.depth === 0 && (byte === comma || isBlank(byte))) return at;
  }
  return isLast && scan.depth === 0 && !scan.isText ? bytes.length : -1;
}
