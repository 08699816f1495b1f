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
/** Up to here a loop is quicker than the call that copies a range (bench/protocol.bench.ts). */
const loopBytesMax = 24;

/** The part of {@link BatchBuilder} that cannot be known before all records are there. */
export class BatchBuilder {
  #buffer: Buffer;
  #offset = batchHeaderBytes;
  #count = 0;
  #baseTimestamp = -1;
  #maxTimestamp = -1;

  /** Who knows about how large it becomes spares it growing, by a number of bytes or by memory that nobody needs any more. */
  constructor(room: number | Buffer = 0) {
    this.#buffer = typeof room === 'number' ? Buffer.allocUnsafe(Math.max(initialBytes, room)) : room;
  }

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
    const buffer = this.#buffer;
    let at = writeVarint(buffer, this.#offset, bodyBytes);
    buffer[at++] = 0;
    at = writeVarint(buffer, at, timestampDelta);
    at = writeVarint(buffer, at, this.#count);
    at = writeField(buffer, at, key);
    at = writeField(buffer, at, value);
    this.#offset = writeHeaders(buffer, at, headers);
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
        : Buffer.concat([
            whole.subarray(0, batchHeaderBytes),
            compress(codec, whole.subarray(batchHeaderBytes), options.compressionLevel),
          ]);
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
}

/** Within these, zigzag fits 31 bits, so that shifts do. */
const smallMax = 2 ** 30 - 1;

// Each of the writing functions answers where the next byte goes.

/** Writes zigzag; answers where the next byte goes. The log cleaner writes timestamps anew with it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  if (value < -smallMax || value > smallMax) return writeLongVarint(buffer, at, value);
  let rest = (value << 1) ^ (value >> 31);
  for (; rest >= 0x80; rest >>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
  buffer[at] = rest;
  return at + 1;
}

/** 64 bits are more than shifts can do. */
function writeLongVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest % 0x80) | 0x80;
  buffer[at] = rest;
  return at + 1;
}

function writeField(buffer: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, at, -1);
  const { length } = bytes;
  at = writeVarint(buffer, at, length);
  if (length > loopBytesMax) buffer.set(bytes, at);
  else for (let i = 0; i < length; i++) buffer[at + i] = bytes[i]!;
  return at + length;
}

function writeHeaders(buffer: Buffer, at: number, headers: readonly RecordHeader[]): number {
  at = writeVarint(buffer, at, headers.length);
  for (const { key, value } of headers) {
    at = writeVarint(buffer, at, Buffer.byteLength(key));
    at += buffer.write(key, at);
    at = writeField(buffer, at, value);
  }
  return at;
}

export function varintBytes(value: number): number {
  if (value < -smallMax || value > smallMax) return longVarintBytes(value);
  const raw = (value << 1) ^ (value >> 31);
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x200000 ? 3 : raw < 0x10000000 ? 4 : 5;
}

function longVarintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >= 0 ? value * 2 : -value * 2 - 1; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
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
