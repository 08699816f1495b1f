/**
 * What the event loop gives the cleaner's thread and gets back: plain data, so that it may cross to another thread.
 * Types only.
 */
import type { AbortedTransactionEntry } from './transaction-index.ts';

/** A sealed segment that may be cleaned. */
export interface CleanableSegment {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly offsetIndexBytes: number;
  readonly timeIndexBytes: number;
}

/** What is known of a producer that may still write: its last batch must stay, for its sequence or its epoch. */
export interface LastRecord {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Of its last data batch; -1 when its last word was a marker. */
  readonly lastDataOffset: number;
}

export interface CleanJob {
  readonly folder: string;
  /** From the log's first one up to the bound, oldest first, none empty. */
  readonly segments: readonly CleanableSegment[];
  /** Keys from here on are looked at; what is below is clean already. */
  readonly firstDirtyOffset: number;
  /** Where the last of the segments ends. */
  readonly boundOffset: number;
  readonly aborted: readonly AbortedTransactionEntry[];
  readonly producers: readonly LastRecord[];
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
  readonly indexIntervalBytes: number;
  readonly dedupeBytes: number;
  readonly loadFactor: number;
}

/** One or more segments next to each other, made one in `.cleaned` files that are on the device. */
export interface CleanedGroup {
  /** The originals, oldest first; the cleaned segment has the first one's. */
  readonly bases: readonly number[];
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface CleanResult {
  /** Clean up to here. */
  readonly endOffset: number;
  readonly recordsRead: number;
  readonly recordsKept: number;
}
