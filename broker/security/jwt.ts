/**
 * A signed token (JWT, RFC 7519) checked: its signature by a key of the issuer, who it is for, and when. Symmetric
 * algorithms and "none" are not accepted, whatever the token says of itself.
 */
import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from 'node:crypto';
import type { JsonWebKeys } from './jwks.ts';
import type { SaslSuccess } from './sasl.ts';

/** The token is not good; the message names no part of it. */
export class TokenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TokenError';
  }
}

interface Algorithm {
  readonly hash: string | null;
  readonly keyType: string;
  readonly curve?: string;
  readonly options?: Omit<VerifyKeyObjectInput, 'key'>;
}

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const pair = { dsaEncoding: 'ieee-p1363' } as const;

/** RFC 7518 and RFC 8037: what a token may be signed with. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: 'sha256', keyType: 'rsa' },
  RS384: { hash: 'sha384', keyType: 'rsa' },
  RS512: { hash: 'sha512', keyType: 'rsa' },
  PS256: { hash: 'sha256', keyType: 'rsa', options: pss },
  PS384: { hash: 'sha384', keyType: 'rsa', options: pss },
  PS512: { hash: 'sha512', keyType: 'rsa', options: pss },
  ES256: { hash: 'sha256', keyType: 'ec', curve: 'prime256v1', options: pair },
  ES384: { hash: 'sha384', keyType: 'ec', curve: 'secp384r1', options: pair },
  ES512: { hash: 'sha512', keyType: 'ec', curve: 'secp521r1', options: pair },
  EdDSA: { hash: null, keyType: 'ed25519' },
};

/** Shorter RSA keys are no longer worth believing (RFC 7518 section 3.3). */
const rsaBitsMin = 2048;
const tokenCharactersMax = 64 * 1024;

export interface TokenRules {
  /** Null: any. */
  readonly issuer: string | null;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly clockSkewMs: number;
  /** The claim that names the user; `sub` unless configured. */
  readonly userClaim: string;
}

interface Claims {
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly nbf?: unknown;
  readonly iat?: unknown;
  readonly [name: string]: unknown;
}

export class TokenValidator {
  readonly #keys: JsonWebKeys;
  readonly #rules: TokenRules;
  readonly #now: () => number;

  constructor(keys: JsonWebKeys, rules: TokenRules, now: () => number) {
    this.#keys = keys;
    this.#rules = rules;
    this.#now = now;
  }

  /** Rejects with TokenError. */
  async validate(token: string): Promise<SaslSuccess> {
    const [header, payload, signature, ...rest] = token.split('.');
    if (!header || !payload || !signature || rest.length > 0 || token.length > tokenCharactersMax) {
      throw new TokenError('the token is no signed JWT.');
    }
    const { alg, kid, crit } = jsonOf(header) as { alg?: unknown; kid?: unknown; crit?: unknown };
    const algorithm = typeof alg === 'string' && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined;
    if (algorithm === undefined) throw new TokenError('the token is signed with an algorithm that is not accepted.');
    if (crit !== undefined) throw new TokenError('the token demands an extension (crit) that is not known.');
    const keys = await this.#keys.find(typeof kid === 'string' ? kid : null, alg as string);
    const signed = Buffer.from(`${header}.${payload}`);
    const isGenuine = keys.some((key) => isSignedBy(key, algorithm, signed, Buffer.from(signature, 'base64url')));
    if (!isGenuine) throw new TokenError('the token is signed by none of the keys of the issuer.');
    return this.#judge(jsonOf(payload) as Claims);
  }

  #judge(claims: Claims): SaslSuccess {
    const { issuer, audiences, clockSkewMs, userClaim } = this.#rules;
    const now = this.#now();
    const expiresAtMs = timeOf(claims.exp);
    if (expiresAtMs === null) throw new TokenError('the token has no exp.');
    if (now > expiresAtMs + clockSkewMs) throw new TokenError('the token has expired.');
    const notBeforeMs = timeOf(claims.nbf);
    if (notBeforeMs !== null && now < notBeforeMs - clockSkewMs) throw new TokenError('the token is not valid yet.');
    const issuedAtMs = timeOf(claims.iat);
    if (issuedAtMs !== null && now < issuedAtMs - clockSkewMs) throw new TokenError('the token is from the future.');
    if (issuer !== null && claims.iss !== issuer) throw new TokenError('the token is of another issuer.');
    const named = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    if (audiences.length > 0 && !audiences.some((audience) => named.includes(audience))) {
      throw new TokenError('the token is for another audience.');
    }
    const user = Object.hasOwn(claims, userClaim) ? claims[userClaim] : undefined;
    if (typeof user !== 'string' || user === '') throw new TokenError(`the token names nobody (claim ${userClaim}).`);
    return { user, expiresAtMs };
  }
}

function isSignedBy(key: KeyObject, algorithm: Algorithm, signed: Buffer, signature: Buffer): boolean {
  const { hash, keyType, curve, options } = algorithm;
  if (key.asymmetricKeyType !== keyType) return false;
  const details = key.asymmetricKeyDetails;
  if (keyType === 'rsa' && (details?.modulusLength ?? 0) < rsaBitsMin) return false;
  if (curve !== undefined && details?.namedCurve !== curve) return false;
  return verify(hash, signed, { key, ...options }, signature);
}

/** Seconds since the epoch in a claim, as milliseconds; null where it is no number. */
function timeOf(claim: unknown): number | null {
  return typeof claim === 'number' && Number.isFinite(claim) ? claim * 1000 : null;
}

function jsonOf(part: string): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below: what cannot be read is refused in one way.
  }
  throw new TokenError('the token is no signed JWT.');
}
