/**
 * One round of compaction of one partition, as far as it can be done beside a running broker: reads the dirty segments
 * for the last offset of each key, then copies every segment from the log's beginning without what is superseded.
 * Kafka's Cleaner. Synchronous and long: it runs in a worker thread (clean-worker.ts), in tests in line.
 *
 * It writes `.cleaned` files only; putting them in place is the event loop's business (replace-segments.ts).
 */
import type { FileSystem } from '../fs/file-system.ts';
import * as batches from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import { scanWindowBytes } from './batch-walker.ts';
import { cleanBatch } from './clean-batch.ts';
import type { CleanableSegment, CleanedGroup, CleanJob, CleanResult, LastRecord } from './clean-job.ts';
import { CleanedTransactions } from './cleaned-transactions.ts';
import { suffixes } from './files.ts';
import { OffsetMap } from './offset-map.ts';
import { Segment } from './segment.ts';

/** Written with one system call. */
const writeBytes = 1024 * 1024;
const relativeOffsetMax = 2 ** 31 - 1;

/** Told how many bytes were read or written; waits where that was too fast (`log.cleaner.io.max.bytes.per.second`). */
export type Throttle = (bytes: number) => void;

/** The state of one round. */
class Round {
  readonly fs: FileSystem;
  readonly job: CleanJob;
  readonly throttle: Throttle;
  readonly transactions: CleanedTransactions;
  readonly map: OffsetMap;
  readonly lastRecords: ReadonlyMap<number, LastRecord>;
  recordsRead = 0;
  recordsKept = 0;

  constructor(fs: FileSystem, job: CleanJob, throttle: Throttle) {
    const keys = job.boundOffset - job.firstDirtyOffset;
    const first = job.segments[0]!.baseOffset;
    this.fs = fs;
    this.job = job;
    this.throttle = throttle;
    this.transactions = new CleanedTransactions(job.aborted.filter((entry) => entry.lastOffset >= first));
    this.map = new OffsetMap(keys, job.dedupeBytes, job.loadFactor);
    this.lastRecords = new Map(job.producers.map((producer) => [producer.producerId, producer]));
  }
}

/**
 * Yields each finished group, oldest first; the next may be begun before the last is in place. Throws Node's errors of
 * the disk (ENOENT when retention was faster), and an Error for a batch that is not as it was written.
 */
export function* cleanSegments(
  fs: FileSystem,
  job: CleanJob,
  throttle: Throttle = () => {},
): Generator<CleanedGroup, CleanResult> {
  const round = new Round(fs, job, throttle);
  buildMap(round);
  const endOffset = round.map.latestOffset + 1;
  const covered = job.segments.filter((segment) => segment.baseOffset < endOffset);
  for (const group of groupSegments(covered, job)) {
    const cleaned = cleanGroup(round, group);
    if (cleaned !== null) yield cleaned;
  }
  return { endOffset, recordsRead: round.recordsRead, recordsKept: round.recordsKept };
}

/** Takes the keys of the dirty segments into the map, until all are in or it is full. */
function buildMap(round: Round): void {
  const { job, map } = round;
  const from = job.firstDirtyOffset;
  const transactions = new CleanedTransactions(job.aborted.filter((entry) => entry.lastOffset >= from));
  for (const [index, { baseOffset }] of job.segments.entries()) {
    const end = job.segments[index + 1]?.baseOffset ?? job.boundOffset;
    if (end <= from) continue;
    const isWhole = eachBatch(round, baseOffset, from, (batch) => {
      if (batches.lastOffset(batch) < from) return true;
      const isControl = batches.isControl(batch);
      if (isControl) transactions.isMarkerOfNothing(batch);
      else if (!transactions.isAborted(batch) && !putKeys(map, batch, from)) return false;
      map.latestOffset = batches.lastOffset(batch);
      return true;
    });
    if (!isWhole) return;
    // Offsets up to the next segment are clean, also those that no batch holds.
    map.latestOffset = Math.max(map.latestOffset, end - 1);
  }
}

function putKeys(map: OffsetMap, batch: Buffer, from: number): boolean {
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    const key = cursor.key();
    if (key !== null && cursor.offset >= from && !map.put(key, cursor.offset)) return false;
  }
  return true;
}

/** Visits the batches of a segment until the visitor answers false; false then. A batch is valid until the next. */
function eachBatch(round: Round, base: number, fromOffset: number, visit: (batch: Buffer) => boolean): boolean {
  const segment = new Segment(round.fs, round.job.folder, base, 0);
  try {
    const walker = segment.walk(fromOffset <= base ? 0 : segment.positionOf(fromOffset), scanWindowBytes);
    while (walker.read()) {
      const batch = walker.load();
      const problem = batches.checkBatch(batch);
      if (problem !== null) throw damaged(segment, walker.position, problem.reason);
      round.throttle(batch.length);
      if (!visit(batch)) return false;
      walker.advance();
    }
    if (walker.position < segment.writtenBytes) throw damaged(segment, walker.position, 'it is not whole');
    return true;
  } finally {
    segment.close();
  }
}

function damaged(segment: Segment, position: number, reason: string): Error {
  return new Error(`${segment.pathOf(suffixes.log)}: the batch at position ${position} is damaged: ${reason}`);
}

/** Neighbours that fit into one segment together become one, so that a log of leftovers does not stay in pieces. */
export function groupSegments(segments: readonly CleanableSegment[], job: CleanJob): CleanableSegment[][] {
  const groups: CleanableSegment[][] = [];
  let group: CleanableSegment[] = [];
  let size = 0;
  let indexBytes = 0;
  let timeIndexBytes = 0;
  for (const [index, segment] of segments.entries()) {
    size += segment.sizeBytes;
    indexBytes += segment.offsetIndexBytes;
    timeIndexBytes += segment.timeIndexBytes;
    const end = segments[index + 1]?.baseOffset ?? job.boundOffset;
    const fits =
      size <= job.segmentBytes &&
      indexBytes <= job.segmentIndexBytes &&
      timeIndexBytes <= job.segmentIndexBytes &&
      end - (group[0]?.baseOffset ?? end) <= relativeOffsetMax;
    if (group.length > 0 && !fits) {
      groups.push(group);
      group = [];
      size = segment.sizeBytes;
      indexBytes = segment.offsetIndexBytes;
      timeIndexBytes = segment.timeIndexBytes;
    }
    group.push(segment);
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** Writes the group's `.cleaned` files; null when nothing in a single segment changes. */
function cleanGroup(round: Round, group: readonly CleanableSegment[]): CleanedGroup | null {
  const { fs, job, transactions } = round;
  const cleaned = new Segment(fs, job.folder, group[0]!.baseOffset, 0, suffixes.cleaned);
  cleaned.create();
  transactions.onKept = (entry) => cleaned.transactionIndex.append(entry);
  // Kept even if empty: it tells where the originals end, also to whoever must finish the swap after a crash.
  const lastOffset = lastOffsetOf(round, group.at(-1)!);
  let isChanged = group.length > 1;
  for (const { baseOffset } of group) {
    eachBatch(round, baseOffset, baseOffset, (batch) => {
      const kept = cleanOne(round, batch, lastOffset);
      isChanged ||= kept !== batch;
      if (kept === null) return true;
      cleaned.stage(kept === batch ? Buffer.from(batch) : kept, job.indexIntervalBytes);
      if (cleaned.size - cleaned.writtenBytes >= writeBytes) writeOut(round, cleaned);
      return true;
    });
  }
  writeOut(round, cleaned);
  finish(fs, cleaned, isChanged);
  if (!isChanged) return null;
  const bytesBefore = group.reduce((bytes, segment) => bytes + segment.sizeBytes, 0);
  return { bases: group.map((segment) => segment.baseOffset), bytesBefore, bytesAfter: cleaned.size };
}

function writeOut(round: Round, cleaned: Segment): void {
  const bytes = cleaned.size - cleaned.writtenBytes;
  cleaned.write();
  round.throttle(bytes);
}

function finish(fs: FileSystem, cleaned: Segment, isWanted: boolean): void {
  if (isWanted) {
    cleaned.seal();
    cleaned.writeIndexes();
    cleaned.syncLog();
    cleaned.syncIndexes();
  }
  cleaned.close();
  if (isWanted) fs.syncDirectory(cleaned.folder);
  else cleaned.removeFiles();
}

function lastOffsetOf(round: Round, { baseOffset }: CleanableSegment): number {
  const segment = new Segment(round.fs, round.job.folder, baseOffset, 0);
  try {
    return segment.loadAll() - 1;
  } finally {
    segment.close();
  }
}

function cleanOne(round: Round, batch: Buffer, lastOfGroup: number): Buffer | null {
  const { job, map, transactions } = round;
  const isControl = batches.isControl(batch);
  const horizonMs = batches.deleteHorizonMs(batch);
  const isOver = horizonMs >= 0 && horizonMs <= job.nowMs;
  const isMarkerOfNothing = isControl && transactions.isMarkerOfNothing(batch);
  const isAborted = !isControl && transactions.isAborted(batch);
  const dropsRecords = isControl ? isMarkerOfNothing && isOver : isAborted;
  round.recordsRead += batches.recordCount(batch);
  const cleaned = cleanBatch(batch, {
    dropsRecords,
    keepsHeader: batches.lastOffset(batch) === lastOfGroup || isLastOfProducer(round, batch, isControl),
    isMarkerOfNothing,
    deleteHorizonMs: job.nowMs + job.deleteRetentionMs,
    keeps: (record) => {
      if (isControl || record.offset > map.latestOffset) return true;
      const key = record.key();
      // A record without a key can never be superseded; a compacted log keeps none.
      if (key === null || record.offset < map.get(key)) return false;
      return record.value() !== null || !isOver;
    },
  });
  if (cleaned !== null) round.recordsKept += batches.recordCount(cleaned);
  return cleaned;
}

/** A producer that may go on needs its last sequence; after a marker, its epoch, which fences the one before it. */
function isLastOfProducer(round: Round, batch: Buffer, isControl: boolean): boolean {
  const last = round.lastRecords.get(batches.producerId(batch));
  if (last === undefined || batches.producerId(batch) < 0) return false;
  return last.lastDataOffset >= 0
    ? last.lastDataOffset === batches.lastOffset(batch)
    : isControl && last.producerEpoch === batches.producerEpoch(batch);
}
