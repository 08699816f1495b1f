/**
 * The built-in broker's keeper against the port's case file, on a real broker and a real disk; and that its groups are
 * those which Kafka's protocol shows.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { logClientCases } from '../../runtime/log/client.cases.ts';
import type { LogClient } from '../../runtime/log/client.ts';
import { startTestBroker } from '../../test/kit/broker.ts';
import { BatchBuilder } from '../protocol/records.ts';
import { inProcessLog } from './log-client.ts';
import type { ProducerRecord } from './types.ts';

const { broker } = await startTestBroker({ after });

/** The annotation is the check that this keeper fits the port. */
const open = async (): Promise<LogClient> => inProcessLog(broker);

logClientCases('The in-process keeper', open);

const recordOf = (topic: string, value: Buffer): ProducerRecord => ({
  topic,
  partition: 0,
  key: null,
  value,
  headers: [],
  timestamp: null,
});

test('a send of several megabytes becomes several batches in order', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'large', partitions: 1, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  const records = Array.from({ length: 40 }, (_, i) => recordOf('large', Buffer.alloc(100_000, i)));
  const metadata = await producer.send(records);
  assert.deepEqual(
    metadata.map(({ offset }) => offset),
    records.map((_, i) => i),
  );
  const values: number[] = [];
  const table = await log.table('large', ({ value }) => void values.push(value![0]!));
  await table.readToEnd();
  assert.deepEqual(
    values,
    records.map((_, i) => i),
  );
  await log.close();
});

for (const how of ['one by one', 'all at once', 'in transactions'] as const) {
  test(`sends whose batches lie in the memory of earlier ones arrive as they were sent, ${how}`, async () => {
    const log = inProcessLog(broker);
    const topic = `memory-${how.replaceAll(' ', '-')}`;
    await log.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]);
    const sends = Array.from({ length: 20 }, (_, send) =>
      Array.from({ length: 1 + (send % 4) }, (_, i) =>
        recordOf(topic, Buffer.alloc(90_000 + send * 31_000, 7 * send + i)),
      ),
    );
    if (how === 'in transactions') {
      const producer = await log.transactionalProducer({ clientId: 'test', transactionalId: 'memory' });
      for (const records of sends) {
        await producer.send(records);
        await producer.commit();
      }
    } else {
      const producer = log.producer({ clientId: 'test' });
      const sent: Promise<unknown>[] = [];
      for (const records of sends) {
        sent.push(producer.send(records));
        if (how === 'one by one') await sent.at(-1);
      }
      await Promise.all(sent);
    }
    const values: Buffer[] = [];
    const table = await log.table(topic, ({ value }) => void values.push(Buffer.from(value!)));
    const expected = sends.flat().map(({ value }) => value!);
    // The marker of the last transaction follows its commit.
    for (const deadline = Date.now() + 60_000; values.length < expected.length && Date.now() < deadline; await sleep(5))
      await table.readToEnd();
    assert.equal(values.length, expected.length);
    for (const [index, value] of values.entries()) assert.ok(value.equals(expected[index]!), `record ${index}`);
    await log.close();
  });
}

test('a record too large for the topic is refused by name, and nothing sent with it is kept', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'small', partitions: 1, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  const sent = producer.send([recordOf('small', Buffer.from('fits')), recordOf('small', Buffer.alloc(2_000_000))]);
  await assert.rejects(sent, { name: 'LogError', code: 'MESSAGE_TOO_LARGE', retriable: false });
  assert.equal((await log.offsets({ topic: 'small', partition: 0 })).logEndOffset, 0);
  await log.close();
});

test('a replication factor above one is refused with the way out', async () => {
  const log = inProcessLog(broker);
  const created = log.createTopics([{ topic: 'thrice', partitions: 1, replicationFactor: 3 }]);
  await assert.rejects(created, { code: 'INVALID_REPLICATION_FACTOR', message: /to 1 or -1/ });
});

test('a member is seen as a consumer by the coordinator, with the assignment that DescribeGroups shows', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'seen', partitions: 2, replicationFactor: 1 }]);
  const consumer = log.consumer({ clientId: 'sink-task', group: 'connect-sink', autoOffsetReset: 'earliest' });
  consumer.subscribe(['seen'], { onAssigned: async () => {}, onRevoked: async () => {} });
  const isPlaced = () => consumer.position({ topic: 'seen', partition: 1 }) !== null;
  for (const deadline = Date.now() + 60_000; !isPlaced() && Date.now() < deadline; ) await consumer.poll(100);
  const described = broker.groups.describe('connect-sink');
  assert.deepEqual([described.state, described.protocolType, described.protocol], ['Stable', 'consumer', 'range']);
  assert.equal(described.members[0]!.clientId, 'sink-task');
  await log.close();
  assert.equal(broker.groups.describe('connect-sink').state, 'Empty');
});

test('a consumer whose position was deleted goes to where it was told to start', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'deleted', partitions: 1, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  await producer.send(['a', 'b', 'c'].map((value) => recordOf('deleted', Buffer.from(value))));
  broker.log('deleted', 0).deleteRecords(2);
  await log.alterGroupOffsets('late', [{ topic: 'deleted', partition: 0, offset: 0 }]);
  const consumer = log.consumer({ clientId: 'test', group: 'late', autoOffsetReset: 'earliest' });
  consumer.subscribe(['deleted'], { onAssigned: async () => {}, onRevoked: async () => {} });
  const [record] = await consumer.poll(60_000);
  assert.equal(record?.value?.toString(), 'c');
  await log.close();
});

test('a consumer told to start nowhere says so, with its group and partition', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'nowhere', partitions: 1, replicationFactor: 1 }]);
  const consumer = log.consumer({ clientId: 'test', group: 'lost', autoOffsetReset: 'none' });
  consumer.subscribe(['nowhere'], { onAssigned: async () => {}, onRevoked: async () => {} });
  await assert.rejects(consumer.poll(60_000), { code: 'NO_OFFSET_FOR_PARTITION', message: /"lost".*nowhere-0/ });
  await log.close();
});

test('a member that polls too rarely loses its partitions, hears that they are lost, and may come back', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'idle', partitions: 1, replicationFactor: 1 }]);
  const overrides = { 'max.poll.interval.ms': '300' };
  const consumer = log.consumer({ clientId: 'test', group: 'idlers', autoOffsetReset: 'earliest', overrides });
  const events: string[] = [];
  consumer.subscribe(['idle'], {
    onAssigned: async () => void events.push('assigned'),
    onRevoked: async (_, lost) => void events.push(lost ? 'lost' : 'revoked'),
  });
  const pollUntil = async (count: number): Promise<void> => {
    for (const deadline = Date.now() + 60_000; events.length < count && Date.now() < deadline; )
      await consumer.poll(50);
  };
  await pollUntil(1);
  for (let i = 0; i < 1200 && broker.groups.describe('idlers').state !== 'Empty'; i++) await sleep(50);
  await assert.rejects(consumer.commit([{ topic: 'idle', partition: 0, offset: 0 }]), { code: 'UNKNOWN_MEMBER_ID' });
  await pollUntil(3);
  assert.deepEqual(events, ['assigned', 'lost', 'assigned']);
  await log.close();
});

test('records in a run are a batch of their own among the others of a transaction, and may be sent again', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'runs', partitions: 1, replicationFactor: 1 }]);
  const producer = await log.transactionalProducer({ clientId: 'test', transactionalId: 'runs' });
  const builder = new BatchBuilder();
  for (let i = 0; i < 300; i++) builder.append(0, Buffer.from(`k${i}`), i % 3 === 0 ? null : Buffer.from(`v${i}`), []);
  const piece = { topic: 'runs', run: { bytes: new Uint8Array(builder.build()), count: 300 } };
  const before = Date.now();
  for (let turn = 0; turn < 2; turn++) {
    const pieces = [[recordOf('runs', Buffer.from('first'))], piece, [recordOf('runs', Buffer.from('last'))]];
    const { written, committed } = producer.sendAndCommit(pieces);
    const [metadata] = await Promise.all([written, committed]);
    // The end of the transaction before has an offset, too.
    const base = turn * 303;
    assert.deepEqual(
      metadata.map((of) => of.map(({ offset }) => offset)),
      [[base], [base + 1], [base + 301]],
    );
  }
  const read: string[] = [];
  const table = await log.table('runs', ({ key, value, timestamp, headers }) => {
    assert.ok(timestamp >= before && timestamp <= Date.now());
    assert.deepEqual(headers, []);
    read.push(`${key} ${value}`);
  });
  await table.readToEnd();
  const once = [
    'null first',
    ...Array.from({ length: 300 }, (_, i) => `k${i} ${i % 3 === 0 ? null : `v${i}`}`),
    'null last',
  ];
  assert.deepEqual(read, [...once, ...once]);
  await log.close();
});

test('a run that a topic would not take is refused, and nothing of its transaction is true', async () => {
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'wide', partitions: 2, replicationFactor: 1 }]);
  const producer = await log.transactionalProducer({ clientId: 'test', transactionalId: 'wide' });
  assert.equal(producer.takesRuns('wide', 1000), false);
  assert.equal(producer.takesRuns('not there yet', 1000), true);
  assert.equal(producer.takesRuns('not there yet', 2 << 20), false);
  const builder = new BatchBuilder();
  builder.append(0, null, Buffer.from('v'), []);
  const piece = { topic: 'wide', run: { bytes: new Uint8Array(builder.build()), count: 1 } };
  const { written, committed } = producer.sendAndCommit([[recordOf('wide', Buffer.from('first'))], piece]);
  await assert.rejects(written, /one by one/);
  await assert.rejects(committed, /one by one/);
  await producer.abort();
  const read: unknown[] = [];
  const table = await log.table('wide', (record) => void read.push(record));
  await table.readToEnd();
  assert.deepEqual(read, []);
  await log.close();
});
