/**
 * `.index`: which position in the segment's file to start at to find an offset. Sparse: an entry about every
 * `index.interval.bytes`, Kafka's layout (OffsetIndex).
 *
 *     8 bytes an entry, big-endian, offsets ascending
 *     0  int32  last offset of a batch, relative to the segment's base offset
 *     4  int32  where that batch begins in the .log file
 */
import type { FileSystem } from '../fs/file-system.ts';
import { IndexFile, lastWhere } from './index-file.ts';

export const offsetEntryBytes = 8;

export class OffsetIndex {
  readonly file: IndexFile;
  readonly #baseOffset: number;

  constructor(fs: FileSystem, path: string, baseOffset: number, isNew = false) {
    this.file = new IndexFile(fs, path, offsetEntryBytes, isNew);
    this.#baseOffset = baseOffset;
  }

  append(lastOffset: number, position: number): void {
    const { buffer, at } = this.file.appendSlot();
    buffer.writeInt32BE(lastOffset - this.#baseOffset, at);
    buffer.writeInt32BE(position, at + 4);
  }

  /** The entry with the largest offset not above the one asked for, or -1. */
  lookup(offset: number): number {
    const relative = offset - this.#baseOffset;
    return lastWhere(this.file.count, (entry) => this.file.int32(entry, 0) <= relative);
  }

  offsetAt(entry: number): number {
    return this.#baseOffset + this.file.int32(entry, 0);
  }

  positionAt(entry: number): number {
    return this.file.int32(entry, 4);
  }

  /** Whether offsets and positions ascend and stay inside a log of `logBytes`: what a whole index looks like. */
  isSane(logBytes: number): boolean {
    const bytes = this.file.readAll();
    let offset = -1;
    let position = -1;
    for (let at = 0; at < bytes.length; at += offsetEntryBytes) {
      if (bytes.readInt32BE(at) <= offset || bytes.readInt32BE(at + 4) <= position) return false;
      offset = bytes.readInt32BE(at);
      position = bytes.readInt32BE(at + 4);
    }
    return position < Math.max(logBytes, 0);
  }

  /** The quick check of an index closed in good order: its last entry points into the log. */
  endsWithin(logBytes: number): boolean {
    const last = this.file.count - 1;
    return (
      last < 0 ||
      (this.positionAt(last) >= 0 && this.positionAt(last) < logBytes && this.offsetAt(last) >= this.#baseOffset)
    );
  }

  /** Where to start walking batches to find `offset`. */
  positionFor(offset: number): number {
    const entry = this.lookup(offset);
    return entry < 0 ? 0 : this.positionAt(entry);
  }

  /** Forgets entries of batches that begin at `position` or later. */
  truncateToPosition(position: number): void {
    this.file.truncate(1 + lastWhere(this.file.count, (entry) => this.positionAt(entry) < position));
  }
}
