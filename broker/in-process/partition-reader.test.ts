/** Reading a log record by record: bites, batches that begin before the position, transactions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, batchOf, openLog, testNow } from '../../test/kit/log.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { encodeMarker } from '../protocol/control-record.ts';
import { PartitionReader } from './partition-reader.ts';
import type { ConsumerRecord } from './types.ts';

function read(reader: PartitionReader, records = 1000, bytes = 1_000_000): string[] {
  const into: ConsumerRecord[] = [];
  reader.read(into, { records, bytes });
  return into.map(({ offset, value }) => `${offset}:${value}`);
}

async function transaction(log: PartitionLog, producerId: number, value: string): Promise<void> {
  const batch = batchOf({ values: [value], producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true });
  await append(log, batch);
}

async function end(log: PartitionLog, producerId: number, type: 'commit' | 'abort'): Promise<void> {
  const marker = encodeMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: testNow });
  await append(log, marker, { origin: 'coordinator' });
}

test('records come in bites of any size, across batches, and the position follows', async (t) => {
  const { log } = openLog(t);
  await append(log, batchOf({ values: ['a', 'b', 'c'] }));
  await append(log, batchOf({ values: ['d'] }));
  const reader = new PartitionReader(log, 0, 'read_uncommitted');
  assert.deepEqual(read(reader, 2), ['0:a', '1:b']);
  assert.equal(reader.position, 2);
  assert.deepEqual(read(reader, 2), ['2:c', '3:d']);
  assert.deepEqual(read(reader), []);
  assert.deepEqual([reader.position, reader.logEndOffset], [4, 4]);
  await append(log, batchOf({ values: ['e'] }));
  assert.deepEqual(read(reader), ['4:e']);
});

test('a position inside a batch skips what is before it; a seek forgets what was read ahead', async (t) => {
  const { log } = openLog(t);
  await append(log, batchOf({ values: ['a', 'b', 'c'] }));
  const reader = new PartitionReader(log, 1, 'read_uncommitted');
  assert.deepEqual(read(reader, 1), ['1:b']);
  reader.seek(0);
  assert.deepEqual(read(reader), ['0:a', '1:b', '2:c']);
});

test('a bite ends once its bytes are used up, never before a first record', async (t) => {
  const { log } = openLog(t);
  await append(log, batchOf({ values: ['x'.repeat(100), 'y'.repeat(100), 'z'] }));
  const reader = new PartitionReader(log, 0, 'read_uncommitted');
  assert.equal(read(reader, 10, 1).length, 1);
  assert.equal(read(reader, 10, 150).length, 2);
});

test('a bite as large as it likes is filled by reads of half a MiB, and a larger batch comes whole', async (t) => {
  const { log } = openLog(t);
  const value = 'x'.repeat(100_000);
  for (let index = 0; index < 20; index++) await append(log, batchOf({ values: [value] }));
  await append(log, batchOf({ values: [value.repeat(7)] }));
  const reads = t.mock.method(log, 'read');
  const reader = new PartitionReader(log, 0, 'read_uncommitted');
  assert.equal(read(reader, 1000, 100_000_000).length, 21);
  const sizes = reads.mock.calls.map(({ result }) => result?.records.length ?? 0);
  const most = Math.max(...sizes.slice(0, -2));
  assert.ok(most > 500_000 && most <= 512 * 1024, `five batches each, not ${most} bytes`);
  assert.ok(sizes.at(-2)! > 700_000, 'the large one alone');
});

test('read_committed passes over aborted records and waits before open ones; markers are never seen', async (t) => {
  const { log } = openLog(t);
  await transaction(log, 1, 'aborted');
  await transaction(log, 2, 'committed');
  await append(log, batchOf({ values: ['plain'] }));
  await end(log, 1, 'abort');
  await end(log, 2, 'commit');
  await transaction(log, 3, 'open');
  const committed = new PartitionReader(log, 0, 'read_committed');
  assert.deepEqual(read(committed), ['1:committed', '2:plain']);
  assert.equal(committed.position, 5);
  const everything = new PartitionReader(log, 0, 'read_uncommitted');
  assert.deepEqual(read(everything), ['0:aborted', '1:committed', '2:plain', '5:open']);
  await end(log, 3, 'commit');
  assert.deepEqual(read(committed), ['5:open']);
});

test('a position that retention has deleted is the log error OFFSET_OUT_OF_RANGE', async (t) => {
  const { log } = openLog(t);
  await append(log, batchOf({ values: ['a', 'b'] }));
  log.deleteRecords(2);
  const reader = new PartitionReader(log, 0, 'read_uncommitted');
  assert.throws(() => read(reader), { code: 'OFFSET_OUT_OF_RANGE' });
});

test('compressed batches of other clients are read too', async (t) => {
  const { log } = openLog(t);
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
    await append(log, batchOf({ values: [codec], codec }));
  assert.deepEqual(read(new PartitionReader(log, 0, 'read_committed')), ['0:gzip', '1:snappy', '2:lz4', '3:zstd']);
});
