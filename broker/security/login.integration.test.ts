/**
 * Logging in over real sockets with clients of others: kafkajs and @platformatic/kafka, by PLAIN, SCRAM and
 * OAUTHBEARER; and that no secret of it is in any log line.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Admin } from '@platformatic/kafka';
import kafkajsModule, { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { newAuthority } from '../../test/kit/certificates.ts';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';
import { newIssuer } from '../../test/kit/token-issuer.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-login-'));
after(() => rmSync(folder, { recursive: true }));
const issuer = newIssuer('RS256');
writeFileSync(join(folder, 'jwks.json'), JSON.stringify(issuer.jwks));
const tokenOf = (claims: object) =>
  issuer.token({ iss: 'https://issuer', aud: 'kafka', exp: Math.floor(Date.now() / 1000) + 600, ...claims });

const lines: string[] = [];
const log = (fields: object, message: string) => {
  lines.push(`${JSON.stringify(fields)} ${message}`);
};
const certificate = newAuthority().issue([['CN', 'localhost']]);

const guarded = await startGuardedBroker(
  { after },
  {
    protocol: 'SASL_PLAINTEXT',
    mechanisms: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    config: {
      'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(join(folder, 'jwks.json')).href,
      'sasl.oauthbearer.expected.issuer': 'https://issuer',
      'sasl.oauthbearer.expected.audience': 'kafka',
      'ssl.keystore.key': certificate.key,
      'ssl.keystore.certificate.chain': certificate.cert,
      'ssl.key.password': 'key-secret',
    },
    logger: { debug: log, info: log, warn: log, error: log },
  },
);
await guarded.addUser('alice', 'alice-secret');
await guarded.allowEverything('User:alice');
await guarded.allowEverything('User:robot');

function kafkajs(sasl: SASLOptions): Kafka {
  return new Kafka({
    brokers: [guarded.bootstrap],
    sasl,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000,
    retry: { retries: 0 },
  });
}

describe('kafkajs', () => {
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    it(`logs in by ${mechanism}, writes and reads`, async () => {
      const kafka = kafkajs({ mechanism, username: 'alice', password: 'alice-secret' } as SASLOptions);
      const topic = `by-${mechanism}`;
      const producer = kafka.producer();
      await producer.connect();
      await producer.send({ topic, messages: [{ key: 'k', value: mechanism }] });
      await producer.disconnect();
      const consumer = kafka.consumer({ groupId: `group-${mechanism}` });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const value = await new Promise((resolve) => {
        void consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) });
      });
      assert.equal(value, mechanism);
      await consumer.disconnect();
    });

    it(`is told that a wrong password is wrong by ${mechanism}, as for a user who is not there`, async () => {
      for (const username of ['alice', 'nobody']) {
        const admin = kafkajs({ mechanism, username, password: 'wrong' } as SASLOptions).admin();
        await assert.rejects(admin.connect(), /invalid credentials with SASL mechanism/i);
        await admin.disconnect();
      }
    });
  }
});

describe('@platformatic/kafka', () => {
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    it(`logs in by ${mechanism}`, async () => {
      const admin = new Admin({
        clientId: 'platformatic',
        bootstrapBrokers: [guarded.bootstrap],
        sasl: { mechanism, username: 'alice', password: 'alice-secret' },
        retries: 0,
      });
      assert.ok(Array.isArray(await admin.listTopics()));
      await admin.close();
    });
  }
});

describe('OAUTHBEARER', () => {
  const byToken = (value: string) =>
    kafkajs({ mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) }).admin();

  it('lets kafkajs in with a token of the issuer', async () => {
    const admin = byToken(tokenOf({ sub: 'robot' }));
    await admin.connect();
    assert.ok((await admin.listTopics()).length > 0);
    await admin.disconnect();
  });

  it('lets @platformatic/kafka in with a token of the issuer', async () => {
    const sasl = { mechanism: 'OAUTHBEARER', token: tokenOf({ sub: 'robot' }) } as const;
    const admin = new Admin({ clientId: 'platformatic', bootstrapBrokers: [guarded.bootstrap], sasl, retries: 0 });
    assert.ok(Array.isArray(await admin.listTopics()));
    await admin.close();
  });

  it('refuses a token for somebody else', async () => {
    const admin = byToken(tokenOf({ sub: 'robot', aud: 'another' }));
    // kafkajs does not read the RFC's status, so it hears of it at its first request; against Kafka, too.
    await assert.rejects(
      admin.connect().then(() => admin.listTopics()),
      /Closed connection|ECONNRESET|socket/i,
    );
    await admin.disconnect();
    const sasl = { mechanism: 'OAUTHBEARER', token: tokenOf({ sub: 'robot', aud: 'another' }) } as const;
    const other = new Admin({ clientId: 'platformatic', bootstrapBrokers: [guarded.bootstrap], sasl, retries: 0 });
    await assert.rejects(other.listTopics());
    await other.close();
  });
});

describe('secrets', () => {
  it('are in no log line, whatever went right or wrong', () => {
    const text = lines.join('\n');
    assert.match(text, /A login failed/);
    assert.match(text, /without TLS: passwords and tokens can be overheard/);
    const { storedKey, serverKey, salt } = guarded.broker.security.users.credential('alice', 'SCRAM-SHA-256')!;
    const kept = [storedKey, serverKey, salt].map((bytes) => bytes.toString('base64'));
    const secrets = ['alice-secret', 'wrong', 'key-secret', 'eyJ', certificate.key.split('\n')[1]!, ...kept];
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} was logged:\n${text}`);
  });

  it('are not shown by DescribeConfigs', async () => {
    const admin = kafkajs({ mechanism: 'plain', username: 'alice', password: 'alice-secret' }).admin();
    await admin.connect();
    const described = await admin.describeConfigs({
      includeSynonyms: true,
      resources: [{ type: kafkajsModule.ConfigResourceTypes.BROKER, name: '1' }],
    });
    await admin.disconnect();
    const text = JSON.stringify(described);
    assert.match(text, /ssl\.keystore\.key/);
    assert.ok(!text.includes('key-secret') && !text.includes('PRIVATE KEY'));
  });
});
