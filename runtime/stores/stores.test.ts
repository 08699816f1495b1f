/** The stores' record formats: they are Kafka Connect's, so that a worker of either kind can take over the other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../log/memory.ts';
import { eventually, silent } from '../worker/harness.ts';
import { ConfigStore } from './config-store.ts';
import { OffsetStore } from './offset-store.ts';
import { StatusStore } from './status-store.ts';

const topic = (name: string) => ({ topic: name, partitions: 1, replicationFactor: 1, clientId: 'test' });

const contents = (log: MemoryLog, name: string) =>
  log.records({ topic: name, partition: 0 }).map(({ key, value }) => [key?.toString(), value?.toString() ?? null]);

async function write(log: MemoryLog, name: string, records: readonly (readonly [string, string | null])[]) {
  await log.createTopics([
    { topic: name, partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } },
  ]);
  await log.producer().send(
    records.map(([key, value]) => ({
      topic: name,
      partition: 0,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [],
      timestamp: null,
    })),
  );
}

test('configs are written as Kafka Connect writes them, in topics that are compacted', async () => {
  const log = new MemoryLog();
  const store = await ConfigStore.open(log, topic('configs'), silent);
  await store.putConnector('a-b', { name: 'a-b' }, 'STOPPED');
  await store.putTaskConfigs('a-b', [{ part: '0' }, { part: '1' }]);
  await store.remove('a-b');
  assert.deepEqual(contents(log, 'configs'), [
    ['target-state-a-b', '{"state":"PAUSED","state.v2":"STOPPED"}'],
    ['connector-a-b', '{"properties":{"name":"a-b"}}'],
    ['task-a-b-0', '{"properties":{"part":"0"}}'],
    ['task-a-b-1', '{"properties":{"part":"1"}}'],
    ['commit-a-b', '{"tasks":2}'],
    ['connector-a-b', null],
    ['target-state-a-b', null],
    ['commit-a-b', '{"tasks":0}'],
  ]);
  assert.deepEqual(log.topicConfig('configs'), { 'cleanup.policy': 'compact' });
  assert.deepEqual(store.names(), []);
});

test('what a Kafka Connect cluster has written is read; task configs count only with their commit', async () => {
  const log = new MemoryLog();
  await write(log, 'configs', [
    ['session-key', '{"key":"…","algorithm":"HmacSHA256"}'],
    ['connector-c', '{"properties":{"name":"c","tasks.max":"2"}}'],
    ['task-c-0', '{"properties":{"part":"old"}}'],
    ['commit-c', '{"tasks":1}'],
    ['task-c-0', '{"properties":{"part":"new"}}'],
    ['target-state-c', '{"state":"PAUSED"}'],
    ['connector-broken', 'not json'],
  ]);
  const store = await ConfigStore.open(log, topic('configs'), silent);
  assert.deepEqual(store.names(), ['c']);
  assert.deepEqual(store.taskConfigs('c'), [{ part: 'old' }]);
  assert.equal(store.targetState('c'), 'PAUSED');
  await write(log, 'configs', [['commit-c', '{"tasks":1}']]);
  assert.deepEqual(store.taskConfigs('c'), [{ part: 'new' }]);
});

test('source partitions are compared as maps, and a record keeps the key it was first written with', async () => {
  const log = new MemoryLog();
  await write(log, 'offsets', [['["c",{"b":2,"a":1}]', '{"at":1}']]);
  const store = await OffsetStore.open(log, topic('offsets'), silent);
  assert.deepEqual(store.read('c', [{ a: 1, b: 2 }, { a: 9 }]), [{ at: 1 }, null]);
  await store.write('c', [{ partition: { a: 1, b: 2 }, offset: { at: 2 } }]);
  assert.deepEqual(store.read('c', [{ a: 1, b: 2 }]), [{ at: 2 }]);
  await store.write('c', [{ partition: { a: 1, b: 2 }, offset: null }]);
  assert.deepEqual(store.all('c'), []);
  assert.deepEqual(contents(log, 'offsets').slice(1), [
    ['["c",{"b":2,"a":1}]', '{"at":2}'],
    ['["c",{"b":2,"a":1}]', null],
  ]);
});

test('statuses and used topics are written in the background and survive', async () => {
  const log = new MemoryLog();
  const store = await StatusStore.open(log, topic('status'), 'host:1', silent);
  store.putConnector('c', 'RUNNING');
  store.putTask('c', 0, 'FAILED', 'why');
  store.addTopic('c', 0, 'orders');
  await store.close();
  await eventually(() => assert.equal(contents(log, 'status').length, 3));
  assert.deepEqual(contents(log, 'status')[1], [
    'status-task-c-0',
    '{"state":"FAILED","trace":"why","worker_id":"host:1","generation":1,"version":null}',
  ]);
  const next = await StatusStore.open(log, topic('status'), 'host:2', silent);
  assert.deepEqual(next.task('c', 0), { state: 'FAILED', workerId: 'host:1', trace: 'why' });
  assert.deepEqual(next.topics('c'), ['orders']);
});

test('a topic that is not compacted is refused by name: what is kept there would be forgotten by age', async () => {
  for (const policy of ['delete', 'compact,delete']) {
    const log = new MemoryLog();
    const config = { 'cleanup.policy': policy };
    await log.createTopics([{ topic: 'offsets', partitions: 1, replicationFactor: 1, config }]);
    const topic = { topic: 'offsets', partitions: 1, replicationFactor: 1, clientId: 'c' };
    await assert.rejects(OffsetStore.open(log, topic, silent), {
      code: 'TOPIC_NOT_COMPACTED',
      message: new RegExp(`"offsets" has cleanup.policy=${policy};.*cleanup.policy=compact`),
    });
  }
});
