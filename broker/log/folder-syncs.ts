/**
 * Makes new names durable, beside the event loop, for all partitions of a data directory: whoever asks while a folder is
 * being synced shares the next sync of it, so that a thousand new partitions cost their common folder a few syncs.
 */
import type { FileSystem } from '../fs/file-system.ts';

type Done = (error: Error | null) => void;

export class FolderSyncs {
  readonly #fs: FileSystem;
  /** Who waits for the sync after the one under way, by folder. */
  readonly #next = new Map<string, Done[]>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Calls back when every name made in the folder so far is on the device. */
  sync(folder: string, done: Done): void {
    const waiting = this.#next.get(folder);
    if (waiting === undefined) this.#begin(folder, [done]);
    else waiting.push(done);
  }

  #begin(folder: string, asked: readonly Done[]): void {
    this.#next.set(folder, []);
    this.#fs.syncDirectoryLater(folder, (error) => {
      const waiting = this.#next.get(folder)!;
      if (waiting.length > 0) this.#begin(folder, waiting);
      else this.#next.delete(folder);
      for (const done of asked) done(error);
    });
  }
}
