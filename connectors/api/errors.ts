/**
 * The world's mistakes, as connectors, transforms and converters report them.
 *
 * The worker reads nothing but the class: RetriableError means "the same again, later"; DataError means "this record
 * is bad, its neighbours are not"; ConfigError names a key; any other ConnectError ends the task. A programmer's
 * mistake is no member of this family: assert, and let it surface as a plain Error.
 */

/** Options every Connect error takes. */
export interface ConnectErrorOptions {
  /** A stable string, for docs/errors.md and for machines; defaults to the class's own. */
  readonly code?: string;
  readonly cause?: unknown;
}

/** Something in the outside world went wrong and the task cannot go on. */
export class ConnectError extends Error {
  readonly code: string;
  readonly retriable: boolean = false;

  constructor(message: string, options: ConnectErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? 'CONNECT_ERROR';
  }
}

/** The same call may succeed later: the worker waits and calls again with the same input. */
export class RetriableError extends ConnectError {
  override readonly retriable = true;

  constructor(message: string, options: ConnectErrorOptions = {}) {
    super(message, { code: 'RETRIABLE', ...options });
  }
}

/** One record cannot be processed, now or later: dead-lettered or skipped by `errors.tolerance`. */
export class DataError extends ConnectError {
  constructor(message: string, options: ConnectErrorOptions = {}) {
    super(message, { code: 'BAD_RECORD', ...options });
  }
}

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  readonly key: string;
  readonly value: unknown;
  /** A sentence that says what is wrong and what would be right. */
  readonly message: string;
}

/** A configuration that cannot work; the task or connector does not start. */
export class ConfigError extends ConnectError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[] | string, options: ConnectErrorOptions = {}) {
    const list = typeof problems === 'string' ? [{ key: '', value: null, message: problems }] : problems;
    super(list.map((problem) => problem.message).join(' '), { code: 'BAD_CONFIG', ...options });
    this.problems = list;
  }
}
