/** Client settings of a connector: what is obeyed is seen, what is wrong is refused, what does nothing says so. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { ConfigDef } from '../../connectors/api/index.ts';
import type { ConsumerOptions, ProducerOptions, TransactionalProducerOptions } from '../log/client.ts';
import { LogError } from '../log/client.ts';
import { MemoryLog, type MemoryLogOptions } from '../log/memory.ts';
import { type ClientKind, clientKeys } from './client-keys.ts';
import { judgeOverrides } from './client-overrides.ts';
import { eventually, harness, range, silent, steeredSink, steeredSource } from './harness.ts';

const source = (more: Record<string, string>) => ({ 'connector.class': 'SteeredSource', ...more });
const sink = (more: Record<string, string>) => ({ 'connector.class': 'SteeredSink', topics: 'in', ...more });
const away = () => new LogError('NOT_ENOUGH_REPLICAS', 'The log is away.', { retriable: true });

/** A log that remembers what its clients were told. */
class ListeningLog extends MemoryLog {
  readonly told: (ProducerOptions | ConsumerOptions)[] = [];

  override producer(options?: ProducerOptions) {
    if (options !== undefined) this.told.push(options);
    return super.producer(options);
  }
  override transactionalProducer(options: TransactionalProducerOptions) {
    this.told.push(options);
    return super.transactionalProducer(options);
  }
  override consumer(options: ConsumerOptions) {
    this.told.push(options);
    return super.consumer(options);
  }
  of(clientId: string) {
    return this.told.find((each) => each.clientId === clientId);
  }
}

test('client.id, acks, compression and batch.size reach the producer of the task and that of its dead letters', async (t) => {
  const log = new ListeningLog();
  const { create } = await harness(t, [steeredSource().plugin], { log, config: { 'producer.acks': '1' } });
  const own = { 'producer.override.client.id': 'mine', 'producer.override.batch.size': '1000' };
  await create('s', source({ ...own, 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' }));
  const expected = { acks: '1', 'client.id': 'mine', 'batch.size': '1000' };
  await eventually(() => {
    const producers = log.told.filter(({ clientId }) => clientId === 'mine');
    assert.deepEqual(
      producers.map(({ overrides }) => overrides),
      [expected, expected],
    );
  });
});

test('transaction.timeout.ms and client.id reach the producer of an exactly-once source', async (t) => {
  const log = new ListeningLog();
  const exact = steeredSource({ exactlyOnceSupport: () => 'supported' });
  const { create } = await harness(t, [exact.plugin], { log });
  await create('s', source({ 'producer.override.transaction.timeout.ms': '1234', 'producer.override.client.id': 'x' }));
  const told = await eventually(() => {
    assert.ok(log.of('x'));
    return log.of('x') as TransactionalProducerOptions;
  });
  assert.equal(told.timeoutMs, 1234);
});

test('every key of a consumer that is obeyed is told to it', async (t) => {
  const log = new ListeningLog();
  const { create } = await harness(t, [steeredSink().plugin], { log });
  const given = {
    'auto.offset.reset': 'latest',
    'client.id': 'c',
    'fetch.max.bytes': '7',
    'fetch.max.wait.ms': '8',
    'fetch.min.bytes': '9',
    'group.id': 'g',
    'group.instance.id': 'i',
    'isolation.level': 'read_uncommitted',
    'max.partition.fetch.bytes': '10',
    'max.poll.interval.ms': '11',
    'max.poll.records': '12',
    'session.timeout.ms': '13',
  };
  assert.deepEqual(Object.keys(given).sort(), Object.keys(clientKeys.consumer.applied).sort());
  const keys = Object.fromEntries(Object.entries(given).map(([key, value]) => [`consumer.override.${key}`, value]));
  await create('k', sink(keys));
  const options = await eventually(() => {
    assert.ok(log.of('c'));
    return log.of('c') as ConsumerOptions;
  });
  const { group, autoOffsetReset, maxPollBytes, maxPollRecords, isolation, overrides } = options;
  assert.deepEqual(
    { group, autoOffsetReset, maxPollBytes, maxPollRecords, isolation },
    { group: 'g', autoOffsetReset: 'latest', maxPollBytes: 7, maxPollRecords: 12, isolation: 'read_uncommitted' },
  );
  assert.deepEqual(overrides, given);
});

test('auto.offset.reset=latest: what was there before the sink is not read', async (t) => {
  const steered = steeredSink();
  const { create, write } = await harness(t, [steered.plugin]);
  await write('in', ['old']);
  await create('k', sink({ 'consumer.override.auto.offset.reset': 'latest' }));
  await eventually(() => assert.deepEqual(steered.calls, ['open 0:0']));
  await write('in', ['new']);
  await eventually(() => assert.deepEqual(steered.received, ['new']));
});

test('max.request.size: a larger record is a bad record, and its neighbours are written', async (t) => {
  const steered = steeredSource();
  steered.values.push('a', 'x'.repeat(50), 'b');
  const { create, values } = await harness(t, [steered.plugin]);
  const tolerant = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };
  await create('s', source({ 'producer.override.max.request.size': '49', ...tolerant }));
  await eventually(() => assert.deepEqual([values('out'), values('dead')], [['a', 'b'], ['x'.repeat(50)]]));
});

test('max.request.size: without tolerance the task fails with the size, the limit and the key', async (t) => {
  const steered = steeredSource();
  steered.values.push('x'.repeat(50));
  const { create, running } = await harness(t, [steered.plugin]);
  await create('s', source({ 'producer.override.max.request.size': '49' }));
  const status = () => running.worker.status('s').tasks[0]!;
  await eventually(() => assert.equal(status().state, 'FAILED'));
  assert.match(status().trace!, /KAFKA_PRODUCE failed .*has 50 bytes; max\.request\.size of the producer allows 49/);
});

test('buffer.memory: a source is not polled again while so many bytes are under way', async (t) => {
  const steered = steeredSource();
  steered.values.push(...range(100));
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const log = new MemoryLog({ beforeAppend: ([record]) => (record?.topic === 'out' ? held : undefined) });
  const { create, running, values } = await harness(t, [steered.plugin], { log });
  await create('s', source({ 'producer.override.buffer.memory': '1' }));
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.inFlight, 20, 'one under way, one that waits'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(running.worker.ledger('s', 0)?.inFlight, 20);
  release();
  await eventually(() => assert.equal(values('out').length, 100));
});

const quick = { 'producer.override.retry.backoff.ms': '1', 'producer.override.retry.backoff.max.ms': '2' };
const givenUp: readonly [string, Record<string, string>, RegExp, boolean][] = [
  ['retries', { 'producer.override.retries': '3' }, /given up after 3 retries \(producer setting retries\)/, false],
  ['retries, exactly once', { 'producer.override.retries': '3' }, /given up after 3 retries/, true],
  [
    'delivery.timeout.ms',
    { 'producer.override.delivery.timeout.ms': '30' },
    /given up after \d+ ms \(producer setting delivery\.timeout\.ms\)/,
    false,
  ],
];
for (const [what, keys, message, isExact] of givenUp) {
  test(`${what}: a log that stays away fails the task, which is tried again as what may pass`, async (t) => {
    const steered = steeredSource(isExact ? { exactlyOnceSupport: () => 'supported' } : {});
    steered.values.push('a');
    let appends = 0;
    const options: MemoryLogOptions = {
      beforeAppend: ([record]) => {
        if (record?.topic !== 'out') return;
        appends++;
        throw away();
      },
    };
    const { create, running } = await harness(t, [steered.plugin], { log: new MemoryLog(options) });
    await create('s', source({ ...quick, ...keys, 'restart.max.attempts': '0' }));
    const status = () => running.worker.status('s').tasks[0]!;
    await eventually(() => assert.equal(status().state, 'FAILED'));
    assert.match(status().trace!, message);
    assert.match(status().trace!, /Cause: transient/);
    // The first try, the first one of the recovery, and three retries.
    if (what.startsWith('retries')) assert.ok(appends >= 4 && appends <= 5, `${appends} appends`);
  });
}

test('admin.override.default.api.timeout.ms: a topic that cannot be created in time fails the task with its name', async (t) => {
  class SlowLog extends MemoryLog {
    override createTopics(topics: Parameters<MemoryLog['createTopics']>[0]) {
      if (topics.some(({ topic }) => topic === 'out')) return new Promise<never>(() => {});
      return super.createTopics(topics);
    }
  }
  const steered = steeredSource();
  steered.values.push('a');
  const { create, running } = await harness(t, [steered.plugin], { log: new SlowLog() });
  await create('s', source({ 'admin.override.default.api.timeout.ms': '20', 'restart.on.failure': 'never' }));
  const status = () => running.worker.status('s').tasks[0]!;
  await eventually(() => assert.equal(status().state, 'FAILED'));
  assert.match(
    status().trace!,
    /Creating topic out \(admin setting default\.api\.timeout\.ms\) did not finish within 20/,
  );
});

const kinds = Object.keys(clientKeys) as ClientKind[];
const allOf = (kind: ClientKind): ConfigDef =>
  Object.assign({}, clientKeys[kind].applied, ...clientKeys[kind].ignored.map(([, keys]) => keys));

test('a wrong value of any client key is refused with key, value and what would be right', () => {
  for (const kind of kinds) {
    for (const [key, declared] of Object.entries(allOf(kind))) {
      if (key.endsWith('.*') || ['string', 'list', 'class'].includes(declared.type)) {
        if (declared.oneOf === undefined) continue;
      }
      const name = `${kind}.override.${key}`;
      const { problems } = judgeOverrides({ [name]: 'no-such' }, {});
      assert.equal(problems.length, 1, name);
      assert.equal(problems[0]!.key, name);
      assert.match(problems[0]!.message, /"no-such".*(write|must be one of)/, name);
      assert.ok(problems[0]!.message.includes(`"${name}"`));
    }
  }
});

const judged = (given: Record<string, string>) =>
  judgeOverrides(
    Object.fromEntries(Object.entries(given).map(([key, value]) => [`producer.override.${key}`, value])),
    {},
  ).problems.map(({ message }) => message);

test("Kafka's own partitioners are known by class and by name; a class of one's own is refused by its name", () => {
  const kafka = 'org.apache.kafka.clients.producer';
  for (const name of [
    `${kafka}.RoundRobinPartitioner`,
    `${kafka}.internals.DefaultPartitioner`,
    `${kafka}.UniformStickyPartitioner`,
    'RoundRobinPartitioner',
  ]) {
    assert.deepEqual(judged({ 'partitioner.class': name }), [], name);
  }
  for (const name of ['com.example.ByCountry', 'com.example.RoundRobinPartitioner', `${kafka}.toString`]) {
    const [message, ...others] = judged({ 'partitioner.class': name });
    assert.deepEqual(others, []);
    assert.ok(message?.includes(`"${name}"`) && message.includes('RoundRobinPartitioner'), message);
  }
});

test('a level of compression is held to what its codec has', () => {
  for (const level of ['-1', '1', '9']) assert.deepEqual(judged({ 'compression.gzip.level': level }), []);
  for (const level of ['0', '10', '-2']) {
    assert.match(judged({ 'compression.gzip.level': level }).join(), /between 1 and 9, or -1/);
  }
  for (const level of ['-131072', '22']) assert.deepEqual(judged({ 'compression.zstd.level': level }), []);
  assert.match(judged({ 'compression.zstd.level': '23' }).join(), /22/);
});

test('producer.override.partitioner.class spreads what a source writes, and the worker’s own setting does too', async (t) => {
  for (const [config, own] of [
    [{}, { 'producer.override.partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' }],
    [{ 'producer.partitioner.class': 'RoundRobinPartitioner' }, {}],
  ] as const) {
    for (const exactlyOnceSupport of ['supported', 'unsupported'] as const) {
      const steered = steeredSource({ exactlyOnceSupport: () => exactlyOnceSupport });
      steered.values.push('a', 'b', 'c', 'd', 'e', 'f');
      const log = new MemoryLog();
      await log.createTopics([{ topic: 'out', partitions: 3, replicationFactor: 1 }]);
      const { create } = await harness(t, [steered.plugin], { log, config });
      await create('s', source(own));
      const sizes = () => [0, 1, 2].map((partition) => log.committed({ topic: 'out', partition }).length);
      await eventually(() => assert.deepEqual(sizes(), [2, 2, 2]));
    }
  }
});

test('a misspelled client key is refused with the right one, unless unknown keys may pass', async (t) => {
  const { running } = await harness(t, [steeredSink().plugin, steeredSource().plugin]);
  const misspelled = source({ 'consumer.override.max.pol.records': '5' });
  await assert.rejects(
    running.worker.create('a', misspelled),
    /"consumer\.override\.max\.pol\.records"\. Did you mean "consumer\.override\.max\.poll\.records"/,
  );
  await running.worker.create('b', { ...misspelled, 'config.unknown.keys': 'ignore' });
});

test('a key without effect is accepted, and the log says which and why', async (t) => {
  const said: string[] = [];
  const logger = { ...silent, warn: (_: object, message: string) => void said.push(message) };
  const child = (): typeof logger => ({ ...logger, child });
  const { create } = await harness(t, [steeredSource().plugin], {
    logger: { ...logger, child },
    config: { 'producer.linger.ms': '5' },
  });
  await create('s', source({ 'producer.override.ssl.truststore.location': '/x', 'admin.override.retries': '3' }));
  for (const key of ['producer.linger.ms', 'producer.override.ssl.truststore.location', 'admin.override.retries']) {
    assert.ok(
      said.some((message) => message.startsWith(`"${key}" has no effect. `)),
      key,
    );
  }
});

test('a worker whose own client settings are wrong does not start', async (t) => {
  await assert.rejects(harness(t, [], { config: { 'producer.acks': 'most' } }), /"producer\.acks".*must be one of/);
});

test('docs/deviations.md names every client key that has no effect', async () => {
  const text = await readFile(new URL('../../docs/deviations.md', import.meta.url), 'utf8');
  for (const kind of kinds) {
    for (const [reason, keys] of clientKeys[kind].ignored) {
      assert.ok(text.includes(reason), reason);
      for (const key of Object.keys(keys)) assert.ok(text.includes(`\`${key}\``), `${kind} ${key}`);
    }
  }
});
