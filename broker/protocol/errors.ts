/**
 * The one error this doorstep throws: bytes that are no message of the protocol.
 */

/** The bytes do not hold what the protocol says they hold. The connection that sent them cannot be understood further. */
export class ProtocolError extends Error {
  readonly code = 'MALFORMED_MESSAGE';
  readonly retriable = false;

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ProtocolError';
  }
}
