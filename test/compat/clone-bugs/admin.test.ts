/**
 * Where clones of Kafka failed administrators and their tools: items 11, 12, 21, 22 and 23 of the list in
 * docs/clone-bugs.md. Each test is named after what the user saw.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import { startBrokerProcess } from '../../kit/broker-process.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { batchOf, exchanges, KafkaConnection, startTestBroker, type TestBroker } from '../../kit/kafka.ts';
import { RawClient } from '../../kit/raw-client.ts';

const resource = { topic: 2, broker: 4 } as const;
const operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;
let kafka: TestBroker;
let client: RawClient;
before(async () => {
  kafka = await startTestBroker();
  client = await RawClient.connect(kafka);
});
after(() => kafka.remove());

async function describeConfigs(resourceType: number, resourceName: string, configurationKeys: string[] | null = null) {
  const { results } = await client.call(allExchanges.describeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: true,
    includeDocumentation: true,
  });
  return results[0]!;
}

/** The topic's own settings, without defaults. */
async function overrides(topic: string): Promise<Record<string, string | null>> {
  const dynamicTopicConfig = 1;
  const { configs } = await describeConfigs(resource.topic, topic);
  const own = configs.filter(({ configSource }) => configSource === dynamicTopicConfig);
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

async function alter(topic: string, ...changes: [operation: number, name: string, value: string | null][]) {
  const configs = changes.map(([configOperation, name, value]) => ({ configOperation, name, value }));
  const resources = [{ resourceType: resource.topic, resourceName: topic, configs }];
  const { responses } = await client.call(allExchanges.incrementalAlterConfigs, 1, { resources });
  return responses[0]!.errorCode;
}

describe('11. DescribeConfigs', () => {
  it('left tools with an empty page: topics show what they obey, with types, synonyms and documentation', async () => {
    await client.createTopic('described', 1, { 'retention.ms': '1000' });
    const { errorCode, configs } = await describeConfigs(resource.topic, 'described');
    assert.equal(errorCode, 0);
    assert.ok(configs.length >= 20, `${configs.length} entries`);
    for (const { name, configType, documentation, synonyms } of configs) {
      assert.ok(configType > 0, `${name} has a type`);
      assert.ok(documentation !== null && documentation.length > 0, `${name} has documentation`);
      assert.ok(synonyms.length > 0, `${name} has its default among the synonyms`);
    }
    const retention = configs.find(({ name }) => name === 'retention.ms')!;
    assert.deepEqual([retention.value, retention.configSource, retention.synonyms[0]!.value], ['1000', 1, '1000']);
  });

  it('left out auto.create.topics.enable and others of the broker; named keys are those answered', async () => {
    const all = await describeConfigs(resource.broker, String(kafka.broker.nodeId));
    const names = all.configs.map(({ name }) => name);
    for (const name of ['auto.create.topics.enable', 'num.partitions', 'message.max.bytes', 'log.retention.ms']) {
      assert.ok(names.includes(name), name);
    }
    const one = await describeConfigs(resource.broker, String(kafka.broker.nodeId), ['num.partitions']);
    assert.deepEqual(
      one.configs.map(({ name }) => name),
      ['num.partitions'],
    );
    assert.equal((await describeConfigs(resource.broker, '99')).errorCode, ErrorCode.INVALID_REQUEST);
    assert.equal((await describeConfigs(resource.topic, 'nowhere')).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });
});

describe('12. Changing configs', () => {
  it('was missing, lost other settings, or brought the broker down: set, delete, append and subtract are each themselves', async () => {
    await client.createTopic('altered', 1, { 'retention.ms': '1000', 'cleanup.policy': 'delete' });
    assert.equal(await alter('altered', [operation.set, 'segment.ms', '60000']), 0);
    assert.equal(await alter('altered', [operation.append, 'cleanup.policy', 'compact']), 0);
    const expected = { 'retention.ms': '1000', 'segment.ms': '60000', 'cleanup.policy': 'delete,compact' };
    assert.deepEqual(await overrides('altered'), expected);
    assert.equal(await alter('altered', [operation.subtract, 'cleanup.policy', 'delete']), 0);
    assert.equal(await alter('altered', [operation.delete, 'retention.ms', null]), 0);
    assert.deepEqual(await overrides('altered'), { 'segment.ms': '60000', 'cleanup.policy': 'compact' });
  });

  it('that cannot be is refused and changes nothing', async () => {
    await client.createTopic('steady', 1, { 'retention.ms': '1000' });
    const wrong: [operation: number, name: string, value: string | null, error: number][] = [
      [operation.append, 'retention.ms', '5', ErrorCode.INVALID_CONFIG],
      [operation.subtract, 'retention.ms', '5', ErrorCode.INVALID_CONFIG],
      [operation.set, 'retention.ms', 'soon', ErrorCode.INVALID_CONFIG],
      [operation.set, 'no.such.key', '1', ErrorCode.INVALID_CONFIG],
      [operation.set, 'retention.ms', null, ErrorCode.INVALID_REQUEST],
      [9, 'retention.ms', '5', ErrorCode.INVALID_REQUEST],
    ];
    for (const [how, name, value, error] of wrong)
      assert.equal(await alter('steady', [how, name, value]), error, `${how} ${name} ${value}`);
    assert.deepEqual(await overrides('steady'), { 'retention.ms': '1000' });
  });

  it('named twice in one request is refused: which of the two would count?', async () => {
    await client.createTopic('twice');
    const both = await alter('twice', [operation.set, 'retention.ms', '1'], [operation.set, 'retention.ms', '2']);
    assert.equal(both, ErrorCode.INVALID_REQUEST);
  });

  it('from several sides at once loses nobody’s setting', async () => {
    await client.createTopic('shared');
    const settings = { 'retention.ms': '1', 'segment.ms': '2', 'retention.bytes': '3', 'delete.retention.ms': '4' };
    const outcomes = Object.entries(settings).map(async ([name, value]) => {
      const one = await RawClient.connect(kafka);
      const configs = [{ configOperation: operation.set, name, value }];
      const resources = [{ resourceType: resource.topic, resourceName: 'shared', configs }];
      return (await one.call(allExchanges.incrementalAlterConfigs, 1, { resources })).responses[0]!.errorCode;
    });
    assert.deepEqual(await Promise.all(outcomes), [0, 0, 0, 0]);
    assert.deepEqual(await overrides('shared'), settings);
  });

  it('by AlterConfigs replaces everything: a key that is not named falls back', async () => {
    await client.createTopic('replaced', 1, { 'retention.ms': '1000', 'segment.ms': '60000' });
    const configs = [{ name: 'retention.ms', value: '2000' }];
    const resources = [{ resourceType: resource.topic, resourceName: 'replaced', configs }];
    const { responses } = await client.call(allExchanges.alterConfigs, 2, { resources });
    assert.equal(responses[0]!.errorCode, 0);
    assert.deepEqual(await overrides('replaced'), { 'retention.ms': '2000' });
  });

  it('of the broker that cannot change while it runs is refused in words, and the connection goes on', async () => {
    const configs = [{ configOperation: operation.set, name: 'broker.id', value: '7' }];
    const resources = [{ resourceType: resource.broker, resourceName: '1', configs }];
    const { responses } = await client.call(allExchanges.incrementalAlterConfigs, 1, { resources });
    assert.notEqual(responses[0]!.errorCode, 0);
    assert.ok(responses[0]!.errorMessage!.length > 0);
  });
});

describe('21. Pages of sizes and brokers', () => {
  it('stayed blank: DescribeLogDirs has every partition with its bytes, and the room on the disk', async () => {
    await client.createTopic('sized', 2);
    await client.produce('sized', batchOf('x'.repeat(1000)), { partition: 1 });
    const { errorCode, results } = await client.call(allExchanges.describeLogDirs, 4, { topics: null });
    assert.equal(errorCode, 0);
    const [directory] = results;
    assert.ok(directory!.totalBytes > 0 && directory!.usableBytes > 0);
    assert.ok(directory!.usableBytes <= directory!.totalBytes);
    const sizes = directory!.topics.find(({ name }) => name === 'sized')!.partitions;
    const bytes = new Map(sizes.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize]));
    assert.ok(bytes.get(1)! > 1000);
    assert.equal(bytes.get(0), 0, 'a partition nobody wrote to is there too');
  });

  it('had no cluster: DescribeCluster names the node that Metadata names', async () => {
    const { brokers, controllerId, clusterId } = await client.call(allExchanges.describeCluster, 2, {});
    const metadata = await client.call(exchanges.metadata, 12, { topics: [] });
    assert.deepEqual(
      brokers.map(({ brokerId, host, port }) => ({ nodeId: brokerId, host, port })),
      metadata.brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
    );
    assert.deepEqual([controllerId, clusterId], [metadata.controllerId, metadata.clusterId]);
  });
});

describe('22. New topics', () => {
  it('could not be created with defaults: -1 partitions and -1 replicas are the broker’s', async () => {
    const topics = [{ name: 'defaults', numPartitions: -1, replicationFactor: -1 }];
    const answer = await client.call(exchanges.createTopics, 7, { topics, timeoutMs: 60_000 });
    const { errorCode, numPartitions, replicationFactor, configs } = answer.topics[0]!;
    assert.deepEqual([errorCode, numPartitions, replicationFactor], [0, 1, 1]);
    assert.ok(configs!.length > 0);
  });

  it('created by asking for them raced with themselves: everybody gets the same one', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const one = await RawClient.connect(kafka);
        const { topics } = await one.call(exchanges.metadata, 12, {
          topics: [{ name: 'raced' }],
          allowAutoTopicCreation: true,
        });
        assert.equal(topics[0]!.errorCode, 0);
        one.close();
        return topics[0]!.topicId;
      }),
    );
    assert.equal(new Set(ids).size, 1);
  });

  it('created by asking for them were gone after a crash: what was answered is still there', async (test) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-clone-22-'));
    test.after(() => rm(dataDir, { recursive: true, force: true }));
    const crashed = await startBrokerProcess(dataDir);
    const first = RawClient.of(await KafkaConnection.open(crashed));
    const metadata = await first.call(exchanges.metadata, 12, {
      topics: [{ name: 'auto' }],
      allowAutoTopicCreation: true,
    });
    assert.equal((await first.produce('auto', batchOf('kept'))).baseOffset, 0);
    await crashed.kill();
    const again = await startBrokerProcess(dataDir);
    const second = RawClient.of(await KafkaConnection.open(again));
    assert.equal(await second.topicId('auto'), metadata.topics[0]!.topicId);
    assert.equal((await second.listOffset('auto', -1)).offset, 1);
    await again.kill();
  });
});

describe('23. Throttling', () => {
  it('went on longer than was announced, or than a session lasts: it is announced, bounded, and then it is over', async () => {
    await client.createTopic('slow');
    const clientId = 'test';
    const quota = (key: string, value: number, remove = false) =>
      client.call(allExchanges.alterClientQuotas, 1, {
        entries: [{ entity: [{ entityType: 'client-id', entityName: clientId }], ops: [{ key, value, remove }] }],
      });
    assert.equal((await quota('producer_byte_rate', 1000)).entries[0]!.errorCode, 0);
    const writer = await RawClient.connect(kafka);
    const records = batchOf('x'.repeat(12_000));
    const request = {
      acks: 1,
      timeoutMs: 60_000,
      topicData: [{ name: 'slow', partitionData: [{ index: 0, records }] }],
    };
    const started = performance.now();
    const announced = (await writer.call(exchanges.produce, 9, request)).throttleTimeMs;
    assert.ok(announced > 0 && announced < 45_000, `announced ${announced} ms`);
    await writer.call(exchanges.metadata, 12, { topics: [] });
    const waited = performance.now() - started;
    assert.ok(waited > announced / 2, `answered after ${waited} of ${announced} ms`);
    assert.ok(waited < announced + 30_000, `muted ${waited} ms, announced ${announced}`);
    await quota('producer_byte_rate', 0, true);
    assert.equal((await writer.call(exchanges.produce, 9, request)).throttleTimeMs, 0);
  });
});
