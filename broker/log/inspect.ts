/**
 * Looks at the files of a log without opening it: what `millrace log inspect` and `millrace log dump` print. Changes
 * nothing, and reads what is there even where it is damaged.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readMarker } from '../protocol/control-record.ts';
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import { type BatchRecord, readRecords } from '../protocol/records.ts';
import { scanWindowBytes } from './batch-walker.ts';
import { names, offsetOfFile, parsePartitionFolder, suffixes } from './files.ts';
import { Segment } from './segment.ts';

/** A partition's folder in or below the path somebody named. */
export interface FoundFolder {
  readonly folder: string;
  readonly topic: string;
  readonly partition: number;
}

/** The folder itself if it is a partition's, else the partitions of a data directory; empty when it is neither. */
export function findPartitions(fs: FileSystem, path: string): FoundFolder[] {
  const folder = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const self = parsePartitionFolder(folder.slice(folder.lastIndexOf('/') + 1));
  if (self !== null && isPartition(fs, folder)) return [{ folder, ...self }];
  const found: FoundFolder[] = [];
  for (const name of fs.list(folder)) {
    const parsed = parsePartitionFolder(name);
    if (parsed !== null && isPartition(fs, `${folder}/${name}`)) found.push({ folder: `${folder}/${name}`, ...parsed });
  }
  return found.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/** Other folders may have such names too. */
function isPartition(fs: FileSystem, folder: string): boolean {
  return fs.size(`${folder}/${names.partitionMetadata}`) !== null || segmentBases(fs, folder).length > 0;
}

/** Whether a broker may have the directory open: its lock, or none where it stopped in good order. */
export function mayBeOpen(fs: FileSystem, path: string): boolean {
  return fs.size(`${path}/${names.lock}`) !== null && fs.size(`${path}/${names.cleanShutdown}`) === null;
}

export interface SegmentSummary {
  readonly baseOffset: number;
  /** -1 where the segment is empty. */
  readonly lastOffset: number;
  readonly bytes: number;
  readonly batches: number;
  readonly records: number;
  /** -1 where no record has one. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly firstEpoch: number;
  readonly lastEpoch: number;
  readonly producers: number;
  readonly abortedTransactions: number;
  readonly indexEntries: number;
  readonly timeIndexEntries: number;
  /** Behind the last whole batch. */
  readonly strayBytes: number;
}

export function inspectFolder(fs: FileSystem, folder: string): SegmentSummary[] {
  return segmentBases(fs, folder).map((base) => inspectSegment(fs, folder, base));
}

function inspectSegment(fs: FileSystem, folder: string, base: number): SegmentSummary {
  const segment = new Segment(fs, folder, base, 0);
  const producers = new Set<number>();
  const sum = {
    lastOffset: -1,
    batches: 0,
    records: 0,
    minTimestamp: -1,
    maxTimestamp: -1,
    firstEpoch: -1,
    lastEpoch: -1,
  };
  const walker = segment.walk(0, scanWindowBytes);
  while (walker.read()) {
    const { buffer, at } = walker;
    const first = batches.hasDeleteHorizon(buffer, at)
      ? batches.maxTimestamp(buffer, at)
      : batches.baseTimestamp(buffer, at);
    if (sum.batches === 0) sum.firstEpoch = batches.leaderEpoch(buffer, at);
    sum.batches++;
    sum.records += batches.recordCount(buffer, at);
    sum.lastOffset = batches.lastOffset(buffer, at);
    sum.lastEpoch = batches.leaderEpoch(buffer, at);
    if (first >= 0) sum.minTimestamp = sum.minTimestamp < 0 ? first : Math.min(sum.minTimestamp, first);
    sum.maxTimestamp = Math.max(sum.maxTimestamp, batches.maxTimestamp(buffer, at));
    if (batches.producerId(buffer, at) >= 0) producers.add(batches.producerId(buffer, at));
    walker.advance();
  }
  const summary = {
    baseOffset: base,
    ...sum,
    bytes: segment.writtenBytes,
    producers: producers.size,
    abortedTransactions: segment.transactionIndex.file.count,
    indexEntries: segment.offsetIndex.file.count,
    timeIndexEntries: segment.timeIndex.file.count,
    strayBytes: segment.writtenBytes - walker.position,
  };
  segment.close();
  return summary;
}

export interface DumpedBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly position: number;
  readonly bytes: number;
  readonly records: number;
  /** Of five codecs; null for a number no codec has. */
  readonly codec: string | null;
  readonly leaderEpoch: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
  /** `commit` or `abort` of a control batch, `control` for another one, null for data. */
  readonly marker: string | null;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  readonly maxTimestamp: number;
  /** From when on its tombstones may go, -1 while that is not decided. */
  readonly deleteHorizonMs: number;
  /** What is wrong with it, or null. */
  readonly fault: string | null;
}

/** A batch and, unless it is damaged or a control batch, its records. Key and value are valid until the next one. */
export interface Dumped {
  readonly batch: DumpedBatch;
  readonly records: readonly BatchRecord[];
}

/** All batches of a partition that hold an offset of `from` or later, oldest first. */
export function* dumpFolder(fs: FileSystem, folder: string, from: number, withRecords: boolean): Generator<Dumped> {
  const bases = segmentBases(fs, folder);
  for (const [index, base] of bases.entries()) {
    const next = bases[index + 1];
    if (next !== undefined && next <= from) continue;
    const segment = new Segment(fs, folder, base, 0);
    try {
      const walker = segment.walk(0, scanWindowBytes);
      while (walker.read()) {
        if (batches.lastOffset(walker.buffer, walker.at) >= from)
          yield dumpBatch(walker.load(), walker.position, withRecords);
        walker.advance();
      }
    } finally {
      segment.close();
    }
  }
}

function dumpBatch(batch: Buffer, position: number, withRecords: boolean): Dumped {
  const problem = batches.checkBatch(batch);
  const read =
    problem === null ? readContents(batch, withRecords) : { records: [], marker: null, fault: problem.reason };
  const described: DumpedBatch = {
    baseOffset: batches.baseOffset(batch),
    lastOffset: batches.lastOffset(batch),
    position,
    bytes: batch.length,
    records: batches.recordCount(batch),
    codec: batches.codecOf(batch) ?? null,
    leaderEpoch: batches.leaderEpoch(batch),
    producerId: batches.producerId(batch),
    producerEpoch: batches.producerEpoch(batch),
    baseSequence: batches.baseSequence(batch),
    isTransactional: batches.isTransactional(batch),
    marker: read.marker,
    timestampType: batches.isLogAppendTime(batch) ? 'LogAppendTime' : 'CreateTime',
    maxTimestamp: batches.maxTimestamp(batch),
    deleteHorizonMs: batches.deleteHorizonMs(batch),
    fault: read.fault,
  };
  return { batch: described, records: read.records };
}

function readContents(
  batch: Buffer,
  withRecords: boolean,
): { records: readonly BatchRecord[]; marker: string | null; fault: string | null } {
  try {
    if (batches.isControl(batch)) return { records: [], marker: readMarker(batch)?.type ?? 'control', fault: null };
    return { records: withRecords ? readRecords(batch) : [], marker: null, fault: null };
  } catch (error) {
    if (!(error instanceof ProtocolError) && !(error instanceof RangeError)) throw error;
    return { records: [], marker: null, fault: error.message };
  }
}

function segmentBases(fs: FileSystem, folder: string): number[] {
  return fs
    .list(folder)
    .map((name) => offsetOfFile(name, suffixes.log))
    .filter((base) => base !== null)
    .sort((a, b) => a - b);
}
