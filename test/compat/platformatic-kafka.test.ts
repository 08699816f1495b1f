/**
 * Unmodified @platformatic/kafka against our broker: every compression it has, headers, groups with a rebalance, and
 * committed offsets that outlive a restart of the broker.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  Admin,
  Consumer,
  type Message,
  type MessagesStream,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { startTestBroker } from '../kit/broker.ts';
import { unique } from './names.ts';
import { until } from './wait.ts';

type Text = Message<string, string, string, string>;

const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const fixture = await startTestBroker({ after });

const connection = () => ({ clientId: 'compat', bootstrapBrokers: [fixture.bootstrap] });

async function topicOf(partitions = 1): Promise<string> {
  const topic = unique('platformatic');
  const admin = new Admin(connection());
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  await admin.close();
  return topic;
}

async function send(topic: string, values: readonly string[], compression: (typeof compressions)[number] = 'none') {
  const producer = new Producer({ ...connection(), serializers: stringSerializers });
  const messages = values.map((value) => ({ topic, key: `k-${value}`, value, headers: { source: 'compat' } }));
  await producer.send({ messages, compression, acks: -1 });
  await producer.close();
}

interface Member {
  readonly consumer: Consumer<string, string, string, string>;
  readonly stream: MessagesStream<string, string, string, string>;
  readonly messages: Text[];
  leave(): Promise<void>;
}

async function memberOf(group: string, topic: string): Promise<Member> {
  const consumer = new Consumer({
    ...connection(),
    groupId: group,
    deserializers: stringDeserializers,
    heartbeatInterval: 200,
    sessionTimeout: 10_000,
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
    maxWaitTime: 200,
  });
  const messages: Text[] = [];
  stream.on('data', (message) => {
    messages.push(message);
    void message.commit();
  });
  const leave = async (): Promise<void> => {
    await stream.close();
    await consumer.close();
  };
  return { consumer, stream, messages, leave };
}

const owned = ({ consumer }: Member): number =>
  (consumer.assignments ?? []).reduce((sum, { partitions }) => sum + partitions.length, 0);

test('every compression it knows comes back, with keys and headers', async () => {
  const topic = await topicOf();
  for (const compression of compressions) await send(topic, [`${compression}-1`, `${compression}-2`], compression);
  const member = await memberOf(unique('group'), topic);
  await until('all arrived', () => member.messages.length >= 2 * compressions.length);
  await member.leave();
  assert.deepEqual(
    member.messages.map(({ value }) => value),
    compressions.flatMap((compression) => [`${compression}-1`, `${compression}-2`]),
  );
  assert.equal(member.messages[0]!.key, 'k-none-1');
  assert.equal(member.messages[0]!.headers.get('source'), 'compat');
});

test('an idempotent producer gets its id and its records in', async () => {
  const topic = await topicOf();
  const producer = new Producer({ ...connection(), serializers: stringSerializers, idempotent: true });
  for (let i = 0; i < 5; i++) await producer.send({ messages: [{ topic, key: 'k', value: String(i) }], acks: -1 });
  await producer.close();
  const member = await memberOf(unique('group'), topic);
  await until('all arrived', () => member.messages.length >= 5);
  await member.leave();
  assert.deepEqual(
    member.messages.map(({ value, offset }) => [value, offset]),
    [0n, 1n, 2n, 3n, 4n].map((offset) => [String(offset), offset]),
  );
});

test('two members share the partitions, and the one that stays takes over', async () => {
  const topic = await topicOf(4);
  const group = unique('group');
  const first = await memberOf(group, topic);
  const second = await memberOf(group, topic);
  await until('each owns two', () => owned(first) === 2 && owned(second) === 2);
  await second.leave();
  await until('the first owns all', () => owned(first) === 4);
  await send(topic, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  await until('all arrived at the first', () => first.messages.length >= 8);
  await first.leave();
});

test('committed offsets are where the group continues after the broker was restarted', async () => {
  const topic = await topicOf();
  const group = unique('group');
  await send(topic, ['1', '2', '3']);
  const before = await memberOf(group, topic);
  await until('three arrived', () => before.messages.length >= 3);
  await before.messages.at(-1)!.commit();
  await before.leave();
  await fixture.restart();
  await send(topic, ['4', '5']);
  const after = await memberOf(group, topic);
  await until('two more arrived', () => after.messages.length >= 2);
  await after.leave();
  assert.deepEqual(
    after.messages.map(({ value }) => value),
    ['4', '5'],
  );
});
