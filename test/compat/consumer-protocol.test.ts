/**
 * Unmodified @platformatic/kafka in groups of the new consumer protocol (KIP-848) against our broker: sharing, taking
 * over, static members, offsets that outlive a restart, what the admin client sees. Topics that grow under a running
 * consumer are not among it: the client (2.12.1) asks its cached metadata for the leader of the new partition and throws.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { startTestBroker } from '../kit/broker.ts';
import { unique } from './names.ts';
import { until } from './wait.ts';

/** Members hear of an assignment at their next heartbeat; 5 s as it ships would only make the tests longer. */
const config = { 'group.consumer.heartbeat.interval.ms': '200' };
const fixture = await startTestBroker({ after }, { config });
const connection = () => ({ clientId: 'compat', bootstrapBrokers: [fixture.bootstrap] });

async function topicOf(partitions: number): Promise<string> {
  const topic = unique('new-protocol');
  const admin = new Admin(connection());
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  await admin.close();
  return topic;
}

async function send(topic: string, values: readonly string[]): Promise<void> {
  const producer = new Producer({ ...connection(), serializers: stringSerializers });
  await producer.send({ messages: values.map((value) => ({ topic, key: value, value })), acks: -1 });
  await producer.close();
}

/** It leaves when it is told to, or with its test. */
async function memberOf(t: TestContext, group: string, topic: string, instance?: string) {
  const consumer = new Consumer({
    ...connection(),
    groupId: group,
    groupProtocol: 'consumer',
    ...(instance === undefined ? {} : { groupInstanceId: instance }),
    deserializers: stringDeserializers,
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
    maxWaitTime: 200,
  });
  const values: string[] = [];
  let lastCommit: Promise<unknown> = Promise.resolve();
  stream.on('data', (message) => {
    values.push(message.value);
    lastCommit = lastCommit.then(() => message.commit());
  });
  let left: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await lastCommit;
    await stream.close();
    await consumer.close();
  };
  const leave = (): Promise<void> => {
    left ??= close();
    return left;
  };
  t.after(leave);
  const owned = (): number => (consumer.assignments ?? []).reduce((sum, { partitions }) => sum + partitions.length, 0);
  return { values, leave, owned };
}

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

test('two members share the partitions, and the one that stays takes over', async (t) => {
  const topic = await topicOf(4);
  const group = unique('group');
  const first = await memberOf(t, group, topic);
  await until('the first owns all', () => first.owned() === 4);
  const second = await memberOf(t, group, topic);
  await until('each owns two', () => first.owned() === 2 && second.owned() === 2);
  await second.leave();
  await until('the first owns all again', () => first.owned() === 4);
  await send(topic, letters);
  await until('all arrived at the first', () => first.values.length >= letters.length);
  assert.deepEqual([...first.values].sort(), letters);
});

test('committed offsets and the group itself outlive a restart of the broker', async (t) => {
  const topic = await topicOf(2);
  const group = unique('group');
  await send(topic, letters.slice(0, 4));
  const before = await memberOf(t, group, topic, 'instance');
  await until('four arrived', () => before.values.length >= 4);
  await before.leave();
  await fixture.restart();
  await send(topic, letters.slice(4));
  const again = await memberOf(t, group, topic, 'instance');
  await until('the others arrived', () => again.values.length >= 4);
  assert.deepEqual([...again.values].sort(), letters.slice(4));
});

test('a member that was there before the restart goes on in its epoch', async (t) => {
  const topic = await topicOf(2);
  const group = unique('group');
  const member = await memberOf(t, group, topic);
  await until('it owns two', () => member.owned() === 2);
  const epoch = fixture.broker.groups.consumers.get(group)!.epoch;
  await fixture.restart();
  await send(topic, letters);
  await until('all arrived', () => member.values.length >= letters.length);
  assert.equal(fixture.broker.groups.consumers.get(group)!.epoch, epoch);
});

test('the admin client lists the group with its type', async (t) => {
  const topic = await topicOf(1);
  const group = unique('group');
  const member = await memberOf(t, group, topic);
  await until('it owns one', () => member.owned() === 1);
  const admin = new Admin(connection());
  const listed = (await admin.listGroups({ types: ['consumer'] })).get(group);
  assert.deepEqual([listed?.groupType, listed?.state], ['consumer', 'Stable']);
  await admin.close();
});
