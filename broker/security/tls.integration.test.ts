/**
 * TLS and mutual TLS over real sockets: kafkajs, @platformatic/kafka and kcat, SCRAM inside TLS, principals by
 * certificate, and those whom we do not believe.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { newAuthority } from '../../test/kit/certificates.ts';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';
import { requiredServices } from '../../test/kit/service.ts';
import { parseBrokerConfig } from '../metadata/broker-config.ts';
import { listenersOf } from './listeners.ts';
import { tlsOptions } from './tls.ts';

const authority = newAuthority();
const server = authority.issue([['CN', 'localhost']]);
const alice = authority.issue([
  ['O', 'Millrace'],
  ['CN', 'alice'],
]);
const stranger = newAuthority('Somebody Else').issue([['CN', 'alice']]);
const keys = { 'ssl.keystore.key': server.key, 'ssl.keystore.certificate.chain': server.cert };

const login = await startGuardedBroker({ after }, { protocol: 'SASL_SSL', config: keys });
await login.addUser('alice', 'alice-secret');
await login.allowEverything('User:alice');

const mutual = await startGuardedBroker(
  { after },
  {
    protocol: 'SSL',
    config: { ...keys, 'ssl.client.auth': 'required', 'ssl.truststore.certificates': authority.cert },
  },
);
await mutual.allowEverything('User:CN=alice,O=Millrace');

const quiet = { logLevel: logLevel.NOTHING, connectionTimeout: 60_000, retry: { retries: 0 } };

async function kcat(args: readonly string[], input = '') {
  const child = spawn('kcat', args, { timeout: 60_000 });
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out, err };
}

describe('TLS with SCRAM inside', () => {
  it('serves kafkajs', async () => {
    const ssl = { ca: [authority.cert] };
    const sasl = { mechanism: 'scram-sha-512', username: 'alice', password: 'alice-secret' } as const;
    const admin = new Kafka({ brokers: [login.bootstrap], ssl, sasl, ...quiet }).admin();
    await admin.connect();
    assert.ok(Array.isArray(await admin.listTopics()));
    await admin.disconnect();
  });

  it('serves @platformatic/kafka', async () => {
    const admin = new Admin({
      clientId: 'platformatic',
      bootstrapBrokers: [login.bootstrap],
      tls: { ca: authority.cert },
      sasl: { mechanism: 'SCRAM-SHA-256', username: 'alice', password: 'alice-secret' },
      retries: 0,
    });
    assert.ok(Array.isArray(await admin.listTopics()));
    await admin.close();
  });

  const hasKcat = spawnSync('kcat', ['-V']).status === 0;
  if (!hasKcat && requiredServices().includes('kcat'))
    throw new Error('CI_REQUIRE names kcat, but it is not on the PATH.');

  it('serves kcat', { skip: hasKcat ? false : 'kcat is not on the PATH (Debian: apt-get install kcat)' }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, authority.cert);
    const as = (password: string) => [
      ...['-b', login.bootstrap, '-X', 'security.protocol=SASL_SSL', '-X', `ssl.ca.location=${ca}`],
      ...['-X', 'sasl.mechanism=SCRAM-SHA-256', '-X', 'sasl.username=alice', '-X', `sasl.password=${password}`],
    ];
    await kcat([...as('alice-secret'), '-P', '-t', 'by-kcat'], 'hello\n');
    const read = await kcat([...as('alice-secret'), '-C', '-t', 'by-kcat', '-e', '-q']);
    assert.equal(read.out, 'hello\n', read.err);
    const refused = await kcat([...as('wrong'), '-L', '-m', '2']);
    assert.match(refused.err, /invalid credentials with SASL mechanism SCRAM-SHA-256/);
    rmSync(folder, { recursive: true });
  });
});

describe('mutual TLS', () => {
  const withCertificate = (own: { cert: string; key: string } | null) =>
    new Kafka({ brokers: [mutual.bootstrap], ssl: { ca: [authority.cert], ...own }, ...quiet }).admin();

  it("makes the certificate's subject the principal", async () => {
    const admin = withCertificate(alice);
    await admin.connect();
    assert.ok(Array.isArray(await admin.listTopics()));
    assert.equal((await admin.createTopics({ topics: [{ topic: 'by-certificate' }] })) as unknown, true);
    await admin.disconnect();
  });

  it('does not let in who shows none, or one of another authority', async () => {
    for (const own of [null, stranger]) {
      const admin = withCertificate(own);
      await assert.rejects(admin.connect());
      await admin.disconnect();
    }
  });
});

describe('a listener whose TLS cannot work', () => {
  const optionsOf = (config: Record<string, string>) => {
    const parsed = parseBrokerConfig({ listeners: 'SSL://127.0.0.1:0', ...config });
    return () => tlsOptions(listenersOf(parsed, { host: '127.0.0.1', port: 0 })[0]!);
  };

  it('keeps the broker from starting, in words without the key', () => {
    assert.throws(optionsOf({}), /needs a private key and a certificate/);
    assert.throws(optionsOf({ ...keys, 'ssl.client.auth': 'required' }), /whose certificates to believe/);
    assert.throws(
      optionsOf({ 'ssl.keystore.location': '/nowhere/key.pem' }),
      /\/nowhere\/key\.pem, cannot be read \(ENOENT\)/,
    );
    assert.throws(optionsOf({ ...keys, 'ssl.keystore.key': alice.key }), (error: Error) => {
      assert.match(error.message, /cannot be used/);
      assert.ok(!error.message.includes(alice.key.split('\n')[1]!));
      return true;
    });
  });
});
