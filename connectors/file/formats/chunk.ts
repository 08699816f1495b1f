/**
 * A piece of a file in memory that knows which bytes it is. Text is decoded once for the whole piece where one byte is
 * one character (ASCII, Latin-1), so that a line costs a slice of a string and no Buffer; otherwise piece by piece.
 */
import { isAscii, isUtf8 } from 'node:buffer';

const newline = 10;

export class Chunk {
  readonly bytes: Buffer;
  /** The bytes and the few before them, for the hash of a tail. */
  readonly #withLead: Buffer;
  /** File position of byte 0. */
  readonly base: number;
  /** The next byte to look at, from 0. */
  cursor = 0;
  /** The whole piece as text, one character per byte; null when that does not hold. */
  readonly text: string | null;
  /** False when some byte sequence in it is not UTF-8, so that each record must be looked at. */
  readonly isValid: boolean;

  /** Whether the file ended here when this was read. */
  readonly reachesEnd: boolean;

  /** `lead` bytes at the start of the buffer stand before the piece. */
  constructor(buffer: Buffer, lead: number, base: number, isLatin1: boolean, reachesEnd = false) {
    this.reachesEnd = reachesEnd;
    const bytes = buffer.subarray(lead);
    this.#withLead = buffer;
    this.bytes = bytes;
    this.base = base;
    const isOneByte = isLatin1 || isAscii(bytes);
    this.text = isOneByte ? bytes.toString('latin1') : null;
    this.isValid = isOneByte || isUtf8(bytes);
  }

  get end(): number {
    return this.bytes.length;
  }
  get isSpent(): boolean {
    return this.cursor >= this.bytes.length;
  }
  /** File position of the cursor. */
  get position(): number {
    return this.base + this.cursor;
  }

  /** Up to `length` bytes that stand before the cursor in the file. */
  before(length: number): Buffer {
    const end = this.#withLead.length - this.bytes.length + this.cursor;
    return this.#withLead.subarray(Math.max(0, end - length), end);
  }

  /** Index of the next line end at or after `from`, or -1. */
  lineEnd(from: number): number {
    return this.text === null ? this.bytes.indexOf(newline, from) : this.text.indexOf('\n', from);
  }

  /** Where the content of a line that ends at `lineEnd` ends: before the line feed, and before the \r of a CRLF. */
  contentEnd(from: number, lineEnd: number): number {
    return lineEnd > from && this.bytes[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd;
  }

  /** The text between two indexes; null when it is not valid in the file's encoding. */
  slice(from: number, to: number): string | null {
    if (this.text !== null) return this.text.slice(from, to);
    if (!this.isValid && !isUtf8(this.bytes.subarray(from, to))) return null;
    return this.bytes.toString('utf8', from, to);
  }
}
