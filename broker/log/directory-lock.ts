/**
 * One process at a time in a data directory: a lock file that names its holder, so that the second one can say who is
 * in the way. Node offers no flock, so the file itself is the lock; a holder that was killed leaves it behind, which is
 * recognised by the process no longer being there (or being another one with the same id).
 */
import { readFileSync } from 'node:fs';
import type { FileSystem } from '../fs/file-system.ts';
import { LogDirectoryError } from './errors.ts';
import { names, readFile } from './files.ts';

export interface LockHolder {
  readonly pid: number;
  /** When the process began, in the kernel's ticks since boot; null where the kernel does not tell. */
  readonly processStart: number | null;
  /** Ticks begin anew with every boot. */
  readonly bootId: string | null;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
  readonly address: string;
}

/** A stale lock may be taken over by several starts at once; each round one of them wins. */
const attemptsMax = 5;
/** A killed process takes a moment to be gone; whoever restarts it at once should not be told that it is in the way. */
const dyingHolderMs = 1_000;
const lookAgainMs = 20;

/** Takes the lock; returns a function that gives it back. Throws LogDirectoryError when a living process has it. */
export function lockDirectory(
  fs: FileSystem,
  folder: string,
  holder: LockHolder,
  isAlive: (holder: LockHolder) => boolean = isProcessAlive,
): () => void {
  const path = `${folder}/${names.lock}`;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (tryCreate(fs, path, holder)) return () => fs.remove(path);
    const found = readHolder(fs, path);
    if (found !== null && !endsSoon(found, isAlive)) throw inUse(folder, found);
    removeStale(fs, path, found, isAlive);
  }
  throw new LogDirectoryError(
    'LOG_DIRECTORY_IN_USE',
    `The data directory ${folder} is being opened by several processes at once. Start one of them again.`,
  );
}

/** Waits a little for the holder to end; there is nothing else a start could do meanwhile. */
function endsSoon(holder: LockHolder, isAlive: (holder: LockHolder) => boolean): boolean {
  for (let waitedMs = 0; isAlive(holder); waitedMs += lookAgainMs) {
    if (waitedMs >= dyingHolderMs) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
  }
  return true;
}

/** This process, as the lock file will name it. */
export function thisProcess(address: string, nowMs: number): LockHolder {
  const since = new Date(nowMs).toISOString();
  return { pid: process.pid, processStart: processStartOf(process.pid), bootId: readBootId(), since, address };
}

function tryCreate(fs: FileSystem, path: string, holder: LockHolder): boolean {
  try {
    const file = fs.open(path, 'must-be-new');
    file.write([Buffer.from(`${JSON.stringify(holder)}\n`)], 0);
    file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null when the file is gone, or says nothing that makes sense (its writer died in between). */
function readHolder(fs: FileSystem, path: string): LockHolder | null {
  try {
    const holder = JSON.parse(readFile(fs, path)?.toString('utf8') ?? 'null') as LockHolder | null;
    return typeof holder?.pid === 'number' ? holder : null;
  } catch {
    return null;
  }
}

/** Moves the stale file aside and looks again: another start may have taken the lock over in between. */
function removeStale(
  fs: FileSystem,
  path: string,
  stale: LockHolder | null,
  isAlive: (holder: LockHolder) => boolean,
): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    fs.rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(fs, aside);
  const isStillStale = moved === null || JSON.stringify(moved) === JSON.stringify(stale) || !isAlive(moved);
  if (isStillStale) fs.remove(aside);
  else fs.rename(aside, path);
}

function inUse(folder: string, holder: LockHolder): LogDirectoryError {
  return new LogDirectoryError(
    'LOG_DIRECTORY_IN_USE',
    `The data directory ${folder} is in use by process ${holder.pid}, which serves ${holder.address} since ` +
      `${holder.since}. Stop it first, or choose another directory with --data.`,
  );
}

/** Whether the process that wrote the lock still runs: same id, and begun at the same moment of the same boot. */
function isProcessAlive(holder: LockHolder): boolean {
  if (holder.bootId !== readBootId()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const fields = processFields(holder.pid);
  if (fields === null) return true;
  // A zombie holds nothing any more; it only waits for its parent to ask how it ended.
  if (fields.state === 'Z' || fields.state === 'X') return false;
  return holder.processStart === null || fields.start === holder.processStart;
}

function processStartOf(pid: number): number | null {
  return processFields(pid)?.start ?? null;
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)); the command in field 2 may hold spaces and parentheses. */
function processFields(pid: number): { readonly state: string; readonly start: number } | null {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, start: Number(fields[19]) };
}

function readBootId(): string | null {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
