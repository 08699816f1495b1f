/**
 * What goes in and out of a partition log: the nouns that the broker's API handlers and the in-process keeper share
 * with this room. Types only.
 */
import type { LogError } from './errors.ts';

/** Who appends decides what is allowed: only coordinators write control batches, and bytes of ours need no size check. */
export type AppendOrigin = 'client' | 'coordinator';

export interface AppendOptions {
  /** -1: `done` waits for the fdatasync (unless durability is switched off). 1 and 0: for the page cache. */
  readonly acks: -1 | 0 | 1;
  readonly origin: AppendOrigin;
  /** 2 for batches and markers of KIP-890 transactions, which are judged more strictly; 1 is the default. */
  readonly transactionVersion?: 1 | 2;
  /** The batch was built in this process a moment ago, of records it holds: checksum and records need no second look. */
  readonly isOwn?: boolean;
  /** Records of the batch were judged and some taken out: its offsets and sequence stay what they were. */
  readonly hasHoles?: boolean;
  /**
   * Consumers may see it as soon as it is written, before it is on the device: a record elsewhere, which is, has it appended
   * again after a power cut, before anything else. True for markers of transactions whose end is decided.
   */
  readonly isDecided?: boolean;
}

/** What is known the moment an append is accepted, before anything is on disk. */
export interface AppendInfo {
  /** Of the original batch when this one is a duplicate. */
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1 unless the topic stamps records itself (`message.timestamp.type=LogAppendTime`). */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
  readonly isDuplicate: boolean;
}

/** Called exactly once, never before `append` returned. On error nothing of the batch will ever be readable. */
export type AppendDone = (error: LogError | null) => void;

export type Isolation = 'read_uncommitted' | 'read_committed';

export interface ReadOptions {
  readonly isolation: Isolation;
  /** Return the first batch even if it alone is larger than `maxBytes` (the first non-empty partition of a fetch). */
  readonly minOneBatch: boolean;
}

/**
 * Whole batches, exactly as stored, from the one that contains the offset asked for. `records` lives in a pooled
 * buffer: call `release` exactly once when the socket has taken the bytes (also when `records` is empty), and do not
 * touch it afterwards. Whoever wants to keep the bytes copies them.
 */
export interface LogRead {
  readonly records: Buffer;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Transactions to skip, for read_committed; null for read_uncommitted. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
  /** The bytes come from a segment that is no longer written to (Fetch then answers without waiting). */
  readonly isOlderSegment: boolean;
  release(): void;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface TimestampAndOffset {
  readonly timestamp: number;
  readonly offset: number;
  readonly leaderEpoch: number;
}

/** `epoch` and `endOffset` are -1 when the epoch asked for is unknown (OffsetForLeaderEpoch's UNDEFINED). */
export interface EpochEndOffset {
  readonly epoch: number;
  readonly endOffset: number;
}

/** A producer's state, as DescribeProducers shows it. */
export interface ProducerDescription {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: number;
  readonly coordinatorEpoch: number;
  /** -1 when no transaction is open. */
  readonly currentTransactionStartOffset: number;
}

/** What recovery did to one partition after an unclean stop. */
export interface RecoveryReport {
  readonly topic: string;
  readonly partition: number;
  /** Bytes cut off the end, 0 when all was whole. */
  readonly truncatedBytes: number;
  /** The new log end offset. */
  readonly logEndOffset: number;
  /** Why the first bad batch is bad, in words; null when nothing was cut. */
  readonly reason: string | null;
}
