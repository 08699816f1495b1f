/**
 * What goes wrong before a client is let in. The message goes to the client, so it names no secret and does not tell a
 * wrong user from a wrong password.
 */

/** The exchange failed; the connection gets SASL_AUTHENTICATION_FAILED and is closed. */
export class AuthenticationError extends Error {
  readonly code = 'SASL_AUTHENTICATION_FAILED';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AuthenticationError';
  }
}

/** A listener that other machines can reach would ask nobody who they are, or has nobody to ask; the broker does not start. */
export class OpenListenerError extends Error {
  readonly code = 'OPEN_LISTENER';

  constructor(message: string) {
    super(message);
    this.name = 'OpenListenerError';
  }
}
