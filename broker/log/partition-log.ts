/**
 * One partition's log: takes batches in, gives them offsets, and reads them back. Steps 5, 6 and 8 of the record's
 * journey meet here. What it is not: it knows no topic's rules beyond {@link LogConfig}, no client, and no other
 * partition; the data directory around it opens, checkpoints and deletes it.
 *
 * Everything runs on the event loop; only the wait for the device is asynchronous (commit-pipeline.ts).
 */
import type { FileSystem } from '../fs/file-system.ts';
import * as batches from '../protocol/record-batch.ts';
import { checkAppend } from './append-check.ts';
import { CommitPipeline, type CommitStorage, isDeviceFull } from './commit-pipeline.ts';
import { type LogConfig, never } from './config.ts';
import { LogError } from './errors.ts';
import { segmentFile, suffixes, writeFile } from './files.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { abortedTransactions, answer, findBatches } from './log-reader.ts';
import { describeProducer } from './producer-batch.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import type { ProducerBatch, ProducerState } from './producer-state.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { removeSnapshots, replayProducers, truncateSegments } from './replay.ts';
import { countExpired } from './retention.ts';
import { Segment, type SegmentMark } from './segment.ts';
import type { Segments } from './segments.ts';
import { findMaxTimestamp, findTimestamp } from './timestamp-search.ts';
import type { TurnEnd } from './turn-end.ts';
import type {
  AppendDone,
  AppendInfo,
  AppendOptions,
  EpochEndOffset,
  Isolation,
  LogRead,
  ProducerDescription,
  ReadOptions,
  TimestampAndOffset,
} from './types.ts';

/** A segment's offsets are stored relative to its base in 31 bits. */
const relativeOffsetMax = 2 ** 31 - 1;

/** What the data directory shares with all its logs. */
export interface LogSurroundings {
  readonly fs: FileSystem;
  readonly turnEnd: TurnEnd;
  readonly buffers: ReadBuffers;
  readonly now: () => number;
  /** False is Kafka's way: acks=all waits for the page cache only. */
  readonly flushDurable: boolean;
  /** The epoch of this start of the broker. */
  readonly leaderEpoch: number;
  readonly onFailed: (log: PartitionLog, error: LogError) => void;
  readonly onLogStartMoved: () => void;
  /** Runs after a delay unless the process ends first; reports what it throws. */
  readonly removeLater: (delayMs: number, work: () => void) => void;
}

/** What opening a partition's folder found (open-partition.ts). */
export interface OpenedPartition {
  readonly folder: string;
  readonly segments: Segments;
  readonly producers: ProducerState;
  readonly epochs: LeaderEpochs;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly recoveryPoint: number;
  /** Folders whose entries are not known to be on the device: the partition's own and its parent when it is new. */
  readonly unsyncedFolders: readonly string[];
}

export class PartitionLog implements CommitStorage {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's text form of the topic's UUID (URL-safe base64, 22 characters). Set again only by the data directory. */
  topicId: string;
  /** The epoch of this start of the broker, written into every batch. */
  readonly leaderEpoch: number;
  readonly folder: string;
  readonly #name: string;
  readonly #around: LogSurroundings;
  readonly #segments: Segments;
  readonly #producers: ProducerState;
  readonly #epochs: LeaderEpochs;
  readonly #pipeline: CommitPipeline;
  readonly #listeners = new Set<() => void>();
  #config: LogConfig;
  #logStartOffset: number;
  #logEndOffset: number;
  #writtenEndOffset: number;
  #recoveryPoint: number;
  #unsyncedFolders: Set<string>;
  /** State before the first batch of this turn; null while nothing is staged. */
  #mark: SegmentMark | null = null;
  #recordsSinceSync = 0;
  #flushTimer: NodeJS.Timeout | null = null;
  #isClosing = false;
  #isClosed = false;

  constructor(
    identity: { topic: string; partition: number; topicId: string },
    config: LogConfig,
    opened: OpenedPartition,
    around: LogSurroundings,
  ) {
    this.topic = identity.topic;
    this.partition = identity.partition;
    this.topicId = identity.topicId;
    this.leaderEpoch = around.leaderEpoch;
    this.#name = `${identity.topic}-${identity.partition}`;
    this.#around = around;
    this.#config = config;
    this.folder = opened.folder;
    this.#segments = opened.segments;
    this.#producers = opened.producers;
    this.#epochs = opened.epochs;
    this.#logStartOffset = opened.logStartOffset;
    this.#logEndOffset = opened.logEndOffset;
    this.#writtenEndOffset = opened.logEndOffset;
    this.#recoveryPoint = opened.recoveryPoint;
    this.#unsyncedFolders = new Set(opened.unsyncedFolders);
    this.#pipeline = new CommitPipeline(this.#name, this, around.turnEnd);
    this.#producers.onHighWatermark(this.#logEndOffset);
  }

  get config(): LogConfig {
    return this.#config;
  }
  get logStartOffset(): number {
    return this.#logStartOffset;
  }
  /** The next offset to be given out; records up to here may not be on disk, nor visible, yet. */
  get logEndOffset(): number {
    return this.#logEndOffset;
  }
  /** The end of what is in the files. */
  get writtenEndOffset(): number {
    return this.#writtenEndOffset;
  }
  /** Consumers see what is below. */
  get highWatermark(): number {
    return this.#pipeline.highWatermark;
  }
  /** read_committed consumers see what is below. */
  get lastStableOffset(): number {
    const unstable = this.#producers.firstUnstableOffset();
    return unstable === null ? this.highWatermark : Math.min(unstable, this.highWatermark);
  }
  /** Everything below is on the device and needs no check after a crash. */
  get recoveryPoint(): number {
    return this.#recoveryPoint;
  }
  /** Where the oldest segment begins; the log start offset may lie further on. */
  get firstSegmentOffset(): number {
    return this.#segments.all[0]!.baseOffset;
  }
  /** A write or sync failed for another reason than a full disk. */
  get hasFailed(): boolean {
    return this.#pipeline.failure !== null;
  }
  /** Bytes of all segments' records, for DescribeLogDirs. */
  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }
  /** False once the disk failed or the log was closed: every call throws KAFKA_STORAGE_ERROR. */
  get isOnline(): boolean {
    return this.#pipeline.failure === null && !this.#isClosed;
  }

  /**
   * Appends one record batch (v2). Throws {@link LogError} when it is refused. Otherwise the offset and leader epoch
   * are written into `batch` itself, which belongs to the log until `done`. Bytes are written at the end of this turn
   * of the event loop, together with all others of the turn.
   */
  append(batch: Buffer, options: AppendOptions, done: AppendDone): AppendInfo {
    this.#assertOnline();
    if (this.#isClosing)
      throw new LogError('KAFKA_STORAGE_ERROR', `The broker is stopping; ${this.#name} takes no more records.`);
    const nowMs = this.#around.now();
    checkAppend(batch, this.#config, options.origin, this.#name, nowMs);
    this.#rollIfNeeded(batch, nowMs);
    const baseOffset = this.#logEndOffset;
    const lastOffset = baseOffset + batches.lastOffsetDelta(batch);
    const producerBatch = describeProducer(batch, baseOffset, lastOffset);
    if (producerBatch !== null) {
      const same = this.#producers.findDuplicate(producerBatch);
      if (same !== null) return this.#answerDuplicate(same, options, done);
      this.#producers.check(producerBatch, {
        origin: options.origin,
        transactionVersion: options.transactionVersion ?? 1,
      });
    }
    const logAppendTimeMs = this.#config.messageTimestampType === 'LogAppendTime' ? nowMs : -1;
    if (logAppendTimeMs >= 0) batches.setLogAppendTime(batch, logAppendTimeMs);
    batches.setOffsetAndEpoch(batch, baseOffset, this.leaderEpoch);
    this.#stage(batch, producerBatch, lastOffset, nowMs);
    this.#pipeline.add(baseOffset, this.#logEndOffset, this.#mustSync(options, lastOffset + 1 - baseOffset), done);
    return { baseOffset, lastOffset, logAppendTimeMs, logStartOffset: this.#logStartOffset, isDuplicate: false };
  }

  /**
   * Reads from the batch that contains `offset`. Throws OFFSET_OUT_OF_RANGE outside [log start, log end]; returns empty
   * records at the high watermark (or last stable offset).
   */
  read(offset: number, maxBytes: number, options: ReadOptions): LogRead {
    this.#assertOnline();
    if (offset < this.#logStartOffset || offset > this.#logEndOffset) throw this.#outOfRange(offset);
    const isCommitted = options.isolation === 'read_committed';
    const upToOffset = this.#visibleEnd(options.isolation);
    const request = { offset, maxBytes, minOneBatch: options.minOneBatch, upToOffset };
    const found = offset < upToOffset ? findBatches(this.#segments, request, this.#around.buffers) : null;
    const aborted = isCommitted
      ? found === null
        ? []
        : abortedTransactions(this.#segments, offset, found.nextOffset)
      : null;
    return answer(this, found, aborted, this.#around.buffers);
  }

  /** Bytes a read from `offset` could return now at most (an estimate, never less than the truth), for min.bytes. */
  bytesAvailable(offset: number, isolation: Isolation): number {
    const upTo = this.#visibleEnd(isolation);
    if (offset >= upTo || offset < this.#logStartOffset) return 0;
    const first = this.#segments.indexFor(offset);
    const last = this.#segments.indexFor(upTo);
    let bytes = -this.#segments.all[first]!.positionOf(offset);
    for (let index = first; index <= last; index++) bytes += this.#segments.all[index]!.writtenBytes;
    return bytes;
  }

  /** Calls back whenever the high watermark or last stable offset moved, at most once a turn. Returns: stop calling. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first record with this timestamp or later that a consumer may see, or null. */
  offsetForTimestamp(timestamp: number, isolation: Isolation): TimestampAndOffset | null {
    this.#assertOnline();
    return findTimestamp(this.#segments, timestamp, this.#logStartOffset, this.#visibleEnd(isolation));
  }

  /** The record with the highest timestamp (the earliest of equals), or null when the log is empty. */
  offsetForMaxTimestamp(): TimestampAndOffset | null {
    this.#assertOnline();
    return findMaxTimestamp(this.#segments, this.#logStartOffset, this.highWatermark);
  }

  /** The end of the largest known epoch not above the asked one, as OffsetForLeaderEpoch wants it. */
  endOffsetForEpoch(epoch: number): EpochEndOffset {
    return this.#epochs.endOffsetFor(epoch, this.leaderEpoch, this.#logEndOffset);
  }

  /** The epoch a record at this offset was written in, or -1. */
  epochForOffset(offset: number): number {
    return this.#epochs.epochFor(offset);
  }

  producers(): readonly ProducerDescription[] {
    return this.#producers.describe();
  }

  /** Forgets producers idle for longer than this (`producer.id.expiration.ms`). */
  expireProducers(expirationMs: number): void {
    this.#producers.expire(this.#around.now(), expirationMs);
  }

  setConfig(config: LogConfig): void {
    this.#config = config;
  }

  /** Moves the log start offset up (DeleteRecords); -1 is the high watermark. Returns the new log start offset. */
  deleteRecords(offset: number): number {
    this.#assertOnline();
    const target = offset === -1 ? this.highWatermark : offset;
    if (target < 0 || target > this.highWatermark) throw this.#outOfRange(offset);
    this.#moveLogStart(target);
    return this.#logStartOffset;
  }

  /** Deletes the oldest segments by time, size and log start offset. Returns how many. */
  enforceRetention(): number {
    if (!this.isOnline) return 0;
    const expired = countExpired(this.#segments, this.#config, {
      logStartOffset: this.#logStartOffset,
      logEndOffset: this.#logEndOffset,
      highWatermark: this.highWatermark,
      nowMs: this.#around.now(),
    });
    if (expired === 0) return 0;
    if (expired === this.#segments.all.length) this.#roll();
    const gone = this.#segments.takeFirst(expired);
    this.#moveLogStart(this.#segments.all[0]!.baseOffset);
    this.#removeSegments(gone);
    return expired;
  }

  /** Cuts the log off at `offset`: everything from there on is gone. Call only when nothing waits for an answer. */
  truncateTo(offset: number): void {
    this.#assertOnline();
    this.#pipeline.commit();
    if (offset >= this.#logEndOffset) return;
    if (offset < this.#logStartOffset) throw this.#outOfRange(offset);
    truncateSegments(this.#segments, offset);
    removeSnapshots(this.#around.fs, this.folder, (at) => at > offset);
    replayProducers(this.#around, this.folder, this.#segments, this.#producers, { from: offset, to: offset });
    this.#epochs.truncateFromEnd(offset);
    this.#logEndOffset = offset;
    this.#writtenEndOffset = offset;
    this.#recoveryPoint = Math.min(this.#recoveryPoint, offset);
    this.#pipeline.reset(offset);
    this.#producers.onHighWatermark(offset);
  }

  /** Resolves when everything appended so far is on the device; rejects with KAFKA_STORAGE_ERROR. */
  flush(): Promise<void> {
    this.#assertOnline();
    if (this.#pipeline.durableOffset >= this.#logEndOffset) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done: AppendDone = (error) => (error === null ? resolve() : reject(error));
      this.#pipeline.add(this.#logEndOffset, this.#logEndOffset, true, done);
    });
  }

  /**
   * Makes all that a start needs durable (indexes, epochs, producer snapshot), so that recovery may begin here.
   * Returns the new recovery point. Called every minute and at a clean stop; never concurrently.
   */
  async checkpoint(): Promise<number> {
    if (!this.isOnline || this.#recoveryPoint === this.#logEndOffset) return this.#recoveryPoint;
    this.#pipeline.commit();
    const point = this.#logEndOffset;
    const snapshot = encodeSnapshot(this.#producers);
    await this.flush();
    const dirty = this.#segments.all.filter((segment) => segment.areIndexesDirty);
    for (const segment of dirty) segment.areIndexesDirty = false;
    try {
      for (const segment of dirty) segment.writeIndexes();
      await Promise.all(dirty.map((segment) => untilSynced((done) => segment.syncIndexesLater(done))));
      await this.#writeSnapshot(point, snapshot);
      this.#epochs.write();
    } catch (error) {
      for (const segment of dirty) segment.areIndexesDirty = true;
      throw error;
    }
    this.#recoveryPoint = point;
    return point;
  }

  /** A clean stop: everything to the device, then no more calls. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    if (this.isOnline) {
      this.#isClosing = true;
      this.#segments.active.seal();
      this.#segments.active.areIndexesDirty = true;
      await this.checkpoint();
    }
    this.abandon();
  }

  /** Closes the files and nothing else: for a partition that is deleted, or whose disk failed. */
  abandon(): void {
    this.#isClosed = true;
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    for (const segment of this.#segments.all) segment.close();
    for (const listener of [...this.#listeners]) listener();
  }

  // What the commit pipeline asks for.

  writeStaged(): void {
    this.#segments.active.write();
    this.#writtenEndOffset = this.#logEndOffset;
    this.#mark = null;
    this.#producers.commit();
  }

  discardStaged(): void {
    if (this.#mark === null) return;
    const mark = this.#mark;
    this.#mark = null;
    this.#producers.rollback();
    this.#logEndOffset = this.#writtenEndOffset;
    this.#segments.active.resetTo(mark);
  }

  syncDirty(done: (error: Error | null) => void): void {
    this.#recordsSinceSync = 0;
    const dirty = this.#segments.all.filter((segment) => segment.isLogDirty);
    try {
      for (const folder of this.#unsyncedFolders) this.#around.fs.syncDirectory(folder);
      this.#unsyncedFolders.clear();
    } catch (error) {
      setImmediate(done, error as Error);
      return;
    }
    if (dirty.length === 0) {
      setImmediate(done, null);
      return;
    }
    let pending = dirty.length;
    let failure: Error | null = null;
    for (const segment of dirty) {
      segment.isLogDirty = false;
      segment.syncLogLater((error) => {
        failure ??= error;
        if (--pending === 0) done(failure);
      });
    }
  }

  onHighWatermark(highWatermark: number): void {
    this.#producers.onHighWatermark(highWatermark);
    for (const listener of [...this.#listeners]) listener();
  }

  onFailed(error: LogError): void {
    this.#around.onFailed(this, error);
    for (const listener of [...this.#listeners]) listener();
  }

  #assertOnline(): void {
    if (this.#pipeline.failure !== null) throw this.#pipeline.failure;
    if (this.#isClosed) throw new LogError('KAFKA_STORAGE_ERROR', `The log of ${this.#name} is closed.`);
  }

  #visibleEnd(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.lastStableOffset : this.highWatermark;
  }

  #mustSync(options: AppendOptions, records: number): boolean {
    this.#recordsSinceSync += records;
    if (this.#config.flushMs < never) this.#scheduleFlush();
    return (options.acks === -1 && this.#around.flushDurable) || this.#recordsSinceSync >= this.#config.flushMessages;
  }

  #scheduleFlush(): void {
    if (this.#flushTimer !== null) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = null;
      // A failed flush has already ended the partition and been reported.
      if (this.isOnline) this.flush().catch(() => {});
    }, this.#config.flushMs);
    this.#flushTimer.unref();
  }

  #answerDuplicate(
    same: { baseOffset: number; lastOffset: number },
    options: AppendOptions,
    done: AppendDone,
  ): AppendInfo {
    const mustSync =
      options.acks === -1 && this.#around.flushDurable && same.lastOffset >= this.#pipeline.durableOffset;
    this.#pipeline.add(this.#logEndOffset, this.#logEndOffset, mustSync, done);
    return { ...same, logAppendTimeMs: -1, logStartOffset: this.#logStartOffset, isDuplicate: true };
  }

  #stage(batch: Buffer, producerBatch: ProducerBatch | null, lastOffset: number, nowMs: number): void {
    const active = this.#segments.active;
    if (this.#mark === null) {
      this.#mark = active.mark();
      this.#producers.begin();
    }
    this.#epochs.assign(this.leaderEpoch, this.#logEndOffset);
    if (producerBatch !== null) {
      const ended = this.#producers.apply(producerBatch, nowMs);
      if (ended?.isAborted) {
        active.transactionIndex.append({ ...ended, lastStableOffset: this.#producers.lastStableOffsetAfter(ended) });
      }
    }
    active.stage(batch, this.#config.indexIntervalBytes);
    this.#logEndOffset = lastOffset + 1;
  }

  #rollIfNeeded(batch: Buffer, nowMs: number): void {
    const active = this.#segments.active;
    if (active.size === 0) return;
    const config = this.#config;
    const timestamp = batches.maxTimestamp(batch);
    const first = active.firstTimestamp ?? -1;
    const ageMs = first >= 0 && timestamp >= 0 ? timestamp - first : nowMs - active.createdMs;
    const lastRelative = this.#logEndOffset + batches.lastOffsetDelta(batch) - active.baseOffset;
    const isDue =
      active.size + batch.length > config.segmentBytes ||
      ageMs > config.segmentMs ||
      active.isIndexFull(config.segmentIndexBytes) ||
      lastRelative > relativeOffsetMax;
    if (isDue) this.#roll();
  }

  /** Ends the active segment and begins a new one. Throws KAFKA_STORAGE_ERROR; on a full disk nothing has changed. */
  #roll(): void {
    this.#pipeline.commit();
    this.#assertOnline();
    const active = this.#segments.active;
    if (active.size === 0) return;
    try {
      active.seal();
      active.writeIndexes();
      writeFile(
        this.#around.fs,
        `${this.folder}/${segmentFile(this.#logEndOffset, suffixes.snapshot)}`,
        encodeSnapshot(this.#producers),
      );
      const next = new Segment(this.#around.fs, this.folder, this.#logEndOffset, this.#around.now());
      next.create();
      this.#segments.add(next);
      this.#unsyncedFolders.add(this.folder);
    } catch (error) {
      if (!isDeviceFull(error as NodeJS.ErrnoException)) this.#pipeline.fail(error as Error);
      throw new LogError(
        'KAFKA_STORAGE_ERROR',
        `A new segment for ${this.#name} cannot be made: ${(error as Error).message}.`,
        {
          cause: error,
        },
      );
    }
  }

  #moveLogStart(offset: number): void {
    if (offset <= this.#logStartOffset) return;
    this.#logStartOffset = offset;
    this.#epochs.truncateFromStart(offset);
    this.#around.onLogStartMoved();
  }

  #removeSegments(gone: readonly Segment[]): void {
    for (const segment of gone) segment.markDeleted();
    this.#around.removeLater(this.#config.fileDeleteDelayMs, () => {
      for (const segment of gone) segment.removeDeleted();
    });
  }

  /** Its checksum makes a torn snapshot harmless, so it needs no rename; an older one is kept until it is safe. */
  async #writeSnapshot(offset: number, bytes: Buffer): Promise<void> {
    const file = this.#around.fs.open(`${this.folder}/${segmentFile(offset, suffixes.snapshot)}`, 'create');
    try {
      file.truncate(0);
      file.write([bytes], 0);
      await untilSynced((done) => file.syncLater(done));
    } finally {
      file.close();
    }
    const bases = new Set(this.#segments.all.map((segment) => segment.baseOffset));
    removeSnapshots(this.#around.fs, this.folder, (at) => at < offset && !bases.has(at));
  }

  #outOfRange(offset: number): LogError {
    return new LogError(
      'OFFSET_OUT_OF_RANGE',
      `Offset ${offset} is not in the log of ${this.#name}, which holds ${this.#logStartOffset} to ${this.#logEndOffset}.`,
    );
  }
}

function untilSynced(sync: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => sync((error) => (error === null ? resolve() : reject(error))));
}
