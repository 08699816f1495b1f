/**
 * The client's half of a login: PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), as steps that take the server's token
 * and give ours. Also what is sent of a new password, which never leaves in the clear.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { ScramMechanismCode } from '../../broker/protocol/acl-codes.ts';
import { CliError } from '../errors.ts';
import type { ClientSecurity } from './client-properties.ts';

export type ScramMechanism = keyof typeof ScramMechanismCode;

const hashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
const hashBytes = { sha256: 32, sha512: 64 } as const;
const saltBytes = 20;
const iterations = 8192;
/** More would only keep us busy; Kafka's limit is 16384. */
const iterationsMax = 100_000;

/** Gives our tokens, takes the server's; ends when the login is complete. */
export function* loginSteps({
  mechanism,
  user,
  password,
}: NonNullable<ClientSecurity['login']>): Generator<Buffer, void, Buffer> {
  if (mechanism === 'PLAIN') {
    yield Buffer.from(`\0${user}\0${password}`);
    return;
  }
  const hash = hashes[mechanism];
  const nonce = randomBytes(saltBytes).toString('base64url');
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const serverFirst = (yield Buffer.from(`n,,${bare}`)).toString();
  const [, theirNonce = '', salt = '', rounds = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst) ?? [];
  if (!theirNonce.startsWith(nonce) || Number(rounds) > iterationsMax) throw badServer();
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), hashBytes[hash], hash);
  const mac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest();
  const clientKey = mac(salted, 'Client Key');
  const withoutProof = `c=biws,r=${theirNonce}`;
  const message = `${bare},${serverFirst},${withoutProof}`;
  const signature = mac(createHash(hash).update(clientKey).digest(), message);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!));
  const serverFinal = (yield Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)).toString();
  const theirs = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? '', 'base64');
  const expected = mac(mac(salted, 'Server Key'), message);
  if (theirs.length !== expected.length || !timingSafeEqual(theirs, expected)) throw badServer();
}

function badServer(): CliError {
  return new CliError('REFUSED', 'The broker could not prove that it knows the password.', {
    next: 'Something else may be answering at this address.',
  });
}

/** A new credential, salted and hashed, as AlterUserScramCredentials takes it. */
export function newCredential(name: string, mechanism: ScramMechanism, password: string) {
  const hash = hashes[mechanism];
  const salt = randomBytes(saltBytes);
  const saltedPassword = pbkdf2Sync(password, salt, iterations, hashBytes[hash], hash);
  return { name, mechanism: ScramMechanismCode[mechanism], iterations, salt, saltedPassword };
}
