/**
 * The broker checks records itself, whoever sends them: kafkajs with and without a registry's serializer against a whole
 * Millrace.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';
import { type Millrace, startMillrace } from '../kit/millrace.ts';

const schema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'gps',
  type: 'object',
  properties: { id: { type: 'string' }, lat: { type: 'number', maximum: 90 } },
  required: ['id', 'lat'],
});

let house: Millrace;
let kafka: Kafka;
before(async () => {
  house = await startMillrace();
  kafka = new Kafka({
    brokers: [house.kafka],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000,
    retry: { retries: 5 },
  });
  const answer = await fetch(`${house.registry}/subjects/gps-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schemaType: 'JSON', schema }),
  });
  assert.equal(answer.status, 200);
});
after(() => house.remove());

async function topic(name: string, config: Record<string, string>): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 1, configEntries }] });
  await admin.disconnect();
}

async function send(name: string, values: readonly (string | Buffer | null)[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  try {
    await producer.send({ topic: name, messages: values.map((value) => ({ key: 'k', value })) });
  } finally {
    await producer.disconnect();
  }
}

async function valuesOf(name: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `g-${name}` });
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  const values: string[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value?.toString() ?? '');
        if (values.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return values;
}

test('Plain JSON is judged by the latest version of the subject, and refused with the reason', async () => {
  await topic('gps', { 'schema.validation': 'value', 'schema.validation.unframed': 'latest' });
  await send('gps', ['{"id":"T1","lat":53}']);
  await assert.rejects(
    send('gps', ['{"id":"T1","lat":53}', '{"id":"T2","lat":353}']),
    /failed the validation on broker/,
  );
  assert.deepEqual(await valuesOf('gps', 1), ['{"id":"T1","lat":53}']);
});

test("Records of a registry's own serializer are judged by the schema they name", async () => {
  await topic('framed', { 'confluent.value.schema.validation': 'true' });
  const registry = new SchemaRegistry({ host: house.registry });
  const { id } = await registry.register({ type: SchemaType.JSON, schema }, { subject: 'framed-value' });
  await send('framed', [await registry.encode(id, { id: 'T1', lat: 53 })]);
  const foreign = await registry.register(
    { type: SchemaType.JSON, schema: '{"type":"object","title":"other"}' },
    { subject: 'x-value' },
  );
  await assert.rejects(send('framed', [await registry.encode(foreign.id, { id: 'T1', lat: 53 })]));
  await assert.rejects(send('framed', ['{"id":"T1","lat":53}']));
});

test('What does not fit goes to the dead letters with its reason, and its neighbours stay', async () => {
  await topic('gps_dlq', {});
  const config = { 'schema.validation': 'value', 'schema.validation.unframed': 'latest' };
  await fetch(`${house.registry}/subjects/mixed-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schemaType: 'JSON', schema }),
  });
  await topic('mixed', { ...config, 'schema.validation.dead.letter.topic': 'gps_dlq' });
  await send('mixed', ['{"id":"T1","lat":1}', '{oops', '{"id":"T3","lat":3}']);
  assert.deepEqual(await valuesOf('mixed', 2), ['{"id":"T1","lat":1}', '{"id":"T3","lat":3}']);
  assert.deepEqual(await valuesOf('gps_dlq', 1), ['{oops']);
});
