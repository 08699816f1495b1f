/**
 * The records inside a batch: a builder that encodes them once, and a walk over them (`record-cursor.ts`).
 *
 *     length varint | attributes int8 | timestampDelta varlong | offsetDelta varint
 *     | key length varint, key | value length varint, value | headers count varint, (key, value)*
 *
 * Varints are zigzag; a length of -1 is null. The broker itself walks records only where it must: compacted topics,
 * offsets by timestamp, its own internal topics.
 */
import { compress } from './compression.ts';
import { type BatchOptions, batchHeaderBytes, writeBatchHeader } from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A decoded record. Key and value are views of the batch (or of its decompressed records). */
export interface BatchRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

const initialBytes = 1024;
/** Bytes a record takes at most beside key, value and headers: its varints and attributes. */
const recordOverheadBytes = 5 + 1 + 10 + 5 + 5 + 5 + 5;

/** The part of {@link BatchBuilder} that cannot be known before all records are there. */
export class BatchBuilder {
  #buffer = Buffer.allocUnsafe(initialBytes);
  #offset = batchHeaderBytes;
  #count = 0;
  #baseTimestamp = -1;
  #maxTimestamp = -1;

  get count(): number {
    return this.#count;
  }
  /** What the batch would take now, before compression. */
  get sizeBytes(): number {
    return this.#offset;
  }

  /** Appends one record; the bytes are copied. `timestamp` is in milliseconds. */
  append(timestamp: number, key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[]): void {
    if (this.#count === 0) this.#baseTimestamp = timestamp;
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    const headerBytes = headers.length === 0 ? 1 : sizeOfHeaders(headers);
    const timestampDelta = timestamp - this.#baseTimestamp;
    const bodyBytes =
      1 + varintBytes(timestampDelta) + varintBytes(this.#count) + sizeOfField(key) + sizeOfField(value) + headerBytes;
    this.#reserve(bodyBytes + recordOverheadBytes);
    this.#varint(bodyBytes);
    this.#buffer[this.#offset++] = 0;
    this.#varint(timestampDelta);
    this.#varint(this.#count);
    this.#field(key);
    this.#field(value);
    this.#headers(headers);
    this.#count++;
  }

  /** The finished batch. The builder starts anew and may be used again; the batch is the caller's. */
  build(options: BatchOptions = {}): Buffer {
    if (this.#count === 0) throw new Error('A batch without records cannot be built.');
    const codec = options.codec ?? 'none';
    const whole = this.#buffer.subarray(0, this.#offset);
    const batch =
      codec === 'none'
        ? whole
        : Buffer.concat([whole.subarray(0, batchHeaderBytes), compress(codec, whole.subarray(batchHeaderBytes))]);
    const span = {
      count: this.#count,
      lastOffsetDelta: this.#count - 1,
      baseTimestamp: this.#baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
    };
    writeBatchHeader(batch, span, options);
    this.#buffer = Buffer.allocUnsafe(initialBytes);
    this.#offset = batchHeaderBytes;
    this.#count = 0;
    this.#maxTimestamp = -1;
    return batch;
  }

  #reserve(size: number): void {
    if (this.#offset + size <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#offset + size));
    this.#buffer.copy(grown, 0, 0, this.#offset);
    this.#buffer = grown;
  }

  #varint(value: number): void {
    let rest = value >= 0 ? value * 2 : -value * 2 - 1;
    while (rest >= 0x80) {
      this.#buffer[this.#offset++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#offset++] = rest;
  }

  #field(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#varint(-1);
      return;
    }
    this.#varint(bytes.length);
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  #headers(headers: readonly RecordHeader[]): void {
    this.#varint(headers.length);
    for (const header of headers) {
      this.#varint(Buffer.byteLength(header.key));
      this.#offset += this.#buffer.write(header.key, this.#offset);
      this.#field(header.value);
    }
  }
}

function varintBytes(value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let bytes = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    bytes++;
  }
  return bytes;
}

function sizeOfField(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

function sizeOfHeaders(headers: readonly RecordHeader[]): number {
  let size = varintBytes(headers.length);
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key);
    size += varintBytes(keyBytes) + keyBytes + sizeOfField(header.value);
  }
  return size;
}

/**
 * Calls back for each record of the batch at `start`, in order, until the callback answers false. The caller has
 * checked the batch. Throws {@link ProtocolError} where the records are not what the header says.
 */
export function forEachRecord(buffer: Buffer, start: number, visit: (record: BatchRecord) => unknown): void {
  const cursor = new RecordCursor(buffer, start);
  while (cursor.next()) {
    const { offset, timestamp } = cursor;
    const record = { offset, timestamp, key: cursor.key(), value: cursor.value(), headers: cursor.headers() };
    if (visit(record) === false) return;
  }
}

/** All records of the batch at `start`. */
export function readRecords(buffer: Buffer, start = 0): BatchRecord[] {
  const records: BatchRecord[] = [];
  forEachRecord(buffer, start, (record) => {
    records.push(record);
  });
  return records;
}
