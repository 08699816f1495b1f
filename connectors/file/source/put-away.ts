/**
 * What becomes of a file that was read: moved or deleted, so that after a crash it is in one place or can be put away
 * again. Called only when the offset behind its last record is committed.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { syncFolder } from '../durable.ts';
import { fileUnwritable, isMissing } from '../errors.ts';

/** More files of one name than anybody keeps. */
const serialMax = 10_000;

/** Moves a file into a folder, under its path below `root` where it is below it. RetriableError: it is where it was. */
export async function moveAway(path: string, root: string, folder: string): Promise<void> {
  const below = relative(resolve(root), resolve(path));
  const isBelow = below !== '' && !below.startsWith(`..${sep}`) && below !== '..';
  try {
    const target = await freeName(path, join(folder, isBelow ? below : basename(path)));
    if (target === null) await unlink(path);
    else await move(path, target);
    await syncFolder(dirname(path));
  } catch (error) {
    // Put away by somebody else, or by us before a crash.
    if (isMissing(error) && !(await exists(path))) return;
    throw fileUnwritable(path, error);
  }
}

/** Deletes a file. RetriableError: it is still there. */
export async function deleteFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  } catch (error) {
    if (isMissing(error)) return;
    throw fileUnwritable(path, error);
  }
}

/** The wanted name, or with a number when another file has it; null when the file is there already (a crash came between). */
async function freeName(path: string, wanted: string): Promise<string | null> {
  await mkdir(dirname(wanted), { recursive: true });
  const extension = extname(wanted);
  const stem = wanted.slice(0, wanted.length - extension.length);
  for (let serial = 1; serial <= serialMax; serial++) {
    const name = serial === 1 ? wanted : `${stem}.${serial}${extension}`;
    if (!(await exists(name))) return name;
    if (await isSameContent(path, name)) return null;
  }
  throw new Error(`${serialMax} files are called ${wanted} already`);
}

async function move(path: string, target: string): Promise<void> {
  try {
    await rename(path, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // Another file system: complete and durable there before it is gone here.
    const temporary = join(dirname(target), `.${basename(target)}.tmp`);
    await copyFile(path, temporary);
    const copy = await open(temporary, 'r');
    await copy.sync().finally(() => copy.close());
    await rename(temporary, target);
    await syncFolder(dirname(target));
    await unlink(path);
  }
  await syncFolder(dirname(target));
}

async function isSameContent(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(a), stat(b)]);
  return first.size === second.size && (await hashOf(a)) === (await hashOf(b));
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
