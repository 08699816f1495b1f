/**
 * OAUTHBEARER (RFC 7628, KIP-255 and KIP-768): the client shows a token of somebody else's issuer, and we check its
 * signature and claims. The token itself is never logged and never kept.
 *
 *     n,,^Aauth=Bearer <token>^A[key=value^A]^A
 *
 * A bad token is answered as the RFC wants it, by a status in JSON; the client says ^A, and then the login fails.
 */
import { AuthenticationError } from './errors.ts';
import { TokenError, type TokenValidator } from './jwt.ts';
import type { SaslExchange, SaslStep } from './sasl.ts';

export class OAuthBearerExchange implements SaslExchange {
  readonly #validator: TokenValidator;
  #failure: string | null = null;

  constructor(validator: TokenValidator) {
    this.#validator = validator;
  }

  async step(token: Buffer): Promise<SaslStep> {
    if (this.#failure !== null) throw new AuthenticationError(this.#failure);
    const bearer = bearerOf(token.toString('utf8'));
    try {
      const success = await this.#validator.validate(bearer.token);
      if (bearer.authorizationId !== '' && bearer.authorizationId !== success.user) {
        throw new AuthenticationError(
          'Authentication failed: Client requested an authorization id that is different from the token’s principal',
        );
      }
      return { token: Buffer.alloc(0), success };
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      this.#failure = `Authentication failed: ${error.message}`;
      return { token: Buffer.from(JSON.stringify({ status: 'invalid_token' })), success: null };
    }
  }
}

function bearerOf(text: string): { token: string; authorizationId: string } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the RFC's separator is the control character 1.
  const match =
    /^n,(?:a=([^,]*))?,\x01(?:[A-Za-z]+=[^\x01]*\x01)*?auth=Bearer +([A-Za-z0-9._~+/=-]+)\x01(?:[A-Za-z]+=[^\x01]*\x01)*\x01$/i.exec(
      text,
    );
  if (match === null) throw new AuthenticationError('Authentication failed: the OAUTHBEARER message is malformed.');
  return { authorizationId: match[1] ?? '', token: match[2]! };
}
