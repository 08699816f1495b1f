/**
 * Who sent a request: a certificate, a bearer token, or user and password, in this order.
 *
 * Knows no users itself: the port {@link RegistryLogins} does (the broker keeps it, through cli/up.ts). A password that
 * was right is believed again for a while, because checking one costs milliseconds by design and HTTP sends it each time.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Method } from './config.ts';

/** The port: who knows users, tokens and certificates. Principals are Kafka's, `User:alice`; null is nobody. */
export interface RegistryLogins {
  password(user: string, password: string): Promise<string | null>;
  bearer(token: string): Promise<string | null>;
  certificate(subject: string): string | null;
  /** May do everything, whatever roles say. */
  isSuper(principal: string): boolean;
}

/** Whoever was asked nothing. */
export const ANONYMOUS = 'User:ANONYMOUS';

/** How long a right password is believed without being checked again, so long a changed one still works. */
const BELIEVED_MS = 10_000;
const BELIEVED_MAX = 1000;
/** A refused login is answered this late, so that guessing is slow. */
const FAILURE_DELAY_MS = 100;
/** Passwords checked at once; more are refused, because each check is work on purpose. */
const CHECKS_MAX = 64;

export class Authentication {
  readonly #logins: RegistryLogins;
  readonly #methods: readonly Method[];
  /** Credentials are kept only as a keyed digest that means nothing outside this process. */
  readonly #key = randomBytes(32);
  readonly #believed = new Map<string, { readonly principal: string; readonly untilMs: number }>();
  #checks = 0;

  constructor(logins: RegistryLogins, methods: readonly Method[]) {
    this.#logins = logins;
    this.#methods = methods;
  }

  /** The principal; null where the request must be refused. */
  async principalOf(headers: IncomingHttpHeaders, socket: Socket): Promise<string | null> {
    const certified = this.#byCertificate(socket);
    if (certified !== null) return certified;
    if (this.#methods.length === 0) return ANONYMOUS;
    const [scheme = '', credentials = ''] = (headers.authorization ?? '').split(/ +(.*)/s, 2);
    const principal = await this.#byHeader(scheme.toLowerCase(), credentials);
    // Who has said nothing yet is asked at once; who guesses waits.
    if (principal === null && credentials !== '') await sleep(FAILURE_DELAY_MS);
    return principal;
  }

  /** What a refused client may try, for `WWW-Authenticate`. */
  challenges(realm: string): string[] {
    const schemes = { BASIC: 'Basic', BEARER: 'Bearer' } as const;
    return this.#methods.map((method) => `${schemes[method]} realm="${realm.replace(/["\\\p{Cc}]/gu, '')}"`);
  }

  #byCertificate(socket: Socket): string | null {
    if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
    const certificate = socket.getPeerX509Certificate();
    return certificate === undefined ? null : this.#logins.certificate(certificate.subject);
  }

  async #byHeader(scheme: string, credentials: string): Promise<string | null> {
    if (scheme === 'bearer' && this.#methods.includes('BEARER')) return this.#logins.bearer(credentials);
    if (scheme !== 'basic' || !this.#methods.includes('BASIC')) return null;
    const digest = createHmac('sha256', this.#key).update(credentials).digest('base64');
    const known = this.#believed.get(digest);
    if (known !== undefined && known.untilMs > performance.now()) return known.principal;
    this.#believed.delete(digest);
    if (this.#checks >= CHECKS_MAX) return null;
    this.#checks++;
    try {
      const principal = await this.#byPassword(credentials);
      if (principal !== null) this.#believe(digest, principal);
      return principal;
    } finally {
      this.#checks--;
    }
  }

  #byPassword(credentials: string): Promise<string | null> {
    const text = Buffer.from(credentials, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    return colon < 1 ? Promise.resolve(null) : this.#logins.password(text.slice(0, colon), text.slice(colon + 1));
  }

  #believe(digest: string, principal: string): void {
    if (this.#believed.size >= BELIEVED_MAX) this.#believed.delete(this.#believed.keys().next().value!);
    this.#believed.set(digest, { principal, untilMs: performance.now() + BELIEVED_MS });
  }
}
