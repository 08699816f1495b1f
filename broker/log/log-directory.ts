/**
 * A data directory: the partition logs in it, its lock, checkpoints and recovery. Signatures first.
 */
import type { FileSystem } from '../fs/file-system.ts';
import type { LogConfig } from './config.ts';
import type { PartitionLog } from './partition-log.ts';
import type { RecoveryReport } from './types.ts';

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
}

export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LogDirectory {
  /** Made at the first start, kept in meta.properties (Kafka's text form of a UUID). */
  readonly clusterId: string;
  readonly directoryId: string;
  /** What recovery cut at this start; empty after a clean stop. */
  readonly recovered: readonly RecoveryReport[];
  /** All logs, opened. */
  readonly logs: ReadonlyMap<string, PartitionLog>;
  get(topic: string, partition: number): PartitionLog | undefined;
  /** Makes the log; one that exists is returned if the topic id is the same, and replaced if not. */
  create(topic: string, partition: number, topicId: string, config: LogConfig): PartitionLog;
  /** Renames the partition's folder to `.deleted` at once and removes it after `file.delete.delay.ms`. */
  delete(topic: string, partition: number): void;
  /** Retention by time and size for every log; called by a timer every five minutes. */
  enforceRetention(): void;
  /** Writes the recovery-point and log-start checkpoints; called by a timer every minute. */
  writeCheckpoints(): void;
  space(): { readonly totalBytes: number; readonly freeBytes: number };
  /** Everything to disk, clean-shutdown marker, lock given back. Appends are refused from the first moment. */
  close(): Promise<void>;
}

/** Locks, reads and where needed recovers the directory. Throws LogDirectoryError when another process holds it. */
export type OpenLogDirectory = (options: LogDirectoryOptions) => LogDirectory;
