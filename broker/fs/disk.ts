/**
 * The real disk behind the file-system port. Thin on purpose: one call here is one system call, plus the loop that a
 * short write needs. Nothing is cached; the kernel's page cache is the cache.
 */
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writevSync,
} from 'node:fs';
import type { DeviceSpace, FileHandle, FileSystem, OpenHow } from './file-system.ts';

const flags: Record<OpenHow, number> = {
  'must-exist': constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
  'must-be-new': constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

export const disk: FileSystem = {
  open: (path, how) => new DiskFile(openSync(path, flags[how], 0o644)),

  size(path) {
    return statSync(path, { throwIfNoEntry: false })?.size ?? null;
  },

  list(path) {
    try {
      return readdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },

  makeDirectory(path) {
    mkdirSync(path, { recursive: true });
  },

  rename: renameSync,

  remove(path) {
    rmSync(path, { recursive: true, force: true });
  },

  syncDirectory(path) {
    const fd = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },

  syncDirectoryLater(path, done) {
    open(path, constants.O_RDONLY, (failedOpen, fd) => {
      if (failedOpen !== null) {
        done(failedOpen);
        return;
      }
      fsync(fd, (failedSync) => {
        close(fd);
        done(failedSync);
      });
    });
  },

  space(path): DeviceSpace {
    const { blocks, bavail, bsize } = statfsSync(path);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  },
};

class DiskFile implements FileHandle {
  readonly #fd: number;
  /** A pending fdatasync keeps the descriptor open: closing it under the thread pool could sync a stranger's file. */
  #pendingSyncs = 0;
  #isClosed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  read(target: Uint8Array, position: number): number {
    let read = 0;
    while (read < target.length) {
      const step = readSync(this.#fd, target, read, target.length - read, position + read);
      if (step === 0) break;
      read += step;
    }
    return read;
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    let total = 0;
    for (const chunk of chunks) total += chunk.length;
    let written = writevSync(this.#fd, chunks as Uint8Array[], position);
    // A short write happens when the device is nearly full; the next one then says why.
    while (written < total) written += writevSync(this.#fd, restOf(chunks, written), position + written);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  syncLater(done: (error: Error | null) => void): void {
    this.#pendingSyncs++;
    fdatasync(this.#fd, (error) => {
      this.#pendingSyncs--;
      if (this.#isClosed && this.#pendingSyncs === 0) closeSync(this.#fd);
      done(error);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#pendingSyncs === 0) closeSync(this.#fd);
  }
}

/** The chunks without their first `skip` bytes. */
function restOf(chunks: readonly Uint8Array[], skip: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
