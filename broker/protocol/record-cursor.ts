/**
 * Reads the records inside a batch, one after the other, without an object per record. Step 8 of the record's journey.
 * The layout is drawn in `records.ts`. Keys and values are views of the batch, or of its decompressed records.
 */
import { decompress, maxDecompressedBytes } from './compression.ts';
import { ProtocolError } from './errors.ts';
import * as batches from './record-batch.ts';

/** A record's header as read; the value is a view. */
export interface BatchRecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

const noHeaders: readonly BatchRecordHeader[] = [];

/**
 * A cursor over the records of one batch: call `next` until it answers false, and read the members in between.
 *
 *     const records = new RecordCursor(batch);
 *     while (records.next()) use(records.offset, records.key(), records.value());
 */
export class RecordCursor {
  offset = -1;
  timestamp = -1;
  readonly #bytes: Buffer;
  readonly #count: number;
  readonly #baseOffset: number;
  readonly #baseTimestamp: number;
  /** The batch's maximum where the broker stamped it, else -1: then each record has its own. */
  readonly #appendTimestamp: number;
  #read = 0;
  #at: number;
  #next: number;
  #start = 0;
  #timestampEnd = 0;
  #keyAt = 0;
  #keyBytes = -1;
  #valueAt = 0;
  #valueBytes = -1;
  #headersAt = 0;

  /** `batch` begins at `at`, is whole, and was checked (its CRC at the latest by the broker that took it). */
  constructor(batch: Buffer, at = 0, maxBytes = maxDecompressedBytes) {
    if (batch.length - at < batches.batchHeaderBytes) throw new ProtocolError('A record batch is cut in its header.');
    const end = at + batches.batchBytes(batch, at);
    if (end > batch.length || end < at + batches.batchHeaderBytes) {
      throw new ProtocolError(`A record batch of ${end - at} bytes does not fit the ${batch.length - at} there are.`);
    }
    if (batches.magic(batch, at) !== batches.batchMagic) {
      throw new ProtocolError(`A record batch has format version ${batches.magic(batch, at)} instead of 2.`);
    }
    const codec = batches.codecOf(batch, at);
    if (codec === undefined) throw new ProtocolError('A record batch is compressed with an unknown codec.');
    const body = batch.subarray(at + batches.batchHeaderBytes, end);
    this.#bytes = codec === 'none' ? body : decompress(codec, body, maxBytes);
    this.#count = batches.recordCount(batch, at);
    this.#baseOffset = batches.baseOffset(batch, at);
    this.#baseTimestamp = batches.baseTimestamp(batch, at);
    this.#appendTimestamp = batches.isLogAppendTime(batch, at) ? batches.maxTimestamp(batch, at) : -1;
    this.#at = 0;
    this.#next = 0;
  }

  /** Moves to the next record; false when there is none left. */
  next(): boolean {
    if (this.#read === this.#count) return this.#finished();
    this.#read++;
    this.#start = this.#next;
    this.#at = this.#next;
    const length = this.#varint();
    this.#next = this.#at + length;
    if (length < 0 || this.#next > this.#bytes.length) this.#malformed();
    this.#at++;
    const timestampDelta = this.#varlong();
    this.#timestampEnd = this.#at;
    this.timestamp = this.#appendTimestamp >= 0 ? this.#appendTimestamp : this.#baseTimestamp + timestampDelta;
    this.offset = this.#baseOffset + this.#varint();
    this.#keyBytes = this.#varint();
    this.#keyAt = this.#skip(this.#keyBytes);
    this.#valueBytes = this.#varint();
    this.#valueAt = this.#skip(this.#valueBytes);
    this.#headersAt = this.#at;
    return true;
  }

  key(): Buffer | null {
    return this.#keyBytes < 0 ? null : this.#bytes.subarray(this.#keyAt, this.#keyAt + this.#keyBytes);
  }

  value(): Buffer | null {
    return this.#valueBytes < 0 ? null : this.#bytes.subarray(this.#valueAt, this.#valueAt + this.#valueBytes);
  }

  /** The whole record as stored, its length in front; for the log cleaner. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.#next);
  }

  /** The record from its offset delta on; for the log cleaner, which writes another timestamp in front. */
  bytesAfterTimestamp(): Buffer {
    return this.#bytes.subarray(this.#timestampEnd, this.#next);
  }

  headers(): readonly BatchRecordHeader[] {
    this.#at = this.#headersAt;
    const count = this.#varint();
    if (count === 0) return this.#at === this.#next ? noHeaders : this.#malformed();
    // A header takes two bytes at least, so that a count beyond that is a lie.
    if (count < 0 || count * 2 > this.#next - this.#at) this.#malformed();
    const headers: BatchRecordHeader[] = [];
    for (let i = 0; i < count; i++) headers.push(this.#header());
    return this.#at === this.#next ? headers : this.#malformed();
  }

  #header(): BatchRecordHeader {
    const keyBytes = this.#varint();
    if (keyBytes < 0) this.#malformed();
    const keyAt = this.#skip(keyBytes);
    const valueBytes = this.#varint();
    const valueAt = this.#skip(valueBytes);
    return {
      key: this.#bytes.toString('utf8', keyAt, keyAt + keyBytes),
      value: valueBytes < 0 ? null : this.#bytes.subarray(valueAt, valueAt + valueBytes),
    };
  }

  #finished(): false {
    if (this.#next !== this.#bytes.length) {
      throw new ProtocolError(`${this.#bytes.length - this.#next} bytes follow the ${this.#count} records of a batch.`);
    }
    return false;
  }

  /** Moves over `size` bytes (none for null) and answers where they began. */
  #skip(size: number): number {
    const at = this.#at;
    if (size < -1 || size > this.#next - at) this.#malformed();
    if (size > 0) this.#at = at + size;
    return at;
  }

  /** 32 bits, zigzag. One byte is by far the commonest. */
  #varint(): number {
    const bytes = this.#bytes;
    const first = bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return (first >>> 1) ^ -(first & 1);
    }
    let raw = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[this.#at++];
      if (byte === undefined) break;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    return this.#malformed();
  }

  /** 64 bits, zigzag, as a number: timestamps lie far within 2^53. */
  #varlong(): number {
    let raw = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      raw += (byte & 0x7f) * scale;
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      scale *= 128;
    }
    return this.#malformed();
  }

  #malformed(): never {
    throw new ProtocolError(
      `Record ${this.#read} of ${this.#count} in the batch at offset ${this.#baseOffset} is malformed.`,
    );
  }
}
