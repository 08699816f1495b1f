/**
 * The log cleaner of a data directory: looks every so often which compacted partition is dirtiest, has it cleaned, puts
 * the result in place, and remembers how far it came (`cleaner-offset-checkpoint`). What it is not: it reads no record;
 * that happens in the runner's thread.
 *
 * A partition is named in the checkpoint before its first segment is replaced, because from then on offsets may be
 * missing, which recovery would otherwise take for damage.
 */

import type { FileSystem } from '../fs/file-system.ts';
import type { CleanRunner } from './clean-runner.ts';
import type { CleanerConfig, CleanLimits } from './cleaner-config.ts';
import { timerMs } from './config.ts';
import { partitionFolder } from './files.ts';
import type { PartitionLog } from './partition-log.ts';
import { removeCleaned } from './replace-segments.ts';

export interface LogCleanerOptions {
  readonly fs: FileSystem;
  readonly config: CleanerConfig;
  readonly runner: CleanRunner;
  /** All logs of the directory, by folder. */
  readonly logs: ReadonlyMap<string, PartitionLog>;
  /** As read at the start. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Makes the checkpoint durable. */
  readonly writeOffsets: (offsets: ReadonlyMap<string, number>) => void;
  readonly logger: CleanerLogger;
}

interface CleanerLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export class LogCleaner {
  readonly #options: LogCleanerOptions;
  readonly #offsets: Map<string, number>;
  /** Logs with a damaged batch below the bound: not tried again until the next start, as in Kafka. */
  readonly #uncleanable = new Set<PartitionLog>();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<number> | null = null;
  #isStopped = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
    this.#offsets = new Map(options.offsets);
  }

  start(): void {
    if (!this.#options.config.isEnabled) return;
    this.#timer = setInterval(() => void this.cleanAll(), timerMs(this.#options.config.backoffMs));
    this.#timer.unref();
  }

  /** Ends what is under way; never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#options.runner.stop();
    await this.#running;
  }

  /** Cleans what is due, the dirtiest first. Returns how many partitions; never rejects, never runs twice at a time. */
  cleanAll(): Promise<number> {
    this.#running ??= this.#cleanAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Whether offsets of the partition may be missing because records were compacted away. */
  hasBeenIn(topic: string, partition: number): boolean {
    return this.#offsets.has(partitionFolder(topic, partition));
  }

  /** The partition is gone; another may come under its name. */
  forget(topic: string, partition: number): void {
    if (this.#offsets.delete(partitionFolder(topic, partition))) this.#options.writeOffsets(this.#offsets);
  }

  async #cleanAll(): Promise<number> {
    let count = 0;
    const tried = new Set<PartitionLog>();
    while (!this.#isStopped) {
      const log = this.#dirtiest(tried);
      if (log === null) break;
      tried.add(log);
      if (await this.#clean(log)) count++;
    }
    if (tried.size > 0) await this.#options.runner.rest();
    return count;
  }

  #dirtiest(tried: ReadonlySet<PartitionLog>): PartitionLog | null {
    let found: PartitionLog | null = null;
    let ratio = -1;
    for (const [name, log] of this.#options.logs) {
      if (tried.has(log) || this.#uncleanable.has(log)) continue;
      const dirtyRatio = this.#dirtyRatio(log, name);
      if (dirtyRatio <= ratio) continue;
      found = log;
      ratio = dirtyRatio;
    }
    return found;
  }

  /** -1 where nothing is due. Logs that nobody has opened yet wait for the caretaker; compacted ones stay open then. */
  #dirtyRatio(log: PartitionLog, name: string): number {
    return log.isOpen ? (log.planCleaning(this.#offsets.get(name))?.dirtyRatio ?? -1) : -1;
  }

  async #clean(log: PartitionLog): Promise<boolean> {
    const name = partitionFolder(log.topic, log.partition);
    const fields = { topic: log.topic, partition: log.partition };
    try {
      return await this.#cleanPlanned(log, name);
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT' || !log.isOnline;
      // Whatever is no error of the disk is one of the bytes, and will be there the next time.
      if ((error as NodeJS.ErrnoException).code === undefined) this.#uncleanable.add(log);
      if (!isGone)
        this.#options.logger.warn({ ...fields, error }, `Cleaning ${name} failed: ${(error as Error).message}.`);
      this.#tryRemoveCleaned(log);
      return false;
    }
  }

  async #cleanPlanned(log: PartitionLog, name: string): Promise<boolean> {
    const { config, runner, logger } = this.#options;
    const plan = log.planCleaning(this.#offsets.get(name));
    if (plan === null) return false;
    if (!this.#offsets.has(name)) this.#note(name, plan.firstDirtyOffset);
    let bytesSaved = 0;
    const limits: CleanLimits = config;
    const result = await runner.run(log.cleanJob(plan, limits), (group) => {
      if (this.#isStopped || !log.putCleaned(group.bases)) return false;
      bytesSaved += group.bytesBefore - group.bytesAfter;
      return true;
    });
    if (result === null) {
      this.#tryRemoveCleaned(log);
      return false;
    }
    this.#note(name, result.endOffset);
    const { recordsRead, recordsKept, endOffset } = result;
    logger.info(
      { topic: log.topic, partition: log.partition, recordsRead, recordsKept, bytesSaved, endOffset },
      `Compacted ${name}: ${recordsKept} of ${recordsRead} records are left.`,
    );
    return true;
  }

  #note(name: string, offset: number): void {
    this.#offsets.set(name, offset);
    for (const known of this.#offsets.keys()) if (!this.#options.logs.has(known)) this.#offsets.delete(known);
    this.#options.writeOffsets(this.#offsets);
  }

  /** They are worthless, and a start would remove them. */
  #tryRemoveCleaned(log: PartitionLog): void {
    if (!log.isOnline) return;
    try {
      removeCleaned(this.#options.fs, log.folder);
    } catch (error) {
      this.#options.logger.warn(
        { error },
        `Files of an unfinished cleaning stay in ${log.folder} until the next start.`,
      );
    }
  }
}
