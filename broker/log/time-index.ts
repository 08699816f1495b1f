/**
 * `.timeindex`: from which offset on records may have a timestamp. Kafka's layout (TimeIndex).
 *
 *     12 bytes an entry, big-endian, both columns ascending
 *     0  int64  the largest timestamp in the segment so far
 *     8  int32  last offset of the first batch that holds it, relative to the segment's base offset
 */
import type { FileSystem } from '../fs/file-system.ts';
import { writeInt64 } from '../protocol/int64.ts';
import { IndexFile, lastWhere } from './index-file.ts';

export const timeEntryBytes = 12;

export class TimeIndex {
  readonly file: IndexFile;
  readonly #baseOffset: number;

  constructor(fs: FileSystem, path: string, baseOffset: number, isNew = false) {
    this.file = new IndexFile(fs, path, timeEntryBytes, isNew);
    this.#baseOffset = baseOffset;
  }

  /** Adds an entry unless the timestamp has not grown since the last one. */
  maybeAppend(timestamp: number, offset: number): void {
    const last = this.file.count - 1;
    if (last >= 0 && timestamp <= this.timestampAt(last)) return;
    const { buffer, at } = this.file.appendSlot();
    writeInt64(buffer, at, timestamp);
    buffer.writeInt32BE(offset - this.#baseOffset, at + 8);
  }

  /** The entry with the largest timestamp not above the one asked for, or -1. */
  lookup(timestamp: number): number {
    return lastWhere(this.file.count, (entry) => this.timestampAt(entry) <= timestamp);
  }

  timestampAt(entry: number): number {
    return this.file.int64(entry, 0);
  }

  offsetAt(entry: number): number {
    return this.#baseOffset + this.file.int32(entry, 8);
  }

  /** Forgets entries about batches that end at `offset` or later. */
  truncateToOffset(offset: number): void {
    this.file.truncate(1 + lastWhere(this.file.count, (entry) => this.offsetAt(entry) < offset));
  }
}
