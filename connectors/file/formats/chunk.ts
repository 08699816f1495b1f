/**
 * A piece of a file in memory that knows which bytes it is. Text is decoded once for the whole piece where one byte is
 * one character (ASCII, Latin-1), so that a line costs a slice of a string and no Buffer; otherwise piece by piece.
 *
 * Cutters see UTF-8 or one byte per character. A piece in another encoding is translated as a whole, and every index in it
 * can be turned back into a place in the file.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { decoded, type TextEncoding, unitBytes } from './encoding.ts';

const newline = 10;
const lineEnd = Buffer.from('\n');

export interface ChunkOptions {
  /** The bytes, and the few before them, for the hash of a tail. */
  readonly buffer: Buffer;
  /** How many stand before the piece. */
  readonly lead: number;
  /** File position of the piece's first byte. */
  readonly base: number;
  readonly encoding: TextEncoding;
  /** Whether the bytes must be UTF-8, because JSON goes on as it is. */
  readonly needsUtf8: boolean;
  /** Whether the file ended here when this was read. */
  readonly reachesEnd?: boolean;
  /** The file is complete, so that its last line needs no line end. */
  readonly isLast?: boolean;
}

export class Chunk {
  /** What cutters look at. */
  readonly bytes: Buffer;
  readonly #withLead: Buffer;
  readonly #rawLength: number;
  /** A line end that is ours, not the file's. */
  readonly #hasOwnEnd: boolean;
  readonly base: number;
  /** The next byte to look at, from 0. */
  cursor = 0;
  /** The whole piece as text, one character per byte; null when that does not hold. */
  readonly text: string | null;
  /** False when some byte sequence in it is not of its encoding, so that each record must be looked at. */
  readonly isValid: boolean;
  readonly reachesEnd: boolean;
  readonly isLast: boolean;
  /** Bytes of the file per UTF-16 unit of the text; 0 where an index is a place as it stands. */
  readonly #unit: number;
  #knownIndex = 0;
  #knownUnits = 0;

  constructor({ buffer, lead, base, encoding, needsUtf8, reachesEnd, isLast }: ChunkOptions) {
    const raw = buffer.subarray(lead);
    this.#withLead = buffer;
    this.#rawLength = raw.length;
    this.base = base;
    this.reachesEnd = reachesEnd ?? false;
    this.isLast = isLast ?? false;
    const isPlain = isAscii(raw) && unitBytes(encoding) === 1;
    const isOneByte = isPlain || ((encoding === 'latin1' || encoding === 'windows-1252') && !needsUtf8);
    const isTranslated = !isOneByte && encoding !== 'utf-8';
    const translated = isTranslated ? decoded(raw, encoding) : null;
    const bytes = translated === null ? raw : Buffer.from(translated);
    this.#hasOwnEnd = this.isLast && bytes.at(-1) !== newline;
    this.bytes = this.#hasOwnEnd ? Buffer.concat([bytes, lineEnd]) : bytes;
    this.text = isOneByte
      ? decoded(this.bytes, isPlain ? 'latin1' : encoding)
      : isAscii(this.bytes)
        ? this.bytes.toString('latin1')
        : null;
    this.isValid = translated?.isWellFormed() ?? (isOneByte || isUtf8(raw));
    this.#unit = isTranslated ? unitBytes(encoding) : 0;
  }

  get end(): number {
    return this.bytes.length;
  }
  /** Where the text of the file ends: before the line end that a last line may have been given. */
  get textEnd(): number {
    return this.#hasOwnEnd ? this.bytes.length - 1 : this.bytes.length;
  }
  get isSpent(): boolean {
    return this.cursor >= this.bytes.length;
  }
  /** File position of the cursor. */
  get position(): number {
    return this.positionAt(this.cursor);
  }

  /** File position of an index. Indexes come in order, so that translated text is measured once. */
  positionAt(index: number): number {
    return this.base + Math.min(this.#unit === 0 ? index : this.#unitsBefore(index) * this.#unit, this.#rawLength);
  }

  /** Up to `length` bytes that stand before the cursor in the file. */
  before(length: number): Buffer {
    const end = this.#withLead.length - this.#rawLength + this.position - this.base;
    return this.#withLead.subarray(Math.max(0, end - length), end);
  }

  /** The bytes of the file between two positions in it. */
  original(from: number, to: number): Buffer {
    const lead = this.#withLead.length - this.#rawLength - this.base;
    return this.#withLead.subarray(lead + from, lead + to);
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
    const text = this.bytes.toString('utf8', from, to);
    if (this.isValid) return text;
    // Translated text has lost what was wrong, and stands in for it.
    return this.#unit === 0
      ? isUtf8(this.bytes.subarray(from, to))
        ? text
        : null
      : text.includes('\ufffd')
        ? null
        : text;
  }

  #unitsBefore(index: number): number {
    if (index < this.#knownIndex) {
      this.#knownIndex = 0;
      this.#knownUnits = 0;
    }
    this.#knownUnits += this.bytes.toString('utf8', this.#knownIndex, index).length;
    this.#knownIndex = index;
    return this.#knownUnits;
  }
}
