/**
 * What the broker refuses: one error whose code is Kafka's own name, so that an API handler answers with its number and
 * the in-process keeper with its name. The log room has its own (log/errors.ts), with codes of the same table.
 */
import { ErrorCode, type ErrorName, isRetriable } from './protocol/error-codes.ts';

/** A request that cannot be served as asked. The message goes to the client where its version has a place for it. */
export class BrokerError extends Error {
  readonly code: ErrorName;
  /** Clients retry these by themselves. */
  readonly retriable: boolean;

  constructor(code: ErrorName, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BrokerError';
    this.code = code;
    this.retriable = isRetriable(ErrorCode[code]);
  }
}

/** The broker's own configuration cannot work; it does not start. `up` exits with 78. */
export class BrokerConfigError extends Error {
  readonly code = 'BAD_BROKER_CONFIG';
  /** Kafka's key, for example `num.partitions`. */
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.name = 'BrokerConfigError';
    this.key = key;
  }
}

/** Kafka's name for whatever was thrown; an unexpected error is UNKNOWN_SERVER_ERROR and must be logged by the caller. */
export function errorNameOf(error: unknown): ErrorName {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code in ErrorCode ? (code as ErrorName) : 'UNKNOWN_SERVER_ERROR';
}
