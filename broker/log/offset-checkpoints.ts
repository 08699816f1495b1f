/**
 * The two checkpoints of a data directory that name its partitions: recovery points and log starts (Kafka's files).
 * The data directory says when they are written.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readPartitionOffsets, writeCheckpoint } from './checkpoint-file.ts';
import { names } from './files.ts';
import type { PartitionLog } from './partition-log.ts';
import type { TurnEnd } from './turn-end.ts';

export interface OffsetCheckpointsOptions {
  readonly fs: FileSystem;
  /** The data directory. */
  readonly path: string;
  /** All its logs, by folder. */
  readonly logs: ReadonlyMap<string, PartitionLog>;
  readonly turnEnd: TurnEnd;
  readonly logger: { warn(fields: object, message: string): void };
}

export class OffsetCheckpoints {
  /** As read at the start, by folder. */
  readonly recoveryPoints: ReadonlyMap<string, number>;
  readonly logStarts: ReadonlyMap<string, number>;
  readonly #options: OffsetCheckpointsOptions;
  /** Partitions that the files name, by folder. */
  #named: ReadonlySet<string>;
  /** The write of the log starts that the end of this turn will make. */
  #logStartsDue: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: OffsetCheckpointsOptions) {
    this.#options = options;
    const { fs, path } = options;
    this.recoveryPoints = readPartitionOffsets(fs, `${path}/${names.recoveryPoints}`) ?? new Map<string, number>();
    this.logStarts = readPartitionOffsets(fs, `${path}/${names.logStarts}`) ?? new Map<string, number>();
    this.#named = new Set([...this.recoveryPoints.keys(), ...this.logStarts.keys()]);
  }

  /** Whether the files name a partition, perhaps one that was deleted since. */
  names(folder: string): boolean {
    return this.#named.has(folder);
  }

  /** Throws the disk's errors. */
  write(): void {
    const { fs, path, logs } = this.#options;
    const lines = [...logs.values()].map((log) => [log.topic, log.partition, log.recoveryPoint]);
    const named = new Set(logs.keys());
    writeCheckpoint(fs, path, names.recoveryPoints, lines);
    this.#writeLogStarts();
    this.#named = named;
  }

  /** The same; false, and a line in the log, where that failed. */
  tryWrite(): boolean {
    try {
      this.write();
      return true;
    } catch (error) {
      const { path, logger } = this.#options;
      logger.warn({ error, path }, 'The checkpoints cannot be written; the next start will check more of the log.');
      return false;
    }
  }

  /** One write for all starts that move in this turn. Rejects with the disk's error. */
  writeLogStartsSoon(): Promise<void> {
    this.#logStartsDue ??= new Promise<void>((resolve, reject) => {
      this.#options.turnEnd.add(() => {
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

  /** Nothing is written any more but by `tryWrite`. */
  close(): void {
    this.#isClosed = true;
  }

  #writeLogStarts(): void {
    // As in Kafka only where it is not simply the first segment's base.
    const lines = [...this.#options.logs.values()].flatMap((log) => {
      const start = log.logStartToKeep;
      return start === null ? [] : [[log.topic, log.partition, start]];
    });
    writeCheckpoint(this.#options.fs, this.#options.path, names.logStarts, lines);
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
}
