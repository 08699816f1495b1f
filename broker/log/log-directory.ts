/**
 * A data directory: the partition logs in it, its lock, its checkpoints, and what happens at a start. Laid out as
 * Kafka lays out a log.dirs entry; FORMAT.md shows it whole.
 *
 * The broker opens one at its start, asks it for logs, and closes it at its stop. Not safe to use from two threads.
 */
import { disk } from '../fs/disk.ts';
import type { FileSystem } from '../fs/file-system.ts';
import { parseOffset, readCheckpoint, readPartitionOffsets, writeCheckpoint } from './checkpoint-file.ts';
import { type CleanRunner, inlineRunner, ThreadRunner } from './clean-runner.ts';
import { type CleanerConfig, defaultCleanerConfig } from './cleaner-config.ts';
import { ColdReads } from './cold-reads.ts';
import { defaultLogConfig, type LogConfig, timerMs } from './config.ts';
import { type LockHolder, lockDirectory, thisProcess } from './directory-lock.ts';
import { names, parsePartitionFolder, partitionFolder, replaceFile } from './files.ts';
import { LogCleaner } from './log-cleaner.ts';
import { loadMetaProperties, randomId, readTopicId, writeTopicId, zeroTopicId } from './meta-properties.ts';
import { createPartition, openPartition } from './open-partition.ts';
import { PartitionLog } from './partition-log.ts';
import { ReadBuffers } from './read-buffers.ts';
import type { LogSurroundings, OpenedPartition } from './surroundings.ts';
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
  /** What recovery cut at this start; empty when nothing was. */
  readonly recovered: readonly RecoveryReport[];
  readonly cleaner: LogCleaner;
  readonly #options: LogDirectoryOptions;
  readonly #logs = new Map<string, PartitionLog>();
  /** Partitions that the checkpoint files name, by folder. */
  #checkpointed: ReadonlySet<string>;
  readonly #around: LogSurroundings;
  readonly #unlock: () => void;
  #timers: NodeJS.Timeout[] = [];
  #checkpointing: Promise<void> | null = null;
  /** The write of the log starts that the end of this turn will make. */
  #logStartsDue: Promise<void> | null = null;
  #isClosed = false;

  /** Locks, reads and where needed recovers the directory. Throws LogDirectoryError when another process holds it. */
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
    const { fs, path } = options;
    this.#options = options;
    this.#unlock = unlock;
    const meta = loadMetaProperties(fs, path, options.nodeId, options.now());
    this.clusterId = meta.clusterId;
    this.directoryId = meta.directoryId;
    const isClean = fs.size(`${path}/${names.cleanShutdown}`) !== null;
    const found = openAll(options, isClean);
    this.recovered = found.reports;
    this.leaderEpoch = nextLeaderEpoch(options, found.partitions);
    this.#around = this.#surroundings();
    for (const partition of found.partitions)
      this.#add(partition.topic, partition.partition, partition.topicId, partition.opened);
    this.#checkpointed = found.checkpointed;
    this.cleaner = this.#makeCleaner(found.cleaned);
    if (this.recovered.length > 0) this.#mustWriteOffsetCheckpoints();
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
    if (existing !== undefined) this.delete(topic, partition);
    const folder = `${this.#options.path}/${partitionFolder(topic, partition)}`;
    // Offsets of a partition of that name that was deleted must not be taken for those of the new one.
    if (this.#checkpointed.has(partitionFolder(topic, partition))) this.#mustWriteOffsetCheckpoints();
    const opened = createPartition(this.#around, folder, this.#options.path);
    writeTopicId(this.#options.fs, folder, topicId);
    return this.#add(topic, partition, topicId, opened, config);
  }

  /** Renames the partition's folder out of the way at once and removes it after `file.delete.delay.ms`. */
  delete(topic: string, partition: number): void {
    const log = this.get(topic, partition);
    if (log === undefined) return;
    log.abandon();
    this.#logs.delete(partitionFolder(topic, partition));
    this.cleaner.forget(topic, partition);
    const { fs, path } = this.#options;
    const name = partitionFolder(topic, partition).slice(0, folderNameMax);
    const aside = `${path}/${name}.${randomId()}${deletedFolderSuffix}`;
    fs.rename(log.folder, aside);
    fs.syncDirectory(path);
    this.#around.removeLater(log.config.fileDeleteDelayMs, () => fs.remove(aside));
  }

  /** Begins the regular work: checkpoints every minute, retention every five, compaction when it is due. */
  start(): void {
    const { intervals = defaultIntervals } = this.#options;
    this.cleaner.start();
    this.#timers = [
      setInterval(() => void this.writeCheckpoints(), timerMs(intervals.checkpointMs)),
      setInterval(() => this.enforceRetention(), timerMs(intervals.retentionMs)),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Deletes old segments of every log, and forgets idle producers. One log's trouble does not stop the others. */
  enforceRetention(): void {
    const { producerExpirationMs } = this.#options.intervals ?? defaultIntervals;
    for (const log of this.#logs.values()) {
      this.#report(log, 'Retention failed', () => {
        const deleted = log.enforceRetention();
        log.expireProducers(producerExpirationMs);
        if (deleted > 0) {
          const fields = { topic: log.topic, partition: log.partition, deleted, logStartOffset: log.logStartOffset };
          this.#options.logger.info(fields, 'Old segments were deleted.');
        }
      });
    }
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
    for (const timer of this.#timers) clearInterval(timer);
    await this.cleaner.stop();
    await this.#checkpointing;
    const results = await Promise.allSettled([...this.#logs.values()].map((log) => log.close()));
    const isWhole = results.every((result) => result.status === 'fulfilled') && this.#writeOffsetCheckpoints();
    const wasOnline = [...this.#logs.values()].every((log) => !log.hasFailed);
    if (isWhole && wasOnline) {
      const mark = JSON.stringify({ version: 0, brokerEpoch: -1 });
      replaceFile(this.#options.fs, this.#options.path, names.cleanShutdown, Buffer.from(mark));
    }
    this.#unlock();
  }

  async #checkpointAll(): Promise<void> {
    for (const log of [...this.#logs.values()]) {
      try {
        await log.checkpoint();
      } catch (error) {
        this.#warn(log, 'Checkpoint failed', error);
      }
    }
    this.#writeOffsetCheckpoints();
  }

  #writeOffsetCheckpoints(): boolean {
    try {
      this.#mustWriteOffsetCheckpoints();
      return true;
    } catch (error) {
      const { path, logger } = this.#options;
      logger.warn({ error, path }, 'The checkpoints cannot be written; the next start will check more of the log.');
      return false;
    }
  }

  #mustWriteOffsetCheckpoints(): void {
    const { fs, path } = this.#options;
    const lines = [...this.#logs.values()].map((log) => [log.topic, log.partition, log.recoveryPoint]);
    const named = new Set(this.#logs.keys());
    writeCheckpoint(fs, path, names.recoveryPoints, lines);
    this.#writeLogStarts();
    this.#checkpointed = named;
  }

  #writeLogStarts(): void {
    // As in Kafka only where it is not simply the first segment's base.
    const lines = [...this.#logs.values()]
      .filter((log) => log.logStartOffset > log.firstSegmentOffset)
      .map((log) => [log.topic, log.partition, log.logStartOffset]);
    writeCheckpoint(this.#options.fs, this.#options.path, names.logStarts, lines);
  }

  #add(topic: string, partition: number, topicId: string, opened: OpenedPartition, config?: LogConfig): PartitionLog {
    const chosen = config ?? this.#options.configOf?.(topic) ?? defaultLogConfig;
    const log = new PartitionLog({ topic, partition, topicId }, chosen, opened, this.#around);
    this.#logs.set(partitionFolder(topic, partition), log);
    return log;
  }

  #surroundings(): LogSurroundings {
    const { fs, now, logger } = this.#options;
    const turnEnd = new TurnEnd();
    return {
      fs,
      turnEnd,
      buffers: new ReadBuffers(),
      coldReads: new ColdReads(),
      now,
      flushDurable: this.#options.flushDurable ?? true,
      leaderEpoch: this.leaderEpoch,
      onFailed: (topic, partition, error) => logger.error({ topic, partition, error }, error.message),
      onLogStartMoved: () => this.#writeLogStartsSoon(turnEnd),
      onRecoveryPointLowered: () => this.#mustWriteOffsetCheckpoints(),
      removeLater: (delayMs, work) => {
        setTimeout(() => {
          try {
            work();
          } catch (error) {
            logger.warn({ error }, 'Deleted files cannot be removed; the next start tries again.');
          }
        }, delayMs).unref();
      },
    };
  }

  #makeCleaner(offsets: ReadonlyMap<string, number>): LogCleaner {
    const { fs, path, logger, cleaner: config = defaultCleanerConfig } = this.#options;
    // A disk in memory is out of another thread's sight.
    const runner: CleanRunner = fs === disk ? new ThreadRunner(config) : inlineRunner(fs);
    const writeOffsets = (known: ReadonlyMap<string, number>): void => {
      const lines = [...known].flatMap(([folder, offset]) => {
        const parsed = parsePartitionFolder(folder);
        return parsed === null ? [] : [[parsed.topic, parsed.partition, offset]];
      });
      writeCheckpoint(fs, path, names.cleanerOffsets, lines);
    };
    return new LogCleaner({ fs, config, runner, logs: this.#logs, offsets, writeOffsets, logger });
  }

  #writeLogStartsSoon(turnEnd: TurnEnd): Promise<void> {
    this.#logStartsDue ??= new Promise<void>((resolve, reject) => {
      turnEnd.add(() => {
        this.#logStartsDue = null;
        // The last act of a stop writes them too.
        if (this.#isClosed) resolve();
        else this.#tryWriteLogStarts(resolve, reject);
      });
    });
    // Retention does not wait for it.
    this.#logStartsDue.catch(() => {});
    return this.#logStartsDue;
  }

  #tryWriteLogStarts(done: () => void, failed: (error: unknown) => void): void {
    try {
      this.#writeLogStarts();
      done();
    } catch (error) {
      this.#options.logger.warn({ error }, 'The log start offsets cannot be written; deleted records may come back.');
      failed(error);
    }
  }

  #report(log: PartitionLog, what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#warn(log, what, error);
    }
  }

  #warn(log: PartitionLog, what: string, error: unknown): void {
    const fields = { topic: log.topic, partition: log.partition, error };
    this.#options.logger.warn(fields, `${what} for ${log.topic}-${log.partition}; it will be tried again.`);
  }
}

interface FoundPartition {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  readonly opened: OpenedPartition;
}

function openAll(
  options: LogDirectoryOptions,
  isClean: boolean,
): {
  partitions: FoundPartition[];
  reports: RecoveryReport[];
  checkpointed: Set<string>;
  cleaned: ReadonlyMap<string, number>;
} {
  const { fs, path } = options;
  const recoveryPoints = readPartitionOffsets(fs, `${path}/${names.recoveryPoints}`) ?? new Map<string, number>();
  const logStarts = readPartitionOffsets(fs, `${path}/${names.logStarts}`) ?? new Map<string, number>();
  const cleaned = readPartitionOffsets(fs, `${path}/${names.cleanerOffsets}`) ?? new Map<string, number>();
  const partitions: FoundPartition[] = [];
  const reports: RecoveryReport[] = [];
  for (const name of fs.list(path)) {
    const folder = `${path}/${name}`;
    if (name.endsWith(deletedFolderSuffix)) fs.remove(folder);
    const parsed = parsePartitionFolder(name);
    if (parsed === null) continue;
    const { opened, recovered } = openPartition(options, {
      folder,
      parent: path,
      config: options.configOf?.(parsed.topic) ?? defaultLogConfig,
      isClean,
      recoveryPoint: recoveryPoints.get(name) ?? 0,
      logStartOffset: logStarts.get(name) ?? 0,
      hasGaps: cleaned.has(name),
    });
    partitions.push({ ...parsed, topicId: readTopicId(fs, folder), opened });
    if (recovered.truncatedBytes > 0) {
      const report = { ...parsed, ...recovered };
      reports.push(report);
      options.logger.warn(report, `Recovery cut ${recovered.truncatedBytes} bytes off ${name}: ${recovered.reason}.`);
    }
  }
  return { partitions, reports, checkpointed: new Set([...recoveryPoints.keys(), ...logStarts.keys()]), cleaned };
}

/** One more than at the last start; where that file was lost, than in any record. */
function nextLeaderEpoch(options: LogDirectoryOptions, partitions: readonly FoundPartition[]): number {
  const { fs, path } = options;
  const kept = parseOffset(readCheckpoint(fs, `${path}/${names.leaderEpoch}`, 1)?.[0]?.[0]);
  let epoch = kept ?? -1;
  if (kept === null) for (const { opened } of partitions) epoch = Math.max(epoch, opened.epochs.latest);
  epoch = Math.min(epoch, leaderEpochMax - 1);
  writeCheckpoint(fs, path, names.leaderEpoch, [[epoch + 1]]);
  return epoch + 1;
}
