/**
 * One partition's log. Signatures first, so that the broker's handlers can be written against them.
 */
import type { LogConfig } from './config.ts';
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

export interface PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's text form of the topic's UUID (URL-safe base64, 22 characters). */
  readonly topicId: string;
  readonly config: LogConfig;
  readonly logStartOffset: number;
  /** The next offset to be given out; records up to here may not be on disk, nor visible, yet. */
  readonly logEndOffset: number;
  /** Consumers see what is below. */
  readonly highWatermark: number;
  /** read_committed consumers see what is below. */
  readonly lastStableOffset: number;
  readonly leaderEpoch: number;
  /** Bytes of all segments' records, for DescribeLogDirs. */
  readonly sizeBytes: number;
  /** False once a write or sync failed for another reason than a full disk: every call throws KAFKA_STORAGE_ERROR. */
  readonly isOnline: boolean;

  /**
   * Appends one record batch (v2). Throws {@link LogError} when it is refused. Otherwise the offset and leader epoch
   * are written into `batch` itself, which belongs to the log until `done`. Bytes are written at the end of this turn
   * of the event loop, together with all others of the turn.
   */
  append(batch: Buffer, options: AppendOptions, done: AppendDone): AppendInfo;

  /**
   * Reads from the batch that contains `offset`. Throws OFFSET_OUT_OF_RANGE outside [log start, log end]; returns empty
   * records at the high watermark (or last stable offset).
   */
  read(offset: number, maxBytes: number, options: ReadOptions): LogRead;

  /** Bytes a read from `offset` could return now at most (an estimate, never less than the truth), for min.bytes. */
  bytesAvailable(offset: number, isolation: Isolation): number;

  /** Calls back whenever the high watermark or last stable offset moved, at most once a turn. Returns: stop calling. */
  onAdvance(listener: () => void): () => void;

  /** The first record with this timestamp or later that a consumer may see, or null. */
  offsetForTimestamp(timestamp: number, isolation: Isolation): TimestampAndOffset | null;
  /** The record with the highest timestamp (the earliest of equals), or null when the log is empty. */
  offsetForMaxTimestamp(): TimestampAndOffset | null;
  /** The end of the largest known epoch not above the asked one, as OffsetForLeaderEpoch wants it. */
  endOffsetForEpoch(epoch: number): EpochEndOffset;
  /** The epoch a record at this offset was written in, or -1. */
  epochForOffset(offset: number): number;

  /** Moves the log start offset up (DeleteRecords); -1 is the high watermark. Returns the new log start offset. */
  deleteRecords(offset: number): number;
  /** Cuts the log off at `offset`: everything from there on is gone. */
  truncateTo(offset: number): void;
  producers(): readonly ProducerDescription[];
  setConfig(config: LogConfig): void;
  /** Resolves when everything appended so far is on disk. */
  flush(): Promise<void>;
}
