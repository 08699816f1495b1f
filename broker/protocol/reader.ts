/**
 * Reads the primitive types of the Kafka protocol from a frame; the generated messages are built on it. Step 5 and 8
 * of the record's journey.
 *
 * Every length is checked against what is left of the frame before anything is allocated. Byte ranges are views of the
 * frame, never copies. Types: https://kafka.apache.org/protocol#protocol_types
 */
import { ProtocolError } from './errors.ts';

/** The UUID of sixteen zero bytes, in Kafka's text form (URL-safe base64): "no id". */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA';

const twoTo32 = 2 ** 32;
/** Long.MAX_VALUE as the double nearest to it; the one value beyond the safe integers that Kafka uses as a default. */
export const longMax = 2 ** 63;

/**
 * Array elements one frame may hold altogether. An element may be two bytes on the wire and a hundred in memory, so that
 * the frame's size alone is no bound; no honest message names a million things.
 */
const elementsMax = 2 ** 20;

/** A cursor over one frame. `flexible` chooses between the old encodings and the compact ones of KIP-482. */
export class Reader {
  readonly buffer: Buffer;
  offset: number;
  end: number;
  #elementsLeft = elementsMax;

  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    this.buffer = buffer;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Moves past `size` bytes and answers where they began. */
  #take(size: number): number {
    const at = this.offset;
    if (size > this.end - at)
      throw new ProtocolError(`Needed ${size} bytes at byte ${at}, but ${this.end - at} are left.`);
    this.offset = at + size;
    return at;
  }

  bool(): boolean {
    return this.buffer[this.#take(1)] !== 0;
  }
  int8(): number {
    return (this.buffer[this.#take(1)]! << 24) >> 24;
  }
  int16(): number {
    const at = this.#take(2);
    return (((this.buffer[at]! << 8) | this.buffer[at + 1]!) << 16) >> 16;
  }
  uint16(): number {
    const at = this.#take(2);
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!;
  }
  int32(): number {
    const at = this.#take(4);
    const b = this.buffer;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }
  uint32(): number {
    return this.int32() >>> 0;
  }
  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8));
  }

  /** A number while it is safe; Long.MAX_VALUE is {@link longMax}; anything else out of range is malformed. */
  int64(): number {
    const high = this.int32();
    const low = this.int32() >>> 0;
    const value = high * twoTo32 + low;
    if (Number.isSafeInteger(value) || value === longMax) return value;
    throw new ProtocolError(`The 64-bit integer at byte ${this.offset - 8} is beyond 2^53.`);
  }

  /** Kafka's text form: 22 characters of URL-safe base64. */
  uuid(): string {
    const at = this.#take(16);
    return this.buffer.toString('base64url', at, at + 16);
  }

  /** Up to five bytes, seven bits each, least significant first. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#take(1)]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw new ProtocolError(`The varint before byte ${this.offset} is longer than 32 bits.`);
  }

  /** The length of a string or byte range: -1 is null. */
  #length(flexible: boolean, isWide: boolean): number {
    const length = flexible ? this.uvarint() - 1 : isWide ? this.int32() : this.int16();
    if (length < -1 || length > this.remaining) {
      throw new ProtocolError(
        `A length of ${length} before byte ${this.offset} does not fit the ${this.remaining} bytes left.`,
      );
    }
    return length;
  }

  nullableString(flexible: boolean): string | null {
    const length = this.#length(flexible, false);
    if (length < 0) return null;
    const at = this.#take(length);
    return this.buffer.toString('utf8', at, at + length);
  }
  string(flexible: boolean): string {
    return this.nullableString(flexible) ?? this.#unexpectedNull('string');
  }
  nullableBytes(flexible: boolean): Buffer | null {
    const length = this.#length(flexible, true);
    if (length < 0) return null;
    const at = this.#take(length);
    return this.buffer.subarray(at, at + length);
  }
  bytes(flexible: boolean): Buffer {
    return this.nullableBytes(flexible) ?? this.#unexpectedNull('byte range');
  }

  /** Elements that follow, -1 for null. An element takes a byte at least, so no frame announces more than it holds. */
  nullableArrayLength(flexible: boolean): number {
    const length = this.#length(flexible, true);
    this.#elementsLeft -= length;
    if (this.#elementsLeft < 0) {
      throw new ProtocolError(
        `An array of ${length} before byte ${this.offset} makes more than ${elementsMax} elements.`,
      );
    }
    return length;
  }
  arrayLength(flexible: boolean): number {
    const length = this.nullableArrayLength(flexible);
    return length < 0 ? this.#unexpectedNull('array') : length;
  }

  /** True when a nullable struct follows. */
  isPresent(): boolean {
    return this.int8() >= 0;
  }

  /**
   * Enters the next tagged field and answers its tag; `last` is the one before (-1 at first), because tags only rise.
   * The size is kept by the caller through {@link offset} and checked by {@link endTag}.
   */
  tag(last: number): number {
    const tag = this.uvarint();
    if (tag <= last) throw new ProtocolError(`Tag ${tag} follows tag ${last}; tags must rise.`);
    return tag;
  }
  /** The end of a tagged field whose size comes next. */
  tagEnd(): number {
    const size = this.uvarint();
    if (size > this.remaining)
      throw new ProtocolError(`A tagged field of ${size} bytes does not fit the ${this.remaining} left.`);
    return this.offset + size;
  }
  /** Checks that a known tagged field was read to its end. */
  endTag(end: number): void {
    if (this.offset !== end) throw new ProtocolError(`A tagged field ended at byte ${this.offset} instead of ${end}.`);
  }
  /** Passes over tagged fields nobody here knows. */
  skipTags(): void {
    const count = this.uvarint();
    let last = -1;
    for (let i = 0; i < count; i++) {
      last = this.tag(last);
      this.offset = this.tagEnd();
    }
  }

  /** Nothing may follow a message. */
  finish(): void {
    if (this.offset !== this.end) throw new ProtocolError(`${this.remaining} bytes follow the message.`);
  }

  #unexpectedNull(what: string): never {
    throw new ProtocolError(`A ${what} before byte ${this.offset} is null but must not be.`);
  }
}
