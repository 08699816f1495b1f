/**
 * After an unclean stop: reads every batch from the recovery point on, believes nothing, rebuilds the indexes, and cuts
 * the log off at the first batch that is not whole. See FORMAT.md, "Recovery".
 */
import * as batches from '../protocol/record-batch.ts';
import { type BatchWalker, scanWindowBytes } from './batch-walker.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

const relativeOffsetMax = 2 ** 31 - 1;

export interface RecoveryOptions {
  readonly recoveryPoint: number;
  readonly indexIntervalBytes: number;
  /** Compaction leaves holes between segments; elsewhere a hole is a lost tail. */
  readonly hasGaps: boolean;
}

export interface Recovered {
  readonly logEndOffset: number;
  readonly truncatedBytes: number;
  readonly reason: string | null;
}

/**
 * Never throws for what the files contain. The segments that are left are whole and indexed, and on the device where
 * something was cut. Garbage
 * behind the last batch of a segment costs no record, so the segments after it stay where they follow without a hole.
 */
export function recoverSegments(segments: Segments, epochs: LeaderEpochs, options: RecoveryOptions): Recovered {
  const first = segments.indexFor(options.recoveryPoint);
  let next = segments.all[first]!.baseOffset;
  let truncatedBytes = 0;
  let reason: string | null = null;
  for (let index = first; index < segments.all.length; index++) {
    const segment = segments.all[index]!;
    const hole = index > first ? describeHole(segment, next, options.hasGaps) : null;
    if (hole !== null) {
      truncatedBytes += dropFrom(segments, index);
      reason ??= hole;
      break;
    }
    const from = prepare(segment, index === first ? options.recoveryPoint : segment.baseOffset);
    const scanned = scan(segment, from, epochs, options);
    next = Math.max(scanned.nextOffset, segment.baseOffset);
    if (scanned.reason !== null) {
      truncatedBytes += segment.writtenBytes - scanned.position;
      reason ??= scanned.reason;
      segment.truncateTo(scanned.position, next);
    }
    segment.areIndexesDirty = true;
    segment.isLogDirty = segment.writtenBytes > 0;
  }
  // Other records may take the place of those cut off; where nothing was cut the next checkpoint syncs soon enough.
  if (reason !== null) for (const segment of segments.all.slice(first)) segment.syncLog();
  return { logEndOffset: next, truncatedBytes, reason };
}

function describeHole(segment: Segment, expected: number, hasGaps: boolean): string | null {
  const base = segment.baseOffset;
  if (base === expected || (hasGaps && base > expected)) return null;
  return `the segment that begins at offset ${base} follows records that end at ${expected}`;
}

function dropFrom(segments: Segments, index: number): number {
  let bytes = 0;
  for (const segment of segments.takeFrom(index)) {
    bytes += segment.writtenBytes;
    segment.markDeleted();
    segment.removeDeleted();
  }
  return bytes;
}

/** Drops index entries that are not to be believed; returns the position from which batches are read. */
function prepare(segment: Segment, trustedUpTo: number): number {
  const entry = segment.offsetIndex.isSane(segment.writtenBytes) ? segment.offsetIndex.lookup(trustedUpTo - 1) : -1;
  const position = entry < 0 ? 0 : segment.offsetIndex.positionAt(entry);
  const isTrusted = entry >= 0 && beginsBatchEndingAt(segment, position, segment.offsetIndex.offsetAt(entry));
  segment.transactionIndex.truncateToOffset(trustedUpTo);
  segment.offsetIndex.file.truncate(isTrusted ? entry + 1 : 0);
  segment.timeIndex.truncateToOffset(isTrusted ? segment.offsetIndex.offsetAt(entry) + 1 : segment.baseOffset);
  if (!isTrusted) segment.timeIndex.file.truncate(0);
  segment.loadIndexed();
  return isTrusted ? position : 0;
}

function beginsBatchEndingAt(segment: Segment, position: number, offset: number): boolean {
  const walker = segment.walk(position, batches.batchHeaderBytes);
  return walker.read() && batches.lastOffset(walker.buffer, walker.at) === offset;
}

interface Scanned {
  /** Where the first bad batch begins, or the end of the file. */
  readonly position: number;
  readonly nextOffset: number;
  readonly reason: string | null;
}

function scan(segment: Segment, from: number, epochs: LeaderEpochs, options: RecoveryOptions): Scanned {
  const windowBytes = Math.max(batches.batchHeaderBytes, Math.min(scanWindowBytes, segment.writtenBytes - from));
  const walker = segment.walk(from, windowBytes);
  // Begun inside a segment, at a batch known to be sound, the first offset is not checked against anything.
  let next: number | null = from === 0 ? segment.baseOffset : null;
  while (walker.position < segment.writtenBytes) {
    const reason = faultOf(walker, segment, next, options.hasGaps);
    if (reason !== null) return { position: walker.position, nextOffset: next ?? segment.baseOffset, reason };
    const { buffer, at } = walker;
    const last = batches.lastOffset(buffer, at);
    segment.index(last, batches.maxTimestamp(buffer, at), walker.position, walker.bytes, options.indexIntervalBytes);
    epochs.assign(batches.leaderEpoch(buffer, at), batches.baseOffset(buffer, at));
    next = last + 1;
    walker.advance();
  }
  return { position: walker.position, nextOffset: next ?? segment.baseOffset, reason: null };
}

/** Why the bytes at the walker are no batch that may stand here, or null. Leaves the whole batch in its window. */
function faultOf(walker: BatchWalker, segment: Segment, expected: number | null, hasGaps: boolean): string | null {
  const where = `the batch at position ${walker.position} of the segment that begins at offset ${segment.baseOffset}`;
  if (!walker.read()) return `${where} is not whole`;
  const batch = walker.load();
  const problem = batches.checkBatch(batch);
  if (problem !== null) return `${where} is damaged: ${problem.reason}`;
  const base = batches.baseOffset(batch);
  const last = batches.lastOffset(batch);
  // The offset lies outside the checksum, so it must be exactly the next one; only compaction leaves gaps.
  const follows = expected === null || base === expected || (hasGaps && base > expected);
  const isInRange = base >= segment.baseOffset && last - segment.baseOffset <= relativeOffsetMax;
  return follows && isInRange ? null : `${where} holds offsets ${base} to ${last}, but ${expected} comes next`;
}

/** Makes the indexes of a segment whose index files are missing, believing the batches themselves. */
export function rebuildIndexes(segment: Segment, indexIntervalBytes: number): void {
  segment.dropIndexes();
  segment.loadIndexed();
  const walker = segment.walk(0, scanWindowBytes);
  while (walker.read()) {
    const { buffer, at } = walker;
    segment.index(
      batches.lastOffset(buffer, at),
      batches.maxTimestamp(buffer, at),
      walker.position,
      walker.bytes,
      indexIntervalBytes,
    );
    walker.advance();
  }
  segment.seal();
  segment.writeIndexes();
}
