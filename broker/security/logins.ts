/**
 * Who a client of the house's other doors is, by what its log knows: a password of its users, a token of its issuer, the
 * subject of a certificate. cli/up.ts hands it to the registry, which declares its own port for it.
 *
 * Decides nothing about what they may do; a listener's own logins are in authentication.ts.
 */
import { AuthenticationError } from './errors.ts';
import { TokenError, type TokenValidator } from './jwt.ts';
import { PlainExchange } from './plain.ts';
import { anonymous, userPrincipal } from './principal.ts';
import type { PrincipalMapping } from './principal-mapping.ts';
import type { CredentialLookup } from './scram.ts';

export interface LoginParts {
  readonly credentials: CredentialLookup;
  /** Null: no issuer is configured (`sasl.oauthbearer.jwks.endpoint.url`). */
  readonly tokens: TokenValidator | null;
  readonly mapping: PrincipalMapping;
  readonly superUsers: ReadonlySet<string>;
}

export class Logins {
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** The principal, `User:alice`, or null. As slow for a user who is not there as for one who is. */
  async password(user: string, password: string): Promise<string | null> {
    try {
      await new PlainExchange(this.#parts.credentials).step(Buffer.from(`\0${user}\0${password}`));
      return nameOf(user);
    } catch (error) {
      if (error instanceof AuthenticationError) return null;
      throw error;
    }
  }

  /** The principal a signed token names, or null. */
  async bearer(token: string): Promise<string | null> {
    try {
      const success = await this.#parts.tokens?.validate(token);
      return success === undefined ? null : nameOf(success.user);
    } catch (error) {
      if (error instanceof TokenError) return null;
      throw error;
    }
  }

  get takesTokens(): boolean {
    return this.#parts.tokens !== null;
  }

  /** The principal of a certificate that was believed, by its subject as Node writes it. */
  certificate(subject: string): string | null {
    return nameOf(this.#parts.mapping.apply(subject));
  }

  /** `super.users`: may do everything. */
  isSuper(principal: string): boolean {
    return this.#parts.superUsers.has(principal);
  }
}

/** ANONYMOUS is whoever was asked nothing: nobody earns that name by proving another. */
function nameOf(user: string): string | null {
  return user === anonymous.name ? null : userPrincipal(user).text;
}
