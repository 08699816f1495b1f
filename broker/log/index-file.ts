/**
 * A file of entries of one size, appended at its end: what offset, time and transaction index have in common.
 *
 * New entries gather in memory and reach the file with `write` (at a checkpoint, a roll, a close), because indexes are
 * rebuilt from the records after a crash anyway. Entries in the file are read one at a time, so that a sealed segment
 * costs no memory: a binary search over a full index is 18 reads from the page cache, about 30 µs.
 */
import type { FileHandle, FileSystem } from '../fs/file-system.ts';
import { readInt64 } from '../protocol/int64.ts';

/** Room for the entries of 256 KiB of records between two doublings. */
const initialTailEntries = 64;

export class IndexFile {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #entryBytes: number;
  readonly #scratch: Buffer;
  #handle: FileHandle | null = null;
  /** Entries in the file. */
  #written: number;
  /** Bytes behind the last whole one: a crash cut the file there. */
  #stray: number;
  /** Entries not in the file yet. */
  #tail = Buffer.alloc(0);
  #tailCount = 0;
  /** Writes and cuts so far, and how many of them are on the device. */
  #changes = 0;
  #syncedChanges = 0;

  /** `isNew`: there is no file, which nobody has to look up. */
  constructor(fs: FileSystem, path: string, entryBytes: number, isNew: boolean) {
    this.#fs = fs;
    this.path = path;
    this.#entryBytes = entryBytes;
    this.#scratch = Buffer.alloc(entryBytes);
    const bytes = isNew ? null : fs.size(path);
    this.#written = Math.floor((bytes ?? 0) / entryBytes);
    this.#stray = (bytes ?? 0) % entryBytes;
    // Whoever wrote it may have been killed before it was synced.
    if (bytes !== null) this.#changes = 1;
  }

  /** The file's entries are not those on the device. An empty file that was lost is made anew in no time. */
  get isUnsynced(): boolean {
    return this.#changes !== this.#syncedChanges;
  }

  /** Bytes in the file behind the last whole entry. */
  get strayBytes(): number {
    return this.#stray;
  }

  get exists(): boolean {
    return this.#fs.size(this.path) !== null;
  }

  get count(): number {
    return this.#written + this.#tailCount;
  }

  /** Makes room for one entry; the caller fills `buffer` from `at`. */
  appendSlot(): { readonly buffer: Buffer; readonly at: number } {
    const at = this.#tailCount * this.#entryBytes;
    if (at === this.#tail.length) {
      const grown = Buffer.alloc(Math.max(initialTailEntries * this.#entryBytes, 2 * at));
      this.#tail.copy(grown, 0, 0, at);
      this.#tail = grown;
    }
    this.#tailCount++;
    return { buffer: this.#tail, at };
  }

  int32(entry: number, at: number): number {
    return entry < this.#written ? this.#load(entry).readInt32BE(at) : this.#tail.readInt32BE(this.#at(entry) + at);
  }

  int64(entry: number, at: number): number {
    return entry < this.#written ? readInt64(this.#load(entry), at) : readInt64(this.#tail, this.#at(entry) + at);
  }

  /** All entries as bytes, for a check of the whole. */
  readAll(): Buffer {
    const bytes = Buffer.alloc(this.count * this.#entryBytes);
    if (this.#written > 0) this.#open().read(bytes.subarray(0, this.#written * this.#entryBytes), 0);
    this.#tail.copy(bytes, this.#written * this.#entryBytes, 0, this.#tailCount * this.#entryBytes);
    return bytes;
  }

  /** Keeps the first `count` entries, and nothing else. */
  truncate(count: number): void {
    const kept = Math.min(count, this.#written);
    this.#tailCount = Math.min(this.#tailCount, Math.max(0, count - this.#written));
    if (kept === this.#written && this.#stray === 0) return;
    this.#open().truncate(kept * this.#entryBytes);
    this.#changes++;
    this.#written = kept;
    this.#stray = 0;
  }

  /** Writes the entries gathered since. After a throw nothing is lost and the call may be repeated. */
  write(): void {
    if (this.#tailCount === 0 && this.#fs.size(this.path) !== null) return;
    const bytes = this.#tail.subarray(0, this.#tailCount * this.#entryBytes);
    if (bytes.length > 0) {
      this.#open().write([bytes], this.#written * this.#entryBytes);
      this.#changes++;
    } else this.#open();
    this.#written += this.#tailCount;
    this.#stray = 0;
    this.#tailCount = 0;
    this.#tail = Buffer.alloc(0);
  }

  sync(): void {
    if (this.#handle !== null) this.#handle.sync();
  }

  syncLater(done: (error: Error | null) => void): void {
    const changes = this.#changes;
    this.#open().syncLater((error) => {
      if (error === null) this.#syncedChanges = Math.max(this.#syncedChanges, changes);
      done(error);
    });
  }

  /** Gives the descriptor back; the next use opens the file again. */
  close(): void {
    this.#handle?.close();
    this.#handle = null;
  }

  #at(entry: number): number {
    return (entry - this.#written) * this.#entryBytes;
  }

  #load(entry: number): Buffer {
    this.#open().read(this.#scratch, entry * this.#entryBytes);
    return this.#scratch;
  }

  #open(): FileHandle {
    this.#handle ??= this.#fs.open(this.path, 'create');
    return this.#handle;
  }
}

/** The last of `count` entries for which `isAtMost` holds, entries being sorted; -1 when there is none. */
export function lastWhere(count: number, isAtMost: (entry: number) => boolean): number {
  let low = -1;
  let high = count - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isAtMost(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
