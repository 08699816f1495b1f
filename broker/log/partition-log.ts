/**
 * One partition's log: takes batches in, gives them offsets, and reads them back. Steps 5, 6 and 8 of the record's
 * journey meet here. What it is not: it knows no topic's rules beyond {@link LogConfig}, no client, and no other
 * partition; the data directory around it opens, checkpoints and deletes it.
 *
 * Everything runs on the event loop; only the wait for the device is asynchronous (commit-pipeline.ts).
 */
import * as batches from '../protocol/record-batch.ts';
import { checkAppend } from './append-check.ts';
import type { CleanJob } from './clean-job.ts';
import { type CleanPlan, planCleaning } from './clean-plan.ts';
import { type LogConfig, never, timerMs } from './config.ts';
import { LogError } from './errors.ts';
import { segmentFile, suffixes, untilSynced, writeFile } from './files.ts';
import { abortedTransactions, answer, findBatches } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { describeProducer } from './producer-batch.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import { commitSwap, finishSwap } from './replace-segments.ts';
import { removeSnapshots, replayProducers, truncateSegments } from './replay.ts';
import { countExpired } from './retention.ts';
import type { Segment } from './segment.ts';
import type { LogSurroundings, OpenedPartition } from './surroundings.ts';
import { findMaxTimestamp, findTimestamp } from './timestamp-search.ts';
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

export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's text form of the topic's UUID (URL-safe base64, 22 characters). Set again only by the data directory. */
  topicId: string;
  /** The epoch of this start of the broker, written into every batch. */
  readonly leaderEpoch: number;
  readonly folder: string;
  readonly #name: string;
  readonly #around: LogSurroundings;
  readonly #writer: LogWriter;
  readonly #listeners = new Set<() => void>();
  #config: LogConfig;
  #logStartOffset: number;
  #recoveryPoint: number;
  #flushTimer: NodeJS.Timeout | null = null;
  #isClosing = false;
  #isStopped = false;

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
    this.#logStartOffset = opened.logStartOffset;
    this.#recoveryPoint = opened.recoveryPoint;
    this.#writer = new LogWriter(this.#name, opened, around, {
      onAdvance: () => this.#notify(),
      onFailed: (error) => {
        around.onFailed(this.topic, this.partition, error);
        this.#notify();
      },
    });
  }

  get config(): LogConfig {
    return this.#config;
  }
  get logStartOffset(): number {
    return this.#logStartOffset;
  }
  /** The next offset to be given out; records up to here may not be on disk, nor visible, yet. */
  get logEndOffset(): number {
    return this.#writer.logEndOffset;
  }
  /** Consumers see what is below. */
  get highWatermark(): number {
    return this.#writer.pipeline.highWatermark;
  }
  /** read_committed consumers see what is below. */
  get lastStableOffset(): number {
    const unstable = this.#writer.producers.firstUnstableOffset();
    if (unstable === null) return this.highWatermark;
    // DeleteRecords may have moved the start into an open transaction.
    return Math.max(this.#logStartOffset, Math.min(unstable, this.highWatermark));
  }
  /** Everything below is on the device and needs no check after a crash. */
  get recoveryPoint(): number {
    return this.#recoveryPoint;
  }
  /** Where the oldest segment begins; the log start offset may lie further on. */
  get firstSegmentOffset(): number {
    return this.#writer.segments.all[0]!.baseOffset;
  }
  /** A write or sync failed for another reason than a full disk. */
  get hasFailed(): boolean {
    return this.#writer.pipeline.failure !== null && !this.#isStopped;
  }
  /** Bytes of all segments' records, for DescribeLogDirs. */
  get sizeBytes(): number {
    return this.#writer.segments.sizeBytes;
  }
  /** False once the disk failed or the log was closed: every call throws KAFKA_STORAGE_ERROR. */
  get isOnline(): boolean {
    return this.#writer.pipeline.failure === null;
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
    this.#writer.rollIfNeeded(batch, nowMs, this.#config);
    const baseOffset = this.#writer.logEndOffset;
    const lastOffset = baseOffset + batches.lastOffsetDelta(batch);
    const producerBatch = describeProducer(batch, baseOffset, lastOffset);
    if (producerBatch !== null) {
      // Coordinators write without sequences: there is nothing to recognise a batch of theirs by.
      const same = options.origin === 'client' ? this.#writer.producers.findDuplicate(producerBatch) : null;
      if (same !== null) return this.#answerDuplicate(same, options, done);
      this.#writer.producers.check(producerBatch, {
        origin: options.origin,
        transactionVersion: options.transactionVersion ?? 1,
      });
    }
    const logAppendTimeMs = this.#config.messageTimestampType === 'LogAppendTime' ? nowMs : -1;
    if (logAppendTimeMs >= 0) batches.setLogAppendTime(batch, logAppendTimeMs);
    batches.setOffsetAndEpoch(batch, baseOffset, this.leaderEpoch);
    this.#writer.stage(batch, producerBatch, nowMs, this.#config);
    this.#writer.pipeline.add(baseOffset, this.#writer.logEndOffset, this.#mustSync(options), done);
    return { baseOffset, lastOffset, logAppendTimeMs, logStartOffset: this.#logStartOffset, isDuplicate: false };
  }

  /**
   * Reads from the batch that contains `offset`. Throws OFFSET_OUT_OF_RANGE outside [log start, log end]; returns empty
   * records at the high watermark (or last stable offset).
   */
  read(offset: number, maxBytes: number, options: ReadOptions): LogRead {
    this.#assertOnline();
    if (offset < this.#logStartOffset || offset > this.#writer.logEndOffset) throw this.#outOfRange(offset);
    const isCommitted = options.isolation === 'read_committed';
    const upToOffset = this.#visibleEnd(options.isolation);
    const request = { offset, maxBytes, minOneBatch: options.minOneBatch, upToOffset };
    const found = offset < upToOffset ? findBatches(this.#writer.segments, request, this.#around) : null;
    const aborted = isCommitted
      ? found === null
        ? []
        : abortedTransactions(this.#writer.segments, offset, found.nextOffset)
      : null;
    return answer(this, found, aborted, this.#around.buffers);
  }

  /** Bytes a read from `offset` could return now at most (an estimate, never less than the truth), for min.bytes. */
  bytesAvailable(offset: number, isolation: Isolation): number {
    const upTo = this.#visibleEnd(isolation);
    if (offset >= upTo || offset < this.#logStartOffset) return 0;
    const first = this.#writer.segments.indexFor(offset);
    const last = this.#writer.segments.indexFor(upTo);
    let bytes = -this.#writer.segments.all[first]!.positionOf(offset);
    for (let index = first; index <= last; index++) bytes += this.#writer.segments.all[index]!.writtenBytes;
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
    return findTimestamp(this.#writer.segments, timestamp, this.#logStartOffset, this.#visibleEnd(isolation));
  }

  /** The record with the highest timestamp (the earliest of equals), or null when the log is empty. */
  offsetForMaxTimestamp(): TimestampAndOffset | null {
    this.#assertOnline();
    return findMaxTimestamp(this.#writer.segments, this.#logStartOffset, this.highWatermark);
  }

  /** The end of the largest known epoch not above the asked one, as OffsetForLeaderEpoch wants it. */
  endOffsetForEpoch(epoch: number): EpochEndOffset {
    return this.#writer.epochs.endOffsetFor(epoch, this.leaderEpoch, this.#writer.logEndOffset);
  }

  /** The epoch a record at this offset was written in, or -1. */
  epochForOffset(offset: number): number {
    return this.#writer.epochs.epochFor(offset);
  }

  producers(): readonly ProducerDescription[] {
    return this.#writer.producers.describe();
  }

  /** Forgets producers idle for longer than this (`producer.id.expiration.ms`). */
  expireProducers(expirationMs: number): void {
    this.#writer.producers.expire(this.#around.now(), expirationMs);
  }

  setConfig(config: LogConfig): void {
    this.#config = config;
  }

  /** Moves the log start offset up; -1 is the high watermark. Returns the new log start offset, not durable yet. */
  deleteRecords(offset: number): number {
    this.#assertOnline();
    const target = offset === -1 ? this.highWatermark : offset;
    if (target < 0 || target > this.highWatermark) throw this.#outOfRange(offset);
    this.#moveLogStart(target);
    return this.#logStartOffset;
  }

  /** DeleteRecords: the same, and what is deleted stays so whatever happens after. Rejects with KAFKA_STORAGE_ERROR. */
  async deleteRecordsDurably(offset: number): Promise<number> {
    const start = this.deleteRecords(offset);
    try {
      // Also where nothing moved: an earlier try may have failed.
      await this.#around.onLogStartMoved();
    } catch (cause) {
      const why = (cause as Error).message;
      throw new LogError(
        'KAFKA_STORAGE_ERROR',
        `The new start of ${this.#name} cannot be written (${why}). Try again.`,
        { cause },
      );
    }
    return start;
  }

  /** Ends the active segment now, whatever its size. Throws KAFKA_STORAGE_ERROR. */
  rollNow(): void {
    this.#assertOnline();
    this.#writer.roll();
  }

  /** Deletes the oldest segments by time, size and log start offset. Returns how many. */
  enforceRetention(): number {
    if (!this.isOnline) return 0;
    const expired = countExpired(this.#writer.segments, this.#config, {
      logStartOffset: this.#logStartOffset,
      logEndOffset: this.#writer.logEndOffset,
      highWatermark: this.highWatermark,
      nowMs: this.#around.now(),
    });
    if (expired === 0) return 0;
    if (expired === this.#writer.segments.all.length) this.#writer.roll();
    const gone = this.#writer.segments.takeFirst(expired);
    this.#moveLogStart(this.#writer.segments.all[0]!.baseOffset);
    this.#removeSegments(gone);
    return expired;
  }

  /**
   * What the cleaner may do now; null when nothing is due. `checkpointed` is how far it came before. Nothing changes
   * until `putCleaned`.
   */
  planCleaning(checkpointed: number | undefined): CleanPlan | null {
    if (!this.isOnline || this.#isClosing) return null;
    const state = {
      segments: this.#writer.segments.all,
      logStartOffset: this.#logStartOffset,
      lastStableOffset: this.lastStableOffset,
      nowMs: this.#around.now(),
      checkpointed,
    };
    return planCleaning(state, this.#config);
  }

  /** The plan as a job for the cleaner's thread. */
  cleanJob(plan: CleanPlan, limits: Pick<CleanJob, 'dedupeBytes' | 'loadFactor'>): CleanJob {
    return {
      ...limits,
      folder: this.folder,
      segments: plan.segments.map((segment) => segment.describeForCleaner()),
      firstDirtyOffset: plan.firstDirtyOffset,
      boundOffset: plan.boundOffset,
      aborted: this.#writer.segments.all.flatMap((segment) => segment.transactionIndex.entries()),
      producers: this.#writer.producers.lastRecords(),
      nowMs: this.#around.now(),
      deleteRetentionMs: this.#config.deleteRetentionMs,
      segmentBytes: this.#config.segmentBytes,
      segmentIndexBytes: this.#config.segmentIndexBytes,
      indexIntervalBytes: this.#config.indexIntervalBytes,
    };
  }

  /**
   * Puts a finished group of the cleaner in its originals' place. False, and nothing has changed, when they are no longer
   * what they were: retention or DeleteRecords was faster, or the log is closed. Throws Node's error of the disk.
   */
  putCleaned(bases: readonly number[]): boolean {
    if (!this.isOnline || this.#isClosing) return false;
    const { segments } = this.#writer;
    const first = segments.all.findIndex((segment) => segment.baseOffset === bases[0]);
    const last = segments.all.findIndex((segment) => segment.baseOffset === bases.at(-1));
    if (first < 0 || last < 0 || last >= segments.all.length - 1) return false;
    const originals = segments.all.slice(first, last + 1).filter((segment) => segment.writtenBytes > 0);
    if (originals.length !== bases.length || originals.some((one, at) => one.baseOffset !== bases[at])) return false;
    const { fs } = this.#around;
    commitSwap(fs, this.folder, bases[0]!);
    try {
      segments.replace(first, last - first + 1, finishSwap(fs, this.folder, originals));
    } catch (error) {
      this.#writer.pipeline.fail(error as Error);
      throw error;
    }
    this.#around.removeLater(this.#config.fileDeleteDelayMs, () => {
      for (const segment of originals) segment.removeDeleted();
    });
    return true;
  }

  /** Cuts the log off at the batch that contains `offset`. Call only when nothing waits for an answer. */
  truncateTo(offset: number): void {
    this.#assertOnline();
    this.#writer.pipeline.commit();
    if (offset >= this.#writer.logEndOffset) return;
    if (offset < this.#logStartOffset) throw this.#outOfRange(offset);
    const { segments, producers } = this.#writer;
    this.#recoveryPoint = Math.min(this.#recoveryPoint, segments.all[segments.indexFor(offset)]!.baseOffset);
    this.#around.onRecoveryPointLowered();
    const end = truncateSegments(segments, offset);
    this.#around.fs.syncDirectory(this.folder);
    removeSnapshots(this.#around.fs, this.folder, (at) => at > end);
    replayProducers(this.#around, this.folder, segments, producers, { from: end, to: end });
    this.#writer.resetEnd(end);
    if (end < this.#logStartOffset) {
      // The cut batch reached below the start; nothing is left, and the next record gets the cut batch's offset.
      this.#logStartOffset = end;
      void this.#around.onLogStartMoved();
    }
  }

  /** Resolves when everything appended so far is on the device; rejects with KAFKA_STORAGE_ERROR. */
  flush(): Promise<void> {
    this.#assertOnline();
    if (this.#writer.pipeline.durableOffset >= this.#writer.logEndOffset) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done: AppendDone = (error) => (error === null ? resolve() : reject(error));
      this.#writer.pipeline.add(this.#writer.logEndOffset, this.#writer.logEndOffset, true, done);
    });
  }

  /**
   * Makes all that a start needs durable (indexes, epochs, producer snapshot), so that recovery may begin here.
   * Returns the new recovery point. Called every minute and at a clean stop; never concurrently.
   */
  async checkpoint(): Promise<number> {
    if (!this.isOnline || this.#recoveryPoint === this.#writer.logEndOffset) return this.#recoveryPoint;
    this.#writer.pipeline.commit();
    const point = this.#writer.logEndOffset;
    const snapshot = encodeSnapshot(this.#writer.producers);
    await this.flush();
    const dirty = this.#writer.segments.all.filter((segment) => segment.areIndexesDirty);
    for (const segment of dirty) segment.areIndexesDirty = false;
    try {
      for (const segment of dirty) segment.writeIndexes();
      // All at once: the device gathers what waits for it at the same time.
      const synced = dirty.map((segment) => untilSynced((done) => segment.syncIndexesLater(done)));
      await Promise.all([...synced, this.#writeSnapshot(point, snapshot), this.#writer.epochs.write()]);
    } catch (error) {
      for (const segment of dirty) segment.areIndexesDirty = true;
      throw error;
    }
    this.#recoveryPoint = point;
    return point;
  }

  /** A clean stop: everything to the device, then no more calls. */
  async close(): Promise<void> {
    if (this.#isStopped) return;
    if (this.isOnline) {
      this.#isClosing = true;
      const { active } = this.#writer.segments;
      // Without an index entry a start walks the whole segment anyway, which is short.
      if (active.offsetIndex.file.count > 0) active.seal();
      active.areIndexesDirty = active.size > 0;
      await this.checkpoint();
    }
    this.abandon();
  }

  /** Closes the files and nothing else: for a partition that is deleted, or whose disk failed. */
  abandon(): void {
    this.#isStopped = this.isOnline;
    const message = `The log of ${this.#name} is closed: it was deleted, or the broker stops.`;
    this.#writer.pipeline.stop(new LogError('KAFKA_STORAGE_ERROR', message));
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    for (const segment of this.#writer.segments.all) segment.close();
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #assertOnline(): void {
    if (this.#writer.pipeline.failure !== null) throw this.#writer.pipeline.failure;
  }

  #visibleEnd(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.lastStableOffset : this.highWatermark;
  }

  #mustSync(options: AppendOptions): boolean {
    if (this.#config.flushMs < never) this.#scheduleFlush();
    return (
      (options.acks === -1 && this.#around.flushDurable) || this.#writer.recordsSinceSync >= this.#config.flushMessages
    );
  }

  #scheduleFlush(): void {
    if (this.#flushTimer !== null) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = null;
      // A failed flush has already ended the partition and been reported.
      if (this.isOnline) this.flush().catch(() => {});
    }, timerMs(this.#config.flushMs));
    this.#flushTimer.unref();
  }

  #answerDuplicate(
    same: { baseOffset: number; lastOffset: number },
    options: AppendOptions,
    done: AppendDone,
  ): AppendInfo {
    const mustSync =
      options.acks === -1 && this.#around.flushDurable && same.lastOffset >= this.#writer.pipeline.durableOffset;
    this.#writer.pipeline.add(this.#writer.logEndOffset, this.#writer.logEndOffset, mustSync, done);
    return { ...same, logAppendTimeMs: -1, logStartOffset: this.#logStartOffset, isDuplicate: true };
  }

  #moveLogStart(offset: number): void {
    if (offset <= this.#logStartOffset) return;
    this.#logStartOffset = offset;
    this.#writer.epochs.truncateFromStart(offset);
    void this.#around.onLogStartMoved();
  }

  #removeSegments(gone: readonly Segment[]): void {
    for (const segment of gone) segment.markDeleted();
    this.#around.removeLater(this.#config.fileDeleteDelayMs, () => {
      for (const segment of gone) segment.removeDeleted();
    });
  }

  /** Its checksum makes a torn snapshot harmless, so it needs no rename; an older one is kept until it is safe. */
  async #writeSnapshot(offset: number, bytes: Buffer): Promise<void> {
    const { fs } = this.#around;
    if (this.#writer.needsSnapshot) writeFile(fs, this.#snapshotPath(offset), bytes);
    const fresh = [...this.#writer.unsyncedSnapshots, offset].filter((at) => fs.size(this.#snapshotPath(at)) !== null);
    this.#writer.unsyncedSnapshots = [];
    await Promise.all(fresh.map((at) => this.#syncFile(this.#snapshotPath(at))));
    const bases = new Set(this.#writer.segments.all.map((segment) => segment.baseOffset));
    removeSnapshots(fs, this.folder, (at) => at < offset && !bases.has(at));
  }

  #snapshotPath(offset: number): string {
    return `${this.folder}/${segmentFile(offset, suffixes.snapshot)}`;
  }

  async #syncFile(path: string): Promise<void> {
    const file = this.#around.fs.open(path, 'must-exist');
    try {
      await untilSynced((done) => file.syncLater(done));
    } finally {
      file.close();
    }
  }

  #outOfRange(offset: number): LogError {
    return new LogError(
      'OFFSET_OUT_OF_RANGE',
      `Offset ${offset} is not in the log of ${this.#name}, which holds ${this.#logStartOffset} to ${this.#writer.logEndOffset}.`,
    );
  }
}
