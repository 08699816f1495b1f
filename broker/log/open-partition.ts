/**
 * Opens a partition's folder: finishes what a crash interrupted, loads or recovers the segments, and brings the producer
 * state to the log's end. Runs when a partition is first used after a start, or again after its files were put away.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { baseOffset, batchHeaderBytes, lastOffset, leaderEpoch } from '../protocol/record-batch.ts';
import { BatchWalker, scanWindowBytes } from './batch-walker.ts';
import type { LogConfig } from './config.ts';
import { offsetOfFile, suffixes } from './files.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import { replayedAtOnceBytes } from './log-writer.ts';
import { writeTopicId } from './meta-properties.ts';
import { ProducerState } from './producer-state.ts';
import { type Recovered, rebuildIndexes, recoverSegments } from './recovery.ts';
import { type ReplaySurroundings, removeSnapshots, replayProducers, snapshotOffsets } from './replay.ts';
import { Segment } from './segment.ts';
import { Segments } from './segments.ts';
import type { OpenedPartition, PartitionFiles } from './surroundings.ts';

export interface OpenPartitionOptions extends PartitionFiles {
  readonly folder: string;
  readonly config: LogConfig;
  /** A cleaner has been here, so offsets may be missing. */
  readonly hasGaps: boolean;
}

export interface OpenedAndRecovered {
  readonly opened: OpenedPartition;
  readonly recovered: Recovered;
}

export function openPartition(around: ReplaySurroundings, options: OpenPartitionOptions): OpenedAndRecovered {
  const { folder, config } = options;
  tidy(around, folder);
  const segments = new Segments(loadSegments(around, options));
  const epochs = new LeaderEpochs(around.fs, folder);
  const recoveryOptions = {
    recoveryPoint: options.recoveryPoint,
    indexIntervalBytes: config.indexIntervalBytes,
    hasGaps: options.hasGaps,
  };
  const clean = options.isClean ? loadClean(segments, config) : null;
  const recovered = clean ?? recoverSegments(segments, epochs, recoveryOptions);
  const isRecovered = clean === null;
  if (isRecovered) for (const segment of segments.all) loadSealed(segment, segments, config);
  const logStartOffset = Math.max(options.logStartOffset, segments.all[0]!.baseOffset);
  const logEndOffset = startAfresh(around, folder, segments, recovered.logEndOffset, logStartOffset);
  const from = isRecovered ? Math.min(options.recoveryPoint, logEndOffset) : logEndOffset;
  removeSnapshots(around.fs, folder, (offset) => offset > from);
  const producers = new ProducerState();
  replayProducers(around, folder, segments, producers, { from, to: logEndOffset });
  const hasSnapshots = snapshotOffsets(around.fs, folder).length > 0;
  if (!hasSnapshots && segments.sizeBytes <= replayedAtOnceBytes) learnEpochs(segments, epochs);
  epochs.truncateFromEnd(logEndOffset);
  epochs.truncateFromStart(logStartOffset);
  const durableOffset = isRecovered && recovered.reason === null ? from : logEndOffset;
  const opened = { folder, segments, producers, epochs, logStartOffset, logEndOffset, recoveryPoint: from };
  return {
    // Whoever made these files may have been killed, or have stopped, before their names were on the device.
    opened: { ...opened, durableOffset, hasSnapshots, unsyncedFolders: [folder], makeFolder: null },
    recovered: { ...recovered, logEndOffset },
  };
}

/** A new, empty partition, of which nothing is on disk until its first write. */
export function createPartition(
  around: ReplaySurroundings,
  folder: string,
  parent: string,
  topicId: string,
): OpenedPartition {
  return {
    folder,
    segments: new Segments([new Segment(around.fs, folder, 0, around.now(), '', true)]),
    producers: new ProducerState(),
    epochs: new LeaderEpochs(around.fs, folder, true),
    logStartOffset: 0,
    logEndOffset: 0,
    recoveryPoint: 0,
    durableOffset: 0,
    hasSnapshots: false,
    unsyncedFolders: [folder, parent],
    makeFolder: () => {
      around.fs.makeDirectory(folder);
      writeTopicId(around.fs, folder, topicId);
    },
  };
}

/** What `LogWriter.isReplayedAtOnce` leaves out of the checkpoint: every epoch stands in the batches themselves. */
function learnEpochs(segments: Segments, epochs: LeaderEpochs): void {
  const found: { epoch: number; startOffset: number }[] = [];
  for (const segment of segments.all) {
    const walker = segment.walk(0, Math.max(batchHeaderBytes, segment.writtenBytes));
    for (; walker.read(); walker.advance()) {
      const epoch = leaderEpoch(walker.buffer, walker.at);
      if (epoch !== found.at(-1)?.epoch) found.push({ epoch, startOffset: baseOffset(walker.buffer, walker.at) });
    }
  }
  epochs.learn(found);
}

/** Removes what a crash left half done, and finishes swaps: a `.swap` segment is whole and replaces its originals. */
function tidy(around: ReplaySurroundings, folder: string): void {
  const { fs } = around;
  for (const name of fs.list(folder)) {
    if (name.endsWith(suffixes.deleted) || name.endsWith(suffixes.cleaned) || name.endsWith('.tmp')) {
      fs.remove(`${folder}/${name}`);
    }
  }
  const swapped = swapFiles(fs, folder);
  for (const name of swapped) {
    const base = offsetOfFile(name.slice(0, -suffixes.swap.length), suffixes.log);
    if (base !== null) dropReplaced(around, folder, `${folder}/${name}`, base);
  }
  removeOrphans(fs, folder);
  for (const name of swapped) fs.rename(`${folder}/${name}`, `${folder}/${name.slice(0, -suffixes.swap.length)}`);
  if (swapped.length > 0) fs.syncDirectory(folder);
}

/** Indexes whose segment is gone would be taken for those of another one that begins there. */
function removeOrphans(fs: FileSystem, folder: string): void {
  const bases = new Set(logBases(fs, folder));
  for (const name of fs.list(folder)) {
    for (const suffix of [suffixes.index, suffixes.timeIndex, suffixes.transactionIndex]) {
      const base = offsetOfFile(name, suffix);
      if (base !== null && !bases.has(base)) fs.remove(`${folder}/${name}`);
    }
  }
}

/**
 * The files of swaps that must be finished, each segment's records last, as they were to be renamed. Indexes without
 * their records come from a swap that was not decided yet (replace-segments.ts) and are removed.
 */
function swapFiles(fs: FileSystem, folder: string): string[] {
  const found = new Set(fs.list(folder).filter((name) => name.endsWith(suffixes.swap)));
  const isRecords = (name: string) => name.endsWith(suffixes.log + suffixes.swap);
  const wanted: string[] = [];
  for (const name of found) {
    const base = name.slice(0, name.indexOf('.'));
    if (found.has(`${base}${suffixes.log}${suffixes.swap}`)) wanted.push(name);
    else fs.remove(`${folder}/${name}`);
  }
  return wanted.sort((a, b) => Number(isRecords(a)) - Number(isRecords(b)));
}

/** Removes the segments whose records a finished swap holds: those that begin within its offsets. */
function dropReplaced(around: ReplaySurroundings, folder: string, swapPath: string, base: number): void {
  const { fs } = around;
  const bases = logBases(fs, folder);
  // The swap is walked under a name of its own, so that no index of the original is taken for the swap's.
  const bytes = fs.size(swapPath) ?? 0;
  const file = fs.open(swapPath, 'must-exist');
  let next = base;
  try {
    const walker = new BatchWalker(
      { readAt: (target, position) => file.read(target, position) },
      0,
      bytes,
      scanWindowBytes,
    );
    while (walker.read()) {
      next = lastOffset(walker.buffer, walker.at) + 1;
      walker.advance();
    }
  } finally {
    file.close();
  }
  for (const other of bases) {
    if (other < base || other >= next) continue;
    const segment = new Segment(fs, folder, other, around.now());
    segment.markDeleted();
    segment.removeDeleted();
  }
}

function logBases(fs: FileSystem, folder: string): number[] {
  return fs
    .list(folder)
    .map((name) => offsetOfFile(name, suffixes.log))
    .filter((base) => base !== null);
}

function loadSegments(around: ReplaySurroundings, options: OpenPartitionOptions): Segment[] {
  const { fs } = around;
  const bases = logBases(fs, options.folder);
  const segments = bases.map((base) => new Segment(fs, options.folder, base, around.now()));
  if (segments.length > 0) return segments;
  const first = new Segment(fs, options.folder, options.logStartOffset, around.now());
  first.create();
  return [first];
}

/** Loads segments closed in good order; null when the last one does not look like that after all. */
function loadClean(segments: Segments, config: LogConfig): Recovered | null {
  let logEndOffset = 0;
  for (const segment of segments.all) {
    logEndOffset = loadSealed(segment, segments, config);
    if (segment.readableBytes < segment.writtenBytes) return null;
  }
  return { logEndOffset, truncatedBytes: 0, reason: null };
}

/** Returns the offset after the segment's last record. Only the active segment keeps its files open. */
function loadSealed(segment: Segment, segments: Segments, config: LogConfig): number {
  const index = segment.offsetIndex;
  segment.dropStrayBytes();
  // A checkpoint makes no file for an index without entries, and what is this short is walked whole anyway.
  const isLong = segment.writtenBytes > replayedAtOnceBytes || segment !== segments.active;
  const isMissing = isLong && segment.writtenBytes > 0 && !index.file.exists && index.file.count === 0;
  if (isMissing || !index.endsWithin(segment.writtenBytes)) rebuildIndexes(segment, config.indexIntervalBytes);
  const next = segment.loadAll();
  if (segment !== segments.active) segment.close();
  return next;
}

/** Where recovery cut below the log start offset nothing is left to keep: one empty segment begins there. */
function startAfresh(
  around: ReplaySurroundings,
  folder: string,
  segments: Segments,
  logEndOffset: number,
  logStartOffset: number,
): number {
  if (logEndOffset >= logStartOffset) return logEndOffset;
  for (const segment of segments.takeFrom(0)) {
    segment.markDeleted();
    segment.removeDeleted();
  }
  const segment = new Segment(around.fs, folder, logStartOffset, around.now());
  segment.create();
  segments.add(segment);
  return logStartOffset;
}
