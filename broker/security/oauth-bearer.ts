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

/** The RFC's separator. */
const separator = '\u0001';

function bearerOf(text: string): { token: string; authorizationId: string } {
  const [header = '', ...pairs] = text.split(separator);
  const authorizationId = /^n,(?:a=([^,]*))?,$/.exec(header);
  const authorization = pairs.find((pair) => /^auth=/i.test(pair)) ?? '';
  const token = /^auth=Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization);
  // The message ends with two separators, which leaves two empty pieces.
  const isWhole = pairs.length >= 2 && pairs.at(-1) === '' && pairs.at(-2) === '';
  if (authorizationId !== null && token !== null && isWhole) {
    return { authorizationId: authorizationId[1] ?? '', token: token[1]! };
  }
  throw new AuthenticationError('Authentication failed: the OAUTHBEARER message is malformed.');
}
