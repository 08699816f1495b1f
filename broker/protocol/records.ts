/**
 * The records inside a batch: a builder that encodes them once, and a walk that decodes them lazily.
 *
 *     length varint | attributes int8 | timestampDelta varlong | offsetDelta varint
 *     | key length varint, key | value length varint, value | headers count varint, (key, value)*
 *
 * Varints are zigzag; a length of -1 is null. The broker itself walks records only where it must: compacted topics,
 * offsets by timestamp, its own internal topics.
 */
import { compress, decompress } from './compression.ts';
import { ProtocolError } from './errors.ts';
import {
  type BatchOptions,
  baseOffset,
  baseTimestamp,
  batchBytes,
  batchHeaderBytes,
  codecOf,
  isLogAppendTime,
  maxTimestamp,
  recordCount,
  writeBatchHeader,
} from './record-batch.ts';

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

const noHeaders: readonly never[] = [];
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

/** Walks the bytes of a batch's records. */
class RecordCursor {
  readonly buffer: Buffer;
  offset = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.buffer[this.offset++];
      if (byte === undefined) throw new ProtocolError('A record is cut off inside a number.');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 0x80;
    }
    throw new ProtocolError('A number in a record is longer than 64 bits.');
  }

  field(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.offset;
    this.offset += length;
    if (this.offset > this.buffer.length)
      throw new ProtocolError(`A record is cut off: ${length} bytes were announced.`);
    return this.buffer.subarray(from, this.offset);
  }

  headers(): BatchRecord['headers'] {
    const count = this.varint();
    if (count === 0) return noHeaders;
    if (count < 0 || count > this.buffer.length - this.offset)
      throw new ProtocolError(`A record announces ${count} headers.`);
    const headers: { key: string; value: Buffer | null }[] = [];
    for (let i = 0; i < count; i++) {
      const key = this.field();
      if (key === null) throw new ProtocolError('A record header has no key.');
      headers.push({ key: key.toString('utf8'), value: this.field() });
    }
    return headers;
  }
}

/** The record bytes of a batch, decompressed. */
function payloadOf(buffer: Buffer, start: number): Buffer {
  const codec = codecOf(buffer, start);
  if (codec === undefined) throw new ProtocolError('A batch is compressed with an unknown codec.');
  return decompress(codec, buffer.subarray(start + batchHeaderBytes, start + batchBytes(buffer, start)));
}

/**
 * Calls back for each record of the batch at `start`, in order, until the callback answers false. The caller has
 * checked the batch. Throws {@link ProtocolError} where the records are not what the header says.
 */
export function forEachRecord(buffer: Buffer, start: number, visit: (record: BatchRecord) => unknown): void {
  const cursor = new RecordCursor(payloadOf(buffer, start));
  const base = baseOffset(buffer, start);
  const firstTimestamp = baseTimestamp(buffer, start);
  const appendTime = isLogAppendTime(buffer, start) ? maxTimestamp(buffer, start) : null;
  const count = recordCount(buffer, start);
  for (let i = 0; i < count; i++) {
    const size = cursor.varint();
    const end = cursor.offset + size;
    if (size < 0 || end > cursor.buffer.length) throw new ProtocolError(`Record ${i} of ${count} is cut off.`);
    cursor.offset++;
    const timestamp = appendTime ?? firstTimestamp + cursor.varint();
    if (appendTime !== null) cursor.varint();
    const offset = base + cursor.varint();
    const record = { offset, timestamp, key: cursor.field(), value: cursor.field(), headers: cursor.headers() };
    if (cursor.offset !== end) throw new ProtocolError(`Record ${i} of ${count} does not end where it says.`);
    if (visit(record) === false) return;
  }
  const left = cursor.buffer.length - cursor.offset;
  if (left > 0) throw new ProtocolError(`${left} bytes follow the ${count} records of a batch.`);
}

/** All records of the batch at `start`. */
export function readRecords(buffer: Buffer, start = 0): BatchRecord[] {
  const records: BatchRecord[] = [];
  forEachRecord(buffer, start, (record) => {
    records.push(record);
  });
  return records;
}
