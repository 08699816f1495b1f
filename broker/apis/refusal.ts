/**
 * The error code a handler answers with for whatever was thrown while it served one part of a request.
 */
import { errorNameOf } from '../errors.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { BrokerState } from '../state.ts';

/** A refusal has its own code. Anything else is a defect of ours: the client hears "unknown", the log hears all of it. */
export function errorCodeOf(error: unknown, broker: BrokerState): number {
  const name = errorNameOf(error);
  if (name === 'UNKNOWN_SERVER_ERROR') broker.logger.error({ err: error }, 'A part of a request failed unexpectedly.');
  return ErrorCode[name];
}
