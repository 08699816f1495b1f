/** Which records of a log a schema is tried on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../runtime/log/memory.ts';
import { lastRecordsOf } from './up-records.ts';

async function logOf(records: readonly [partition: number, value: string | null][]): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.createTopics([{ topic: 't', partitions: 2, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  for (const [index, [partition, value]] of records.entries()) {
    const bytes = value === null ? null : Buffer.from(value);
    await producer.send([
      { topic: 't', partition, key: Buffer.from(`k${index}`), value: bytes, headers: [], timestamp: 1000 + index },
    ]);
  }
  await producer.close();
  return log;
}

test('The last records of every partition are found in the order of their times, without tombstones', async () => {
  const log = await logOf([
    [0, 'a'],
    [1, 'b'],
    [0, 'c'],
    [1, null],
    [0, 'd'],
  ]);
  const told = async (side: 'key' | 'value', count: number) =>
    (await lastRecordsOf(log, 't', side, count))?.map(({ place, bytes }) => `${place} ${bytes}`);
  assert.deepEqual(await told('value', 10), ['t-0@0 a', 't-1@0 b', 't-0@1 c', 't-0@2 d']);
  assert.deepEqual(await told('value', 2), ['t-0@2 d']);
  assert.deepEqual(await told('key', 4), ['t-1@0 k1', 't-0@1 k2', 't-1@1 k3', 't-0@2 k4']);
  assert.deepEqual(await told('value', 0), []);
});

test('Of records of one time the earlier offset comes first, and a topic that is not there has none', async () => {
  const log = await logOf([]);
  const producer = log.producer({ clientId: 'test' });
  const record = { topic: 't', partition: 0, key: null, headers: [], timestamp: 5 };
  await producer.send(['a', 'b', 'c'].map((value) => ({ ...record, value: Buffer.from(value) })));
  assert.equal((await lastRecordsOf(log, 't', 'value', 10))?.map(({ bytes }) => bytes).join(''), 'abc');
  assert.equal(await lastRecordsOf(log, 'nowhere', 'value', 10), null);
  await producer.close();
});
