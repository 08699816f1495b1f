/** What the in-process clients obey of Kafka's client keys, on a real broker and a real disk. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestBroker } from '../../test/kit/broker.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import * as batches from '../protocol/record-batch.ts';
import { inProcessLog } from './log-client.ts';
import type { ConsumerRecord, ProducerRecord } from './types.ts';

const { broker } = await startTestBroker({ after });
const log = inProcessLog(broker);
after(() => log.close());

const recordOf = (topic: string, bytes: number, partition = 0): ProducerRecord => ({
  topic,
  partition,
  key: null,
  value: Buffer.alloc(bytes),
  headers: [],
  timestamp: null,
});
const create = (topic: string, partitions = 1) => log.createTopics([{ topic, partitions, replicationFactor: 1 }]);

function countBatches(topic: string): number {
  const { records } = broker.log(topic, 0).read(0, 1 << 20, { isolation: 'read_uncommitted', minOneBatch: true });
  let count = 0;
  for (let at = 0; at < records.length; at += batches.batchBytes(records, at)) count++;
  return count;
}

test('batch.size closes a batch; a larger record gets one of its own', async () => {
  await create('batches');
  const producer = log.producer({ clientId: 'p', overrides: { 'batch.size': '1000' } });
  await producer.send([...Array.from({ length: 10 }, () => recordOf('batches', 400)), recordOf('batches', 5_000)]);
  assert.equal(countBatches('batches'), 6);
  await create('one-batch');
  await log.producer({ clientId: 'p' }).send(Array.from({ length: 10 }, () => recordOf('one-batch', 400)));
  assert.equal(countBatches('one-batch'), 1);
});

for (const codec of ['gzip', 'zstd'] as const) {
  test(`compression.${codec}.level: a higher one packs the same records into less`, async () => {
    const words = Array.from({ length: 4_000 }, (_, index) => `${(index * 7919) % 1013}:${(index * 104729) % 97}`);
    const sizes: number[] = [];
    for (const level of ['1', '9']) {
      const topic = `${codec}-${level}`;
      await create(topic);
      const overrides = { 'compression.type': codec, [`compression.${codec}.level`]: level };
      const producer = log.producer({ clientId: 'p', overrides });
      await producer.send([{ ...recordOf(topic, 0), value: Buffer.from(words.join(' ')) }]);
      const options = { isolation: 'read_uncommitted', minOneBatch: true } as const;
      sizes.push(broker.log(topic, 0).read(0, 1 << 20, options).records.length);
    }
    assert.ok(sizes[1]! < sizes[0]!, sizes.join(' and '));
  });
}

for (const [acks, isDurable] of [
  ['all', true],
  ['-1', true],
  ['1', false],
  ['0', false],
] as const) {
  test(`acks=${acks} ${isDurable ? 'waits for the disk' : 'does not wait for the disk'}`, async (t) => {
    const fs = new MemoryFileSystem();
    const { broker: fragile } = await startTestBroker(t, { fs });
    const client = inProcessLog(fragile);
    await client.createTopics([{ topic: 'out', partitions: 1, replicationFactor: 1 }]);
    const producer = client.producer({ clientId: 'p', overrides: { acks } });
    fs.failNext('sync', 'EIO', { path: 'out-0' });
    const sent = producer.send([recordOf('out', 10)]);
    if (isDurable) await assert.rejects(sent);
    else assert.equal((await sent)[0]!.offset, 0);
  });
}

async function subscribed(topic: string, overrides: Record<string, string>) {
  const consumer = log.consumer({ clientId: 'c', group: `g-${topic}`, autoOffsetReset: 'earliest', overrides });
  consumer.subscribe([topic], { onAssigned: async () => {}, onRevoked: async () => {} });
  after(() => consumer.close());
  return consumer;
}

test('fetch.min.bytes gathers what comes within fetch.max.wait.ms into one poll', async () => {
  await create('gathered');
  const producer = log.producer({ clientId: 'p' });
  const consumer = await subscribed('gathered', { 'fetch.min.bytes': '300', 'fetch.max.wait.ms': '60000' });
  await producer.send([recordOf('gathered', 100)]);
  const polled = consumer.poll(60_000);
  for (let sent = 0; sent < 2; sent++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await producer.send([recordOf('gathered', 100)]);
  }
  assert.equal((await polled).length, 3);
});

test('fetch.max.wait.ms ends the wait for fetch.min.bytes', async () => {
  await create('impatient');
  await log.producer({ clientId: 'p' }).send([recordOf('impatient', 100)]);
  const consumer = await subscribed('impatient', { 'fetch.min.bytes': '1000000', 'fetch.max.wait.ms': '30' });
  let records: readonly ConsumerRecord[] = [];
  for (const until = Date.now() + 60_000; records.length === 0 && Date.now() < until; ) {
    records = await consumer.poll(1_000);
  }
  assert.equal(records.length, 1);
});

test('max.partition.fetch.bytes: one partition leaves room for the others in a poll', async () => {
  await create('shared', 2);
  const producer = log.producer({ clientId: 'p' });
  await producer.send(
    [0, 1].flatMap((partition) => Array.from({ length: 50 }, () => recordOf('shared', 100, partition))),
  );
  const consumer = await subscribed('shared', { 'max.partition.fetch.bytes': '1000' });
  let records: readonly ConsumerRecord[] = [];
  for (const until = Date.now() + 60_000; records.length === 0 && Date.now() < until; ) {
    records = await consumer.poll(1_000);
  }
  const counts = [0, 1].map((partition) => records.filter((record) => record.partition === partition).length);
  assert.deepEqual(counts, [10, 10]);
});

test('max.poll.interval.ms: who does not poll for so long loses its partitions', async () => {
  await create('slow');
  await log.producer({ clientId: 'p' }).send([recordOf('slow', 1)]);
  const consumer = log.consumer({
    clientId: 'c',
    group: 'slow',
    autoOffsetReset: 'earliest',
    overrides: { 'max.poll.interval.ms': '50' },
  });
  after(() => consumer.close());
  const lost: boolean[] = [];
  consumer.subscribe(['slow'], { onAssigned: async () => {}, onRevoked: async (_, isLost) => void lost.push(isLost) });
  for (const until = Date.now() + 60_000; Date.now() < until; ) if ((await consumer.poll(1_000)).length > 0) break;
  for (const until = Date.now() + 60_000; lost.length === 0 && Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await consumer.poll(0);
  }
  assert.equal(lost[0], true);
});

test('transaction.timeout.ms: what stays open for longer is aborted, and its producer is told', async (t) => {
  const interval = 'transaction.abort.timed.out.transaction.cleanup.interval.ms';
  const { broker: watchful } = await startTestBroker(t, { config: { [interval]: '20' } });
  const client = inProcessLog(watchful);
  await client.createTopics([{ topic: 'out', partitions: 1, replicationFactor: 1 }]);
  const producer = await client.transactionalProducer({ clientId: 'p', transactionalId: 'id', timeoutMs: 50 });
  await producer.send([recordOf('out', 10)]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = setInterval(() => {
    // The marker that ends the transaction stands behind its record.
    if (watchful.log('out', 0).highWatermark >= 2) resolve();
  }, 10);
  await promise;
  clearInterval(look);
  await assert.rejects(producer.commit(), { name: 'LogError', code: 'INVALID_TXN_STATE', retriable: false });
  await assert.rejects(producer.send([recordOf('out', 10)]), { name: 'LogError', code: 'PRODUCER_FENCED' });
  const next = await client.transactionalProducer({ clientId: 'p', transactionalId: 'id' });
  await next.send([recordOf('out', 20)]);
  await next.commit();
});
