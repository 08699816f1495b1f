/**
 * A data directory: the partition logs in it, its lock, its checkpoints, and what happens at a start. Laid out as
 * Kafka lays out a log.dirs entry; FORMAT.md shows it whole.
 *
 * A start reads names and checkpoints only; a log's files are opened, and after a crash recovered, when it is first used,
 * and the caretaker comes round to the others afterwards. Only logs with much to read after a crash are opened at once.
 *
 * The broker opens one at its start, asks it for logs, and closes it at its stop. Not safe to use from two threads.
 */
import { boundedFiles } from '../fs/bounded-files.ts';
import { disk } from '../fs/disk.ts';
import type { FileSystem } from '../fs/file-system.ts';
import { Caretaker } from './caretaker.ts';
import { parseOffset, readCheckpoint, readPartitionOffsets, writeCheckpoint } from './checkpoint-file.ts';
import { type CleanRunner, inlineRunner, ThreadRunner } from './clean-runner.ts';
import { type CleanerConfig, defaultCleanerConfig } from './cleaner-config.ts';
import { ColdReads } from './cold-reads.ts';
import { defaultLogConfig, type LogConfig, timerMs } from './config.ts';
import { type LockHolder, lockDirectory, thisProcess } from './directory-lock.ts';
import {
  names,
  offsetOfFile,
  parsePartitionFolder,
  partitionFolder,
  recordBytes,
  replaceFile,
  suffixes,
} from './files.ts';
import { FolderSyncs } from './folder-syncs.ts';
import { LogCleaner } from './log-cleaner.ts';
import { loadMetaProperties, randomId, writeTopicId, zeroTopicId } from './meta-properties.ts';
import { OffsetCheckpoints } from './offset-checkpoints.ts';
import { createPartition, type OpenPartitionOptions, openPartition } from './open-partition.ts';
import { PartitionLog } from './partition-log.ts';
import { ReadBuffers } from './read-buffers.ts';
import { atATime, WorkQueue } from './slow-work.ts';
import type { LogSurroundings, OpenedPartition, PartitionFiles, PartitionIdentity } from './surroundings.ts';
import { TurnEnd } from './turn-end.ts';
import type { RecoveryReport } from './types.ts';

/** Kafka's defaults. */
const defaultIntervals: LogIntervals = {
  checkpointMs: 60 * 1000,
  retentionMs: 5 * 60 * 1000,
  producerExpirationMs: 24 * 60 * 60 * 1000,
};
/** The epoch is an int32 on the wire. */
const leaderEpochMax = 2 ** 31 - 1;
/** Marks the folder of a deleted partition until it is removed (Kafka's). */
const deletedFolderSuffix = '-delete';
/** A folder's name may have 255 bytes; this much of it is left for the mark. */
const folderNameMax = 200;
/** After a crash a log with more than this to read is recovered before anybody is served: the rest takes some milliseconds. */
const recoveredLaterBytes = 4 * 1024 * 1024;
/** So much is written between two checkpoints at most: what a start after a crash must read is limited by it. */
const uncheckedBytesMax = 512 * 1024 * 1024;
/** Nothing is deleted sooner after a start (Kafka's `log.initial.task.delay.ms`). */
const firstRetentionMs = 30 * 1000;
/** A stop takes no longer, so that nobody kills it: what is not synced by then is what a crash would leave. */
const closeMsMax = 5 * 1000;
/** Logs whose syncs are asked for at the same time; the device gathers them. */
const syncedAtATime = 32;

export interface LogDirectoryOptions {
  readonly path: string;
  readonly fs: FileSystem;
  /** Written into meta.properties when the directory is new, compared when it is not. */
  readonly nodeId: number;
  /** Told to whoever finds the directory locked, for example `127.0.0.1:9092`. */
  readonly address: string;
  readonly now: () => number;
  readonly logger: Logger;
  /** Config of a topic, asked when its logs are opened; undefined is the default. */
  readonly configOf?: (topic: string) => LogConfig | undefined;
  /** False is Kafka's way: acks=all waits for the page cache only. */
  readonly flushDurable?: boolean;
  /** Kafka's defaults when absent, as of `cleaner`. */
  readonly intervals?: LogIntervals;
  readonly cleaner?: CleanerConfig;
  /** How many files may be held open; half of what the process may open when absent, 2,048 at most. */
  readonly openFilesMax?: number;
  /** Whether the holder of a lock still runs; for tests. */
  readonly isAlive?: (holder: LockHolder) => boolean;
}

/** How often what is done, and how long idle producers are remembered. */
export interface LogIntervals {
  /** `log.flush.offset.checkpoint.interval.ms`. */
  readonly checkpointMs: number;
  /** `log.retention.check.interval.ms`. */
  readonly retentionMs: number;
  /** `producer.id.expiration.ms`. */
  readonly producerExpirationMs: number;
}

export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export class LogDirectory {
  /** Made at the first start, kept in meta.properties (Kafka's text form of a UUID). */
  readonly clusterId: string;
  readonly directoryId: string;
  /** Grows with every start; what batches are stamped with. */
  readonly leaderEpoch: number;
  /** What recovery has cut since this start, in logs used so far; empty when nothing was. */
  readonly recovered: RecoveryReport[] = [];
  readonly cleaner: LogCleaner;
  readonly #options: LogDirectoryOptions;
  readonly #logs = new Map<string, PartitionLog>();
  readonly #turnEnd = new TurnEnd();
  readonly #checkpoints: OffsetCheckpoints;
  readonly #around: LogSurroundings;
  readonly #caretaker: Caretaker;
  readonly #removals = new WorkQueue();
  /** Folders of partitions deleted before this start, to be removed when there is time. */
  readonly #leftovers: readonly string[];
  readonly #unlock: () => void;
  #configOf: ((topic: string, topicId: string) => LogConfig | undefined) | null = null;
  #timers: NodeJS.Timeout[] = [];
  #checkpointing: Promise<void> | null = null;
  #uncheckedBytes = 0;
  #isClosed = false;

  /** Locks and reads the directory. Throws LogDirectoryError when another process holds it. */
  static open(options: LogDirectoryOptions): LogDirectory {
    options.fs.makeDirectory(options.path);
    const holder = thisProcess(options.address, options.now());
    const unlock = lockDirectory(options.fs, options.path, holder, options.isAlive);
    try {
      return new LogDirectory(options, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  private constructor(options: LogDirectoryOptions, unlock: () => void) {
    const { path } = options;
    // A disk in memory is out of another thread's sight.
    const cleaner = options.cleaner ?? defaultCleanerConfig;
    const runner = options.fs === disk ? new ThreadRunner(cleaner) : inlineRunner(options.fs);
    const fs = boundedFiles(options.fs, options.openFilesMax);
    this.#options = { ...options, fs, cleaner };
    this.#unlock = unlock;
    const meta = loadMetaProperties(fs, path, options.nodeId, options.now());
    this.clusterId = meta.clusterId;
    this.directoryId = meta.directoryId;
    const isClean = fs.size(`${path}/${names.cleanShutdown}`) !== null;
    const checkpointing = { fs, path, logs: this.#logs, turnEnd: this.#turnEnd, logger: options.logger };
    this.#checkpoints = new OffsetCheckpoints(checkpointing);
    const found = findPartitions(fs, path, isClean, this.#checkpoints);
    this.#leftovers = found.deleted;
    this.leaderEpoch = this.#nextLeaderEpoch(found);
    this.#around = this.#surroundings();
    for (const { files, ...identity } of found.partitions) {
      const log = new PartitionLog({ ...identity, topicId: null }, null, files, this.#around);
      this.#logs.set(partitionFolder(identity.topic, identity.partition), log);
    }
    this.cleaner = this.#makeCleaner(runner, found.cleaned);
    const { intervals = defaultIntervals, logger } = options;
    this.#caretaker = new Caretaker({ logs: this.#logs, intervals, logger });
    if (!isClean) this.#openLongest();
    // From here on the files change, so a crash must be noticed.
    fs.remove(`${path}/${names.cleanShutdown}`);
    fs.syncDirectory(path);
  }

  /** All logs, by `topic-partition`. */
  get logs(): ReadonlyMap<string, PartitionLog> {
    return this.#logs;
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(partitionFolder(topic, partition));
  }

  /** Makes the log; one that exists is returned if the topic id is the same, and replaced if not. */
  create(topic: string, partition: number, topicId: string, config: LogConfig): PartitionLog {
    const existing = this.get(topic, partition);
    if (existing?.topicId === topicId) return existing;
    if (existing?.topicId === zeroTopicId) {
      existing.topicId = topicId;
      writeTopicId(this.#options.fs, existing.folder, topicId);
      return existing;
    }
    if (existing !== undefined) this.delete([existing]);
    const name = partitionFolder(topic, partition);
    const folder = `${this.#options.path}/${name}`;
    // Offsets of a partition of that name that was deleted must not be taken for those of the new one.
    if (this.#checkpoints.names(name)) this.#checkpoints.write();
    const files = { isNew: true, isClean: true, recoveryPoint: 0, logStartOffset: 0 };
    const log = new PartitionLog({ topic, partition, folder, topicId }, config, files, this.#around);
    this.#logs.set(name, log);
    return log;
  }

  /** Renames the partitions' folders out of the way at once and removes them after `file.delete.delay.ms`. */
  delete(logs: readonly PartitionLog[]): void {
    const { fs, path } = this.#options;
    for (const log of logs) {
      const name = partitionFolder(log.topic, log.partition);
      const delayMs = log.config.fileDeleteDelayMs;
      log.abandon();
      this.#logs.delete(name);
      this.cleaner.forget(log.topic, log.partition);
      if (fs.size(log.folder) === null) continue;
      const aside = `${path}/${name.slice(0, folderNameMax)}.${randomId()}${deletedFolderSuffix}`;
      fs.rename(log.folder, aside);
      this.#around.removeLater(delayMs, () => fs.remove(aside));
    }
    fs.syncDirectory(path);
  }

  /** Who knows the topics' configs; asked when a log is opened whose config nobody has set. */
  useConfigOf(configOf: (topic: string, topicId: string) => LogConfig | undefined): void {
    this.#configOf = configOf;
    // Logs with much to recover were opened before anybody knew their topics.
    for (const log of this.#logs.values()) {
      const known = log.hasConfig ? configOf(log.topic, log.topicId) : undefined;
      if (known !== undefined) log.setConfig(known);
    }
  }

  /** Opens, and after a crash recovers, everything at once: for who must know that all is whole. */
  openAll(): void {
    for (const log of this.#logs.values()) void log.logEndOffset;
  }

  /**
   * Begins the regular work: checkpoints every minute, retention every five, compaction when it is due. `onOpened` is shown
   * every log of before this start once, its files open.
   */
  start(onOpened: (log: PartitionLog) => void = () => {}): void {
    const { intervals = defaultIntervals } = this.#options;
    this.cleaner.start();
    for (const folder of this.#leftovers) this.#around.removeLater(0, () => this.#options.fs.remove(folder));
    void this.#caretaker.openAll(onOpened);
    const firstRoundMs = Math.min(firstRetentionMs, intervals.retentionMs);
    this.#timers = [
      setInterval(() => void this.writeCheckpoints(), timerMs(intervals.checkpointMs)),
      setTimeout(() => void this.#caretaker.tendAll(), timerMs(firstRoundMs)),
      setInterval(() => void this.#caretaker.tendAll(), timerMs(intervals.retentionMs)),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Deletes old segments of every log, forgets idle producers, puts idle logs away. Never rejects. */
  enforceRetention(): Promise<void> {
    return this.#caretaker.tendAll();
  }

  /** Makes indexes and producer state durable and moves the recovery points up to there. Never rejects. */
  writeCheckpoints(): Promise<void> {
    this.#checkpointing ??= this.#checkpointAll().finally(() => {
      this.#checkpointing = null;
    });
    return this.#checkpointing;
  }

  space(): { readonly totalBytes: number; readonly freeBytes: number } {
    return this.#options.fs.space(this.#options.path);
  }

  /**
   * Everything to the device, then the clean-shutdown mark and the lock. Appends are refused from the first moment.
   * Without the mark (a log's disk failed) the next start recovers.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#checkpoints.close();
    for (const timer of this.#timers) clearInterval(timer);
    await this.cleaner.stop();
    await this.#caretaker.stop();
    await this.#checkpointing;
    const isInTime = await this.#closeLogs();
    const isWhole = this.#checkpoints.tryWrite() && isInTime;
    const areSound = [...this.#logs.values()].every((log) => !log.hasFailed && !log.isUnchecked);
    if (isWhole && areSound) {
      const mark = JSON.stringify({ version: 0, brokerEpoch: -1 });
      replaceFile(this.#options.fs, this.#options.path, names.cleanShutdown, Buffer.from(mark));
    }
    this.#unlock();
  }

  /** False where something is not as it should be for a clean stop: a disk failed, or time is up. */
  async #closeLogs(): Promise<boolean> {
    const deadline = performance.now() + closeMsMax;
    let left = 0;
    const failures = await atATime(syncedAtATime, this.#logs.values(), async (log) => {
      if (performance.now() < deadline || !log.isOpen) return log.close();
      left++;
      log.abandon();
    });
    if (left > 0) {
      const message = `${left} logs were left to the next start, which will check the ends of them: the disk is slow.`;
      this.#options.logger.warn({ left }, message);
    }
    return failures.length === 0 && left === 0;
  }

  async #checkpointAll(): Promise<void> {
    this.#uncheckedBytes = 0;
    const open = [...this.#logs.values()].filter((log) => log.isOpen);
    await atATime(syncedAtATime, open, async (log) => {
      try {
        await log.checkpoint();
      } catch (error) {
        this.#warn(log, 'Checkpoint failed', error);
      }
    });
    this.#checkpoints.tryWrite();
  }

  /** Recovers the logs in which a crash left much to read; what cannot be opened says so when it is used. */
  #openLongest(): void {
    for (const log of this.#logs.values()) {
      if (bytesToRead(this.#options.fs, log) <= recoveredLaterBytes) continue;
      try {
        void log.logEndOffset;
      } catch (error) {
        this.#warn(log, 'Recovery failed', error);
      }
    }
  }

  #openFiles(log: PartitionIdentity & { topicId: string }, files: PartitionFiles, config: LogConfig): OpenedPartition {
    if (files.isNew) return createPartition(this.#around, log.folder, this.#options.path, log.topicId);
    const hasGaps = this.cleaner.hasBeenIn(log.topic, log.partition);
    return this.#recover(log, { ...files, folder: log.folder, config, hasGaps });
  }

  #recover({ topic, partition }: PartitionIdentity, how: OpenPartitionOptions): OpenedPartition {
    const { opened, recovered } = openPartition(this.#options, how);
    if (recovered.truncatedBytes > 0) {
      const report = { topic, partition, ...recovered };
      this.recovered.push(report);
      const name = partitionFolder(topic, partition);
      const message = `Recovery cut ${recovered.truncatedBytes} bytes off ${name}: ${recovered.reason}.`;
      this.#options.logger.warn(report, message);
    }
    return opened;
  }

  /** One more than at the last start; where that file was lost, than in any record. */
  #nextLeaderEpoch(found: Found): number {
    const { fs, path } = this.#options;
    const kept = parseOffset(readCheckpoint(fs, `${path}/${names.leaderEpoch}`, 1)?.[0]?.[0]);
    let epoch = kept ?? -1;
    if (kept === null) {
      for (const { files, ...identity } of found.partitions) {
        const hasGaps = found.cleaned.has(partitionFolder(identity.topic, identity.partition));
        const how = { ...files, folder: identity.folder, config: defaultLogConfig, hasGaps };
        const opened = this.#recover(identity, how);
        epoch = Math.max(epoch, opened.epochs.latest);
        for (const segment of opened.segments.all) segment.close();
      }
    }
    epoch = Math.min(epoch, leaderEpochMax - 1);
    writeCheckpoint(fs, path, names.leaderEpoch, [[epoch + 1]]);
    return epoch + 1;
  }

  #surroundings(): LogSurroundings {
    const { fs, now, logger } = this.#options;
    return {
      fs,
      turnEnd: this.#turnEnd,
      folderSyncs: new FolderSyncs(fs),
      buffers: new ReadBuffers(),
      coldReads: new ColdReads(),
      now,
      flushDurable: this.#options.flushDurable ?? true,
      leaderEpoch: this.leaderEpoch,
      openFiles: (log, files, config) => this.#openFiles(log, files, config),
      configOf: (topic, topicId) =>
        this.#configOf?.(topic, topicId) ?? this.#options.configOf?.(topic) ?? defaultLogConfig,
      onWritten: (bytes) => {
        this.#uncheckedBytes += bytes;
        if (this.#uncheckedBytes > uncheckedBytesMax && !this.#isClosed) void this.writeCheckpoints();
      },
      onFailed: (topic, partition, error) => logger.error({ topic, partition, error }, error.message),
      onLogStartMoved: () => this.#checkpoints.writeLogStartsSoon(),
      onRecoveryPointLowered: () => this.#checkpoints.write(),
      removeLater: (delayMs, work) => {
        setTimeout(() => this.#removals.add(() => this.#tryRemove(work)), timerMs(delayMs)).unref();
      },
    };
  }

  #tryRemove(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.logger.warn({ error }, 'Deleted files cannot be removed; the next start tries again.');
    }
  }

  #makeCleaner(runner: CleanRunner, offsets: ReadonlyMap<string, number>): LogCleaner {
    const { fs, path, logger, cleaner: config = defaultCleanerConfig } = this.#options;
    const writeOffsets = (known: ReadonlyMap<string, number>): void => {
      const lines = [...known].flatMap(([folder, offset]) => {
        const parsed = parsePartitionFolder(folder);
        return parsed === null ? [] : [[parsed.topic, parsed.partition, offset]];
      });
      writeCheckpoint(fs, path, names.cleanerOffsets, lines);
    };
    return new LogCleaner({ fs, config, runner, logs: this.#logs, offsets, writeOffsets, logger });
  }

  #warn(log: PartitionLog, what: string, error: unknown): void {
    const fields = { topic: log.topic, partition: log.partition, error };
    this.#options.logger.warn(fields, `${what} for ${log.topic}-${log.partition}; it will be tried again.`);
  }
}

interface Found {
  readonly partitions: readonly (PartitionIdentity & { readonly files: PartitionFiles })[];
  /** Folders of deleted partitions. */
  readonly deleted: readonly string[];
  /** How far the cleaner came. */
  readonly cleaned: ReadonlyMap<string, number>;
}

/** Reads names and checkpoints, no partition's files. */
function findPartitions(fs: FileSystem, path: string, isClean: boolean, known: OffsetCheckpoints): Found {
  const cleaned = readPartitionOffsets(fs, `${path}/${names.cleanerOffsets}`) ?? new Map<string, number>();
  const partitions: (PartitionIdentity & { files: PartitionFiles })[] = [];
  const deleted: string[] = [];
  for (const name of fs.list(path)) {
    const folder = `${path}/${name}`;
    if (name.endsWith(deletedFolderSuffix)) deleted.push(folder);
    const parsed = parsePartitionFolder(name);
    if (parsed === null) continue;
    const recoveryPoint = known.recoveryPoints.get(name) ?? 0;
    const files = { isNew: false, isClean, recoveryPoint, logStartOffset: known.logStarts.get(name) ?? 0 };
    partitions.push({ ...parsed, folder, files });
  }
  return { partitions, deleted, cleaned };
}

/** How much of a log's records recovery may have to read: everything from the segment that holds the recovery point on. */
function bytesToRead(fs: FileSystem, log: PartitionLog): number {
  const bases = fs.list(log.folder).map((name) => offsetOfFile(name, suffixes.log));
  const known = bases.filter((base) => base !== null && base <= log.recoveryPoint) as number[];
  return recordBytes(fs, log.folder, Math.max(0, ...known));
}
