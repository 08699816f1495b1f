/**
 * Writes JSON as bytes into shared blocks: the zero-parse path from what Postgres sends to what the log stores.
 *
 * Values leave as slices of a block and are never written again, so they may live as long as their records. A block is
 * left behind when it is full. Nothing here knows Postgres.
 */

import { writeRunVarint } from '../../api/index.ts';

/** Large enough that a slice costs little, small enough that one late record does not hold much memory back. */
const BLOCK_BYTES = 256 * 1024;
/** Below this a loop beats the call into native copy. */
const LOOP_BYTES_MAX = 48;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
const SHORT_ESCAPES: Readonly<Record<number, number>> = { 8: 0x62, 9: 0x74, 10: 0x6e, 12: 0x66, 13: 0x72 };

/** One entry per byte: 1 where JSON text must escape it. */
const MUST_ESCAPE = new Uint8Array(256).fill(1, 0, 0x20);
MUST_ESCAPE[QUOTE] = 1;
MUST_ESCAPE[BACKSLASH] = 1;

export class JsonWriter {
  readonly #blockBytes: number;
  #block: Buffer;
  #start = 0;
  #position = 0;

  constructor(blockBytes = BLOCK_BYTES) {
    this.#blockBytes = blockBytes;
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Bytes of the value under construction. */
  get length(): number {
    return this.#position - this.#start;
  }

  /** The value written since the last `take`, and the beginning of the next. */
  take(): Buffer {
    const value = this.#block.subarray(this.#start, this.#position);
    this.#start = this.#position;
    return value;
  }

  /**
   * The same with its whole block, which is the caller's from now on: to be given away to another thread. `memory` is written next
   * where it is as large as a block.
   */
  detach(memory?: ArrayBuffer): Buffer<ArrayBuffer> {
    const value = this.take() as Buffer<ArrayBuffer>;
    const isBlock = memory !== undefined && memory.byteLength === this.#blockBytes;
    this.#block = isBlock ? Buffer.from(memory) : Buffer.allocUnsafeSlow(this.#blockBytes);
    this.#start = 0;
    this.#position = 0;
    return value;
  }

  /** Forgets what was written since the last `take`. */
  discard(): void {
    this.#position = this.#start;
  }

  /** Leaves room for so many bytes, which are written later. */
  skip(bytes: number): void {
    this.#reserve(bytes);
    this.#position += bytes;
  }

  /** Moves all that was written from `from` on by so many bytes, up or down. */
  shift(from: number, by: number): void {
    if (by > 0) this.#reserve(by);
    const at = this.#start + from;
    this.#block.copyWithin(at + by, at, this.#position);
    this.#position += by;
  }

  /** Writes a number into room that was left at `at`, as records have them; answers where the next byte goes. */
  varintAt(at: number, value: number): number {
    return writeRunVarint(this.#block, this.#start + at, value) - this.#start;
  }

  /** One byte into room that was left. */
  byteAt(at: number, value: number): void {
    this.#block[this.#start + at] = value;
  }

  /** A copy of a part of the value under construction. */
  slice(from: number, to: number): Uint8Array {
    return new Uint8Array(this.#block.subarray(this.#start + from, this.#start + to));
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#block[this.#position++] = value;
  }

  /** Bytes that are JSON already. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length <= LOOP_BYTES_MAX) {
      this.copy(bytes, 0, length);
      return;
    }
    this.#reserve(length);
    // Not by way of a part of it: a view costs more than the copy.
    this.#block.set(bytes, this.#position);
    this.#position += length;
  }

  /** A part of a buffer that is JSON already. */
  copy(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length);
    const block = this.#block;
    let position = this.#position;
    if (length <= LOOP_BYTES_MAX) {
      while (start < end) block[position++] = source[start++]!;
    } else {
      block.set(source.subarray(start, end), position);
      position += length;
    }
    this.#position = position;
  }

  /** Text that is JSON already and ASCII throughout. */
  ascii(text: string): void {
    const length = text.length;
    this.#reserve(length);
    const block = this.#block;
    let position = this.#position;
    for (let index = 0; index < length; index++) block[position++] = text.charCodeAt(index);
    this.#position = position;
  }

  /** A string of JSON, quotes and escapes included, from UTF-8. */
  string(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start + 2);
    const block = this.#block;
    let position = this.#position;
    block[position++] = QUOTE;
    while (start < end) {
      const byte = source[start]!;
      if (MUST_ESCAPE[byte] === 1) break;
      block[position++] = byte;
      start++;
    }
    if (start === end) {
      block[position++] = QUOTE;
      this.#position = position;
      return;
    }
    this.#position = position;
    this.#escaped(source, start, end);
    this.byte(QUOTE);
  }

  /** A string of JSON from a JavaScript string; the slow way. */
  text(value: string): void {
    this.raw(Buffer.from(JSON.stringify(value)));
  }

  #escaped(source: Uint8Array, start: number, end: number): void {
    this.#reserve((end - start) * 6);
    const block = this.#block;
    let position = this.#position;
    for (; start < end; start++) {
      const byte = source[start]!;
      if (MUST_ESCAPE[byte] === 0) {
        block[position++] = byte;
        continue;
      }
      block[position++] = BACKSLASH;
      const short = byte >= 0x20 ? byte : SHORT_ESCAPES[byte];
      if (short !== undefined) {
        block[position++] = short;
        continue;
      }
      block[position++] = 0x75; // u
      block[position++] = 0x30;
      block[position++] = 0x30;
      block[position++] = HEX[byte >> 4]!;
      block[position++] = HEX[byte & 15]!;
    }
    this.#position = position;
  }

  /** Makes room, moving the value under construction to a new block where this one ends. */
  #reserve(bytes: number): void {
    if (this.#position + bytes <= this.#block.length) return;
    const written = this.#position - this.#start;
    const block = Buffer.allocUnsafeSlow(Math.max(this.#blockBytes, (written + bytes) * 2));
    this.#block.copy(block, 0, this.#start, this.#position);
    this.#block = block;
    this.#start = 0;
    this.#position = written;
  }
}
