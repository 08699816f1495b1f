/** An issuer of signed tokens for tests: keys of any kind, a JWKS of the public ones, tokens with any header and claims. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

type Algorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';

export interface Issuer {
  /** The public keys, as an issuer publishes them. */
  readonly jwks: { readonly keys: object[] };
  token(claims: object, header?: object): string;
  /** What an attacker would try: signed with the public key as if it were a shared secret. */
  hmacToken(claims: object): string;
}

export function newIssuer(algorithm: Algorithm = 'ES256', kid = 'key-1'): Issuer {
  const { publicKey, privateKey } = keysFor(algorithm);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: algorithm }] },
    token(claims, header = {}) {
      const signed = `${part({ alg: algorithm, typ: 'JWT', kid, ...header })}.${part(claims)}`;
      return `${signed}.${signatureOf(algorithm, privateKey, Buffer.from(signed)).toString('base64url')}`;
    },
    hmacToken(claims) {
      const signed = `${part({ alg: 'HS256', typ: 'JWT', kid })}.${part(claims)}`;
      const secret = publicKey.export({ type: 'spki', format: 'pem' });
      return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
    },
  };
}

function keysFor(algorithm: Algorithm) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm === 'RS256' || algorithm === 'PS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: algorithm === 'ES256' ? 'P-256' : 'P-384' });
}

function signatureOf(algorithm: Algorithm, key: KeyObject, data: Buffer): Buffer {
  if (algorithm === 'EdDSA') return sign(null, data, key);
  if (algorithm === 'RS256') return sign('sha256', data, key);
  if (algorithm === 'PS256') {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return sign('sha256', data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  }
  return sign(algorithm === 'ES256' ? 'sha256' : 'sha384', data, { key, dsaEncoding: 'ieee-p1363' });
}
