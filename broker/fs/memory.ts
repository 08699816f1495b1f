/**
 * A disk in memory that behaves as badly as real ones may: it fails on demand, fills up, and forgets on a power cut
 * whatever was not synced, names included. For tests; never behind a running broker.
 *
 * A file is one node with two contents: what a reader sees, and what is on the device. A folder likewise has two lists
 * of names. `sync` copies the first to the second, a power cut the second to the first.
 */
import type { DeviceSpace, FileHandle, FileSystem, OpenHow } from './file-system.ts';

interface FileNode {
  content: Buffer;
  onDevice: Buffer;
  /** Syncs begun; one that ends after a later one brings nothing new. */
  syncsBegun: number;
  lastSync: number;
}

function nodeOf(content: Buffer, onDevice = Buffer.alloc(0)): FileNode {
  return { content, onDevice, syncsBegun: 0, lastSync: 0 };
}

function finishSync(node: FileNode, number: number, content: Buffer): void {
  if (number < node.lastSync) return;
  node.lastSync = number;
  node.onDevice = content;
}

export type FailingCall = 'open' | 'write' | 'read' | 'sync' | 'rename' | 'truncate';

export interface PowerCut {
  /**
   * How much of a file survives, given what was synced and what was written: by default only what was synced. A larger
   * answer keeps that many bytes (the device got to them in time); beyond the written it is filled with zeros (the
   * device recorded the length, not the bytes).
   */
  readonly survivingBytes?: (path: string, syncedBytes: number, writtenBytes: number) => number;
}

export class MemoryFileSystem implements FileSystem {
  #names = new Map<string, FileNode>();
  #namesOnDevice = new Map<string, FileNode>();
  #directories = new Set<string>(['/']);
  /** Grows with each power cut; a handle opened before is dead. */
  #generation = 0;
  #failures: { call: FailingCall; code: string; after: number; path: string }[] = [];
  /** Bytes the device holds; a write that needs more writes what fits and throws ENOSPC. */
  capacityBytes = Number.MAX_SAFE_INTEGER;

  /** Makes a call fail: the next one on a path that contains `path`, or the one after `after` successes. */
  failNext(call: FailingCall, code: string, options: { path?: string; after?: number } = {}): void {
    this.#failures.push({ call, code, path: options.path ?? '', after: options.after ?? 0 });
  }

  powerCut(cut: PowerCut = {}): void {
    const surviving = cut.survivingBytes ?? ((_path, synced) => synced);
    this.#generation++;
    this.#names = new Map(this.#namesOnDevice);
    for (const [path, node] of this.#names) {
      const size = surviving(path, node.onDevice.length, node.content.length);
      const kept = Buffer.alloc(size);
      node.content.copy(kept, 0, 0, size);
      node.onDevice.copy(kept, 0, 0, size);
      node.content = kept;
      node.onDevice = Buffer.from(kept);
    }
  }

  /** The files and their contents as readers see them, for comparing and for planting faults with `put`. */
  files(): Map<string, Buffer> {
    return new Map([...this.#names].map(([path, node]) => [path, Buffer.from(node.content)]));
  }

  /** Plants a file, already on the device. */
  put(path: string, content: Uint8Array): void {
    const node = nodeOf(Buffer.from(content), Buffer.from(content));
    this.makeDirectory(parentOf(path));
    this.#names.set(path, node);
    this.#namesOnDevice.set(path, node);
  }

  open(path: string, how: OpenHow): FileHandle {
    this.#mayFail('open', path);
    let node = this.#names.get(path);
    if (node !== undefined && how === 'must-be-new') throw failure('EEXIST', 'open', path);
    if (node === undefined) {
      if (how === 'must-exist' || !this.#directories.has(parentOf(path))) throw failure('ENOENT', 'open', path);
      node = nodeOf(Buffer.alloc(0));
      this.#names.set(path, node);
    }
    return this.#handle(path, node);
  }

  size(path: string): number | null {
    return this.#names.get(path)?.content.length ?? (this.#directories.has(path) ? 0 : null);
  }

  list(path: string): string[] {
    const found = new Set<string>();
    const prefix = `${path}/`;
    for (const name of [...this.#names.keys(), ...this.#directories]) {
      if (name.startsWith(prefix)) found.add(name.slice(prefix.length).split('/')[0]!);
    }
    return [...found];
  }

  makeDirectory(path: string): void {
    for (let at = path; at !== '/' && at !== ''; at = parentOf(at)) this.#directories.add(at);
  }

  rename(from: string, to: string): void {
    this.#mayFail('rename', from);
    const isDirectory = this.#directories.has(from);
    if (!isDirectory && !this.#names.has(from)) throw failure('ENOENT', 'rename', from);
    for (const [path, node] of [...this.#names]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#names.delete(path);
      this.#names.set(to + path.slice(from.length), node);
    }
    for (const path of [...this.#directories]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#directories.delete(path);
      this.#directories.add(to + path.slice(from.length));
    }
  }

  remove(path: string): void {
    for (const name of [...this.#names.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
    }
    for (const name of [...this.#directories]) {
      if (name === path || name.startsWith(`${path}/`)) this.#directories.delete(name);
    }
  }

  /** Folders themselves are kept without a sync; the files' names are what tests lose. */
  syncDirectory(path: string): void {
    this.#mayFail('sync', path);
    for (const name of [...this.#namesOnDevice.keys()]) {
      const isBelow = name.startsWith(`${path}/`);
      // A folder renamed away takes its files along, whatever their depth; those still here are another sync's.
      if (isBelow && !this.#names.has(name)) this.#namesOnDevice.delete(name);
    }
    for (const [name, node] of this.#names) {
      if (parentOf(name) === path) this.#namesOnDevice.set(name, node);
    }
  }

  syncDirectoryLater(path: string, done: (error: Error | null) => void): void {
    const generation = this.#generation;
    setImmediate(() => {
      try {
        if (generation !== this.#generation) throw failure('EIO', 'sync', `${path} (asked for before the power cut)`);
        this.syncDirectory(path);
        done(null);
      } catch (error) {
        done(error as Error);
      }
    });
  }

  space(): DeviceSpace {
    return { totalBytes: this.capacityBytes, freeBytes: Math.max(0, this.capacityBytes - this.#usedBytes()) };
  }

  #usedBytes(): number {
    let used = 0;
    for (const node of this.#names.values()) used += node.content.length;
    return used;
  }

  #mayFail(call: FailingCall, path: string): void {
    const index = this.#failures.findIndex((planned) => planned.call === call && path.includes(planned.path));
    const planned = this.#failures[index];
    if (planned === undefined || planned.after-- > 0) return;
    this.#failures.splice(index, 1);
    throw failure(planned.code, call, path);
  }

  #handle(path: string, node: FileNode): FileHandle {
    const generation = this.#generation;
    let isOpen = true;
    const check = (call: FailingCall) => {
      if (!isOpen) throw failure('EBADF', call, path);
      if (generation !== this.#generation) throw failure('EIO', call, `${path} (opened before the power cut)`);
      this.#mayFail(call, path);
    };
    return {
      size: () => node.content.length,
      read: (target, position) => {
        check('read');
        return node.content.copy(target, 0, position, position + target.length);
      },
      write: (chunks, position) => {
        check('write');
        this.#write(path, node, Buffer.concat(chunks), position);
      },
      truncate: (size) => {
        check('truncate');
        const content = Buffer.alloc(size);
        node.content.copy(content);
        node.content = content;
      },
      sync: () => {
        check('sync');
        finishSync(node, ++node.syncsBegun, Buffer.from(node.content));
      },
      syncLater: (done) => {
        // What is written while the device works is not part of this sync.
        const content = Buffer.from(node.content);
        const number = ++node.syncsBegun;
        setImmediate(() => {
          try {
            if (isOpen) check('sync');
            if (generation === this.#generation) finishSync(node, number, content);
            done(null);
          } catch (error) {
            done(error as Error);
          }
        });
      },
      close: () => {
        isOpen = false;
      },
    };
  }

  #write(path: string, node: FileNode, bytes: Buffer, position: number): void {
    const growth = Math.max(0, position + bytes.length - node.content.length);
    const lacking = Math.max(0, growth - this.space().freeBytes);
    const fits = bytes.subarray(0, bytes.length - Math.min(lacking, bytes.length));
    if (position + fits.length > node.content.length) {
      const grown = Buffer.alloc(position + fits.length);
      node.content.copy(grown);
      node.content = grown;
    }
    fits.copy(node.content, position);
    if (lacking > 0) throw failure('ENOSPC', 'write', path);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function failure(code: string, call: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}
