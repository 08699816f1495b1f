/**
 * Writes the primitive types of the Kafka protocol; the generated messages are built on it. Step 7 and 8 of the
 * record's journey.
 *
 * Grows one buffer for the small things and keeps record batches as borrowed chunks beside it, so that record bytes go
 * from the log's buffer to the socket without passing through here. `finish` gives the chunks in order, for writev.
 */
import { ProtocolError } from './errors.ts';
import { longMax } from './reader.ts';

const initialBytes = 512;
/** Below this a copy is cheaper than one more element of a writev. */
const borrowFromBytes = 4096;
/** Kafka's own bound, in both encodings (an int16 holds no more). */
const stringBytesMax = 32_767;
const twoTo32 = 2 ** 32;

/** What an encoder takes: the fields it does not name get the default that Kafka's definition gives them. */
export type Outgoing<T> = T extends Uint8Array | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Outgoing<Element>[]
    : { readonly [Key in keyof T]?: Outgoing<T[Key]> | undefined };

export class Writer {
  #buffer: Buffer;
  #offset = 0;
  /** Where the part of #buffer that is not in #chunks yet begins. */
  #start = 0;
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;

  constructor(capacity = initialBytes) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far, borrowed chunks included. */
  get length(): number {
    return this.#chunkBytes + this.#offset - this.#start;
  }

  /** Makes room and answers where; may replace #buffer, so call it before looking at #buffer. */
  #room(size: number): number {
    const at = this.#offset;
    if (at + size > this.#buffer.length) return this.#grow(size);
    this.#offset = at + size;
    return at;
  }

  #grow(size: number): number {
    const pending = this.#offset - this.#start;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, pending + size));
    this.#buffer.copy(grown, 0, this.#start, this.#offset);
    this.#buffer = grown;
    this.#start = 0;
    this.#offset = pending + size;
    return pending;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }
  int8(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }
  int16(value: number): void {
    const at = this.#room(2);
    this.#buffer[at] = value >> 8;
    this.#buffer[at + 1] = value;
  }
  uint16(value: number): void {
    this.int16(value);
  }
  int32(value: number): void {
    const at = this.#room(4);
    const b = this.#buffer;
    b[at] = value >> 24;
    b[at + 1] = value >> 16;
    b[at + 2] = value >> 8;
    b[at + 3] = value;
  }
  uint32(value: number): void {
    this.int32(value | 0);
  }
  int64(value: number): void {
    if (value >= longMax) {
      this.int32(0x7fffffff);
      this.int32(-1);
      return;
    }
    const high = Math.floor(value / twoTo32);
    this.int32(high | 0);
    this.int32((value - high * twoTo32) | 0);
  }
  float64(value: number): void {
    const at = this.#room(8);
    this.#buffer.writeDoubleBE(value, at);
  }
  uuid(value: string): void {
    const at = this.#room(16);
    this.#buffer.fill(0, at, at + 16);
    this.#buffer.write(value, at, 16, 'base64url');
  }
  uvarint(value: number): void {
    while (value >= 0x80) {
      this.int8((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    this.int8(value);
  }
  /** Zigzag varint, as inside records. */
  varint(value: number): void {
    this.uvarint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  string(value: string | null, flexible: boolean): void {
    if (value === null) {
      if (flexible) this.uvarint(0);
      else this.int16(-1);
      return;
    }
    const size = Buffer.byteLength(value);
    if (size > stringBytesMax) throw new ProtocolError(`A string of ${size} bytes is longer than ${stringBytesMax}.`);
    if (flexible) this.uvarint(size + 1);
    else this.int16(size);
    const at = this.#room(size);
    this.#buffer.write(value, at, size, 'utf8');
  }

  bytes(value: Uint8Array | null, flexible: boolean): void {
    this.#byteLength(value, flexible);
    if (value !== null) this.raw(value);
  }

  /** Bytes that stay where they are until `finish`; the caller keeps them alive until the socket has taken them. */
  records(value: Uint8Array | null, flexible: boolean): void {
    this.#byteLength(value, flexible);
    if (value === null || value.length === 0) return;
    if (value.length < borrowFromBytes) {
      this.raw(value);
      return;
    }
    this.#closeChunk();
    this.#chunks.push(value);
    this.#chunkBytes += value.length;
  }

  #byteLength(value: Uint8Array | null, flexible: boolean): void {
    if (flexible) this.uvarint(value === null ? 0 : value.length + 1);
    else this.int32(value === null ? -1 : value.length);
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#buffer.set(value, at);
  }

  /** -1 is a null array. */
  arrayLength(length: number, flexible: boolean): void {
    if (flexible) this.uvarint(length + 1);
    else this.int32(length);
  }

  /** Begins a tagged field; the answer goes to {@link endTag}. Nothing may be borrowed inside. */
  beginTag(tag: number): number {
    this.uvarint(tag);
    return this.#offset - this.#start;
  }

  /** Puts the size in front of what was written since {@link beginTag}. */
  endTag(mark: number): void {
    const from = this.#start + mark;
    const size = this.#offset - from;
    const sizeBytes = size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x200000 ? 3 : size < 0x10000000 ? 4 : 5;
    this.#room(sizeBytes);
    const begin = this.#start + mark;
    this.#buffer.copyWithin(begin + sizeBytes, begin, begin + size);
    const end = this.#offset;
    this.#offset = begin;
    this.uvarint(size);
    this.#offset = end;
  }

  #closeChunk(): void {
    if (this.#offset === this.#start) return;
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#offset));
    this.#chunkBytes += this.#offset - this.#start;
    this.#start = this.#offset;
  }

  /** The chunks in order. The writer must not be used afterwards. */
  finish(): Uint8Array[] {
    this.#closeChunk();
    return this.#chunks;
  }

  /** As {@link finish}, in front of it the four bytes that say how long the rest is. Write four bytes first. */
  finishFrame(): Uint8Array[] {
    this.#closeChunk();
    const first = this.#chunks[0] as Buffer;
    first.writeInt32BE(this.#chunkBytes - 4, 0);
    return this.#chunks;
  }

  /** Everything in one buffer, for tests and small messages. */
  toBuffer(): Buffer {
    const chunks = this.finish();
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }
}
