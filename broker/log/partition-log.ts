/**
 * One partition's log: takes batches in, gives them offsets, and reads them back. Steps 5, 6 and 8 of the record's
 * journey meet here. What it is not: it knows no topic's rules beyond {@link LogConfig}, no client, and no other
 * partition; the data directory around it checkpoints and deletes it; what is done to its files beside appending and
 * reading is in partition-upkeep.ts.
 *
 * The files are opened, and after a crash recovered, by the first call that needs them, and may be put away again while
 * nobody writes (`rest`): a partition nobody uses costs nothing but its name. Everything runs on the event loop; only
 * the wait for the device is asynchronous (commit-pipeline.ts).
 */
import * as batches from '../protocol/record-batch.ts';
import { checkAppend } from './append-check.ts';
import type { CleanJob } from './clean-job.ts';
import type { CleanPlan } from './clean-plan.ts';
import { type LogConfig, never, timerMs } from './config.ts';
import { LogError } from './errors.ts';
import { partitionFolder, recordBytes } from './files.ts';
import { abortedTransactions, answer, bytesBetween, findBatches, outOfRange } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { readTopicId } from './meta-properties.ts';
import { PartitionUpkeep, type Resting } from './partition-upkeep.ts';
import { describeProducer } from './producer-batch.ts';
import { recompress } from './recompress.ts';
import type { LogSurroundings, PartitionFiles, PartitionIdentity } from './surroundings.ts';
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

/** The files as they are while somebody uses them. */
interface Opened {
  readonly writer: LogWriter;
  readonly upkeep: PartitionUpkeep;
  /** Where the log ended when somebody last looked whether it is still used. */
  seenEndOffset: number;
}

export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** The epoch of this start of the broker, written into every batch. */
  readonly leaderEpoch: number;
  readonly folder: string;
  readonly #name: string;
  readonly #around: LogSurroundings;
  readonly #listeners = new Set<() => void>();
  #topicId: string | null;
  /** Null until it is needed, because topics are known only after the first logs were opened. */
  #config: LogConfig | null;
  #files: PartitionFiles;
  #opened: Opened | null = null;
  #resting: Resting | null = null;
  /** Closed or deleted while its files were not open. */
  #ended: LogError | null = null;
  #logStartOffset: number;
  #recoveryPoint: number;
  #flushTimer: NodeJS.Timeout | null = null;
  #isClosing = false;
  #isStopped = false;

  /** `topicId` and `config` are looked up when they are first needed, where they are null. */
  constructor(
    identity: PartitionIdentity & { readonly topicId: string | null },
    config: LogConfig | null,
    files: PartitionFiles,
    around: LogSurroundings,
  ) {
    this.topic = identity.topic;
    this.partition = identity.partition;
    this.folder = identity.folder;
    this.leaderEpoch = around.leaderEpoch;
    this.#topicId = identity.topicId;
    this.#name = partitionFolder(identity.topic, identity.partition);
    this.#around = around;
    this.#config = config;
    this.#files = files;
    this.#logStartOffset = files.logStartOffset;
    this.#recoveryPoint = files.recoveryPoint;
  }

  /** Kafka's text form of the topic's UUID (URL-safe base64, 22 characters). */
  get topicId(): string {
    this.#topicId ??= readTopicId(this.#around.fs, this.folder);
    return this.#topicId;
  }
  /** For the data directory alone: a power cut took the file with the id. */
  set topicId(topicId: string) {
    this.#topicId = topicId;
  }
  get config(): LogConfig {
    this.#config ??= this.#around.configOf(this.topic, this.topicId);
    return this.#config;
  }
  /** Its config was asked for or set; else it is looked up when it is needed. */
  get hasConfig(): boolean {
    return this.#config !== null;
  }
  get logStartOffset(): number {
    if (this.#resting === null) this.#open();
    return this.#logStartOffset;
  }
  /** The next offset to be given out; records up to here may not be on disk, nor visible, yet. */
  get logEndOffset(): number {
    return this.#resting === null ? this.#writer.logEndOffset : this.#resting.endOffset;
  }
  /** The end of what is in the files; what lies behind is in memory until the end of this turn. */
  get writtenEndOffset(): number {
    return this.#resting === null ? this.#writer.writtenEndOffset : this.#resting.endOffset;
  }
  /** Consumers see what is below. */
  get highWatermark(): number {
    return this.#resting === null ? this.#writer.pipeline.highWatermark : this.#resting.endOffset;
  }
  /** read_committed consumers see what is below. */
  get lastStableOffset(): number {
    const unstable = this.#resting === null ? this.#writer.producers.firstUnstableOffset() : null;
    if (unstable === null) return this.highWatermark;
    // DeleteRecords may have moved the start into an open transaction.
    return Math.max(this.#logStartOffset, Math.min(unstable, this.highWatermark));
  }
  /** Everything below is on the device and needs no check after a crash. */
  get recoveryPoint(): number {
    return this.#recoveryPoint;
  }
  /** Where the log starts, for the checkpoint; null where it is simply the base of the first segment. Opens nothing. */
  get logStartToKeep(): number | null {
    const first = this.#resting?.firstSegmentOffset ?? this.#opened?.writer.segments.all[0]!.baseOffset ?? 0;
    return this.#logStartOffset > first ? this.#logStartOffset : null;
  }
  /** A write or sync failed for another reason than a full disk. */
  get hasFailed(): boolean {
    return this.#opened !== null && this.#opened.writer.pipeline.failure !== null && !this.#isStopped;
  }
  /** Its files were never looked at since a crash. */
  get isUnchecked(): boolean {
    return this.#opened === null && !this.#files.isClean;
  }
  /** Its files are open. */
  get isOpen(): boolean {
    return this.#opened !== null;
  }
  /** Bytes of all segments' records, for DescribeLogDirs, which asks for every log there is: nothing is opened for it. */
  get sizeBytes(): number {
    if (this.#opened === null && this.#resting === null) return recordBytes(this.#around.fs, this.folder);
    return this.#resting === null ? this.#writer.segments.sizeBytes : this.#resting.sizeBytes;
  }
  /** False once the disk failed or the log was closed: every call throws KAFKA_STORAGE_ERROR. */
  get isOnline(): boolean {
    return this.#ended === null && (this.#opened === null || this.#opened.writer.pipeline.failure === null);
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
    const config = this.config;
    checkAppend(batch, config, options, this.#name, nowMs);
    if (config.compressionType !== 'producer' && options.origin === 'client') {
      batch = recompress(batch, config, this.#name);
    }
    this.#writer.rollIfNeeded(batch, nowMs, config);
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
    const logAppendTimeMs = config.messageTimestampType === 'LogAppendTime' ? nowMs : -1;
    if (logAppendTimeMs >= 0) batches.setLogAppendTime(batch, logAppendTimeMs);
    batches.setOffsetAndEpoch(batch, baseOffset, this.leaderEpoch);
    this.#writer.stage(batch, producerBatch, nowMs, config);
    const hiddenFrom = options.isDecided === true ? this.#writer.logEndOffset : baseOffset;
    this.#writer.pipeline.add(hiddenFrom, this.#writer.logEndOffset, this.#mustSync(options, config), done);
    return { baseOffset, lastOffset, logAppendTimeMs, logStartOffset: this.#logStartOffset, isDuplicate: false };
  }

  /**
   * Reads from the batch that contains `offset`. Throws OFFSET_OUT_OF_RANGE outside [log start, log end]; returns empty
   * records at the high watermark (or last stable offset).
   */
  read(offset: number, maxBytes: number, options: ReadOptions): LogRead {
    this.#assertOnline();
    if (offset < this.logStartOffset || offset > this.logEndOffset) throw outOfRange(this, offset);
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
    if (offset >= upTo || offset < this.logStartOffset) return 0;
    return bytesBetween(this.#writer.segments, offset, upTo);
  }

  /** Calls back whenever the high watermark or last stable offset moved, at most once a turn. Returns: stop calling. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first record with this timestamp or later that a consumer may see, or null. */
  offsetForTimestamp(timestamp: number, isolation: Isolation): TimestampAndOffset | null {
    this.#assertOnline();
    return findTimestamp(this.#writer.segments, timestamp, this.logStartOffset, this.#visibleEnd(isolation));
  }

  /** The record with the highest timestamp (the earliest of equals), or null when the log is empty. */
  offsetForMaxTimestamp(): TimestampAndOffset | null {
    this.#assertOnline();
    return findMaxTimestamp(this.#writer.segments, this.logStartOffset, this.highWatermark);
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
    this.#opened?.writer.producers.expire(this.#around.now(), expirationMs);
  }

  setConfig(config: LogConfig): void {
    this.#config = config;
    if (this.#resting !== null) this.#resting = { ...this.#resting, nextExpiryMs: 0 };
  }

  /** Moves the log start offset up; -1 is the high watermark. Returns the new log start offset, not durable yet. */
  deleteRecords(offset: number): number {
    this.#assertOnline();
    const target = offset === -1 ? this.highWatermark : offset;
    if (target < 0 || target > this.highWatermark) throw outOfRange(this, offset);
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
      const message = `The new start of ${this.#name} cannot be written (${(cause as Error).message}). Try again.`;
      throw new LogError('KAFKA_STORAGE_ERROR', message, { cause });
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
    if (!this.isOnline || this.#around.now() < (this.#resting?.nextExpiryMs ?? 0)) return 0;
    const { config } = this;
    const { upkeep, writer } = this.#open();
    const gone = upkeep.takeExpired(config, this.#logStartOffset);
    if (gone.length === 0) return 0;
    this.#moveLogStart(writer.segments.all[0]!.baseOffset);
    upkeep.removeSegments(gone, config);
    return gone.length;
  }

  /**
   * Puts the files away where nothing was written since the last call: no descriptor is held and no memory but a few
   * numbers. The next call that needs the files opens them again. True when the log rests.
   */
  rest(): boolean {
    if (this.#opened === null) return true;
    const { writer, upkeep, seenEndOffset } = this.#opened;
    const { logEndOffset } = writer;
    this.#opened.seenEndOffset = logEndOffset;
    if (logEndOffset !== seenEndOffset || this.#recoveryPoint !== logEndOffset || this.#isClosing) return false;
    this.#resting = upkeep.putAway(this.config);
    if (this.#resting === null) return false;
    const marks = { recoveryPoint: this.#recoveryPoint, logStartOffset: this.#logStartOffset };
    this.#files = { isNew: writer.isUnwritten, isClean: true, ...marks };
    this.#opened = null;
    return true;
  }

  /**
   * What the cleaner may do now; null when nothing is due. `checkpointed` is how far it came before. Nothing changes
   * until `putCleaned`.
   */
  planCleaning(checkpointed: number | undefined): CleanPlan | null {
    if (!this.isOnline || this.#isClosing || !this.config.cleanupPolicy.includes('compact')) return null;
    const { upkeep } = this.#open();
    const { lastStableOffset } = this;
    return upkeep.planCleaning(this.config, { logStartOffset: this.#logStartOffset, lastStableOffset, checkpointed });
  }

  /** The plan as a job for the cleaner's thread. */
  cleanJob(plan: CleanPlan, limits: Pick<CleanJob, 'dedupeBytes' | 'loadFactor'>): CleanJob {
    return this.#open().upkeep.cleanJob(plan, this.config, limits);
  }

  /**
   * Puts a finished group of the cleaner in its originals' place. False, and nothing has changed, when they are no longer
   * what they were: retention or DeleteRecords was faster, or the log is closed. Throws Node's error of the disk.
   */
  putCleaned(bases: readonly number[]): boolean {
    if (!this.isOnline || this.#isClosing) return false;
    return this.#open().upkeep.putCleaned(bases, this.config);
  }

  /** Cuts the log off at the batch that contains `offset`. Call only when nothing waits for an answer. */
  truncateTo(offset: number): void {
    this.#assertOnline();
    this.#writer.pipeline.commit();
    if (offset >= this.logEndOffset) return;
    if (offset < this.#logStartOffset) throw outOfRange(this, offset);
    const { upkeep } = this.#open();
    this.#recoveryPoint = Math.min(this.#recoveryPoint, upkeep.untouchedBelow(offset));
    this.#around.onRecoveryPointLowered();
    const end = upkeep.truncate(offset);
    if (end < this.#logStartOffset) {
      // The cut batch reached below the start; nothing is left, and the next record gets the cut batch's offset.
      this.#logStartOffset = end;
      void this.#around.onLogStartMoved();
    }
  }

  /** Resolves when everything appended so far is on the device; rejects with KAFKA_STORAGE_ERROR. */
  flush(): Promise<void> {
    this.#assertOnline();
    if (this.#resting !== null) return Promise.resolve();
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
    if (this.#opened === null || !this.isOnline) return this.#recoveryPoint;
    const { upkeep, writer } = this.#opened;
    if (this.#recoveryPoint !== writer.logEndOffset) {
      this.#recoveryPoint = await upkeep.checkpoint(() => this.flush());
    }
    return this.#recoveryPoint;
  }

  /** A clean stop: everything to the device, then no more calls. */
  async close(): Promise<void> {
    if (this.#isStopped) return;
    if (this.isOnline) {
      this.#isClosing = true;
      if (this.#opened !== null && this.#recoveryPoint !== this.logEndOffset) this.#opened.upkeep.seal();
      await this.checkpoint();
      this.#opened?.upkeep.makeIndexFiles();
    }
    this.abandon();
  }

  /** Closes the files and nothing else: for a partition that is deleted, or whose disk failed. */
  abandon(): void {
    this.#isStopped = this.isOnline;
    const message = `The log of ${this.#name} is closed: it was deleted, or the broker stops.`;
    this.#ended = new LogError('KAFKA_STORAGE_ERROR', message);
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    if (this.#opened !== null) {
      this.#opened.writer.pipeline.stop(this.#ended);
      for (const segment of this.#opened.writer.segments.all) segment.close();
    }
    this.#notify();
  }

  /** The writer, its files open. Most calls begin here, so the common case is short. */
  get #writer(): LogWriter {
    return this.#opened === null ? this.#open().writer : this.#opened.writer;
  }

  /** Opens the files unless they are; throws KAFKA_STORAGE_ERROR, and the next call tries again. */
  #open(): Opened {
    if (this.#opened !== null) return this.#opened;
    if (this.#ended !== null) throw this.#ended;
    const found = this.#openFiles();
    const writer = new LogWriter(this.#name, found, this.#around, {
      onAdvance: () => this.#notify(),
      onFailed: (error) => {
        this.#around.onFailed(this.topic, this.partition, error);
        this.#notify();
      },
    });
    const upkeep = new PartitionUpkeep(writer, this.folder, this.#around);
    this.#logStartOffset = found.logStartOffset;
    const isLowered = found.recoveryPoint < this.#recoveryPoint;
    this.#recoveryPoint = found.recoveryPoint;
    this.#resting = null;
    this.#opened = { writer, upkeep, seenEndOffset: found.logEndOffset };
    if (isLowered) this.#around.onRecoveryPointLowered();
    return this.#opened;
  }

  #openFiles() {
    try {
      return this.#around.openFiles(this, this.#files, this.config);
    } catch (cause) {
      const why = (cause as Error).message;
      const message = `The files of ${this.#name} cannot be opened (${why}). Check the disk; it is tried again when the log is used.`;
      throw new LogError('KAFKA_STORAGE_ERROR', message, { cause });
    }
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #assertOnline(): void {
    if (this.#opened === null) {
      if (this.#ended !== null) throw this.#ended;
    } else if (this.#opened.writer.pipeline.failure !== null) throw this.#opened.writer.pipeline.failure;
  }

  #visibleEnd(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.lastStableOffset : this.highWatermark;
  }

  #mustSync(options: AppendOptions, config: LogConfig): boolean {
    if (config.flushMs < never) this.#scheduleFlush(config.flushMs);
    return (options.acks === -1 && this.#around.flushDurable) || this.#writer.recordsSinceSync >= config.flushMessages;
  }

  #scheduleFlush(flushMs: number): void {
    if (this.#flushTimer !== null) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = null;
      // A failed flush has already ended the partition and been reported.
      if (this.isOnline) this.flush().catch(() => {});
    }, timerMs(flushMs));
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
}
