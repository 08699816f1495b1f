/**
 * The runtime's own errors, beside those of connectors (connectors/api/errors.ts) and of the log (log/client.ts).
 *
 * Each has a stable code for docs/errors.md. `RequestError` is a caller's mistake or a state that forbids the request;
 * the REST door turns its status into the answer.
 */
import { type ConfigProblem, ConnectError } from '../connectors/api/index.ts';
import { LogError } from './log/client.ts';

/** The closed list of places where a record can fail (org.apache.kafka.connect.runtime.errors.Stage). */
export const stages = [
  'TASK_POLL',
  'TRANSFORMATION',
  'KEY_CONVERTER',
  'VALUE_CONVERTER',
  'HEADER_CONVERTER',
  'KAFKA_PRODUCE',
  'KAFKA_CONSUME',
  'TASK_PUT',
] as const;
export type Stage = (typeof stages)[number];

/** What a registry says of a schema ends with both schemas, thousands of characters; the cause has it whole. */
const REASON_CHARACTERS_MAX = 1000;

const GO_ON = 'Set errors.tolerance=all (with errors.deadletterqueue.topic.name) to go on past such records.';
const ALLOW_SCHEMA =
  'The records are sound, their new schema is not allowed: allow it with another compatibility of that subject (PUT /config/<subject> {"compatibility":"FORWARD"} lets columns be added to open objects) and start the task again.';

/** Confluent's error code for a schema that its subject's compatibility forbids, and ours. */
function isIncompatible(cause: unknown): boolean {
  return cause instanceof ConnectError && cause.code === 'INCOMPATIBLE_SCHEMA';
}

/** A record that the policy did not tolerate: the task fails with this, and the plugin's own error as its cause. */
export class RecordError extends ConnectError {
  readonly stage: Stage;
  /** Where the record stands, and its trace: fields for the log. */
  readonly coordinates: object;

  constructor(stage: Stage, place: string, cause: unknown, coordinates: object = {}) {
    const reason = messageOf(cause);
    const short = reason.length > REASON_CHARACTERS_MAX ? `${reason.slice(0, REASON_CHARACTERS_MAX)}…` : reason;
    const advice = isIncompatible(cause) ? ALLOW_SCHEMA : GO_ON;
    super(`${stage} failed for ${place}: ${short} ${advice}`, { code: 'RECORD_NOT_TOLERATED', cause });
    this.stage = stage;
    this.coordinates = coordinates;
  }
}

/** A task or connector that did not do something within its deadline. */
export class DeadlineError extends ConnectError {
  constructor(what: string, timeoutMs: number) {
    super(`${what} did not finish within ${timeoutMs} ms.`, { code: 'DEADLINE_EXCEEDED' });
  }
}

export type RequestStatus = 400 | 403 | 404 | 406 | 409 | 500 | 503;

/** A request that cannot be served, with the HTTP status that says so. */
export class RequestError extends ConnectError {
  readonly status: RequestStatus;

  constructor(status: RequestStatus, message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, { code: requestCodes[status], ...options });
    this.status = status;
  }
}

export function takesNoSignals(className: string): RequestError {
  return new RequestError(400, `A task of ${className} takes no signals.`);
}

const requestCodes: Record<RequestStatus, string> = {
  400: 'BAD_REQUEST',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  406: 'NOT_ACCEPTABLE',
  409: 'CONFLICT',
  500: 'INTERNAL',
  503: 'NOT_READY',
};

/** Of LogErrors that tell a worker about others of its group (`worker/claim.ts`). */
export const claimCodes = {
  /** Another worker has the group. */
  fenced: 'WORKER_FENCED',
  /** A worker that had it before has not noticed yet. */
  former: 'FORMER_WORKER',
} as const;

/** A connector configuration with at least one problem. */
export class InvalidConfigError extends RequestError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const list = problems.map(({ message }) => message).join('\n');
    const count = `Connector configuration is invalid and contains the following ${problems.length} error(s):`;
    const endpoint =
      'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`';
    super(400, `${count}\n${list}\n${endpoint}`, { code: 'INVALID_CONFIG' });
    this.problems = problems;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** "The same again, later" by the error's own word. */
export function isRetriable(error: unknown): boolean {
  return (error instanceof ConnectError || error instanceof LogError) && error.retriable;
}

/** Node's names for a network that may be back in a moment. */
const transientCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** True when a fresh start may succeed without anybody changing anything, anywhere in the cause chain. */
export function isTransient(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < MAX_CAUSES; cause = cause.cause, depth++) {
    if (isRetriable(cause)) return true;
    if ('code' in cause && transientCodes.has(String(cause.code))) return true;
  }
  return false;
}

/** Deeper chains are loops or noise. */
const MAX_CAUSES = 10;

/** The cause chain as text for `trace`: each error with its stack, as Java prints it. */
export function traceOf(error: unknown): string {
  const parts: string[] = [];
  let cause: unknown = error;
  for (let depth = 0; cause !== undefined && depth < MAX_CAUSES; depth++) {
    const text = cause instanceof Error ? (cause.stack ?? `${cause.name}: ${cause.message}`) : String(cause);
    parts.push(depth === 0 ? text : `Caused by: ${text}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return parts.join('\n');
}
