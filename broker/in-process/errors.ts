/**
 * The error this keeper throws: by its name and members it is the port's `LogError`, whose class this room cannot
 * import. The code is Kafka's error name, passed on from the broker or the log.
 */
import { errorNameOf } from '../errors.ts';
import { ErrorCode, type ErrorName, isRetriable } from '../protocol/error-codes.ts';

export class InProcessLogError extends Error {
  readonly code: string;
  readonly retriable: boolean;

  constructor(code: string, message: string, options: { readonly retriable: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LogError';
    this.code = code;
    this.retriable = options.retriable;
  }
}

/** A refusal by its Kafka name. */
export function refusal(code: ErrorName, message: string): InProcessLogError {
  return new InProcessLogError(code, message, { retriable: isRetriable(ErrorCode[code]) });
}

/** Whatever the broker or a log threw, as the port's error. `doing` says what was tried. */
export function asLogError(error: unknown, doing: string): InProcessLogError {
  if (error instanceof InProcessLogError) return error;
  const code = errorNameOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return new InProcessLogError(code, `${doing}: ${message}`, { retriable: isRetriable(ErrorCode[code]), cause: error });
}
