/**
 * Reading: whole batches from the one that contains an offset, in one read of one segment, into a pooled buffer. Step 8
 * of the record's journey begins here.
 */
import { baseOffset, batchBytes, batchHeaderBytes, lastOffsetDelta } from '../protocol/record-batch.ts';
import type { ColdReads } from './cold-reads.ts';
import { LogError } from './errors.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import type { AbortedTransaction, LogRead } from './types.ts';

export interface ReadRequest {
  readonly offset: number;
  readonly maxBytes: number;
  readonly minOneBatch: boolean;
  /** Batches from here on are not returned. */
  readonly upToOffset: number;
}

/** What reads share. */
export interface ReadSurroundings {
  readonly buffers: ReadBuffers;
  readonly coldReads: ColdReads;
}

/** The marks every answer of a fetch carries. */
export interface ReadMarks {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
}

/** What a refused offset is compared with. */
interface LoggedRange {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
}

const nothing = Buffer.alloc(0);

class PooledRead implements LogRead {
  readonly records: Buffer;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
  readonly isOlderSegment: boolean;
  #buffer: Buffer | null;
  readonly #buffers: ReadBuffers;

  constructor(
    marks: ReadMarks,
    found: FoundBatches | null,
    aborted: readonly AbortedTransaction[] | null,
    buffers: ReadBuffers,
  ) {
    this.records = found?.records ?? nothing;
    this.highWatermark = marks.highWatermark;
    this.lastStableOffset = marks.lastStableOffset;
    this.logStartOffset = marks.logStartOffset;
    this.abortedTransactions = aborted;
    this.isOlderSegment = found?.isOlderSegment ?? false;
    this.#buffer = found?.buffer ?? null;
    this.#buffers = buffers;
  }

  release(): void {
    if (this.#buffer !== null) this.#buffers.give(this.#buffer);
    this.#buffer = null;
  }
}

export interface FoundBatches {
  /** Lies in `buffer`, which goes back to the pool. */
  readonly records: Buffer;
  readonly buffer: Buffer;
  readonly nextOffset: number;
  readonly isOlderSegment: boolean;
}

/** Wraps what was found, or nothing, as the answer to a read. */
export function answer(
  marks: ReadMarks,
  found: FoundBatches | null,
  aborted: readonly AbortedTransaction[] | null,
  buffers: ReadBuffers,
): LogRead {
  return new PooledRead(marks, found, aborted, buffers);
}

/** The batches asked for, or null when there is none below `upToOffset` (or the first is too large). */
export function findBatches(segments: Segments, request: ReadRequest, around: ReadSurroundings): FoundBatches | null {
  const all = segments.all;
  for (let index = segments.indexFor(request.offset); index < all.length; index++) {
    const segment = all[index]!;
    const position = segment.positionOf(request.offset);
    // Compaction may have taken a segment's last offsets: go on in the next one.
    if (position >= segment.writtenBytes) continue;
    const isOlder = index < all.length - 1;
    const bytesToEnd = segment.writtenBytes - position;
    const maxBytes = around.coldReads.allow(request.maxBytes, bytesToEnd, isOlder, request.minOneBatch);
    if (maxBytes === 0 && request.maxBytes > 0) return null;
    return readSegment(segment, position, { ...request, maxBytes }, around.buffers, isOlder);
  }
  return null;
}

function readSegment(
  segment: Segment,
  position: number,
  request: ReadRequest,
  buffers: ReadBuffers,
  isOlderSegment: boolean,
): FoundBatches | null {
  const remaining = segment.writtenBytes - position;
  let wanted = Math.min(remaining, Math.max(request.maxBytes, batchHeaderBytes));
  let buffer = buffers.take(wanted);
  let read = segment.readAt(buffer.subarray(0, wanted), position);
  const firstBytes = read >= batchHeaderBytes ? batchBytes(buffer) : 0;
  if (firstBytes > request.maxBytes && request.minOneBatch) {
    buffers.give(buffer);
    wanted = Math.min(remaining, firstBytes);
    buffer = buffers.take(wanted);
    read = segment.readAt(buffer.subarray(0, wanted), position);
  }
  const limit = request.minOneBatch ? Math.max(request.maxBytes, firstBytes) : request.maxBytes;
  const end = wholeBatches(buffer, Math.min(read, limit), request.upToOffset);
  if (end.bytes === 0) {
    buffers.give(buffer);
    return null;
  }
  segment.rememberCursor(end.nextOffset, position + end.bytes);
  return { records: buffer.subarray(0, end.bytes), buffer, nextOffset: end.nextOffset, isOlderSegment };
}

/** How many of the bytes are whole batches that begin below `upToOffset`, and the offset after them. */
function wholeBatches(buffer: Buffer, length: number, upToOffset: number): { bytes: number; nextOffset: number } {
  let at = 0;
  let last = 0;
  while (at + batchHeaderBytes <= length) {
    const bytes = batchBytes(buffer, at);
    if (bytes < batchHeaderBytes || at + bytes > length || baseOffset(buffer, at) >= upToOffset) break;
    last = at;
    at += bytes;
  }
  return { bytes: at, nextOffset: at === 0 ? 0 : baseOffset(buffer, last) + lastOffsetDelta(buffer, last) + 1 };
}

/** Bytes from the batch that holds `offset` to the end of the segment that holds `upTo`. */
export function bytesBetween(segments: Segments, offset: number, upTo: number): number {
  const first = segments.indexFor(offset);
  const last = segments.indexFor(upTo);
  let bytes = -segments.all[first]!.positionOf(offset);
  for (let index = first; index <= last; index++) bytes += segments.all[index]!.writtenBytes;
  return bytes;
}

export function outOfRange(log: LoggedRange, offset: number): LogError {
  const { topic, partition, logStartOffset, logEndOffset } = log;
  const held = `the log of ${topic}-${partition}, which holds ${logStartOffset} to ${logEndOffset}`;
  return new LogError('OFFSET_OUT_OF_RANGE', `Offset ${offset} is not in ${held}.`);
}

/**
 * Aborted transactions that overlap [fromOffset, toOffset), by their first offsets: the index has them in the order of
 * their ends, and not every client sorts (kafkajs).
 */
export function abortedTransactions(segments: Segments, fromOffset: number, toOffset: number): AbortedTransaction[] {
  const found: AbortedTransaction[] = [];
  for (let index = segments.indexFor(fromOffset); index < segments.all.length; index++) {
    if (segments.all[index]!.transactionIndex.collect(fromOffset, toOffset, found)) break;
  }
  return found.sort((a, b) => a.firstOffset - b.firstOffset);
}
