/**
 * What can go wrong between us and a job queue, one stable code each. The worker reads only the class.
 */
import { ConfigError, ConnectError, DataError, RetriableError } from '../api/index.ts';

/** Redis or Postgres does not answer, or not now. */
export function queueUnreachable(place: string, cause: unknown): RetriableError {
  return new RetriableError(
    `The job queue at ${place} does not answer: ${messageOf(cause)}. Start it or correct "bullmq.url"; the same jobs are tried again.`,
    { code: 'BULLMQ_UNREACHABLE', cause },
  );
}

/** The server answered and said no. */
export function queueFailed(place: string, cause: unknown): ConnectError {
  return new ConnectError(
    `The job queue at ${place} refused: ${messageOf(cause)}. Correct what it names, then restart the task.`,
    { code: 'BULLMQ_FAILED', cause },
  );
}

/** The tables of BullMQ's Postgres backend are not there, or of another version. */
export function queueNotMigrated(place: string, cause: unknown): ConfigError {
  const message = `The database at ${place} lacks BullMQ's tables: ${messageOf(cause)}. Set "bullmq.migrate" to true, or run BullMQ's migrations yourself.`;
  return new ConfigError([{ key: 'bullmq.migrate', value: 'false', message }], { code: 'BULLMQ_NOT_MIGRATED', cause });
}

/** A record that can become no job. */
export function badJob(place: string, problem: string): DataError {
  return new DataError(`The record at ${place} can become no job: ${problem}.`, { code: 'BULLMQ_BAD_RECORD' });
}

/** A key of the configuration that cannot work; names the key. */
export function badQueueConfig(key: string, value: unknown, message: string): ConfigError {
  return new ConfigError([{ key, value, message }], { code: 'BULLMQ_BAD_CONFIG' });
}

/** The sentence inside whatever was thrown, without its final stop. */
export function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return messageOf(cause.errors[0]);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return text.replace(/\.$/, '');
}

/** BullMQ's own codes for a job that is not ours any more: gone, without a lock, in another state, locked by another. */
const lockLostCodes: readonly unknown[] = [-1, -2, -3, -6];

/** True where BullMQ refused to end or renew a job because it has been given to somebody else since. */
export function isLockLost(error: Error & { readonly code?: unknown }): boolean {
  return lockLostCodes.includes(error.code) || /^could not renew lock/i.test(error.message);
}

const unreachableCodes = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|57P0|08|53300|40001|40P01)/;

/** Sorts what a client library threw: may it pass by itself? */
export function toQueueError(place: string, cause: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const error = cause as { code?: unknown; name?: unknown; message?: unknown; errors?: readonly unknown[] };
  const inner = error.errors?.[0] as { code?: unknown } | undefined;
  const code = String(error.code ?? inner?.code ?? '');
  if (String(error.name).startsWith('Schema')) return queueNotMigrated(place, cause);
  const isConnection =
    unreachableCodes.test(code) ||
    error.name === 'MaxRetriesPerRequestError' ||
    /connection (is closed|terminated|timeout)|stream isn't writeable|timeout exceeded when trying to connect|LOADING|READONLY|not queryable/i.test(
      String(error.message),
    );
  return isConnection ? queueUnreachable(place, cause) : queueFailed(place, cause);
}
