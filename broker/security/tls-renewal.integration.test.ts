/**
 * Certificates change while the broker runs (KIP-226): kafkajs tells it to read its key store again, and the next
 * handshake shows the new one. What cannot be used is refused, and the old one stays.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { connect } from 'node:tls';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { newAuthority } from '../../test/kit/certificates.ts';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';

const authority = newAuthority();
const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const store = join(folder, 'server.pem');
const brokerResource = 4;

function newKeyStore(path = store): void {
  const { key, cert } = authority.issue([['CN', 'localhost']]);
  writeFileSync(path, key + cert);
}

newKeyStore();
const guarded = await startGuardedBroker({ after }, { protocol: 'SSL', config: { 'ssl.keystore.location': store } });

/** What the next client is shown. */
function shownCertificate(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: guarded.port, ca: authority.cert, servername: 'localhost' });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()!.fingerprint256);
      socket.destroy();
    });
  });
}

async function withAdmin<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = new Kafka({
    brokers: [guarded.plain],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000,
    retry: { retries: 0 },
  }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

const setKeyStore = (value: string, prefix = 'listener.name.ssl.') =>
  withAdmin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        { type: brokerResource, name: '1', configEntries: [{ name: `${prefix}ssl.keystore.location`, value }] },
      ],
    }),
  );

it('a key store is read again when its listener is told where it is, also where it was', async () => {
  const first = await shownCertificate();
  newKeyStore();
  assert.equal(await shownCertificate(), first, 'nobody said anything yet');
  await setKeyStore(store);
  const second = await shownCertificate();
  assert.notEqual(second, first);
  const moved = join(folder, 'moved.pem');
  newKeyStore(moved);
  await setKeyStore(moved);
  assert.notEqual(await shownCertificate(), second);
});

it('one that cannot be used is refused in words, and so is one for no listener', async () => {
  const before = await shownCertificate();
  const broken = join(folder, 'broken.pem');
  writeFileSync(broken, 'no key');
  await assert.rejects(setKeyStore(broken), /Most likely|INVALID_REQUEST|invalid|cannot be used/i);
  await assert.rejects(setKeyStore(join(folder, 'nowhere.pem')));
  await assert.rejects(setKeyStore(store, ''));
  assert.equal(await shownCertificate(), before);
});
