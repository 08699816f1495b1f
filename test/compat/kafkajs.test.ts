/**
 * Unmodified kafkajs against our broker: topics, produce, consume, headers, compression, groups with a rebalance, and
 * committed offsets that outlive a restart of the broker.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CompressionTypes, type Consumer, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
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
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  return topic;
}

async function send(topic: string, values: readonly string[], compression = CompressionTypes.None): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  const messages = values.map((value) => ({ key: `k-${value}`, value, headers: { source: 'compat', empty: '' } }));
  await producer.send({ topic, messages, compression, acks: -1 });
  await producer.disconnect();
}

interface Member {
  readonly consumer: Consumer;
  readonly messages: KafkaMessage[];
  readonly partitions: Set<number>;
}

/** A running member; `partitions` is what it owns now. */
async function memberOf(group: string, topic: string): Promise<Member> {
  const consumer = kafka.consumer({
    groupId: group,
    heartbeatInterval: 200,
    sessionTimeout: 10_000,
    maxWaitTimeInMs: 200,
  });
  const member: Member = { consumer, messages: [], partitions: new Set() };
  consumer.on('consumer.group_join', ({ payload }) => {
    member.partitions.clear();
    for (const partition of payload.memberAssignment[topic] ?? []) member.partitions.add(partition);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void member.messages.push(message) });
  return member;
}

const values = (messages: readonly KafkaMessage[]): string[] => messages.map(({ value }) => String(value));

test('records with keys, headers and gzip come back in order', async () => {
  const topic = await topicOf();
  await send(topic, ['plain-1', 'plain-2']);
  await send(topic, ['gzip-1', 'gzip-2'], CompressionTypes.GZIP);
  const member = await memberOf(unique('group'), topic);
  await until('four records arrived', () => member.messages.length >= 4);
  await member.consumer.disconnect();
  assert.deepEqual(values(member.messages), ['plain-1', 'plain-2', 'gzip-1', 'gzip-2']);
  assert.deepEqual(
    member.messages.map(({ offset }) => offset),
    ['0', '1', '2', '3'],
  );
  const [first] = member.messages;
  assert.equal(String(first!.key), 'k-plain-1');
  assert.equal(String(first!.headers?.source), 'compat');
  assert.equal(String(first!.headers?.empty), '');
});

test('two members share the partitions, and the one that stays takes over', async () => {
  const topic = await topicOf(4);
  const group = unique('group');
  const first = await memberOf(group, topic);
  const second = await memberOf(group, topic);
  await until('each owns two', () => first.partitions.size === 2 && second.partitions.size === 2);
  assert.equal(new Set([...first.partitions, ...second.partitions]).size, 4);
  await second.consumer.disconnect();
  await until('the first owns all', () => first.partitions.size === 4);
  await send(topic, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  await until('all arrived at the first', () => first.messages.length >= 8);
  await first.consumer.disconnect();
});

test('committed offsets are where the group continues after the broker was restarted', async () => {
  const topic = await topicOf();
  const group = unique('group');
  await send(topic, ['1', '2', '3']);
  const before = await memberOf(group, topic);
  await until('three arrived', () => before.messages.length >= 3);
  await before.consumer.disconnect();
  await fixture.restart();
  await send(topic, ['4', '5']);
  const after = await memberOf(group, topic);
  await until('two more arrived', () => after.messages.length >= 2);
  await after.consumer.disconnect();
  assert.deepEqual(values(after.messages), ['4', '5']);
});

test('the admin client sees topics, offsets and groups, and deletes them', async () => {
  const topic = await topicOf(2);
  const group = unique('group');
  await send(topic, ['x']);
  const member = await memberOf(group, topic);
  await until('it arrived', () => member.messages.length >= 1);
  const admin = kafka.admin();
  await admin.connect();
  const { groups } = await admin.describeGroups([group]);
  assert.deepEqual([groups[0]!.state, groups[0]!.members.length], ['Stable', 1]);
  assert.ok((await admin.listGroups()).groups.some(({ groupId }) => groupId === group));
  await member.consumer.disconnect();
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
  assert.equal(metadata.topics[0]!.partitions.length, 2);
  const ends = await admin.fetchTopicOffsets(topic);
  assert.equal(
    ends.reduce((sum, { high }) => sum + Number(high), 0),
    1,
  );
  await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '0' }] });
  await admin.deleteGroups([group]);
  await admin.deleteTopics({ topics: [topic] });
  assert.ok(!(await admin.listTopics()).includes(topic));
  await admin.disconnect();
});
