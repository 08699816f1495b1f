/** The stores against the topics of a real Kafka Connect worker: its records are understood, and ours are the same bytes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MemoryLog } from '../log/memory.ts';
import { silent } from '../worker/harness.ts';
import type { CompactedTopic } from './compacted-table.ts';
import { ConfigStore } from './config-store.ts';
import { OffsetStore } from './offset-store.ts';
import { StatusStore } from './status-store.ts';

interface Golden {
  readonly topic: 'configs' | 'offsets' | 'status';
  readonly key: string;
  readonly value: string | null;
}

const file = new URL('../../test/golden/connect-topics.jsonl', import.meta.url);
const golden = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Golden);
const topic = (name: string): CompactedTopic => ({
  topic: name,
  partitions: 1,
  replicationFactor: 1,
  clientId: 'test',
});
/** The n-th value a key had. */
const theirs = (key: string, nth = 0) => golden.filter((each) => each.key === key)[nth]!.value;

async function copied(name: Golden['topic'], until = golden.length): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.createTopics([
    { topic: name, partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } },
  ]);
  const records = golden.slice(0, until).filter((each) => each.topic === name);
  await log.producer().send(
    records.map(({ key, value }) => ({
      topic: name,
      partition: 0,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [],
      timestamp: null,
    })),
  );
  return log;
}

/** Key → what we wrote under it, in order. */
function ours(log: MemoryLog, name: string): Map<string, (string | null)[]> {
  const records = log.records({ topic: name, partition: 0 });
  return new Map(
    [...Map.groupBy(records, ({ key }) => key!.toString())].map(([key, all]) => [
      key,
      all.map(({ value }) => value?.toString() ?? null),
    ]),
  );
}

test('a real worker’s configs, target states and task counts are understood', async () => {
  const configs = await ConfigStore.open(await copied('configs'), topic('configs'), silent);
  assert.deepEqual(configs.names(), ['lines-in', 'lines-out']);
  assert.equal(configs.config('lines-in')?.file, '/data/real.txt');
  assert.deepEqual([configs.targetState('lines-in'), configs.targetState('lines-out')], ['STOPPED', 'PAUSED']);
  assert.equal(configs.taskConfigs('lines-out')[0]?.['task.class'], 'org.apache.kafka.connect.file.FileStreamSinkTask');
  assert.deepEqual([configs.taskConfigs('lines-in'), configs.taskCount('lines-in')], [[], 0]);
});

test('a real worker’s source offsets are understood, before and after they were reset', async () => {
  const reset = golden.findLastIndex(({ topic: name }) => name === 'offsets');
  const partition = { filename: '/data/real.txt' };
  const before = await OffsetStore.open(await copied('offsets', reset), topic('offsets'), silent);
  assert.deepEqual(before.read('lines-in', [partition]), [{ position: 4 }]);
  const after = await OffsetStore.open(await copied('offsets'), topic('offsets'), silent);
  assert.deepEqual(after.read('lines-in', [partition]), [null]);
});

test('a real worker’s statuses and used topics are understood', async () => {
  const statuses = await StatusStore.open(await copied('status'), topic('status'), 'here:1', silent);
  assert.deepEqual(statuses.task('lines-out', 0), { state: 'PAUSED', workerId: 'connect-1:8083' });
  assert.equal(statuses.connector('lines-in')?.state, 'STOPPED');
  assert.equal(statuses.connector('gone'), undefined);
  assert.deepEqual([statuses.topics('lines-in'), statuses.topics('gone')], [['real'], []]);
});

test('the configs we write are the bytes a real worker writes', async () => {
  const log = new MemoryLog();
  const configs = await ConfigStore.open(log, topic('configs'), silent);
  const config = (JSON.parse(theirs('connector-lines-in')!) as { properties: Record<string, string> }).properties;
  const task = (JSON.parse(theirs('task-lines-in-0')!) as { properties: Record<string, string> }).properties;
  await configs.putConnector('lines-in', config);
  await configs.putTaskConfigs('lines-in', [task]);
  await configs.putTaskCount('lines-in', 1);
  await configs.putTaskConfigs('lines-in', []);
  await configs.putTargetState('lines-in', 'STOPPED');
  await configs.putTargetState('lines-out', 'PAUSED');
  await configs.remove('gone');
  const written = ours(log, 'configs');
  for (const key of ['connector-lines-in', 'task-lines-in-0', 'tasks-fencing-lines-in']) {
    assert.deepEqual(written.get(key), [theirs(key)], key);
  }
  assert.deepEqual(written.get('commit-lines-in'), [theirs('commit-lines-in'), theirs('commit-lines-in', 1)]);
  assert.deepEqual(written.get('target-state-lines-in'), [theirs('target-state-lines-in')]);
  assert.deepEqual(written.get('target-state-lines-out'), [theirs('target-state-lines-out')]);
  assert.deepEqual([written.get('connector-gone'), written.get('target-state-gone')], [[null], [null]]);
});

test('the offsets and statuses we write are the bytes a real worker writes', async () => {
  const log = new MemoryLog();
  const offsets = await OffsetStore.open(log, topic('offsets'), silent);
  const partition = { filename: '/data/real.txt' };
  await offsets.write('lines-in', [{ partition, offset: { position: 4 } }]);
  await offsets.write('lines-in', [{ partition, offset: null }]);
  const key = '["lines-in",{"filename":"/data/real.txt"}]';
  assert.deepEqual(ours(log, 'offsets'), new Map([[key, [theirs(key), theirs(key, 1)]]]));

  const statuses = await StatusStore.open(log, topic('status'), 'connect-1:8083', silent);
  statuses.versionOf = () => '4.3.1';
  statuses.putConnector('lines-in', 'RUNNING');
  statuses.putTask('lines-out', 0, 'RUNNING');
  statuses.putConnector('lines-out', 'RESTARTING');
  statuses.addTopic('lines-in', 0, 'real');
  await statuses.close();
  const written = ours(log, 'status');
  // A worker alone is always of the first generation; a discovery is when it is.
  const same = (text: string | null | undefined) =>
    text?.replace(/"generation":\d+/, '"generation":1').replace(/"discoverTimestamp":\d+/, '"discoverTimestamp":0');
  for (const [name, nth] of [
    ['status-connector-lines-in', 0],
    ['status-task-lines-out-0', 0],
    ['status-connector-lines-out', 3],
    ['status-topic-real:connector-lines-in', 0],
  ] as const) {
    assert.equal(same(written.get(name)?.[0]), same(theirs(name, nth)), name);
  }
});
