/**
 * SCRAM (RFC 5802, SHA-256 by RFC 7677): the server's half of the exchange and what is kept of a password. Neither the
 * password nor what would prove it is kept: a thief of the metadata log cannot log in, only begin to guess.
 *
 *     client  n,,n=user,r=<nonce>              first
 *     server  r=<nonce+ours>,s=<salt>,i=<iterations>
 *     client  c=biws,r=<nonce+ours>,p=<proof>  final
 *     server  v=<signature>
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ScramMechanismCode } from '../protocol/acl-codes.ts';
import { AuthenticationError } from './errors.ts';
import type { SaslExchange, SaslStep } from './sasl.ts';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

interface MechanismFacts {
  readonly hash: 'sha256' | 'sha512';
  readonly bytes: number;
  /** KIP-554's number in the admin APIs. */
  readonly code: number;
}

export const scramMechanisms: Readonly<Record<ScramMechanism, MechanismFacts>> = {
  'SCRAM-SHA-256': { hash: 'sha256', bytes: 32, code: ScramMechanismCode['SCRAM-SHA-256'] },
  'SCRAM-SHA-512': { hash: 'sha512', bytes: 64, code: ScramMechanismCode['SCRAM-SHA-512'] },
};

/** Kafka's bounds: below a guess is too cheap, above a login too dear. */
export const iterationsMin = 4096;
export const iterationsMax = 16_384;

/** What is kept of a password. */
export interface ScramCredential {
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
  readonly iterations: number;
}

/** The thread pool has four threads, and the disk needs them: guesses at passwords may have one. */
const hashesWaitingMax = 200;
let hashesWaiting = 0;
let lastHash: Promise<unknown> = Promise.resolve();

/**
 * Hi() of the RFC, off the event loop and one after the other. Rejects with AuthenticationError where too many wait
 * already: an attack on PLAIN slows down logins, nothing else.
 */
export async function saltPassword(
  mechanism: ScramMechanism,
  password: string,
  salt: Buffer,
  iterations: number,
): Promise<Buffer> {
  if (hashesWaiting >= hashesWaitingMax) {
    throw new AuthenticationError('Authentication failed: too many logins are under way; try again in a moment.');
  }
  const { hash, bytes } = scramMechanisms[mechanism];
  hashesWaiting++;
  const result = lastHash.then(() => hashAsync(password, salt, iterations, bytes, hash));
  lastHash = result.catch(() => {});
  try {
    return await result;
  } finally {
    hashesWaiting--;
  }
}

const hashAsync = promisify(pbkdf2);

export function credentialOf(
  mechanism: ScramMechanism,
  saltedPassword: Buffer,
  salt: Buffer,
  iterations: number,
): ScramCredential {
  const { hash } = scramMechanisms[mechanism];
  return {
    salt,
    iterations,
    storedKey: createHash(hash)
      .update(hmac(hash, saltedPassword, 'Client Key'))
      .digest(),
    serverKey: hmac(hash, saltedPassword, 'Server Key'),
  };
}

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}

/** Looks a credential up; undefined for a user that is not there. */
export type CredentialLookup = (user: string, mechanism: ScramMechanism) => ScramCredential | undefined;

/** For users that are not there: a salt that is the same each time, so that an answer does not tell. */
const pretenceKey = randomBytes(32);
const nonceBytes = 24;

/** One exchange. A user who does not exist fails at the end like a wrong password, not earlier. */
export class ScramExchange implements SaslExchange {
  readonly #mechanism: ScramMechanism;
  readonly #lookup: CredentialLookup;
  readonly #nonce: string;
  #clientFirst: ClientFirst | null = null;
  #credential: ScramCredential | null = null;
  #serverFirst = '';
  #isKnown = false;

  /** `nonce` is for the RFC's own examples. */
  constructor(
    mechanism: ScramMechanism,
    lookup: CredentialLookup,
    nonce = randomBytes(nonceBytes).toString('base64url'),
  ) {
    this.#mechanism = mechanism;
    this.#lookup = lookup;
    this.#nonce = nonce;
  }

  step(token: Buffer): SaslStep {
    return this.#clientFirst === null ? this.#first(token) : this.#final(token);
  }

  #first(token: Buffer): SaslStep {
    const first = parseClientFirst(token.toString('utf8'));
    this.#clientFirst = first;
    const credential = this.#lookup(first.user, this.#mechanism);
    this.#isKnown = credential !== undefined;
    this.#credential = credential ?? pretence(this.#mechanism, first.user);
    const { salt, iterations } = this.#credential;
    this.#serverFirst = `r=${first.nonce}${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
    return { token: Buffer.from(this.#serverFirst), success: null };
  }

  #final(token: Buffer): SaslStep {
    const { bare, nonce, gs2Header, user } = this.#clientFirst!;
    const final = parseClientFinal(token.toString('utf8'));
    if (final.channelBinding !== Buffer.from(gs2Header).toString('base64')) throw malformed('channel binding');
    // librdkafka before 2.6.1 puts its own nonce in front once more; Kafka lets it, and the proof covers what was sent.
    if (!final.nonce.endsWith(nonce + this.#nonce)) throw malformed('nonce');
    const { hash } = scramMechanisms[this.#mechanism];
    const { storedKey, serverKey } = this.#credential!;
    const authMessage = `${bare},${this.#serverFirst},${final.withoutProof}`;
    const clientKey = xor(final.proof, hmac(hash, storedKey, authMessage));
    const isRight = sameBytes(createHash(hash).update(clientKey).digest(), storedKey);
    if (!isRight || !this.#isKnown) throw wrongCredentials(this.#mechanism);
    const signature = hmac(hash, serverKey, authMessage).toString('base64');
    return { token: Buffer.from(`v=${signature}`), success: { user, expiresAtMs: null } };
  }
}

/** Kafka's own sentence, the same for a wrong user and a wrong password. */
export function wrongCredentials(mechanism: string): AuthenticationError {
  return new AuthenticationError(
    `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`,
  );
}

function malformed(what: string): AuthenticationError {
  return new AuthenticationError(`Authentication failed: the SCRAM message has no valid ${what}.`);
}

function pretence(mechanism: ScramMechanism, user: string): ScramCredential {
  const { bytes } = scramMechanisms[mechanism];
  const salt = createHmac('sha256', pretenceKey).update(user).digest().subarray(0, 20);
  return { salt, iterations: iterationsMin, storedKey: Buffer.alloc(bytes), serverKey: Buffer.alloc(bytes) };
}

interface ClientFirst {
  readonly gs2Header: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

/** Extensions after the nonce (`tokenauth=true`, …) are passed over. */
function parseClientFirst(text: string): ClientFirst {
  const match = /^((?:n|y),(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text);
  if (match === null) throw malformed('first message (channel binding is not served)');
  const user = saslName(match[4]!);
  if (match[2] !== undefined && match[2] !== '' && saslName(match[2]) !== user) {
    throw new AuthenticationError(
      'Authentication failed: Client requested an authorization id that is different from username',
    );
  }
  if (user === '') throw malformed('user name');
  return { gs2Header: match[1]!, bare: match[3]!, user, nonce: match[5]! };
}

interface ClientFinal {
  readonly channelBinding: string;
  readonly nonce: string;
  readonly proof: Buffer;
  readonly withoutProof: string;
}

function parseClientFinal(text: string): ClientFinal {
  const match = /^(c=([A-Za-z0-9+/=]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/s.exec(text);
  if (match === null) throw malformed('final message');
  return {
    withoutProof: match[1]!,
    channelBinding: match[2]!,
    nonce: match[3]!,
    proof: Buffer.from(match[4]!, 'base64'),
  };
}

/** RFC 5802: a comma is written =2C, an equals sign =3D, and no other equals sign may stand there. */
function saslName(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed('user name');
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

function xor(a: Buffer, b: Buffer): Buffer {
  if (a.length !== b.length) return Buffer.alloc(0);
  return Buffer.from(a.map((byte, index) => byte ^ b[index]!));
}

export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
