/**
 * The composed broker: what is there again after a restart, how it stops, what it says when it cannot start.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { batchOf, exchange, exchanges, recordingLogger, startTestBroker, type TestBroker } from '../test/kit/kafka.ts';
import { startBroker } from './broker.ts';
import { apis } from './protocol/messages/generated/apis.ts';
import { encodeJoinGroupRequest } from './protocol/messages/generated/join-group-request.ts';
import { decodeJoinGroupResponse } from './protocol/messages/generated/join-group-response.ts';
import { encodeOffsetCommitRequest } from './protocol/messages/generated/offset-commit-request.ts';
import { decodeOffsetCommitResponse } from './protocol/messages/generated/offset-commit-response.ts';
import { encodeOffsetFetchRequest } from './protocol/messages/generated/offset-fetch-request.ts';
import { decodeOffsetFetchResponse } from './protocol/messages/generated/offset-fetch-response.ts';

const offsetCommit = exchange(apis.offsetCommit, encodeOffsetCommitRequest, decodeOffsetCommitResponse);
const offsetFetch = exchange(apis.offsetFetch, encodeOffsetFetchRequest, decodeOffsetFetchResponse);
const joinGroup = exchange(apis.joinGroup, encodeJoinGroupRequest, decodeJoinGroupResponse);

async function produceOne(kafka: TestBroker, topic: string): Promise<number> {
  const connection = await kafka.connect();
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: batchOf('x') }] }];
  const { responses } = await connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData });
  const [result] = responses[0]!.partitionResponses;
  assert.equal(result!.errorCode, 0);
  return result!.baseOffset;
}

describe('a broker that starts again', () => {
  it('has its topics, records and committed offsets, and goes on where it was', async () => {
    const first = await startTestBroker();
    await first.broker.topics.create([{ name: 't', partitions: 2 }]);
    assert.equal(await produceOne(first, 't'), 0);
    const { clusterId } = first.broker;
    const connection = await first.connect();
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }];
    const committed = await connection.call(offsetCommit, 8, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      topics: [{ name: 't', partitions }],
    });
    assert.equal(committed.topics[0]!.partitions[0]!.errorCode, 0);
    const second = await first.restart();
    assert.equal(second.broker.clusterId, clusterId);
    assert.equal(second.broker.topics.get('t')!.partitions, 2);
    assert.equal(await produceOne(second, 't'), 1);
    const fetched = await (await second.connect()).call(offsetFetch, 8, { groups: [{ groupId: 'g', topics: null }] });
    const [partition] = fetched.groups[0]!.topics[0]!.partitions;
    assert.deepEqual([partition!.committedOffset, partition!.metadata], [1, 'm']);
    await second.remove();
  });
});

describe('a broker that stops', () => {
  it('does not wait for those who only wait themselves', async () => {
    const kafka = await startTestBroker();
    await kafka.broker.topics.create([{ name: 't', partitions: 1 }]);
    const connection = await kafka.connect();
    const topics = [{ topic: 't', partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }];
    const waiting = connection.call(exchanges.fetch, 12, {
      maxWaitMs: 60_000,
      minBytes: 1,
      maxBytes: 1000,
      sessionEpoch: -1,
      topics,
    });
    waiting.catch(() => {});
    await delay(50);
    const started = performance.now();
    await kafka.broker.stop();
    assert.ok(performance.now() - started < 50_000, 'a long poll does not hold it up');
    await kafka.remove();
  });

  it('answers members that wait for their group', async () => {
    const kafka = await startTestBroker({ config: { 'group.initial.rebalance.delay.ms': '60000' } });
    const connection = await kafka.connect();
    const joining = connection.call(joinGroup, 3, {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    });
    while (kafka.broker.groups.describe('g').state !== 'PreparingRebalance') await delay(5);
    await kafka.broker.stop();
    assert.equal((await joining).errorCode, 16);
    await kafka.remove();
  });

  it('acknowledges what it has taken', async () => {
    const kafka = await startTestBroker();
    await kafka.broker.topics.create([{ name: 't', partitions: 1 }]);
    const connection = await kafka.connect();
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: batchOf('x') }] }];
    const answers = Array.from({ length: 20 }, () =>
      connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData }),
    );
    for (const answer of answers) answer.catch(() => {});
    await delay(0);
    await kafka.broker.stop();
    const settled = await Promise.allSettled(answers);
    const acknowledged = settled.filter(({ status }) => status === 'fulfilled').length;
    const again = await startTestBroker({ dataDir: kafka.dataDir });
    assert.ok(again.broker.log('t', 0).logEndOffset >= acknowledged);
    await again.remove();
  });
});

describe('a broker that cannot start says why', () => {
  it('when another holds the data directory', async () => {
    const kafka = await startTestBroker();
    const second = startBroker({ dataDir: kafka.dataDir, port: 0, logger: recordingLogger() });
    await assert.rejects(second, { name: 'LogDirectoryError', code: 'LOG_DIRECTORY_IN_USE' });
    await kafka.remove();
  });

  it('when the port is taken, and gives the directory back', async () => {
    const kafka = await startTestBroker();
    const other = await startTestBroker();
    await other.broker.stop();
    const { port } = kafka.broker.address;
    await assert.rejects(startBroker({ dataDir: other.dataDir, port, logger: recordingLogger() }), {
      code: 'EADDRINUSE',
      port,
    });
    const again = await startTestBroker({ dataDir: other.dataDir });
    await again.remove();
    await kafka.remove();
  });

  it('when a configuration key is unknown or its value cannot be', async () => {
    const start = (config: Record<string, string>) => startTestBroker({ config });
    await assert.rejects(start({ 'num.partition': '3' }), { name: 'BrokerConfigError', key: 'num.partition' });
    await assert.rejects(start({ 'num.partitions': 'three' }), /num\.partitions.*whole number/);
  });
});

describe('what clients are told to connect to', () => {
  it('is where it listens, or what is advertised', async () => {
    const told = async (kafka: TestBroker) => {
      const { brokers } = await (await kafka.connect()).call(exchanges.metadata, 12, { topics: [] });
      return `${brokers[0]!.host}:${brokers[0]!.port}`;
    };
    const plain = await startTestBroker();
    assert.equal(await told(plain), plain.broker.bootstrap);
    await plain.remove();
    const advertised = await startTestBroker({ advertisedHost: 'kafka.example', advertisedPort: 1234 });
    assert.equal(await told(advertised), 'kafka.example:1234');
    await advertised.remove();
  });
});

describe('a topic that a client asks for', () => {
  it('is created where that is allowed by broker and client', async () => {
    const kafka = await startTestBroker({ config: { 'num.partitions': '3' } });
    const connection = await kafka.connect();
    const ask = async (name: string, allowAutoTopicCreation: boolean) => {
      const { topics } = await connection.call(exchanges.metadata, 12, { topics: [{ name }], allowAutoTopicCreation });
      return [topics[0]!.errorCode, topics[0]!.partitions.length];
    };
    assert.deepEqual(await ask('wanted', false), [3, 0]);
    assert.deepEqual(await ask('wanted', true), [0, 3]);
    assert.deepEqual(await ask('not a name', true), [17, 0]);
    const [, other] = await Promise.all([ask('race', true), ask('race', true)]);
    assert.deepEqual(other, [0, 3]);
    const strict = await kafka.restart({ config: { 'auto.create.topics.enable': 'false' } });
    const { topics } = await (await strict.connect()).call(exchanges.metadata, 12, {
      topics: [{ name: 'more' }],
      allowAutoTopicCreation: true,
    });
    assert.equal(topics[0]!.errorCode, 3);
    await strict.remove();
  });

  it('is described by its id too, and an unknown id is echoed', async () => {
    const kafka = await startTestBroker();
    await kafka.broker.topics.create([{ name: 't', partitions: 1 }]);
    const { topicId } = kafka.broker.topics.get('t')!;
    const unknown = 'QUJDREVGR0hJSktMTU5PUA';
    const asked = [
      { topicId, name: null },
      { topicId: unknown, name: null },
    ];
    const { topics } = await (await kafka.connect()).call(exchanges.metadata, 12, { topics: asked });
    assert.deepEqual(
      topics.map(({ errorCode, name, topicId }) => [errorCode, name, topicId]),
      [
        [0, 't', topicId],
        [100, null, unknown],
      ],
    );
    await kafka.remove();
  });
});
