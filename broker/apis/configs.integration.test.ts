/**
 * Configs that change while the broker runs (KIP-226, KIP-339, KIP-412, KIP-848): of the broker, of all brokers, of its
 * loggers, of groups. They count at once and outlive a restart, except the levels of loggers.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startTestBroker } from '../../test/kit/broker.ts';
import { allExchanges } from '../../test/kit/exchanges.ts';
import { KafkaConnection } from '../../test/kit/kafka.ts';

const Type = { topic: 2, broker: 4, brokerLogger: 8, group: 32 };
const Source = { topic: 1, dynamicBroker: 2, dynamicDefault: 3, static: 4, default: 5, group: 8 };
const Operation = { set: 0, delete: 1, append: 2, subtract: 3 };

const levels = new Map([['root', 'INFO']]);
const logLevels = {
  root: 'root',
  names: () => [...levels.keys()],
  levelOf: (name: string) => levels.get(name)!,
  setLevel: (name: string, level: string | null) => void levels.set(name, level ?? 'INFO'),
};
const fixture = await startTestBroker({ after }, { logLevels, config: { 'log.retention.bytes': '5000' } });

type Change = readonly [operation: number, name: string, value: string | null];

async function call<Answer>(use: (connection: KafkaConnection) => Promise<Answer>): Promise<Answer> {
  const connection = await KafkaConnection.open(fixture.broker);
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

async function alter(resourceType: number, resourceName: string, ...changes: Change[]) {
  const configs = changes.map(([configOperation, name, value]) => ({ configOperation, name, value }));
  const request = { resources: [{ resourceType, resourceName, configs }], validateOnly: false };
  const { responses } = await call((c) => c.call(allExchanges.incrementalAlterConfigs, 1, request));
  return responses[0]!;
}

async function described(resourceType: number, resourceName: string) {
  const resources = [{ resourceType, resourceName, configurationKeys: null }];
  const request = { resources, includeSynonyms: true, includeDocumentation: true };
  const { results } = await call((c) => c.call(allExchanges.describeConfigs, 4, request));
  return new Map(results[0]!.configs.map((config) => [config.name, config]));
}

async function topic(name: string): Promise<void> {
  await fixture.broker.topics.create([{ name, partitions: 1 }]);
  // Its log is there and has its configs.
  fixture.broker.log(name, 0);
}

describe('a broker’s configs', () => {
  it('are obeyed by topics at once, the nearest of them, and after a restart', async () => {
    await topic('obeys');
    assert.equal((await alter(Type.broker, '', [Operation.set, 'log.retention.ms', '1000'])).errorCode, 0);
    assert.equal(fixture.broker.topics.get('obeys')!.config.retentionMs, 1000);
    assert.equal((await alter(Type.broker, '1', [Operation.set, 'log.retention.ms', '2000'])).errorCode, 0);
    await fixture.restart();
    assert.equal(fixture.broker.topics.get('obeys')!.config.retentionMs, 2000);
    const shown = (await described(Type.broker, '1')).get('log.retention.ms')!;
    assert.deepEqual(
      shown.synonyms.map(({ value, source }) => [value, source]),
      [
        ['2000', Source.dynamicBroker],
        ['1000', Source.dynamicDefault],
        ['604800000', Source.default],
      ],
    );
    const ofTopic = (await described(Type.topic, 'obeys')).get('retention.ms')!;
    assert.deepEqual([ofTopic.value, ofTopic.configSource], ['2000', Source.dynamicBroker]);
    await alter(Type.broker, '1', [Operation.delete, 'log.retention.ms', null]);
    await alter(Type.broker, '', [Operation.delete, 'log.retention.ms', null]);
    assert.equal(fixture.broker.topics.get('obeys')!.config.retentionMs, 604_800_000);
  });

  it('are shown with where they come from, and whether they can change', async () => {
    const all = await described(Type.broker, '1');
    const bytes = all.get('log.retention.bytes')!;
    assert.deepEqual([bytes.value, bytes.configSource, bytes.readOnly], ['5000', Source.static, false]);
    assert.equal(all.get('num.partitions')!.readOnly, true);
    for (const [name, { configType, documentation }] of all) {
      assert.ok(configType > 0, `${name} has a type`);
      assert.notEqual(documentation, null);
    }
    assert.equal((await described(Type.broker, '')).size, 0, 'nothing was set for all brokers');
  });

  it('that cannot change are refused by name, as are values that cannot be', async () => {
    for (const [change, says] of [
      [[Operation.set, 'num.partitions', '2'], /Cannot update these configs dynamically: \[num.partitions\]/],
      [[Operation.set, 'background.threads', '2'], /Cannot update these configs dynamically/],
      [[Operation.set, 'message.max.bytes', 'much'], /Invalid value much for configuration message.max.bytes/],
      [[Operation.set, 'max.connections.per.ip.overrides', 'nobody'], /must be address:number/],
      [[Operation.set, 'log.retention.ms', null], /Null value not supported for : log.retention.ms/],
      [[9, 'log.retention.ms', '1'], /Unknown operations type 9/],
    ] as const) {
      const { errorCode, errorMessage } = await alter(Type.broker, '1', change);
      assert.equal(errorCode, 42, `${change[1]} is INVALID_REQUEST`);
      assert.match(errorMessage!, says);
    }
    assert.equal((await alter(Type.broker, '7', [Operation.set, 'log.retention.ms', '1'])).errorCode, 42);
  });

  it('about connections count from the next connection on', async () => {
    const held = await KafkaConnection.open(fixture.broker);
    const setLimit = (configOperation: number) => {
      const configs = [{ configOperation, name: 'max.connections.per.ip', value: '1' }];
      const resources = [{ resourceType: Type.broker, resourceName: '', configs }];
      return held.call(allExchanges.incrementalAlterConfigs, 1, { resources, validateOnly: false });
    };
    await setLimit(Operation.set);
    const refused = await KafkaConnection.open(fixture.broker);
    await refused.closed;
    await setLimit(Operation.delete);
    held.close();
    assert.equal((await described(Type.broker, '')).size, 0);
  });

  it('let only so many connections a second in; the others wait for their turn', async () => {
    await alter(Type.broker, '', [Operation.set, 'max.connection.creation.rate', '20']);
    const begun = performance.now();
    const opened = 30;
    for (let i = 0; i < opened; i++) await described(Type.brokerLogger, '1');
    const took = performance.now() - begun;
    await alter(Type.broker, '', [Operation.delete, 'max.connection.creation.rate', null]);
    assert.ok(took >= 300, `a second's worth may come at once, the last ten take half a second: ${took} ms`);
  });
});

describe('a request', () => {
  it('that names a resource twice, or a key twice, changes neither', async () => {
    await topic('twice');
    const resource = (value: string) => ({
      resourceType: Type.topic,
      resourceName: 'twice',
      configs: [{ name: 'retention.ms', configOperation: Operation.set, value }],
    });
    const request = { resources: [resource('1'), resource('2')], validateOnly: false };
    const { responses } = await call((c) => c.call(allExchanges.incrementalAlterConfigs, 1, request));
    assert.deepEqual(
      responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]),
      Array.from({ length: 2 }, () => [42, 'Each resource must appear at most once.']),
    );
    const legacy = await call((c) => c.call(allExchanges.alterConfigs, 2, request));
    assert.deepEqual(
      legacy.responses.map(({ errorCode }) => errorCode),
      [42, 42],
    );
    const keys: Change = [Operation.set, 'retention.ms', '1'];
    assert.equal((await alter(Type.topic, 'twice', keys, keys)).errorMessage, 'Error due to duplicate config keys');
    assert.deepEqual(fixture.broker.topics.get('twice')!.overrides, {});
  });
});

describe('a topic’s configs', () => {
  it('are all of Kafka’s, and ours for checking records, with type and meaning', async () => {
    await topic('whole');
    const all = await described(Type.topic, 'whole');
    for (const name of ['compression.zstd.level', 'local.retention.ms', 'remote.storage.enable', 'preallocate']) {
      assert.ok(all.has(name), name);
    }
    const ours = [...all.keys()].filter((name) => /^(confluent\.|schema\.validation)/.test(name));
    assert.equal(ours.length, 6);
    assert.equal(all.size - ours.length, 33);
  });

  it('that cannot be are INVALID_CONFIG, and say why', async () => {
    await topic('wrong');
    for (const [name, value, says] of [
      ['compression.type', 'best', /must be one of producer/],
      ['remote.storage.enable', 'true', /must be one of false/],
      ['cleanup.policy', 'burn', /must be some of delete, compact/],
      ['retention.ms', '-2', /must be at least -1/],
      ['preallocate', 'yes', /must be true or false/],
      ['min.cleanable.dirty.ratio', '2', /must be at most 1/],
      ['segment.bytes', '1.5', /must be a whole number/],
      ['no.such.key', '1', /Unknown topic config name: no.such.key/],
    ] as const) {
      const { errorCode, errorMessage } = await alter(Type.topic, 'wrong', [Operation.set, name, value]);
      assert.equal(errorCode, 40, `${name} is INVALID_CONFIG`);
      assert.match(errorMessage!, says);
    }
    const least: Change = [Operation.set, 'min.compaction.lag.ms', '10'];
    const most: Change = [Operation.set, 'max.compaction.lag.ms', '5'];
    assert.match((await alter(Type.topic, 'wrong', least, most)).errorMessage!, /min.compaction.lag.ms \(10\)/);
  });
});

describe('a group’s configs', () => {
  it('are its members’ own heartbeat and session, within the broker’s bounds, and outlive a restart', async () => {
    const set: Change = [Operation.set, 'consumer.heartbeat.interval.ms', '7000'];
    assert.equal((await alter(Type.group, 'tuned', set)).errorCode, 0);
    await fixture.restart();
    await topic('tuned');
    const heartbeat = await call((c) =>
      c.call(allExchanges.consumerGroupHeartbeat, 1, {
        groupId: 'tuned',
        memberId: 'm',
        memberEpoch: 0,
        rebalanceTimeoutMs: 10_000,
        subscribedTopicNames: ['tuned'],
        topicPartitions: [],
      }),
    );
    assert.deepEqual([heartbeat.errorCode, heartbeat.heartbeatIntervalMs], [0, 7000]);
    const shown = (await described(Type.group, 'tuned')).get('consumer.heartbeat.interval.ms')!;
    assert.deepEqual([shown.value, shown.configSource, shown.readOnly], ['7000', Source.group, false]);
    const list = await call((c) => c.call(allExchanges.listConfigResources, 1, { resourceTypes: [Type.group] }));
    assert.deepEqual(
      list.configResources.map(({ resourceName }) => resourceName),
      ['tuned'],
    );
  });

  it('are those of share groups, too', async () => {
    const change: Change = [Operation.set, 'share.auto.offset.reset', 'earliest'];
    assert.equal((await alter(Type.group, 'shared', change)).errorCode, 0);
    assert.equal((await described(Type.group, 'shared')).get('share.auto.offset.reset')!.value, 'earliest');
    const wrong: Change = [Operation.set, 'share.auto.offset.reset', 'by_duration:soon'];
    assert.equal((await alter(Type.group, 'shared', wrong)).errorCode, 40);
    await alter(Type.group, 'shared', [Operation.delete, 'share.auto.offset.reset', null]);
  });

  it('beyond the bounds, or of no group, are refused', async () => {
    const low = await alter(Type.group, 'tuned', [Operation.set, 'consumer.session.timeout.ms', '1000']);
    assert.equal(low.errorCode, 40);
    assert.match(low.errorMessage!, /must be greater than or equal to group.consumer.min.session.timeout.ms/);
    assert.equal((await alter(Type.group, 'tuned', [Operation.set, 'consumer.nothing', '1'])).errorCode, 40);
    assert.equal((await alter(Type.group, '', [Operation.set, 'consumer.session.timeout.ms', '50000'])).errorCode, 42);
  });
});

describe('the broker’s loggers', () => {
  it('take a level, and are refused what is no level and no logger', async () => {
    assert.equal((await alter(Type.brokerLogger, '1', [Operation.set, 'root', 'DEBUG'])).errorCode, 0);
    assert.equal((await described(Type.brokerLogger, '1')).get('root')!.value, 'DEBUG');
    assert.equal((await alter(Type.brokerLogger, '1', [Operation.set, 'root', 'LOUD'])).errorCode, 40);
    assert.equal((await alter(Type.brokerLogger, '1', [Operation.set, 'nobody', 'INFO'])).errorCode, 40);
    assert.equal((await alter(Type.brokerLogger, '1', [Operation.delete, 'root', null])).errorCode, 42);
    assert.equal((await alter(Type.brokerLogger, '1', [Operation.append, 'root', 'INFO'])).errorCode, 42);
    assert.equal((await alter(Type.brokerLogger, '', [Operation.set, 'root', 'INFO'])).errorCode, 42);
  });
});
