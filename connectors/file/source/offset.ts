/**
 * How far a file has been read, as it is kept in the offsets topic: enough to find the place again and to tell whether
 * it is still the same file. Kafka's FileStream keeps `{filename}` → `{position}`, which is understood too.
 */
import type { SourceOffset, SourcePartition } from '../../api/index.ts';
import type { Head, Tail } from './identity.ts';

/** What is the same for many records of a file; one object for all of them. */
export interface FileState {
  readonly path: string;
  /** Counts how often this file was truncated and written anew. */
  readonly generation: number;
  readonly head: Head;
  /** Hash of the CSV header, or null. */
  readonly header: string | null;
}

/** The place behind a record. */
export interface FileOffset {
  /** Bytes from the start of the file. */
  readonly position: number;
  /** Records before the place. */
  readonly record: number;
  /** Vouches for everything before it; stands at or behind the position, at the end of what was cut in one go. */
  readonly tail: Tail;
  readonly file: FileState;
}

/** The source partition of a file. */
export function partitionOf(key: string): SourcePartition {
  return { file: key };
}

/** The partition under which Kafka's own FileStreamSource would have kept the offset. */
export function streamPartitionOf(path: string): SourcePartition {
  return { filename: path };
}

/** Reads a kept offset back; null when it is none of ours. */
export function parseOffset(offset: SourceOffset | null | undefined): FileOffset | null {
  if (offset == null || typeof offset.position !== 'number' || typeof offset.file !== 'object') return null;
  return offset as unknown as FileOffset;
}

/** The position that Kafka's FileStreamSource left behind, or null. */
export function parseStreamPosition(offset: SourceOffset | null | undefined): number | null {
  return typeof offset?.position === 'number' && offset.file === undefined ? offset.position : null;
}
