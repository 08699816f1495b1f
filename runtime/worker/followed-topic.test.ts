/** A topic beside a source task's own work: read in the background, taken when the task looks, not again once it is done with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FollowedRecord } from '../../connectors/api/index.ts';
import { MemoryLog } from '../log/memory.ts';
import { LogFollower } from './followed-topic.ts';
import { eventually } from './harness.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const options = { logger, topic: 'commands', group: 'g', clientId: 'c' };

async function write(log: MemoryLog, ...values: readonly string[]): Promise<void> {
  const producer = log.producer({ clientId: 'p' });
  const bytes = (text: string) => Buffer.from(text);
  const record = { topic: 'commands', partition: 0, headers: [], timestamp: null };
  await producer.send(values.map((value) => ({ ...record, key: bytes('k'), value: bytes(value) })));
  await producer.close();
}

async function taken(follower: LogFollower, count: number): Promise<readonly (string | null)[]> {
  const all: FollowedRecord[] = [];
  await eventually(() => {
    all.push(...follower.take());
    assert.equal(all.length, count);
  });
  return all.map(({ key, value }) => `${key} ${value}`);
}

test('what a follower took and committed does not come to the next one; what it only took does', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  const first = new LogFollower({ log, ...options });
  assert.deepEqual(first.take(), []);
  await eventually(async () => assert.equal((await log.describeTopics(['commands'])).length, 1));
  await write(log, 'one', 'two');
  assert.deepEqual(await taken(first, 2), ['k one', 'k two']);
  await first.commit();
  await write(log, 'three');
  assert.deepEqual(await taken(first, 1), ['k three']);
  await first.close();
  const second = new LogFollower({ log, ...options });
  t.after(() => second.close());
  assert.deepEqual(await taken(second, 1), ['k three']);
});
