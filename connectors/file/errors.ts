/**
 * What can go wrong with files, one stable code each. The worker reads only the class; people and docs/errors.md read
 * the code and the sentence.
 */
import { ConfigError, ConnectError, DataError, RetriableError } from '../api/index.ts';

/** A file or folder that cannot be opened, listed or read. */
export function fileUnreadable(path: string, cause: unknown): ConnectError {
  return new ConnectError(
    `The file "${path}" cannot be read: ${messageOf(cause)}. Check the path and its permissions, then restart the task.`,
    { code: 'FILE_UNREADABLE', cause },
  );
}

/** A target that cannot be written now: disk full, permissions, folder gone. The same batch is tried again. */
export function fileUnwritable(path: string, cause: unknown): RetriableError {
  return new RetriableError(
    `The file "${path}" cannot be written: ${messageOf(cause)}. Free space or correct its permissions; the records are tried again.`,
    { code: 'FILE_UNWRITABLE', cause },
  );
}

/** The disk did not make durable what it had taken; what it still holds is unknown, so a restart must look. */
export function fileNotDurable(path: string, cause: unknown): ConnectError {
  return new ConnectError(
    `"${path}" could not be made durable: ${messageOf(cause)}. Look at the disk, then restart the task: it goes on from the last place known to be safe.`,
    { code: 'FILE_NOT_DURABLE', cause },
  );
}

/** A piece of a file that is no record; says which bytes. */
export function badPiece(path: string, from: number, to: number, problem: string, cause?: unknown): DataError {
  return new DataError(`Bytes ${from} to ${to} of "${path}" ${problem}.`, { code: 'FILE_BAD_RECORD', cause });
}

/** A value the target's format cannot hold; `problem` continues "The value …". */
export function badValue(problem: string, cause?: unknown): DataError {
  return new DataError(`The value ${problem}.`, { code: 'FILE_BAD_RECORD', cause });
}

/** Another task has taken the partition over while this one was writing. */
export function partitionTaken(partition: string, folder: string): ConnectError {
  return new ConnectError(
    `The partition ${partition} in "${folder}" was taken over by another task; what this one had not committed is left to it. If no other connector writes to this folder, restart the task.`,
    { code: 'FILE_SINK_FENCED' },
  );
}

/** A configuration whose keys do not fit together, or the world. */
export function badFileConfig(key: string, value: unknown, message: string): ConfigError {
  return new ConfigError([{ key, value, message }], { code: 'FILE_BAD_CONFIG' });
}

/** What the sink finds on disk does not fit what it wrote down about it. */
export function fileStateBroken(path: string, problem: string, cause?: unknown): ConnectError {
  return new ConnectError(
    `"${path}" ${problem}. Move it away (the sink then goes on from the group's committed offsets), or restore it.`,
    { code: 'FILE_SINK_STATE', cause },
  );
}

/** True for the error of a path that is not there. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
}
