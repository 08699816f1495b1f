/**
 * What every keeper of the log port must do: one case file, run against each of them.
 *
 * A keeper's test calls {@link logClientCases} with a function that opens a client; the cases use random topic and
 * group names, so they may share one log.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { ConsumerRecord, LogClient, LogConsumer, ProducerRecord, TopicPartition } from './client.ts';
import { readerCases } from './client-reader.cases.ts';

/** A group join on a real cluster waits for its coordinator; everything else is far quicker. */
const POLL_DEADLINE_MS = 60_000;

const unique = (prefix: string) => `${prefix}-${randomUUID().slice(0, 8)}`;

function record(topic: string, value: string | null, more: Partial<ProducerRecord> = {}): ProducerRecord {
  return {
    topic,
    partition: 0,
    key: null,
    value: value === null ? null : Buffer.from(value),
    headers: [],
    timestamp: null,
    ...more,
  };
}

interface Listening {
  readonly assigned: TopicPartition[];
  readonly revoked: { partitions: readonly TopicPartition[]; lost: boolean }[];
}

function subscribe(consumer: LogConsumer, topics: readonly string[] | RegExp): Listening {
  const seen: Listening = { assigned: [], revoked: [] };
  consumer.subscribe(topics, {
    onAssigned: async (partitions) => void seen.assigned.push(...partitions),
    onRevoked: async (partitions, lost) => void seen.revoked.push({ partitions, lost }),
  });
  return seen;
}

async function pollUntil(consumer: LogConsumer, enough: (records: ConsumerRecord[]) => boolean) {
  const records: ConsumerRecord[] = [];
  const deadline = Date.now() + POLL_DEADLINE_MS;
  while (!enough(records)) {
    assert.ok(Date.now() < deadline, `Only ${records.length} records arrived in time.`);
    records.push(...(await consumer.poll(200)));
  }
  return records;
}

const values = (records: readonly ConsumerRecord[]) => records.map((each) => each.value?.toString() ?? null);

/** What a keeper's library cannot do, each with its reason in writing. */
export interface Shortcomings {
  /** A header without a value comes back with an empty one. */
  readonly nullHeaderValues?: string;
}

/** Registers the cases. `open` is called once; the client is closed at the end. */
export function logClientCases(name: string, open: () => Promise<LogClient>, shortcomings: Shortcomings = {}): void {
  describe(`${name} keeps the log port's contract`, () => {
    let client: LogClient;
    test('it opens', async () => {
      client = await open();
    });

    const topicOf = async (partitions = 1, config?: Record<string, string>) => {
      const topic = unique('cases');
      await client.createTopics([{ topic, partitions, replicationFactor: 1, ...(config ? { config } : {}) }]);
      return topic;
    };
    const consumerOf = (group: string, more: { maxPollRecords?: number } = {}) =>
      client.consumer({ clientId: 'cases', group, autoOffsetReset: 'earliest', ...more });

    topicCases(() => client, topicOf);
    appendCases(() => client, topicOf, consumerOf, shortcomings);
    consumerCases(() => client, topicOf, consumerOf);
    groupCases(() => client, topicOf, consumerOf);
    tableCases(() => client, topicOf);
    readerCases(() => client, topicOf);
    transactionCases(() => client, topicOf);

    test('it closes', async () => {
      await client.close();
    });
  });
}

type TopicOf = (partitions?: number, config?: Record<string, string>) => Promise<string>;
type ConsumerOf = (group: string, more?: { maxPollRecords?: number }) => LogConsumer;

function topicCases(client: () => LogClient, topicOf: TopicOf): void {
  test('a topic is created once and described', async () => {
    const topic = await topicOf(3);
    assert.deepEqual(await client().createTopics([{ topic, partitions: 5, replicationFactor: 1 }]), []);
    const [described] = await client().describeTopics([topic]);
    assert.equal(described?.partitions, 3);
    assert.ok((await client().describeTopics()).some((each) => each.topic === topic));
  });

  test('a topic that does not exist is missing from the description', async () => {
    assert.deepEqual(await client().describeTopics([unique('absent')]), []);
  });

  test('a deleted topic is gone', async () => {
    const topic = await topicOf();
    await client().deleteTopics([topic]);
    assert.deepEqual(await client().describeTopics([topic]), []);
  });

  test('offsets of an unknown partition are refused with the Kafka name of the error', async () => {
    const topic = await topicOf();
    await assert.rejects(client().offsets({ topic, partition: 7 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });
}

function appendCases(
  client: () => LogClient,
  topicOf: TopicOf,
  consumerOf: ConsumerOf,
  shortcomings: Shortcomings,
): void {
  test('an append answers offsets in order, and offsets() sees the end move', async () => {
    const topic = await topicOf();
    const producer = client().producer({ clientId: 'cases' });
    const metadata = await producer.send([record(topic, 'a'), record(topic, 'b')]);
    assert.deepEqual(
      metadata.map(({ topic: name, partition, offset }) => ({ name, partition, offset })),
      [
        { name: topic, partition: 0, offset: 0 },
        { name: topic, partition: 0, offset: 1 },
      ],
    );
    assert.deepEqual(await client().offsets({ topic, partition: 0 }), { logStartOffset: 0, logEndOffset: 2 });
    await producer.close();
  });

  test('sends that overlap keep their order', async () => {
    const topic = await topicOf();
    const producer = client().producer({ clientId: 'cases' });
    const sends = Array.from({ length: 50 }, (_, index) => producer.send([record(topic, String(index))]));
    const offsets = (await Promise.all(sends)).map(([metadata]) => metadata!.offset);
    assert.deepEqual(
      offsets,
      Array.from({ length: 50 }, (_, index) => index),
    );
    await producer.close();
  });

  test('key, value, headers and timestamp come back as they were; null is not empty', async () => {
    const topic = await topicOf();
    const producer = client().producer({ clientId: 'cases' });
    await producer.send([
      record(topic, 'v', {
        key: Buffer.from('k'),
        timestamp: 1_700_000_000_123,
        headers: [
          { key: 'h', value: Buffer.from('1') },
          { key: 'h', value: null },
        ],
      }),
      record(topic, null, { key: Buffer.alloc(0) }),
      record(topic, ''),
    ]);
    await producer.close();
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    const [first, second, third] = await pollUntil(consumer, (records) => records.length >= 3);
    assert.equal(first?.key?.toString(), 'k');
    assert.equal(first?.timestamp, 1_700_000_000_123);
    assert.deepEqual(
      first?.headers.map(({ key, value }) => [key, value?.toString() ?? null]),
      [
        ['h', '1'],
        ['h', shortcomings.nullHeaderValues === undefined ? null : ''],
      ],
    );
    assert.equal(second?.value, null);
    assert.equal(second?.key?.length, 0);
    assert.equal(third?.value?.length, 0);
    assert.equal(third?.key, null);
    await consumer.close();
  });

  test('a key chooses the partition that every Kafka client would choose', async () => {
    const topic = await topicOf(10);
    const producer = client().producer({ clientId: 'cases' });
    const keys = ['truck-1', 'truck-2', '', 'a', 'ключ'];
    const metadata = await producer.send(
      keys.map((key) => record(topic, 'v', { partition: null, key: Buffer.from(key) })),
    );
    assert.deepEqual(
      metadata.map(({ partition }) => partition),
      murmur2Partitions,
    );
    await producer.close();
  });

  const spreadBy = async (overrides: Record<string, string>, count: number, more: Partial<ProducerRecord> = {}) => {
    const topic = await topicOf(3);
    const producer = client().producer({ clientId: 'cases', overrides });
    const key = Buffer.from('one');
    const records = Array.from({ length: count }, () => record(topic, 'v', { partition: null, key, ...more }));
    const metadata = await producer.send(records);
    await producer.close();
    return metadata.map(({ partition }) => partition);
  };

  test('RoundRobinPartitioner takes one partition after the other, whatever the key', async () => {
    const overrides = { 'partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' };
    assert.deepEqual(await spreadBy(overrides, 7), [0, 1, 2, 0, 1, 2, 0]);
  });

  test('partitioner.ignore.keys keeps a key on no partition of its own', async () => {
    const seen = new Set<number>();
    // Each producer begins anywhere: 60 of them all on one of three is one in 10^27.
    for (let round = 0; round < 60 && seen.size < 2; round++) {
      for (const partition of await spreadBy({ 'partitioner.ignore.keys': 'true' }, 1)) seen.add(partition);
    }
    assert.ok(seen.size > 1);
  });

  test('a row of a table goes by its key, whatever the partitioner', async () => {
    const spread = await spreadBy({ 'partitioner.class': 'RoundRobinPartitioner' }, 6, { isRow: true });
    assert.equal(new Set(spread).size, 1);
  });

  test('a topic says how it is cleaned up', async () => {
    assert.equal(await client().cleanupPolicy(await topicOf(1, { 'cleanup.policy': 'compact' })), 'compact');
    assert.equal(await client().cleanupPolicy(await topicOf(1)), 'delete');
  });

  test('an append to an unknown partition is refused', async () => {
    const topic = await topicOf();
    const producer = client().producer({ clientId: 'cases' });
    await assert.rejects(producer.send([record(topic, 'x', { partition: 9 })]), { name: 'LogError' });
    await producer.close();
  });
}

/** Kafka's DefaultPartitioner over 10 partitions for the keys above. */
const murmur2Partitions = [4, 6, 1, 4, 4];

function consumerCases(client: () => LogClient, topicOf: TopicOf, consumerOf: ConsumerOf): void {
  const fill = async (topic: string, from: number, to: number) => {
    const producer = client().producer({ clientId: 'cases' });
    await producer.send(Array.from({ length: to - from }, (_, index) => record(topic, String(from + index))));
    await producer.close();
  };

  test('a poll answers empty after its timeout when there is nothing', async () => {
    const topic = await topicOf();
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    assert.deepEqual(await consumer.poll(50), []);
    await consumer.close();
  });

  test('committed offsets are where the next member continues', async () => {
    const topic = await topicOf();
    const group = unique('group');
    await fill(topic, 0, 10);
    const first = consumerOf(group);
    subscribe(first, [topic]);
    await pollUntil(first, (records) => records.length >= 10);
    assert.equal(first.position({ topic, partition: 0 }), 10);
    await first.commit([{ topic, partition: 0, offset: 4, metadata: 'm' }]);
    await first.close();
    const [committed] = await client().groupOffsets(group);
    assert.deepEqual([committed?.topic, committed?.partition, committed?.offset], [topic, 0, 4]);
    const second = consumerOf(group);
    subscribe(second, [topic]);
    const records = await pollUntil(second, (some) => some.length >= 6);
    assert.deepEqual(values(records), ['4', '5', '6', '7', '8', '9']);
    await second.close();
  });

  test('a paused partition returns nothing until it is resumed; a seek goes back', async () => {
    const topic = await topicOf();
    await fill(topic, 0, 5);
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    await pollUntil(consumer, (records) => records.length >= 5);
    consumer.pause([{ topic, partition: 0 }]);
    consumer.seek({ topic, partition: 0 }, 2);
    assert.deepEqual(await consumer.poll(100), []);
    consumer.resume([{ topic, partition: 0 }]);
    assert.deepEqual(values(await pollUntil(consumer, (records) => records.length >= 3)), ['2', '3', '4']);
    await consumer.close();
  });

  test('a poll returns no more records than allowed', async () => {
    const topic = await topicOf();
    await fill(topic, 0, 30);
    const consumer = consumerOf(unique('group'), { maxPollRecords: 7 });
    subscribe(consumer, [topic]);
    let seen = 0;
    while (seen < 30) {
      const { length } = await consumer.poll(1_000);
      assert.ok(length <= 7);
      seen += length;
    }
    await consumer.close();
  });

  test('a record appended while a poll waits wakes it', async () => {
    const topic = await topicOf();
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    await consumer.poll(50);
    const pending = pollUntil(consumer, (records) => records.length >= 1);
    await fill(topic, 0, 1);
    assert.deepEqual(values(await pending), ['0']);
    assert.equal(consumer.logEndOffset({ topic, partition: 0 }), 1);
    await consumer.close();
  });

  test('close wakes a pending poll', async () => {
    const topic = await topicOf();
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    await consumer.poll(50);
    const pending = consumer.poll(POLL_DEADLINE_MS);
    const began = Date.now();
    await consumer.close();
    assert.deepEqual(await pending, []);
    assert.ok(Date.now() - began < POLL_DEADLINE_MS - 5_000);
  });

  test('a subscription by pattern picks up a topic that appears later', async () => {
    const prefix = unique('pattern');
    await client().createTopics([{ topic: `${prefix}-1`, partitions: 1, replicationFactor: 1 }]);
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, new RegExp(`^${prefix}-\\d$`));
    await consumer.poll(100);
    await client().createTopics([{ topic: `${prefix}-2`, partitions: 1, replicationFactor: 1 }]);
    await fill(`${prefix}-1`, 0, 1);
    await fill(`${prefix}-2`, 1, 2);
    const records = await pollUntil(consumer, (some) => new Set(values(some)).size >= 2);
    // The rebalance that brings the new topic takes uncommitted positions back: once or more.
    assert.deepEqual([...new Set(values(records))].sort(), ['0', '1']);
    await consumer.close();
  });
}

function groupCases(client: () => LogClient, topicOf: TopicOf, consumerOf: ConsumerOf): void {
  test('two members share the partitions, and the one that stays gets them all', async () => {
    const topic = await topicOf(4);
    const group = unique('group');
    const [first, second] = [consumerOf(group), consumerOf(group)];
    const owned = { first: new Set<number>(), second: new Set<number>() };
    const follow = (mine: Set<number>) => ({
      onAssigned: async (partitions: readonly TopicPartition[]) => {
        for (const { partition } of partitions) mine.add(partition);
      },
      onRevoked: async (partitions: readonly TopicPartition[]) => {
        for (const { partition } of partitions) mine.delete(partition);
      },
    });
    first.subscribe([topic], follow(owned.first));
    second.subscribe([topic], follow(owned.second));
    const deadline = Date.now() + POLL_DEADLINE_MS;
    const shared = () => owned.first.size === 2 && owned.second.size === 2;
    while (!shared()) {
      assert.ok(Date.now() < deadline, `The members own ${owned.first.size} and ${owned.second.size} partitions.`);
      await Promise.all([first.poll(100), second.poll(100)]);
    }
    assert.equal(new Set([...owned.first, ...owned.second]).size, 4);
    await second.close();
    while (owned.first.size < 4) {
      assert.ok(Date.now() < deadline, 'The first member did not get the partitions back.');
      await first.poll(100);
    }
    await first.close();
  });

  test('offsets of an empty group can be set and forgotten, those of a live one not', async () => {
    const topic = await topicOf(2);
    const group = unique('group');
    await client().alterGroupOffsets(group, [{ topic, partition: 1, offset: 3 }]);
    const [set] = await client().groupOffsets(group);
    assert.deepEqual([set?.partition, set?.offset], [1, 3]);
    const consumer = consumerOf(group);
    subscribe(consumer, [topic]);
    const deadline = Date.now() + POLL_DEADLINE_MS;
    while (consumer.position({ topic, partition: 1 }) === null) {
      assert.ok(Date.now() < deadline);
      await consumer.poll(100);
    }
    await assert.rejects(client().alterGroupOffsets(group, [{ topic, partition: 1, offset: 0 }]), { name: 'LogError' });
    await assert.rejects(client().deleteGroup(group), { name: 'LogError' });
    await consumer.close();
    await client().deleteGroup(group);
    assert.deepEqual(await client().groupOffsets(group), []);
  });

  test('a member that has left cannot commit', async () => {
    const topic = await topicOf();
    const consumer = consumerOf(unique('group'));
    subscribe(consumer, [topic]);
    await consumer.poll(500);
    await consumer.close();
    await assert.rejects(consumer.commit([{ topic, partition: 0, offset: 1 }]), { name: 'LogError' });
  });
}

function tableCases(client: () => LogClient, topicOf: TopicOf): void {
  test('a table hands over what is there, then what comes; readToEnd waits for all appended before', async () => {
    const topic = await topicOf(2, { 'cleanup.policy': 'compact' });
    const producer = client().producer({ clientId: 'cases' });
    const key = Buffer.from('k');
    await producer.send([record(topic, 'old', { key }), record(topic, 'other', { key, partition: 1 })]);
    const seen: (string | null)[] = [];
    const table = await client().table(topic, (each) => void seen.push(each.value?.toString() ?? null));
    await table.readToEnd();
    assert.deepEqual([...seen].sort(), ['old', 'other']);
    await producer.send([record(topic, 'new', { key }), record(topic, null, { key })]);
    await table.readToEnd();
    assert.deepEqual(seen.slice(2), ['new', null]);
    await table.close();
    await producer.close();
  });
}

function transactionCases(client: () => LogClient, topicOf: TopicOf): void {
  const open = (transactionalId: string) => client().transactionalProducer({ clientId: 'cases', transactionalId });
  const read = async (topic: string, isolation: 'read_committed' | 'read_uncommitted', count: number) => {
    const group = unique('group');
    const consumer = client().consumer({ clientId: 'cases', group, autoOffsetReset: 'earliest', isolation });
    subscribe(consumer, [topic]);
    const records = await pollUntil(consumer, (some) => some.length >= count);
    records.push(...(await consumer.poll(100)));
    await consumer.close();
    return values(records);
  };

  test('records of a transaction are read together once it is committed, and never when it is aborted', async () => {
    const [topic, other] = [await topicOf(), await topicOf()];
    const producer = await open(unique('txn'));
    await producer.send([record(topic, 'a'), record(other, 'with a')]);
    await producer.commit();
    await producer.send([record(topic, 'never')]);
    await producer.abort();
    const metadata = await Promise.all([producer.send([record(topic, 'b')]), producer.send([record(topic, 'c')])]);
    await producer.commit();
    assert.ok(metadata[0][0]!.offset < metadata[1][0]!.offset);
    assert.deepEqual(await read(topic, 'read_committed', 3), ['a', 'b', 'c']);
    assert.deepEqual(await read(other, 'read_committed', 1), ['with a']);
    assert.deepEqual(await read(topic, 'read_uncommitted', 4), ['a', 'never', 'b', 'c']);
    await producer.close();
  });

  test('a new producer of an id fences the older one, whose open transaction is taken back', async () => {
    const topic = await topicOf();
    const id = unique('txn');
    const zombie = await open(id);
    await zombie.send([record(topic, 'of the zombie')]);
    const owner = await open(id);
    await assert.rejects(zombie.commit(), { name: 'LogError', code: 'PRODUCER_FENCED', retriable: false });
    await owner.send([record(topic, 'of the owner')]);
    await owner.commit();
    assert.deepEqual(await read(topic, 'read_committed', 1), ['of the owner']);
    await zombie.close();
    await owner.close();
  });

  test('a producer that was fenced while nothing was open cannot write either', async () => {
    const topic = await topicOf();
    const id = unique('txn');
    const zombie = await open(id);
    await zombie.send([record(topic, 'before')]);
    await zombie.commit();
    const owner = await open(id);
    await assert.rejects(zombie.send([record(topic, 'after')]), { name: 'LogError', code: 'PRODUCER_FENCED' });
    assert.deepEqual(await read(topic, 'read_uncommitted', 1), ['before']);
    await zombie.close();
    await owner.close();
  });

  test('a commit of nothing is nothing, and a table is read to its end past the end of a transaction', async () => {
    const topic = await topicOf(1, { 'cleanup.policy': 'compact' });
    const producer = await open(unique('txn'));
    await producer.commit();
    const key = Buffer.from('k');
    await producer.send([record(topic, 'kept', { key })]);
    await producer.commit();
    await producer.send([record(topic, 'taken back', { key })]);
    await producer.abort();
    const seen: (string | null)[] = [];
    const table = await client().table(topic, (each) => void seen.push(each.value?.toString() ?? null));
    await table.readToEnd();
    assert.deepEqual(seen, ['kept']);
    await table.close();
    await producer.close();
  });
}
