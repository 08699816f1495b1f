/**
 * A partition's settings: Kafka's topic configs that the log itself obeys, parsed. Keys, defaults and meanings are
 * Kafka 4's; the one addition is `flushDurable`, see FORMAT.md. The broker's metadata parses and validates the strings.
 */

export interface LogConfig {
  /** `segment.bytes`: a segment is rolled before it would grow past this. */
  readonly segmentBytes: number;
  /** `segment.ms`: a segment is rolled when its first record is this old. */
  readonly segmentMs: number;
  /** `segment.index.bytes`: a segment is rolled when its index is full. */
  readonly segmentIndexBytes: number;
  /** `index.interval.bytes`: an index entry about every so many bytes. */
  readonly indexIntervalBytes: number;
  /** `max.message.bytes`: the largest batch accepted. */
  readonly maxMessageBytes: number;
  /** `compression.type`: what batches are packed with before they are stored. */
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** `compression.gzip.level` or `compression.zstd.level`, whichever that is; null is the codec's default. */
  readonly compressionLevel: number | null;
  /** `log.validate.compressed` (ours): compressed batches are opened and looked through too before they are taken. */
  readonly validateCompressed: boolean;
  /** `message.timestamp.type`: the producer's time or ours. */
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime';
  /** `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms`. */
  readonly messageTimestampBeforeMaxMs: number;
  readonly messageTimestampAfterMaxMs: number;
  /** `retention.ms`; -1 is for ever. */
  readonly retentionMs: number;
  /** `retention.bytes`; -1 is no limit. */
  readonly retentionBytes: number;
  /** `cleanup.policy`. */
  readonly cleanupPolicy: readonly ('delete' | 'compact')[];
  /** `file.delete.delay.ms`: between renaming to `.deleted` and removing. */
  readonly fileDeleteDelayMs: number;
  /** `flush.messages`: fdatasync at least every so many records, before they are acknowledged. */
  readonly flushMessages: number;
  /** `flush.ms`: fdatasync at least this often. */
  readonly flushMs: number;
  /** `min.cleanable.dirty.ratio`, `delete.retention.ms`, `min.compaction.lag.ms`, `max.compaction.lag.ms`. */
  readonly minCleanableDirtyRatio: number;
  readonly deleteRetentionMs: number;
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
}

const day = 24 * 60 * 60 * 1000;

/** Kafka's "never" (Long.MAX_VALUE) as a number that stays safe in arithmetic. */
export const never = Number.MAX_SAFE_INTEGER;

export const defaultLogConfig: LogConfig = {
  segmentBytes: 1024 ** 3,
  segmentMs: 7 * day,
  segmentIndexBytes: 10 * 1024 ** 2,
  indexIntervalBytes: 4096,
  // 1 MiB plus the 12 bytes in front of a batch's length field ends.
  maxMessageBytes: 1024 ** 2 + 12,
  compressionType: 'producer',
  compressionLevel: null,
  validateCompressed: false,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: never,
  messageTimestampAfterMaxMs: 60 * 60 * 1000,
  retentionMs: 7 * day,
  retentionBytes: -1,
  cleanupPolicy: ['delete'],
  fileDeleteDelayMs: 60 * 1000,
  flushMessages: never,
  flushMs: never,
  minCleanableDirtyRatio: 0.5,
  deleteRetentionMs: day,
  minCompactionLagMs: 0,
  maxCompactionLagMs: never,
};

/** Node's longest timer; one set longer would fire at once. */
const timerMsMax = 2 ** 31 - 1;

/** A configured time as one that a timer can be set to. */
export function timerMs(ms: number): number {
  return Math.min(Math.max(1, ms), timerMsMax);
}
