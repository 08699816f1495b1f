/**
 * Which of the files that were found are to be read now, and by this task: its share of them, and where files must be
 * complete, those that have stopped changing. Remembers sizes and times, nothing else.
 */
import { stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { FileSourceSettings } from '../source-config.ts';
import { type Found, findFiles } from './discovery.ts';

export interface Selected {
  /** Keys of all that are there, readable yet or not. */
  readonly keys: ReadonlySet<string>;
  readonly ready: readonly Found[];
}

export class FileSelection {
  readonly #settings: FileSourceSettings;
  /** Since when each file has had its size and time. */
  #watched = new Map<string, { readonly size: number; readonly mtimeMs: number; readonly since: number }>();

  constructor(settings: FileSourceSettings) {
    this.#settings = settings;
  }

  async look(now: number): Promise<Selected> {
    const { file, pattern, order } = this.#settings;
    const all = (await findFiles(file, pattern)).filter((found) => this.isOurs(found) && this.#isInput(found));
    if (order === 'mtime') all.sort((a, b) => a.mtimeMs - b.mtimeMs);
    const keys = new Set(all.map(({ key }) => key));
    return { keys, ready: await this.#complete(all, now) };
  }

  /** Each file belongs to one task, whatever it is called. */
  isOurs({ key }: Found): boolean {
    const { index, count } = this.#settings.share;
    return count === 1 || shareOf(key, count) === index;
  }

  /** Neither a marker nor in a folder that files are moved to. */
  #isInput({ path }: Found): boolean {
    const { doneMarker, moveTo, moveBadTo, accepts } = this.#settings;
    if (accepts !== null && !accepts(path)) return false;
    if (doneMarker !== null && path.endsWith(doneMarker)) return false;
    return ![moveTo, moveBadTo].some((folder) => folder !== null && resolve(path).startsWith(resolve(folder) + sep));
  }

  async #complete(all: readonly Found[], now: number): Promise<Found[]> {
    const { stableMs, doneMarker } = this.#settings;
    const before = this.#watched;
    this.#watched = new Map();
    const complete: Found[] = [];
    for (const found of all) {
      // An archive that is still being written looks like a damaged one.
      if (!this.#settings.isOnce && !/\.(gz|zst|zstd)$/.test(found.path)) {
        complete.push(found);
        continue;
      }
      const known = before.get(found.key);
      const isSame = known !== undefined && known.size === found.size && known.mtimeMs === found.mtimeMs;
      const { size, mtimeMs } = found;
      const since = isSame ? known.since : now;
      this.#watched.set(found.key, { size, mtimeMs, since });
      if (now - since < stableMs) continue;
      if (doneMarker !== null && !(await exists(found.path + doneMarker))) continue;
      complete.push(found);
    }
    return complete;
  }
}

/** FNV-1a: the same share in every process and version. */
export function shareOf(key: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193) >>> 0;
  return hash % count;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
