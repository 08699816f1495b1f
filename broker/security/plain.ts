/**
 * PLAIN (RFC 4616): user and password in the clear, which is why it belongs on TLS. The password is checked against the
 * SCRAM credential of the user, so none is kept.
 *
 *     [authzid] NUL user NUL password
 */
import { AuthenticationError } from './errors.ts';
import type { SaslExchange, SaslStep } from './sasl.ts';
import {
  type CredentialLookup,
  credentialOf,
  iterationsMin,
  type ScramMechanism,
  saltPassword,
  sameBytes,
  scramMechanisms,
  wrongCredentials,
} from './scram.ts';

const noSalt = Buffer.alloc(20);

export class PlainExchange implements SaslExchange {
  readonly #lookup: CredentialLookup;

  constructor(lookup: CredentialLookup) {
    this.#lookup = lookup;
  }

  async step(token: Buffer): Promise<SaslStep> {
    const [authorizationId, user, password, ...rest] = token.toString('utf8').split('\0');
    if (authorizationId === undefined || !user || !password || rest.length > 0) {
      throw new AuthenticationError('Authentication failed: a PLAIN message is an optional id, a user and a password.');
    }
    if (authorizationId !== '' && authorizationId !== user) {
      throw new AuthenticationError(
        'Authentication failed: Client requested an authorization id that is different from username',
      );
    }
    if (!(await this.#isRight(user, password))) throw wrongCredentials('PLAIN');
    return { token: Buffer.alloc(0), success: { user, expiresAtMs: null } };
  }

  async #isRight(user: string, password: string): Promise<boolean> {
    for (const mechanism of Object.keys(scramMechanisms) as ScramMechanism[]) {
      const kept = this.#lookup(user, mechanism);
      if (kept === undefined) continue;
      const salted = await saltPassword(mechanism, password, kept.salt, kept.iterations);
      return sameBytes(credentialOf(mechanism, salted, kept.salt, kept.iterations).storedKey, kept.storedKey);
    }
    // As long as for a user that is there.
    await saltPassword('SCRAM-SHA-256', password, noSalt, iterationsMin);
    return false;
  }
}
