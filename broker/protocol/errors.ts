/**
 * The one error this doorstep throws: bytes that are no message of the protocol.
 */

/** The bytes do not hold what the protocol says they hold. The connection that sent them cannot be understood further. */
export class ProtocolError extends Error {
  readonly code = 'MALFORMED_MESSAGE';

  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}
