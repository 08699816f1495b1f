/**
 * A SASL mechanism as the connection sees it: tokens in, tokens out, at the end a user. One exchange is one login.
 */

/** What a step answers. */
export interface SaslStep {
  readonly token: Buffer;
  /** Null while the exchange goes on. */
  readonly success: SaslSuccess | null;
}

export interface SaslSuccess {
  readonly user: string;
  /** When the credential itself ends (a token's `exp`), milliseconds since the epoch; null where it does not. */
  readonly expiresAtMs: number | null;
}

export interface SaslExchange {
  /** Throws or rejects with AuthenticationError. Steps are sequential. */
  step(token: Buffer): SaslStep | Promise<SaslStep>;
}

/** Begins an exchange of one mechanism. */
export type SaslMechanism = () => SaslExchange;
