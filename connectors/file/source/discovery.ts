/**
 * Which files there are: the one file, the files of a folder, or those of a glob, in natural order of their names; and
 * what rotation may have left beside them. Looks, and remembers nothing.
 */
import { glob, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileUnreadable, isMissing } from '../errors.ts';
import { contentOf } from './content.ts';
import { headMatches, identityKey, tailMatches } from './identity.ts';
import type { Place } from './tracked-file.ts';

/** A file that was found. */
export interface Found {
  readonly path: string;
  readonly key: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Rotated files looked at, at most: more are no rotated logs. */
const rotatedMax = 10_000;
const byName = new Intl.Collator('en', { numeric: true });

/** The files to read now. A path that does not exist (yet) is no error. */
export async function findFiles(file: string, pattern: string): Promise<Found[]> {
  const isDirectory = await stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isDirectory) return findAll(await globbed(pattern, file));
  const one = await findOne(file);
  if (one !== null) return [one];
  return /[*?[{]/.test(file) ? findAll(await globbed(file, undefined)) : [];
}

async function globbed(pattern: string, cwd: string | undefined): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const path of glob(pattern, cwd === undefined ? {} : { cwd })) {
      if (!isTemporary(basename(path))) paths.push(cwd === undefined ? path : join(cwd, path));
    }
  } catch (error) {
    throw fileUnreadable(cwd ?? pattern, error);
  }
  return paths.sort(byName.compare);
}

/** Names other programs give to files they have not finished. */
function isTemporary(name: string): boolean {
  return name.startsWith('.') || name.endsWith('~') || name.endsWith('.tmp') || name.endsWith('.part');
}

async function findAll(paths: readonly string[]): Promise<Found[]> {
  const found = await Promise.all(paths.map(findOne));
  return found.filter((one) => one !== null);
}

async function findOne(path: string): Promise<Found | null> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile()) return null;
    return { path, key: identityKey(found), size: Number(found.size), mtimeMs: Number(found.mtimeMs) };
  } catch (error) {
    if (isMissing(error)) return null;
    throw fileUnreadable(path, error);
  }
}

/**
 * Files whose names say that they were rotated from one of the paths (`app.log.1`, `app.log-20260101`), oldest first.
 * Each folder is listed once, however many of its files are asked for.
 */
export async function findRotated(paths: readonly string[]): Promise<Found[]> {
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    const folder = dirname(path);
    const bases = folders.get(folder);
    if (bases === undefined) folders.set(folder, new Set([basename(path)]));
    else bases.add(basename(path));
  }
  const rotated: string[] = [];
  for (const [folder, bases] of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (!bases.has(name) && isRotatedFrom(bases, name)) rotated.push(join(folder, name));
    }
  }
  const found = await findAll(rotated.slice(0, rotatedMax));
  return found.sort((a, b) => a.mtimeMs - b.mtimeMs);
}

/** `app.log.1` is rotated from `app.log`; so are `app.log-2026` and `app.log_old`. */
function isRotatedFrom(bases: ReadonlySet<string>, name: string): boolean {
  for (let at = 1; at < name.length; at++) {
    if (/[._-]/.test(name[at]!) && bases.has(name.slice(0, at))) return true;
  }
  return false;
}

/** The same for two paths. */
export function isRotatedName(path: string, rotated: string): boolean {
  return dirname(path) === dirname(rotated) && isRotatedFrom(new Set([basename(path)]), basename(rotated));
}

/** True when the file holds, up to the place, what we have read: it is a copy of the file we were reading. */
export async function isCopyOf(found: Found, place: Place): Promise<boolean> {
  if (place.tail === null || place.position === 0) return false;
  const handle = await open(found.path, 'r').catch(() => null);
  if (handle === null) return false;
  // A copy may have been packed (logrotate's compress).
  const content = await contentOf(handle, true);
  try {
    return (await headMatches(content, place.head)) && (await tailMatches(content, place.tail));
  } catch {
    // An archive that is damaged, or not whole yet.
    return false;
  } finally {
    await content.close();
  }
}
