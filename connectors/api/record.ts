/**
 * The two records of Kafka Connect: what a source task hands to the worker and what a sink task gets from it.
 *
 * Plain data, readonly by type. Whoever wants another record builds one with a spread; the original coordinates of a
 * sink record survive every transform.
 */
import type { RecordValue, Schema } from './schema.ts';

/** One header: a name that may repeat, order kept. */
export interface Header {
  readonly key: string;
  readonly value: RecordValue;
  readonly schema: Schema | null;
}

/** What source and sink records have in common; transforms work on this. */
export interface ConnectRecord {
  readonly topic: string;
  /** Null lets the log choose: by key hash, or sticky where there is no key. */
  readonly partition: number | null;
  readonly keySchema: Schema | null;
  readonly key: RecordValue;
  readonly valueSchema: Schema | null;
  /** Null is a tombstone. */
  readonly value: RecordValue;
  readonly headers: readonly Header[];
  /** Milliseconds since the epoch; null lets the log take the time of the append. */
  readonly timestamp: number | null;
}

/** Where a record comes from in the source's own world, for example `{ server: "shop" }` or `{ file: "a.csv" }`. */
export type SourcePartition = Readonly<Record<string, string | number | boolean | null>>;

/** How far a source has been read in one source partition; any JSON object. */
export type SourceOffset = Readonly<Record<string, unknown>>;

/** A record on its way in. */
export interface SourceRecord extends ConnectRecord {
  readonly sourcePartition: SourcePartition;
  /** The place to continue from once this record is durable, not the place of the record itself. */
  readonly sourceOffset: SourceOffset;
}

/** Whether this is no record but an offset alone: kept like a record's, and nothing is written to a topic (as in KIP-910). */
export function isOffsetOnly(record: SourceRecord): boolean {
  return record.topic === '';
}

/** Answered by `poll` where a source got further without a record. */
export function offsetOnly(sourcePartition: SourcePartition, sourceOffset: SourceOffset): SourceRecord {
  const nothing = { partition: null, keySchema: null, key: null, valueSchema: null, value: null, timestamp: null };
  return { ...nothing, sourcePartition, sourceOffset, topic: '', headers: [] };
}

/** Stands for the memory of a source where a topic's name would: no topic can be called so. */
const KEPT = '\u0000kept';

/** Whether this is no record for readers but one that the source keeps for itself (`SourceMemory`). */
export function isKept(record: SourceRecord): boolean {
  return record.topic === KEPT;
}

/**
 * Answered by `poll` where a source keeps something in its memory: durable with its neighbours and in their order, bytes as
 * they are. A null value forgets the key.
 */
export function kept(
  sourcePartition: SourcePartition,
  sourceOffset: SourceOffset,
  key: Uint8Array,
  value: Uint8Array | null,
): SourceRecord {
  const nothing = { partition: null, keySchema: null, valueSchema: null, timestamp: null };
  return { ...nothing, sourcePartition, sourceOffset, topic: KEPT, key, value, headers: [] };
}

/** A record on its way out, with the coordinates it had in the log before any transform renamed things. */
export interface SinkRecord extends ConnectRecord {
  readonly originalTopic: string;
  readonly originalPartition: number;
  readonly offset: number;
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The place a group has reached in a partition: `offset` is the next to read. */
export interface OffsetAndMetadata extends TopicPartition {
  readonly offset: number;
  readonly metadata?: string;
}

/** The log's answer to a durable append. */
export interface RecordMetadata extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
}
