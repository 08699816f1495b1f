/**
 * The writing half of a partition log: where the log ends, what is staged, when a segment is full. Every change of a
 * turn can be taken back until it is written, so that a full disk costs nothing but a refusal.
 */
import { lastOffsetDelta, maxTimestamp } from '../protocol/record-batch.ts';
import { CommitPipeline, type CommitStorage, isDeviceFull } from './commit-pipeline.ts';
import type { LogConfig } from './config.ts';
import { LogError } from './errors.ts';
import { segmentFile, suffixes, writeFile } from './files.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import type { ProducerBatch, ProducerState } from './producer-state.ts';
import { Segment, type SegmentMark } from './segment.ts';
import type { Segments } from './segments.ts';
import type { LogSurroundings, OpenedPartition } from './surroundings.ts';

/** A segment's offsets are stored relative to its base in 31 bits. */
const relativeOffsetMax = 2 ** 31 - 1;

/** A log of this size is read again in well under a millisecond when it is opened. */
export const replayedAtOnceBytes = 64 * 1024;

/** What the log around the writer is told. */
export interface WriterListener {
  /** The high watermark moved. */
  onAdvance(): void;
  onFailed(error: LogError): void;
}

export class LogWriter implements CommitStorage {
  readonly segments: Segments;
  readonly producers: ProducerState;
  readonly epochs: LeaderEpochs;
  readonly pipeline: CommitPipeline;
  /** The next offset to be given out. */
  logEndOffset: number;
  /** The end of what is in the files. */
  writtenEndOffset: number;
  /** Producer snapshots of rolls, by offset, that the next checkpoint makes durable. */
  unsyncedSnapshots: number[] = [];
  /** Appended since the last fdatasync began, for flush.messages. */
  recordsSinceSync = 0;
  /** There may be producer snapshots in the folder. */
  hasSnapshots: boolean;
  readonly #name: string;
  readonly #folder: string;
  readonly #around: LogSurroundings;
  readonly #listener: WriterListener;
  readonly #unsyncedFolders: Set<string>;
  /** The folder of a new partition is made by its first write: most partitions of a new topic stay empty. */
  #makeFolder: (() => void) | null;
  /** State before the first batch of this turn; null while nothing is staged. */
  #mark: SegmentMark | null = null;

  constructor(name: string, opened: OpenedPartition, around: LogSurroundings, listener: WriterListener) {
    this.#name = name;
    this.#folder = opened.folder;
    this.#around = around;
    this.#listener = listener;
    this.segments = opened.segments;
    this.producers = opened.producers;
    this.epochs = opened.epochs;
    this.logEndOffset = opened.logEndOffset;
    this.writtenEndOffset = opened.logEndOffset;
    this.#unsyncedFolders = new Set(opened.unsyncedFolders);
    this.hasSnapshots = opened.hasSnapshots;
    this.#makeFolder = opened.makeFolder;
    this.pipeline = new CommitPipeline(name, this, around.turnEnd);
    this.pipeline.durableOffset = opened.durableOffset;
    this.producers.onHighWatermark(opened.logEndOffset);
  }

  /**
   * Opening reads the whole log anyway, which tells it producers and leader epochs: writing them down would only cost
   * syncs, and ten thousand small partitions make a stop wait for ten thousand of them.
   */
  get isReplayedAtOnce(): boolean {
    const { segments } = this;
    return !this.hasSnapshots && segments.all[0]!.baseOffset === 0 && segments.sizeBytes <= replayedAtOnceBytes;
  }

  /** Nothing waits for the disk. */
  get isIdle(): boolean {
    return !this.pipeline.hasStaged && this.pipeline.durableOffset >= this.logEndOffset;
  }

  /** The partition is new and its folder was not made yet. */
  get isUnwritten(): boolean {
    return this.#makeFolder !== null;
  }

  get needsSnapshot(): boolean {
    if (this.producers.size > 0) return !this.isReplayedAtOnce;
    return this.segments.sizeBytes > replayedAtOnceBytes;
  }

  /** Takes in a batch that has its offset, to be written at the end of the turn. */
  stage(batch: Buffer, producerBatch: ProducerBatch | null, nowMs: number, config: LogConfig): void {
    const active = this.segments.active;
    if (this.#mark === null) {
      this.#mark = active.mark();
      this.producers.begin();
    }
    this.epochs.assign(this.#around.leaderEpoch, this.logEndOffset);
    const ended = producerBatch === null ? null : this.producers.apply(producerBatch, nowMs);
    if (ended?.isAborted) {
      active.transactionIndex.append({ ...ended, lastStableOffset: this.producers.lastStableOffsetAfter(ended) });
    }
    active.stage(batch, config.indexIntervalBytes);
    this.logEndOffset += lastOffsetDelta(batch) + 1;
    this.recordsSinceSync += lastOffsetDelta(batch) + 1;
  }

  /** Begins a new segment where this batch would not fit, in Kafka's sense: by size, age, index or offset. */
  rollIfNeeded(batch: Buffer, nowMs: number, config: LogConfig): void {
    const active = this.segments.active;
    if (active.size === 0) return;
    const timestamp = maxTimestamp(batch);
    const first = active.firstTimestamp ?? -1;
    const ageMs = first >= 0 && timestamp >= 0 ? timestamp - first : nowMs - active.createdMs;
    const lastRelative = this.logEndOffset + lastOffsetDelta(batch) - active.baseOffset;
    const isDue =
      active.size + batch.length > config.segmentBytes ||
      ageMs > segmentMsMax(config) ||
      active.isIndexFull(config.segmentIndexBytes) ||
      lastRelative > relativeOffsetMax;
    if (isDue) this.roll();
  }

  /** Ends the active segment and begins a new one. Throws KAFKA_STORAGE_ERROR; on a full disk nothing has changed. */
  roll(): void {
    this.pipeline.commit();
    if (this.pipeline.failure !== null) throw this.pipeline.failure;
    const active = this.segments.active;
    if (active.size === 0) return;
    const { fs } = this.#around;
    try {
      active.seal();
      active.writeIndexes();
      if (this.needsSnapshot) {
        const snapshot = `${this.#folder}/${segmentFile(this.logEndOffset, suffixes.snapshot)}`;
        writeFile(fs, snapshot, encodeSnapshot(this.producers));
        this.unsyncedSnapshots.push(this.logEndOffset);
        this.hasSnapshots = true;
      }
      const next = new Segment(fs, this.#folder, this.logEndOffset, this.#around.now());
      next.create();
      this.segments.add(next);
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      if (!isDeviceFull(cause)) this.pipeline.fail(cause);
      const message = `A new segment for ${this.#name} cannot be made: ${cause.message}. Free some space; appends go on by themselves.`;
      throw this.pipeline.failure ?? new LogError('KAFKA_STORAGE_ERROR', message, { cause });
    }
  }

  /** The log ends at `offset` from now on; segments and producers were already cut. */
  resetEnd(offset: number): void {
    this.logEndOffset = offset;
    this.writtenEndOffset = offset;
    this.epochs.truncateFromEnd(offset);
    this.pipeline.reset(offset);
    this.producers.onHighWatermark(offset);
  }

  // What the commit pipeline asks for.

  writeStaged(): void {
    const { active } = this.segments;
    // The first write makes the file.
    if (active.writtenBytes === 0) this.#unsyncedFolders.add(this.#folder);
    this.#makeFolder?.();
    this.#makeFolder = null;
    const bytes = active.size - active.writtenBytes;
    active.write();
    this.#around.onWritten(bytes);
    this.writtenEndOffset = this.logEndOffset;
    this.#mark = null;
    this.producers.commit();
  }

  discardStaged(): void {
    if (this.#mark === null) return;
    const mark = this.#mark;
    this.#mark = null;
    this.producers.rollback();
    this.logEndOffset = this.writtenEndOffset;
    this.segments.active.resetTo(mark);
  }

  syncDirty(done: (error: Error | null) => void): void {
    this.recordsSinceSync = 0;
    const dirty = this.segments.all.filter((segment) => segment.isLogDirty);
    let pending = dirty.length + this.#unsyncedFolders.size;
    if (pending === 0) {
      setImmediate(done, null);
      return;
    }
    let failure: Error | null = null;
    const oneDone = (error: Error | null): void => {
      failure ??= error;
      if (--pending === 0) done(failure);
    };
    for (const segment of dirty) {
      segment.isLogDirty = false;
      segment.syncLogLater(oneDone);
    }
    for (const folder of this.#unsyncedFolders) this.#around.folderSyncs.sync(folder, oneDone);
    this.#unsyncedFolders.clear();
  }

  onHighWatermark(highWatermark: number): void {
    this.producers.onHighWatermark(highWatermark);
    this.#listener.onAdvance();
  }

  onFailed(error: LogError): void {
    this.#listener.onFailed(error);
  }
}

/** A compacted record may not stay longer than `max.compaction.lag.ms` in the active segment, which is never cleaned. */
function segmentMsMax(config: LogConfig): number {
  return config.cleanupPolicy.includes('compact')
    ? Math.min(config.segmentMs, config.maxCompactionLagMs)
    : config.segmentMs;
}
