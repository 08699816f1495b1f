/**
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), as Postgres uses it: no user name, no channel binding.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);
const MECHANISM_HEADER = 'n,,';
/** Postgres uses 4096; a server that asks for millions only wants to keep us busy. */
const ITERATIONS_MAX = 10_000_000;

export interface ScramExchange {
  /** The first message, sent with the name of the mechanism. */
  readonly first: string;
  /** The answer to the server's challenge. Throws when the challenge is not one. */
  answer(challenge: string): Promise<string>;
  /** Throws unless the server's last message proves that it knows the password too. */
  verify(last: string): void;
}

/** Begins an exchange; `nonce` is for tests. */
export function scram(password: string, nonce = randomBytes(18).toString('base64')): ScramExchange {
  const firstBare = `n=,r=${nonce}`;
  let expected: Buffer = Buffer.alloc(0);
  return {
    first: MECHANISM_HEADER + firstBare,
    async answer(challenge) {
      const { r: joined, s: salt, i: rounds } = attributes(challenge);
      const iterations = Number(rounds);
      if (joined === undefined || !joined.startsWith(nonce) || joined.length === nonce.length) {
        throw new Error('The server answered the SCRAM exchange with a nonce that is not ours.');
      }
      if (salt === undefined || !(iterations >= 1 && iterations <= ITERATIONS_MAX)) {
        throw new Error('The server sent a SCRAM challenge without a usable salt or iteration count.');
      }
      const salted = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), iterations, 32, 'sha256');
      const clientKey = hmac(salted, 'Client Key');
      const withoutProof = `c=${Buffer.from(MECHANISM_HEADER).toString('base64')},r=${joined}`;
      const signed = `${firstBare},${challenge},${withoutProof}`;
      const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
      const proof = clientKey.map((byte, index) => byte ^ signature[index]!);
      expected = hmac(hmac(salted, 'Server Key'), signed);
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
    },
    verify(last) {
      const proof = Buffer.from(attributes(last).v ?? '', 'base64');
      if (proof.length !== expected.length || !timingSafeEqual(proof, expected)) {
        throw new Error('The server does not know the password it asked for; it may not be the one you mean.');
      }
    },
  };
}

function attributes(message: string): Record<string, string | undefined> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
