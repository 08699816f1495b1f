/**
 * The login of one SASL connection, from its first request to the end of its session: which requests may come when,
 * and who the client turned out to be. Tokens are the mechanism's business, frames the dispatcher's.
 *
 *     new ── SaslHandshake v1 ──> exchange ── SaslAuthenticate … ──> done ──> (SaslHandshake again: KIP-368)
 *      └──── SaslHandshake v0 ──> raw: whole frames are tokens ───────┘
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../broker.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { AuthenticationError } from './errors.ts';
import { anonymous, type Principal, userPrincipal } from './principal.ts';
import type { SaslExchange, SaslMechanism } from './sasl.ts';

const Key = { saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 } as const;
/** Kafka's bound on how often a session is renewed. */
const renewalIntervalMs = 1000;
/** A name that a client made up goes into a log line no longer than this. */
const loggedMechanismLength = 40;

/** What all logins of a listener share. */
export interface AuthenticationSurroundings {
  readonly mechanisms: ReadonlyMap<string, SaslMechanism>;
  /** `connections.max.reauth.ms`; 0 is no bound. */
  readonly sessionMsMax: number;
  readonly failureDelayMs: number;
  readonly now: () => number;
  readonly logger: Logger;
}

export interface AuthenticationAnswer {
  readonly error: ErrorName;
  readonly errorMessage: string | null;
  readonly token: Buffer;
  readonly sessionLifetimeMs: number;
}

const noToken = Buffer.alloc(0);

export class Authentication {
  readonly #around: AuthenticationSurroundings;
  readonly #clientHost: string;
  readonly #onSuccess: (principal: Principal) => void;
  #state: 'new' | 'exchange' | 'raw' | 'done' = 'new';
  #mechanism: string | null = null;
  #exchange: SaslExchange | null = null;
  /** Set by the first login; a later one of the same connection must be by the same user. */
  #principal: Principal | null = null;
  #expiresAtMs: number | null = null;
  #renewedAtMs = 0;
  /** The connection is to be closed as soon as the answer is out. */
  isFailed = false;

  constructor(around: AuthenticationSurroundings, clientHost: string, onSuccess: (principal: Principal) => void) {
    this.#around = around;
    this.#clientHost = clientHost;
    this.#onSuccess = onSuccess;
  }

  /** Frames are tokens now, without a request header. */
  get isRaw(): boolean {
    return this.#state === 'raw';
  }

  /** Somebody has logged in, ever. */
  get isDone(): boolean {
    return this.#principal !== null;
  }

  /** Why a request of this API may not be served now, as the end of a sentence; null when it may. */
  refusalOf(apiKey: number): string | null {
    if (this.isFailed) return 'its login failed';
    if (this.#state === 'exchange') {
      return apiKey === Key.saslAuthenticate ? null : `it sent API key ${apiKey} in the middle of its login`;
    }
    if (this.#state === 'done') {
      const isOver = this.#expiresAtMs !== null && this.#around.now() > this.#expiresAtMs;
      return isOver && apiKey !== Key.saslHandshake ? 'its session has ended and it did not log in again' : null;
    }
    if (apiKey === Key.saslHandshake || apiKey === Key.apiVersions) return null;
    return `it sent API key ${apiKey} before it logged in; set security.protocol=SASL_… and sasl.mechanism in the client`;
  }

  handshake(mechanism: string, apiVersion: number): { error: ErrorName; mechanisms: string[] } {
    const mechanisms = [...this.#around.mechanisms.keys()];
    if (this.#state !== 'new' && !this.#mayRenew()) return { error: 'ILLEGAL_SASL_STATE', mechanisms };
    const begin = this.#around.mechanisms.get(mechanism);
    if (begin === undefined || (this.#mechanism !== null && this.#mechanism !== mechanism)) {
      this.isFailed = true;
      this.#log(
        `asked for mechanism ${JSON.stringify(mechanism.slice(0, loggedMechanismLength))}, which is not enabled`,
      );
      return { error: 'UNSUPPORTED_SASL_MECHANISM', mechanisms };
    }
    this.#mechanism = mechanism;
    this.#exchange = begin();
    this.#state = apiVersion === 0 ? 'raw' : 'exchange';
    return { error: 'NONE', mechanisms };
  }

  /** Sessions that end may be renewed, once a second; Kafka refuses it for those that do not. */
  #mayRenew(): boolean {
    const now = this.#around.now();
    if (this.#state !== 'done' || this.#expiresAtMs === null || now - this.#renewedAtMs < renewalIntervalMs)
      return false;
    this.#renewedAtMs = now;
    return true;
  }

  /** One token of the client. A failure is answered late, and the connection ends with it. */
  async authenticate(token: Buffer): Promise<AuthenticationAnswer> {
    if (this.#exchange === null) {
      const errorMessage = 'SaslAuthenticate request received after successful authentication';
      return { error: 'ILLEGAL_SASL_STATE', errorMessage, token: noToken, sessionLifetimeMs: 0 };
    }
    try {
      const { token: answer, success } = await this.#exchange.step(token);
      const sessionLifetimeMs = success === null ? 0 : this.#succeed(success.user, success.expiresAtMs);
      return { error: 'NONE', errorMessage: null, token: answer, sessionLifetimeMs };
    } catch (error) {
      this.isFailed = true;
      if (!(error instanceof AuthenticationError))
        this.#around.logger.error({ err: error }, 'A login failed unexpectedly.');
      const errorMessage =
        error instanceof AuthenticationError
          ? error.message
          : `Authentication failed with SASL mechanism ${this.#mechanism}`;
      this.#log(`failed: ${errorMessage}`);
      await sleep(this.#around.failureDelayMs);
      return { error: 'SASL_AUTHENTICATION_FAILED', errorMessage, token: noToken, sessionLifetimeMs: 0 };
    }
  }

  #succeed(user: string, credentialExpiresAtMs: number | null): number {
    const principal = userPrincipal(user);
    // ANONYMOUS is whoever was asked nothing, and may be a super user: no login and no token earns that name.
    if (principal.text === anonymous.text) throw new AuthenticationError(`Nobody logs in as ${anonymous.text}.`);
    if (this.#principal !== null && this.#principal.text !== principal.text) {
      const who = `from ${this.#principal.text} to ${principal.text}`;
      throw new AuthenticationError(`Cannot change principals during re-authentication ${who}.`);
    }
    const { sessionMsMax, now } = this.#around;
    const nowMs = now();
    const untilToken =
      credentialExpiresAtMs === null ? Number.POSITIVE_INFINITY : Math.max(0, credentialExpiresAtMs - nowMs);
    const lifetimeMs = Math.min(untilToken, sessionMsMax > 0 ? sessionMsMax : Number.POSITIVE_INFINITY);
    this.#expiresAtMs = Number.isFinite(lifetimeMs) ? nowMs + lifetimeMs : null;
    this.#exchange = null;
    this.#state = 'done';
    this.#principal = principal;
    this.#onSuccess(principal);
    return Number.isFinite(lifetimeMs) ? lifetimeMs : 0;
  }

  #log(what: string): void {
    const { logger } = this.#around;
    logger.warn({ clientHost: this.#clientHost, mechanism: this.#mechanism }, `A login ${what}.`.replace('..', '.'));
  }
}
