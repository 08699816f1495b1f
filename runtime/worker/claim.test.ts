/** Two workers of one group on one log: the one that started last has it, and what an older one does then. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ClaimedLog } from '../log/claimed-log.ts';
import type { LogError, LogTable } from '../log/client.ts';
import { MemoryLog } from '../log/memory.ts';
import { ConfigStore } from '../stores/config-store.ts';
import { Claim } from './claim.ts';
import { eventually, harness, range, silent, steeredSink, steeredSource, valuesOf } from './harness.ts';
import { transactionalIdOf } from './zombies.ts';

/** A worker of the group, on a log that it shares; its clock is the test's, and it asks only when it must. */
async function claimed(t: TestContext, log: MemoryLog, workerId: string) {
  const topic = { topic: 'connect-configs', partitions: 1, replicationFactor: 1, clientId: 'c' };
  const store = await ConfigStore.open(log, topic, silent);
  const lost: string[] = [];
  const time = { ms: 0 };
  const claim = await Claim.take({
    store,
    workerId,
    leaseMs: 1_000,
    renewMs: 3_600_000,
    logger: silent,
    onLost: (message) => void lost.push(message),
    clocks: [() => time.ms],
  });
  t.after(async () => {
    claim.release();
    await store.close();
  });
  const guarded = new ClaimedLog(log);
  guarded.guardBy(claim);
  return { claim, log: guarded, lost, time };
}

const record = (value: string) => ({
  topic: 'out',
  partition: 0,
  key: null,
  value: Buffer.from(value),
  headers: [],
  timestamp: null,
});

async function twoWorkers(t: TestContext) {
  const log = new MemoryLog();
  await log.createTopics([{ topic: 'out', partitions: 1, replicationFactor: 1 }]);
  return { log, older: await claimed(t, log, 'older:1'), newer: await claimed(t, log, 'newer:2') };
}

test('a claim that was confirmed lately is asked nothing; one that grew old is worth nothing until the log was read', async (t) => {
  const { log, older } = await twoWorkers(t);
  const producer = older.log.producer({ clientId: 'p' });
  await producer.send([record('a')]);
  assert.deepEqual(valuesOf(log, 'out'), ['a'], 'its claim is young and it has not heard of the newer one');
  older.time.ms = 1_000;
  const sent = producer.send([record('b')]);
  await assert.rejects(sent, { name: 'LogError', code: 'WORKER_FENCED', retriable: false });
  await assert.rejects(sent, /taken over by newer:2/);
  assert.deepEqual([valuesOf(log, 'out'), older.lost.length], [['a'], 1]);
});

test('a clock that was set back is no proof either', async (t) => {
  const { older } = await twoWorkers(t);
  older.time.ms = -1;
  await assert.rejects(older.log.producer({ clientId: 'p' }).send([record('b')]), { code: 'WORKER_FENCED' });
});

test('whoever has the group renews its claim and writes in the order it was asked to', async (t) => {
  const { log, newer } = await twoWorkers(t);
  const producer = newer.log.producer({ clientId: 'p' });
  newer.time.ms = 5_000;
  const early = range(5).map((value) => producer.send([record(value)]));
  await Promise.all([...early, Promise.resolve().then(() => producer.send([record('v5')]))]);
  assert.deepEqual(valuesOf(log, 'out'), range(6));
  assert.equal(newer.claim.isFresh, true);
});

test('a worker that was taken over opens no transaction, reads no record and commits no offset', async (t) => {
  const { older, newer } = await twoWorkers(t);
  const transactions = await older.log.transactionalProducer({ clientId: 'p', transactionalId: 'before' }).then(
    () => assert.fail('It opened one.'),
    (error: LogError) => error,
  );
  assert.equal(transactions.code, 'WORKER_FENCED');
  const consumer = older.log.consumer({ clientId: 'c', group: 'g', autoOffsetReset: 'earliest' });
  consumer.subscribe(['out'], { onAssigned: async () => {}, onRevoked: async () => {} });
  await newer.log.producer({ clientId: 'p' }).send([record('a')]);
  await assert.rejects(consumer.poll(10), { code: 'WORKER_FENCED' });
  await assert.rejects(consumer.commit([{ topic: 'out', partition: 0, offset: 1 }]), { code: 'WORKER_FENCED' });
  await assert.rejects(older.log.createTopics([{ topic: 'x', partitions: 1, replicationFactor: 1 }]), {
    code: 'WORKER_FENCED',
  });
  await consumer.close();
});

test('a task whose id an older worker took back for a moment begins again by itself', async (t) => {
  const source = steeredSource({ exactlyOnceSupport: () => 'supported' });
  source.values.push(...range(5));
  const { log, running, create, values } = await harness(t, [source.plugin], { isLogShared: true });
  await create('s', { 'connector.class': 'SteeredSource', 'restart.backoff.ms': '10' });
  await eventually(() => assert.deepEqual(values('out'), range(5)));
  await log.transactionalProducer({ clientId: 'older', transactionalId: transactionalIdOf('millrace', 's', 0) });
  source.values.push(...range(5, 'w'));
  await eventually(() => assert.deepEqual(values('out'), [...range(5), ...range(5, 'w')]));
  await eventually(() => assert.equal(running.worker.status('s').tasks[0]!.state, 'RUNNING'));
});

test('a worker that cannot reach its cluster says so in its health, and is well again afterwards', async (t) => {
  let isAway = false;
  class AwayLog extends MemoryLog {
    override async table(...args: Parameters<MemoryLog['table']>): Promise<LogTable> {
      const table = await super.table(...args);
      const readToEnd = () => (isAway ? Promise.reject(new Error('The cluster is away.')) : table.readToEnd());
      return { close: () => table.close(), readToEnd };
    }
  }
  const config = { 'session.timeout.ms': '100', 'heartbeat.interval.ms': '10' };
  const { running } = await harness(t, [], { log: new AwayLog(), isLogShared: true, config });
  const health = async () => {
    const response = await fetch(`${running.url}/health`);
    return [response.status, ((await response.json()) as { message: string }).message] as const;
  };
  await eventually(async () => assert.equal((await health())[0], 200));
  isAway = true;
  const message = await eventually(async () => {
    const [status, said] = await health();
    assert.equal(status, 500);
    return said;
  });
  assert.match(message, /has not heard from its Kafka cluster/);
  isAway = false;
  await eventually(async () => assert.equal((await health())[0], 200));
});

test('the worker that started last runs the connectors; the one before stops its tasks and says by whom', async (t) => {
  const sources = [steeredSource(), steeredSource()] as const;
  const sinks = [steeredSink(), steeredSink()] as const;
  for (const source of sources) source.values.push(...range(5));
  const log = new MemoryLog();
  const first = await harness(t, [sources[0].plugin, sinks[0].plugin], { log, isLogShared: true });
  await first.create('s', { 'connector.class': 'SteeredSource' });
  await first.create('k', { 'connector.class': 'SteeredSink', topics: 'out' });
  await eventually(() => assert.deepEqual(sinks[0].received, range(5)));
  const second = await harness(t, [sources[1].plugin, sinks[1].plugin], { log, isLogShared: true });
  await eventually(() => assert.equal(first.running.health().status, 'unhealthy'));
  assert.match(first.running.health().message, new RegExp(`taken over by 127.0.0.1:${second.running.port}`));
  await eventually(() => assert.ok(sources[0].calls.includes('stop') && sinks[0].calls.includes('stop')));
  for (const source of sources) source.values.push(...range(5, 'w'));
  await eventually(() => assert.deepEqual(sinks[1].received.slice(-5), range(5, 'w')));
  assert.ok(!sinks[0].received.includes('w0'));
  await assert.rejects(first.running.worker.put('s', { 'connector.class': 'SteeredSource', rows: '2' }), {
    code: 'WORKER_FENCED',
  });
  assert.equal(second.running.health().status, 'healthy');
});
