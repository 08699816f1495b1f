/** The exchange of RFC 7677, section 3, with the user name left out as Postgres has it. */
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { scram } from './scram.ts';

const nonce = 'rOprNGfwEbeRWgbNEkqO';
const challenge = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;

/** The server's side, from the stored keys. */
function server(password: string, proofMessage: string): { isProven: boolean; last: string } {
  const salted = pbkdf2Sync(password, Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096, 32, 'sha256');
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const [withoutProof, proof] = proofMessage.split(',p=');
  const signed = `n=,r=${nonce},${challenge},${withoutProof}`;
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  const signature = hmac(stored, signed);
  const clientKey = Buffer.from(proof!, 'base64').map((byte, i) => byte ^ signature[i]!);
  const isProven = createHash('sha256').update(clientKey).digest().equals(stored);
  return { isProven, last: `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}` };
}

test('client and server convince each other when both know the password', async () => {
  const exchange = scram('pencil', nonce);
  assert.equal(exchange.first, `n,,n=,r=${nonce}`);
  const { isProven, last } = server('pencil', await exchange.answer(challenge));
  assert.ok(isProven);
  exchange.verify(last);
});

test('a server that does not know the password is found out', async () => {
  const exchange = scram('pencil', nonce);
  const { isProven, last } = server('pen', await exchange.answer(challenge));
  assert.ok(!isProven);
  assert.throws(() => exchange.verify(last), /does not know the password/);
});

test('a nonce that is not ours, a missing salt and a senseless count are refused', async () => {
  await assert.rejects(scram('p', 'other').answer(challenge), /nonce/);
  await assert.rejects(scram('p', nonce).answer(challenge.replace(/s=[^,]*,/, '')), /salt/);
  await assert.rejects(scram('p', nonce).answer(challenge.replace('4096', '0')), /iteration/);
});
