/**
 * The record batch, version 2 (KIP-98): what producers send, what segments hold, what fetches return, all the same
 * bytes. These functions look at a batch in place; nothing is allocated for a header. Steps 4 to 8 of the journey.
 *
 *     baseOffset           int64    0
 *     batchLength          int32    8   bytes that follow this field
 *     partitionLeaderEpoch int32   12
 *     magic                int8    16   2
 *     crc                  uint32  17   CRC-32C of everything from `attributes` on
 *     attributes           int16   21   0–2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
 *     lastOffsetDelta      int32   23
 *     baseTimestamp        int64   27
 *     maxTimestamp         int64   35
 *     producerId           int64   43
 *     producerEpoch        int16   51
 *     baseSequence         int32   53
 *     recordCount          int32   57
 *     records                      61
 *
 * Base offset, length, leader epoch and magic stand outside the checksum: the broker writes them without touching it.
 */
import { type CompressionCodec, compressionCodecs } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { ProtocolError } from './errors.ts';
import { readInt64, writeInt64 } from './int64.ts';

export const batchHeaderBytes = 61;
/** Base offset and length: what must be read to know how long a batch is. */
export const batchPrefixBytes = 12;
export const batchMagic = 2;

const at = {
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

const logAppendTimeBit = 1 << 3;
const transactionalBit = 1 << 4;
const controlBit = 1 << 5;
const deleteHorizonBit = 1 << 6;

// Every function below takes the buffer and where the batch begins in it.

export function baseOffset(buffer: Buffer, start = 0): number {
  return readInt64(buffer, start);
}
/** Of the whole batch, prefix included. */
export function batchBytes(buffer: Buffer, start = 0): number {
  return batchPrefixBytes + buffer.readInt32BE(start + at.length);
}
export function leaderEpoch(buffer: Buffer, start = 0): number {
  return buffer.readInt32BE(start + at.leaderEpoch);
}
export function magic(buffer: Buffer, start = 0): number {
  return buffer.readInt8(start + at.magic);
}
export function storedCrc(buffer: Buffer, start = 0): number {
  return buffer.readUInt32BE(start + at.crc);
}
export function attributes(buffer: Buffer, start = 0): number {
  return buffer.readInt16BE(start + at.attributes);
}
export function lastOffsetDelta(buffer: Buffer, start = 0): number {
  return buffer.readInt32BE(start + at.lastOffsetDelta);
}
export function lastOffset(buffer: Buffer, start = 0): number {
  return baseOffset(buffer, start) + lastOffsetDelta(buffer, start);
}
export function baseTimestamp(buffer: Buffer, start = 0): number {
  return readInt64(buffer, start + at.baseTimestamp);
}
export function maxTimestamp(buffer: Buffer, start = 0): number {
  return readInt64(buffer, start + at.maxTimestamp);
}
export function producerId(buffer: Buffer, start = 0): number {
  return readInt64(buffer, start + at.producerId);
}
export function producerEpoch(buffer: Buffer, start = 0): number {
  return buffer.readInt16BE(start + at.producerEpoch);
}
export function baseSequence(buffer: Buffer, start = 0): number {
  return buffer.readInt32BE(start + at.baseSequence);
}
export function recordCount(buffer: Buffer, start = 0): number {
  return buffer.readInt32BE(start + at.recordCount);
}
/** Undefined for the three numbers no codec has. */
export function codecOf(buffer: Buffer, start = 0): CompressionCodec | undefined {
  return compressionCodecs[attributes(buffer, start) & 7];
}
export function isLogAppendTime(buffer: Buffer, start = 0): boolean {
  return (attributes(buffer, start) & logAppendTimeBit) !== 0;
}
export function isTransactional(buffer: Buffer, start = 0): boolean {
  return (attributes(buffer, start) & transactionalBit) !== 0;
}
export function isControl(buffer: Buffer, start = 0): boolean {
  return (attributes(buffer, start) & controlBit) !== 0;
}
export function hasDeleteHorizon(buffer: Buffer, start = 0): boolean {
  return (attributes(buffer, start) & deleteHorizonBit) !== 0;
}

/** From when on the batch's tombstones or marker may go, or -1 while that is not decided. */
export function deleteHorizonMs(buffer: Buffer, start = 0): number {
  return hasDeleteHorizon(buffer, start) ? baseTimestamp(buffer, start) : -1;
}

/** The broker's two fields, written into the producer's own bytes. */
export function setOffsetAndEpoch(buffer: Buffer, offset: number, epoch: number, start = 0): void {
  writeInt64(buffer, start, offset);
  buffer.writeInt32BE(epoch, start + at.leaderEpoch);
}

/** For topics that stamp records themselves: these fields are inside the checksum, so it is written anew. */
export function setLogAppendTime(buffer: Buffer, timestamp: number, start = 0): void {
  buffer.writeInt16BE(attributes(buffer, start) | logAppendTimeBit, start + at.attributes);
  writeInt64(buffer, start + at.maxTimestamp, timestamp);
  sealBatch(buffer, start);
}

/** Replaces a maximum that does not agree with the records; the checksum is written anew. */
export function setMaxTimestamp(buffer: Buffer, timestamp: number, start = 0): void {
  writeInt64(buffer, start + at.maxTimestamp, timestamp);
  sealBatch(buffer, start);
}

/** What the log cleaner changes in a header whose records it has replaced. */
export interface RewrittenHeader {
  readonly codec: CompressionCodec;
  /** Then `baseTimestamp` is the time from which tombstones or markers may go (KIP-534). */
  readonly hasDeleteHorizon: boolean;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly recordCount: number;
}

/** Makes a copied header fit the records that now follow it in `batch`; offsets, producer and sequence stay. */
export function rewriteHeader(batch: Buffer, header: RewrittenHeader): void {
  const flags = attributes(batch) & ~(7 | deleteHorizonBit);
  const horizon = header.hasDeleteHorizon ? deleteHorizonBit : 0;
  batch.writeInt32BE(batch.length - batchPrefixBytes, at.length);
  batch.writeInt16BE(flags | horizon | compressionCodecs.indexOf(header.codec), at.attributes);
  writeInt64(batch, at.baseTimestamp, header.baseTimestamp);
  writeInt64(batch, at.maxTimestamp, header.maxTimestamp);
  batch.writeInt32BE(header.recordCount, at.recordCount);
  sealBatch(batch, 0);
}

function sealBatch(buffer: Buffer, start: number): void {
  buffer.writeUInt32BE(computeCrc(buffer, start), start + at.crc);
}

function computeCrc(buffer: Buffer, start: number): number {
  return crc32c(buffer.subarray(start + at.attributes, start + batchBytes(buffer, start)));
}

/** What is wrong with the bytes at `start` as a batch, in words; null when nothing is. */
export type BatchProblem = { readonly error: 'CORRUPT_MESSAGE' | 'INVALID_RECORD'; readonly reason: string };

/**
 * Checks what can be checked without looking at records: that a whole batch of version 2 stands at `start`, that its
 * checksum is right and that its counts agree. `end` is where the bytes end that may belong to it.
 */
export function checkBatch(buffer: Buffer, start = 0, end = buffer.length): BatchProblem | null {
  if (end - start < batchHeaderBytes) return corrupt(`${end - start} bytes are less than the header of a batch`);
  const size = batchBytes(buffer, start);
  if (size < batchHeaderBytes || size > end - start)
    return corrupt(`its length says ${size} bytes, ${end - start} are there`);
  if (magic(buffer, start) !== batchMagic) {
    return {
      error: 'INVALID_RECORD',
      reason: `its format version is ${magic(buffer, start)}; only version 2 is served`,
    };
  }
  if (storedCrc(buffer, start) !== computeCrc(buffer, start)) return corrupt('its checksum does not match');
  const count = recordCount(buffer, start);
  if (count < 0 || lastOffsetDelta(buffer, start) < 0 || codecOf(buffer, start) === undefined) {
    return { error: 'INVALID_RECORD', reason: 'its record count, offsets or codec are out of range' };
  }
  return null;
}

function corrupt(reason: string): BatchProblem {
  return { error: 'CORRUPT_MESSAGE', reason };
}

/** Where each batch begins in bytes that hold whole batches one after the other; a cut-off last one is left out. */
export function* batchStarts(buffer: Buffer): Generator<number> {
  for (let start = 0; start + batchPrefixBytes <= buffer.length; ) {
    const size = batchBytes(buffer, start);
    if (size < batchHeaderBytes) throw new ProtocolError(`A batch at byte ${start} says it has ${size} bytes.`);
    if (start + size > buffer.length) return;
    yield start;
    start += size;
  }
}

/** Fields of a new batch that {@link BatchBuilder} cannot know. */
export interface BatchOptions {
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly codec?: CompressionCodec;
  /** Of codecs that have levels; the codec's own default where absent. */
  readonly compressionLevel?: number | undefined;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
}

/** The span of a batch's records, as the builder counted it. */
export interface BatchSpan {
  readonly count: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
}

/** Writes the header in front of records that begin at {@link batchHeaderBytes} of `batch`, and the checksum. */
export function writeBatchHeader(batch: Buffer, span: BatchSpan, options: BatchOptions): void {
  const codec = compressionCodecs.indexOf(options.codec ?? 'none');
  const flags =
    (options.isTransactional === true ? transactionalBit : 0) | (options.isControl === true ? controlBit : 0);
  writeInt64(batch, 0, options.baseOffset ?? 0);
  batch.writeInt32BE(batch.length - batchPrefixBytes, at.length);
  batch.writeInt32BE(options.leaderEpoch ?? -1, at.leaderEpoch);
  batch.writeInt8(batchMagic, at.magic);
  batch.writeInt16BE(codec | flags, at.attributes);
  batch.writeInt32BE(span.lastOffsetDelta, at.lastOffsetDelta);
  writeInt64(batch, at.baseTimestamp, span.baseTimestamp);
  writeInt64(batch, at.maxTimestamp, span.maxTimestamp);
  writeInt64(batch, at.producerId, options.producerId ?? -1);
  batch.writeInt16BE(options.producerEpoch ?? -1, at.producerEpoch);
  batch.writeInt32BE(options.baseSequence ?? -1, at.baseSequence);
  batch.writeInt32BE(span.count, at.recordCount);
  sealBatch(batch, 0);
}
