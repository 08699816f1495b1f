/**
 * The little of Protocol Buffers that Sparkplug B needs: fields out of bytes and into bytes. Knows no message; `payload.ts`
 * does. Bounds-checked: the bytes come from devices.
 */

/** What follows a field's number on the wire (protobuf.dev, "Encoding"). */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Walks over the fields of one message. Throws RangeError where the bytes end in the middle of one. */
export class FieldReader {
  /** The field under the cursor: valid after `next` said true, until its value is read. */
  field = 0;
  wireType = 0;
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = Number(this.uint64());
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    return true;
  }

  /** A varint of up to 64 bits: a number while that is exact. */
  uint64(): number | bigint {
    let low = 0;
    let factor = 1;
    // 49 bits fit a double exactly, whatever comes later is added as bigint.
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.#byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) return low;
      factor *= 128;
    }
    let high = 0n;
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      high |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return exact(BigInt.asUintN(64, high | BigInt(low)));
    }
    throw new RangeError('a varint has more than ten bytes');
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** A slice, not a copy. */
  bytes(): Buffer {
    const length = Number(this.uint64());
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  string(): string {
    return this.bytes().toString();
  }

  /** Leaves a field out that nobody asked for. */
  skip(): void {
    switch (this.wireType) {
      case WireType.varint:
        this.uint64();
        return;
      case WireType.fixed64:
        this.#take(8);
        return;
      case WireType.bytes:
        this.bytes();
        return;
      case WireType.fixed32:
        this.#take(4);
        return;
      default:
        throw new RangeError(`field ${this.field} has the unknown wire type ${this.wireType}`);
    }
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #take(count: number): number {
    const from = this.#at;
    if (count < 0 || from + count > this.#end) throw new RangeError(`it ends in the middle of field ${this.field}`);
    this.#at += count;
    return from;
  }
}

/** A 64-bit integer as a number where that loses nothing. */
export function exact(value: bigint): number | bigint {
  const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return isSafe ? Number(value) : value;
}

/** Builds one message. */
export class FieldWriter {
  readonly #parts: Buffer[] = [];

  varint(field: number, value: number | bigint): this {
    this.#parts.push(varintBytes(BigInt(field * 8 + WireType.varint)), varintBytes(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  bytes(field: number, value: Buffer | string): this {
    const bytes = Buffer.from(value as string);
    this.#parts.push(varintBytes(BigInt(field * 8 + WireType.bytes)), varintBytes(BigInt(bytes.length)), bytes);
    return this;
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(varintBytes(BigInt(field * 8 + WireType.fixed64)), bytes);
    return this;
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varintBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
