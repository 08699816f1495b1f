/**
 * A file system that holds only so many files open, whatever its users hold: the one not used for longest is closed, and
 * opened again by its next use. Ten thousand partitions then work with a thousand descriptors. It also waits for only so
 * many syncs at a time, because a file cannot be closed under one, and because a device gathers no more of them anyway.
 *
 * Whoever renames or removes a file closes it first, as everywhere in the log: an open one is known by its path. A file
 * that is closed with writes not synced yet stays so; its next sync covers them, since the kernel remembers what became
 * of a file's pages for whoever opens it next (it may forget that under memory pressure: an `acks=1` record is then lost
 * as it would be in a power cut).
 */
import { readFileSync } from 'node:fs';
import type { FileHandle, FileSystem, OpenHow } from './file-system.ts';

/** More bring nothing: opening a file again takes some microseconds. */
const openMaxDefault = 2048;
/** What a process may open at least, on any system that runs Node. */
const leastLimit = 256;
/** libuv works on four at a time; the others keep the device busy meanwhile. */
const syncsMax = 64;

type Done = (error: Error | null) => void;

/** Half of what this process may open; the other half is for connections. */
export function openFilesMax(): number {
  let limit = leastLimit;
  try {
    // Node has raised the soft limit to the hard one.
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    limit = soft === 'unlimited' ? openMaxDefault * 2 : Number(soft ?? leastLimit);
  } catch {
    // No Linux: the least is assumed.
  }
  return Math.min(openMaxDefault, Math.floor(limit / 2));
}

export function boundedFiles(fs: FileSystem, openMax = openFilesMax()): FileSystem {
  const shared = new OpenFiles(fs, openMax, Math.min(syncsMax, Math.ceil(openMax / 2)));
  return {
    open: (path, how) => shared.open(path, how),
    size: (path) => fs.size(path),
    list: (path) => fs.list(path),
    makeDirectory: (path) => fs.makeDirectory(path),
    rename: (from, to) => fs.rename(from, to),
    remove: (path) => fs.remove(path),
    syncDirectory: (path) => fs.syncDirectory(path),
    syncDirectoryLater: (path, done) => shared.sync((ended) => fs.syncDirectoryLater(path, ended), done),
    space: (path) => fs.space(path),
  };
}

class OpenFiles {
  readonly fs: FileSystem;
  readonly #openMax: number;
  readonly #syncsMax: number;
  /** Oldest first; one that was used since it was put there gets another turn. */
  readonly #open = new Set<BoundedFile>();
  #syncs = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(fs: FileSystem, openMax: number, syncs: number) {
    this.fs = fs;
    this.#openMax = openMax;
    this.#syncsMax = syncs;
  }

  open(path: string, how: OpenHow): BoundedFile {
    this.#makeRoom();
    return new BoundedFile(this, path, this.fs.open(path, how));
  }

  /** Opens again what was closed to make room. */
  reopen(path: string): FileHandle {
    this.#makeRoom();
    return this.fs.open(path, 'must-exist');
  }

  add(file: BoundedFile): void {
    this.#open.add(file);
  }

  forget(file: BoundedFile): void {
    this.#open.delete(file);
  }

  /** Begins a sync, now or when one of those under way has ended. */
  sync(begin: (ended: Done) => void, done: Done): void {
    const start = (): void => {
      this.#syncs++;
      begin((error) => {
        this.#syncs--;
        this.#waiting.shift()?.();
        done(error);
      });
    };
    if (this.#syncs < this.#syncsMax) start();
    else this.#waiting.push(start);
  }

  #makeRoom(): void {
    if (this.#open.size < this.#openMax) return;
    // Twice round: the first time may only take the marks of use away.
    for (let tries = 2 * this.#open.size; tries > 0; tries--) {
      const [file] = this.#open;
      this.#open.delete(file!);
      if (file!.putAway()) return;
      this.#open.add(file!);
    }
  }
}

class BoundedFile implements FileHandle {
  readonly #shared: OpenFiles;
  readonly #path: string;
  #handle: FileHandle | null;
  #wasUsed = false;
  /** Syncs asked for and not ended; those of them that the device works on. */
  #pendingSyncs = 0;
  #activeSyncs = 0;
  #isClosed = false;

  constructor(shared: OpenFiles, path: string, handle: FileHandle) {
    this.#shared = shared;
    this.#path = path;
    this.#handle = handle;
    shared.add(this);
  }

  size(): number {
    return this.#use().size();
  }

  read(target: Uint8Array, position: number): number {
    return this.#use().read(target, position);
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    this.#use().write(chunks, position);
  }

  truncate(size: number): void {
    this.#use().truncate(size);
  }

  sync(): void {
    this.#use().sync();
  }

  syncLater(done: Done): void {
    this.#pendingSyncs++;
    const ended = (error: Error | null): void => {
      this.#pendingSyncs--;
      this.#activeSyncs--;
      if (this.#isClosed && this.#pendingSyncs === 0) this.#closeNow();
      done(error);
    };
    const begin = (end: Done): void => {
      this.#activeSyncs++;
      try {
        this.#use().syncLater(end);
      } catch (error) {
        setImmediate(end, error as Error);
      }
    };
    this.#shared.sync(begin, ended);
  }

  close(): void {
    if (this.#isClosed) return;
    // A sync that waits for its turn still needs the file, which may get another name from now on.
    if (this.#pendingSyncs > 0) this.#use();
    this.#isClosed = true;
    if (this.#pendingSyncs === 0) this.#closeNow();
  }

  /** Closes the file until its next use; false when it must stay open for now. */
  putAway(): boolean {
    const mustStay = this.#wasUsed || this.#activeSyncs > 0 || (this.#isClosed && this.#pendingSyncs > 0);
    this.#wasUsed = false;
    if (mustStay) return false;
    this.#closeNow();
    return true;
  }

  #use(): FileHandle {
    this.#wasUsed = true;
    if (this.#handle === null) {
      if (this.#isClosed) throw new Error(`${this.#path} was closed.`);
      this.#handle = this.#shared.reopen(this.#path);
      this.#shared.add(this);
    }
    return this.#handle;
  }

  #closeNow(): void {
    this.#shared.forget(this);
    this.#handle?.close();
    this.#handle = null;
  }
}
