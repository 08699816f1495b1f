/**
 * Puts a cleaned segment in its originals' place, so that after a crash at any moment either they or it are there:
 *
 *  1. `.cleaned` is on the device, names included (clean-segments.ts). A start throws it away.
 *  2. Renamed to `.swap`, the records last, and that synced: from here on a start finishes what follows.
 *  3. The originals are renamed to `.deleted`, each one's records last.
 *  4. `.swap` gets the final names, the records last.
 *
 * Runs on the event loop, in microseconds and two syncs of a folder.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { segmentFile, suffixes } from './files.ts';
import { Segment } from './segment.ts';

/** The records last: while they have the old name, the rest can be told from a finished segment's. */
const fileSuffixes = [suffixes.index, suffixes.timeIndex, suffixes.transactionIndex, suffixes.log] as const;

/** Step 2. After a throw the originals are as they were, and a start would leave them so. */
export function commitSwap(fs: FileSystem, folder: string, base: number): void {
  try {
    renameAll(fs, folder, base, suffixes.cleaned, suffixes.swap);
    fs.syncDirectory(folder);
  } catch (error) {
    for (const suffix of [...fileSuffixes].reverse())
      fs.remove(`${folder}/${segmentFile(base, suffix)}${suffixes.swap}`);
    removeCleaned(fs, folder);
    fs.syncDirectory(folder);
    throw error;
  }
}

/** Steps 3 and 4. After a throw the partition must not be used until a start has finished the swap. */
export function finishSwap(fs: FileSystem, folder: string, originals: readonly Segment[]): Segment {
  const base = originals[0]!.baseOffset;
  for (const segment of originals) segment.markDeleted({ keepsSnapshot: segment.baseOffset === base });
  renameAll(fs, folder, base, suffixes.swap, '');
  fs.syncDirectory(folder);
  const createdMs = Math.max(...originals.map((segment) => segment.createdMs));
  const segment = new Segment(fs, folder, base, createdMs);
  segment.loadAll();
  segment.close();
  return segment;
}

/** Takes away what a round that did not end has written. */
export function removeCleaned(fs: FileSystem, folder: string): void {
  for (const name of fs.list(folder)) if (name.endsWith(suffixes.cleaned)) fs.remove(`${folder}/${name}`);
}

function renameAll(fs: FileSystem, folder: string, base: number, from: string, to: string): void {
  for (const suffix of fileSuffixes) {
    const path = `${folder}/${segmentFile(base, suffix)}`;
    if (fs.size(path + from) !== null) fs.rename(path + from, path + to);
  }
}
