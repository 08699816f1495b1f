/**
 * Unmodified kafkajs with transactions against our broker: commit, abort, offsets, fencing, and consumers that read only
 * what is committed. kafkajs speaks version 1 throughout: it adds its partitions itself and keeps its epoch.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { startTestBroker } from '../kit/broker.ts';
import { unique } from './names.ts';
import { until } from './wait.ts';

const fixture = await startTestBroker({ after });

const kafka = new Kafka({
  clientId: 'compat',
  brokers: [fixture.bootstrap],
  logLevel: logLevel.NOTHING,
  connectionTimeout: 60_000,
});

async function topicOf(partitions = 1): Promise<string> {
  const topic = unique('kafkajs');
  await fixture.broker.topics.create([{ name: topic, partitions }]);
  return topic;
}

async function producerOf(transactionalId = unique('id')): Promise<Producer> {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  return producer;
}

/** What a consumer gets up to `last`, which is sent after everything else. */
async function readUntil(topic: string, last: string, readUncommitted: boolean): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: unique('group'), readUncommitted, maxWaitTimeInMs: 200 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) });
  await until(`${last} arrived`, () => values.includes(last));
  await consumer.disconnect();
  return values;
}

test('what is committed is read, what is aborted is not', async () => {
  const topic = await topicOf();
  const producer = await producerOf();
  for (const value of ['committed-1', 'aborted', 'committed-2']) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    if (value === 'aborted') await transaction.abort();
    else await transaction.commit();
  }
  await producer.disconnect();
  assert.deepEqual(await readUntil(topic, 'committed-2', false), ['committed-1', 'committed-2']);
  assert.deepEqual(await readUntil(topic, 'committed-2', true), ['committed-1', 'aborted', 'committed-2']);
});

test('one transaction over several topics and a group’s offsets is there whole', async () => {
  const [left, right] = [await topicOf(3), await topicOf(3)];
  const groupId = unique('group');
  const producer = await producerOf();
  const admin = kafka.admin();
  await admin.connect();
  for (const [offset, end] of [
    ['5', 'abort'],
    ['7', 'commit'],
  ] as const) {
    const transaction = await producer.transaction();
    const messages = [0, 1, 2].map((partition) => ({ partition, value: `${end}-${partition}` }));
    await transaction.send({ topic: left, messages });
    await transaction.send({ topic: right, messages });
    const topics = [{ topic: left, partitions: [{ partition: 0, offset }] }];
    await transaction.sendOffsets({ consumerGroupId: groupId, topics });
    await transaction[end]();
  }
  const committed = async () => (await admin.fetchOffsets({ groupId, topics: [left] }))[0]!.partitions[0]!.offset;
  await until('the offset counts', async () => (await committed()) === '7');
  for (const topic of [left, right]) {
    const values = await readUntil(topic, 'commit-2', false);
    assert.deepEqual(
      values.filter((value) => !value.startsWith('commit')),
      [],
    );
  }
  await admin.disconnect();
  await producer.disconnect();
});

test('a second producer with the same id fences the first and ends what it had open', async () => {
  const topic = await topicOf();
  const transactionalId = unique('id');
  const first = await producerOf(transactionalId);
  const open = await first.transaction();
  await open.send({ topic, messages: [{ value: 'open' }] });
  const second = await producerOf(transactionalId);
  const transaction = await second.transaction();
  await transaction.send({ topic, messages: [{ value: 'second' }] });
  await transaction.commit();
  await assert.rejects(open.commit(), { type: 'INVALID_PRODUCER_EPOCH' });
  assert.deepEqual(await readUntil(topic, 'second', false), ['second']);
  await first.disconnect();
  await second.disconnect();
});

test('a transaction that is open outlives a restart of the broker, and can be committed then', async () => {
  const topic = await topicOf();
  const producer = await producerOf();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ value: 'before' }] });
  await fixture.restart();
  await transaction.send({ topic, messages: [{ value: 'after' }] });
  await transaction.commit();
  assert.deepEqual(await readUntil(topic, 'after', false), ['before', 'after']);
  await producer.disconnect();
});
