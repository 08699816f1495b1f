/**
 * A run: many records of one topic in one piece of memory, written as the log stores them, so that nobody on their way makes an
 * object of each. What a source with very many records may answer from `poll` where the worker said that it takes runs
 * (`SourceTaskContext.takesRuns`). Steps 1 to 4 of the record's journey; the format is that of records in a Kafka record batch, v2.
 *
 *     61 bytes for a header | record | record | …
 *     record: length varint | attributes 0 | timestamp delta 0 | offset delta varint | key length varint, key
 *             | value length varint, value | headers 0
 *
 * Varints are zigzag; a length of -1 is null. The records have no headers, and all the time at which the log takes them.
 */
import type { SourceOffset, SourcePartition, SourceRecord } from './record.ts';
import type { Schema } from './schema.ts';

/** Room for the header of a record batch, which the log writes in front of the records. */
export const RUN_HEAD_BYTES = 61;

export interface RecordRun {
  /** The log's own until `release`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  /** Key and value of the largest record, in bytes. */
  readonly largestBytes: number;
  /** Called once it is durable, where nobody needs the bytes any more; perhaps never. */
  release?(): void;
}

/** Stands among the records of a poll for all of its run; key and value are null, and mean nothing. */
export interface RunRecord extends SourceRecord {
  readonly run: RecordRun;
}

/** Whether this is a run of records. */
export function isRun(record: SourceRecord): record is RunRecord {
  return (record as Partial<RunRecord>).run !== undefined;
}

/** Where its records go and what they look like, and how far the source is behind the last of them. */
export interface RunPlace {
  readonly sourcePartition: SourcePartition;
  readonly sourceOffset: SourceOffset;
  readonly topic: string;
  readonly keySchema: Schema | null;
  readonly valueSchema: Schema | null;
}

/** Answered by `poll` for records in a run. */
export function runOf(place: RunPlace, run: RecordRun): RunRecord {
  return { ...place, partition: null, key: null, value: null, headers: [], timestamp: null, run };
}

/** Bytes of a zigzag varint for a number from -1 to 2^30 - 1. */
export function runVarintBytes(value: number): number {
  const raw = zigzag(value);
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x200000 ? 3 : raw < 0x10000000 ? 4 : 5;
}

/** Writes it; answers where the next byte goes. */
export function writeRunVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value);
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at] = rest;
  return at + 1;
}

function zigzag(value: number): number {
  return (value << 1) ^ (value >> 31);
}
