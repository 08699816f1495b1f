/**
 * Watches a folder with all below it, whatever an editor does to save: writes in place, or writes beside and renames.
 *
 * Node's own recursive watcher on Linux follows files, and loses one that was replaced by another of its name; a watcher
 * per folder does not. Hidden folders and node_modules are nobody's sources.
 */
import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join, relative } from 'node:path';

export interface FolderWatch {
  /** A file was made, changed, replaced or removed: its path from the root. */
  onChange(file: string): void;
  /** Something is not watched, and why. */
  onProblem(message: string): void;
}

/** Each takes an inotify watch of the system; a plugin has a handful. */
const FOLDERS_MAX = 200;

/** Begins to watch; answers what ends it. */
export function watchFolders(root: string, { onChange, onProblem }: FolderWatch): () => void {
  const watchers = new Map<string, FSWatcher>();
  const forget = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  const follow = (folder: string): void => {
    if (watchers.size >= FOLDERS_MAX) {
      if (watchers.size === FOLDERS_MAX) onProblem(`Only ${FOLDERS_MAX} folders of ${root} are watched.`);
      return;
    }
    if (!watchers.has(folder)) watchers.set(folder, watched(folder));
    for (const name of foldersIn(folder)) follow(join(folder, name));
  };
  const watched = (folder: string): FSWatcher => {
    const watcher = watch(folder, (event, name) => {
      if (name === null) return;
      // A folder may have come, or gone.
      if (event === 'rename') follow(folder);
      onChange(relative(root, join(folder, name)));
    });
    watcher.on('error', () => forget(folder));
    return watcher;
  };
  follow(root);
  return () => {
    for (const folder of [...watchers.keys()]) forget(folder);
  };

  function foldersIn(folder: string): string[] {
    try {
      const entries = readdirSync(folder, { withFileTypes: true });
      return entries.flatMap((each) => (each.isDirectory() && isOfSources(each.name) ? [each.name] : []));
    } catch {
      // It is gone again.
      forget(folder);
      return [];
    }
  }
}

function isOfSources(folder: string): boolean {
  return folder !== 'node_modules' && !folder.startsWith('.');
}
