/**
 * What compaction keeps and what it takes, by Kafka's rules; the swap and its crashes are in clean-crash.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, batchOf, type LogFixture, openLog, readAll, type TestBatch } from '../../test/kit/log.ts';
import type { CompressionCodec } from '../protocol/compression.ts';
import { encodeMarker } from '../protocol/control-record.ts';
import type { LogConfig } from './config.ts';
import { OffsetMap } from './offset-map.ts';

const day = 24 * 60 * 60 * 1000;

function openCompacted(test: TestContext, config: Partial<LogConfig> = {}): LogFixture {
  return openLog(test, { config: { cleanupPolicy: ['compact'], minCleanableDirtyRatio: 0, ...config } });
}

/** Appends and begins a new segment, as a long time or many records would have. */
async function segmentOf(fixture: LogFixture, ...batches: TestBatch[]): Promise<void> {
  for (const batch of batches) await append(fixture.log, batchOf(batch));
  roll(fixture);
}

function roll(fixture: LogFixture): void {
  fixture.log.rollNow();
}

async function marker(fixture: LogFixture, type: 'commit' | 'abort', producerId: number): Promise<void> {
  const bytes = encodeMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: fixture.clock.now });
  await append(fixture.log, bytes, { origin: 'coordinator' });
}

async function clean(fixture: LogFixture): Promise<void> {
  await fixture.directory.cleaner.cleanAll();
  assert.deepEqual(
    fixture.notices.filter((notice) => notice.includes('failed')),
    [],
  );
}

describe('Compaction', () => {
  it('keeps the last record of each key, at its offset', async (test) => {
    const fixture = openCompacted(test);
    await segmentOf(fixture, { keys: ['a', 'b', 'a'], values: ['1', '2', '3'] }, { key: 'b', values: ['4'] });
    await segmentOf(fixture, { key: 'c', values: ['5'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['2:3', '3:4', '4:5']);
    assert.deepEqual(readAll(fixture.log, 1), ['2:3', '3:4', '4:5']);
    assert.equal(fixture.log.logStartOffset, 0);
  });

  it('never touches the active segment, and never drops a key for lack of a newer one', async (test) => {
    const fixture = openCompacted(test);
    await segmentOf(fixture, { key: 'a', values: ['1', '2'] });
    await append(fixture.log, batchOf({ key: 'a', values: ['3', '4'] }));
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '2:3', '3:4']);
  });

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as CompressionCodec[]) {
    it(`opens and closes batches compressed with ${codec}`, async (test) => {
      const fixture = openCompacted(test);
      await segmentOf(fixture, { keys: ['a', 'b', 'a'], values: ['1', '2', '3'], codec });
      await clean(fixture);
      assert.deepEqual(readAll(fixture.log), ['1:2', '2:3']);
    });
  }

  it('makes one segment of neighbours that fit into one', async (test) => {
    const fixture = openCompacted(test);
    for (let i = 0; i < 5; i++) await segmentOf(fixture, { key: `k${i}`, values: ['x'] });
    await clean(fixture);
    const logs = fixture.fs.list('/data/t-0').filter((name) => name.endsWith('.log'));
    assert.equal(logs.length, 1);
    assert.equal(readAll(fixture.log).length, 5);
  });

  it('leaves a partition alone until enough of it is dirty, or a record has waited for max.compaction.lag.ms', async (test) => {
    const fixture = openCompacted(test, { minCleanableDirtyRatio: 0.9, maxCompactionLagMs: 1000 });
    await segmentOf(fixture, { key: 'a', values: ['1', '2'] });
    await clean(fixture);
    await segmentOf(fixture, { key: 'a', values: ['3'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '2:3']);
    fixture.clock.now += 1001;
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['2:3']);
  });

  it('leaves records alone that are younger than min.compaction.lag.ms', async (test) => {
    const fixture = openCompacted(test, { minCompactionLagMs: 1000 });
    await segmentOf(fixture, { key: 'a', values: ['1', '2'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['0:1', '1:2']);
    fixture.clock.now += 1001;
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2']);
  });

  it('keeps a tombstone for delete.retention.ms from the first pass on, then drops it', async (test) => {
    const fixture = openCompacted(test, { deleteRetentionMs: day });
    await segmentOf(fixture, { key: 'a', values: ['1'] }, { key: 'b', values: ['2'] }, { key: 'a', values: [null] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '2:undefined']);
    fixture.clock.now += day - 1;
    await segmentOf(fixture, { key: 'c', values: ['3'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '2:undefined', '3:3']);
    fixture.clock.now += 2;
    await segmentOf(fixture, { key: 'd', values: ['4'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '3:3', '4:4']);
  });

  it('gives a kept record the timestamp it had, also where the delete horizon took the base timestamp', async (test) => {
    const fixture = openCompacted(test);
    const timestamps = [testTime(1), testTime(2), testTime(3)];
    await segmentOf(fixture, { keys: ['a', 'b', 'c'], values: ['1', null, '3'], timestamps });
    await clean(fixture);
    assert.deepEqual(fixture.log.offsetForTimestamp(testTime(3), 'read_uncommitted')?.offset, 2);
    assert.equal(fixture.log.offsetForTimestamp(testTime(2), 'read_uncommitted')?.timestamp, testTime(2));
    assert.equal(fixture.log.offsetForMaxTimestamp()?.offset, 2);
  });

  it('deletes old segments too where the policy is compact,delete', async (test) => {
    const fixture = openCompacted(test, { cleanupPolicy: ['compact', 'delete'], retentionMs: day, segmentBytes: 200 });
    for (let i = 0; i < 6; i++) {
      await segmentOf(fixture, { key: `k${i % 2}`, values: ['x'.repeat(60)], timestamp: fixture.clock.now });
      fixture.clock.now += day / 4;
    }
    await clean(fixture);
    assert.deepEqual(
      readAll(fixture.log).map((seen) => seen.split(':')[0]),
      ['4', '5'],
    );
    fixture.clock.now += 2 * day;
    fixture.log.enforceRetention();
    assert.deepEqual(readAll(fixture.log), []);
    assert.equal(fixture.log.logEndOffset, 6);
  });

  it('leaves a partition with a damaged batch as it is, and says so once', async (test) => {
    const fixture = openLog(test, { config: { cleanupPolicy: ['compact'] }, verify: false });
    await segmentOf(fixture, { key: 'a', values: ['1', '2'] });
    const path = '/data/t-0/00000000000000000000.log';
    const bytes = Buffer.from(fixture.fs.files().get(path)!);
    bytes[bytes.length - 1]! ^= 1;
    fixture.fs.put(path, bytes);
    await fixture.directory.cleaner.cleanAll();
    await fixture.directory.cleaner.cleanAll();
    assert.equal(fixture.notices.filter((notice) => /Cleaning t-0 failed: .*is damaged/.test(notice)).length, 1);
    assert.deepEqual(fixture.fs.files().get(path), bytes);
    assert.deepEqual(
      fixture.fs.list('/data/t-0').filter((name) => name.includes('cleaned')),
      [],
    );
  });
});

describe('Compaction of transactions', () => {
  it('drops what was aborted, keeps what was committed, and its markers until their time is over', async (test) => {
    const fixture = openCompacted(test, { deleteRetentionMs: day });
    const txn = (producerId: number, baseSequence: number) => ({
      producerId,
      producerEpoch: 0,
      baseSequence,
      isTransactional: true,
    });
    await append(fixture.log, batchOf({ key: 'a', values: ['committed'], ...txn(1, 0) }));
    await append(fixture.log, batchOf({ key: 'a', values: ['aborted'], ...txn(2, 0) }));
    await marker(fixture, 'abort', 2);
    await marker(fixture, 'commit', 1);
    roll(fixture);
    assert.deepEqual(readAll(fixture.log).length, 4);
    await clean(fixture);
    assert.deepEqual(values(fixture), ['0:committed']);
    assert.equal(fixture.log.lastStableOffset, 4);
    // Another batch of the same producers; their last ones need not be remembered any more.
    for (const producerId of [1, 2]) {
      await append(fixture.log, batchOf({ key: 'b', values: [`${producerId}`], ...txn(producerId, 1) }));
      await marker(fixture, 'commit', producerId);
    }
    roll(fixture);
    await clean(fixture);
    assert.deepEqual(values(fixture), ['0:committed', '6:2']);
    fixture.clock.now += day + 1;
    await segmentOf(fixture, { key: 'c', values: ['3'] });
    await clean(fixture);
    assert.deepEqual(values(fixture), ['0:committed', '6:2', '8:3']);
    const again = fixture.reopen();
    assert.equal(again.log.lastStableOffset, 9);
    assert.deepEqual(values(again), ['0:committed', '6:2', '8:3']);
  });

  it('stops before the first open transaction', async (test) => {
    const fixture = openCompacted(test);
    await segmentOf(fixture, { key: 'a', values: ['1', '2'] });
    await segmentOf(fixture, {
      key: 'a',
      values: ['3'],
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    });
    await segmentOf(fixture, { key: 'a', values: ['4'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '2:3', '3:4']);
  });

  it('keeps the last sequence of every producer that may go on', async (test) => {
    const fixture = openCompacted(test);
    const from = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence });
    await segmentOf(fixture, { key: 'a', values: ['1'], ...from(7, 0) }, { key: 'a', values: ['2'], ...from(8, 0) });
    await segmentOf(fixture, { key: 'a', values: ['3'] });
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['2:3']);
    for (const name of fixture.fs.list('/data/t-0')) {
      if (name.endsWith('.snapshot')) fixture.fs.remove(`/data/t-0/${name}`);
    }
    fixture.fs.remove('/data/recovery-point-offset-checkpoint');
    const { log } = fixture.reopen();
    await assert.rejects(append(log, batchOf({ ...from(7, 5) })), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    await append(log, batchOf({ ...from(7, 1) }));
    await append(log, batchOf({ ...from(8, 1) }));
  });
});

describe('The offset map', () => {
  it('holds the last offset of each key, and says when it is full', () => {
    const map = new OffsetMap(1000, 24 * 100, 0.9);
    for (let i = 0; i < 90; i++) assert.ok(map.put(Buffer.from(`k${i}`), i));
    assert.ok(map.put(Buffer.from('k5'), 2 ** 40));
    assert.ok(!map.put(Buffer.from('one too many'), 91));
    assert.deepEqual(
      [map.size, map.get(Buffer.from('k5')), map.get(Buffer.from('k6')), map.get(Buffer.from('?'))],
      [90, 2 ** 40, 6, -1],
    );
  });

  it('that is full leaves the rest to the next round', async (test) => {
    const fixture = openCompacted(test);
    await segmentOf(fixture, { keys: ['a', 'a', 'b', 'b', 'c', 'c'], values: ['1', '2', '3', '4', '5', '6'] });
    const plan = fixture.log.planCleaning(undefined)!;
    const { cleanSegments } = await import('./clean-segments.ts');
    const job = fixture.log.cleanJob(plan, { dedupeBytes: 24 * 3, loadFactor: 0.7 });
    const groups = cleanSegments(fixture.fs, job);
    const group = groups.next();
    assert.ok(group.done !== true && fixture.log.putCleaned(group.value.bases));
    const end = groups.next();
    assert.equal(end.done === true && end.value.endOffset, 4);
    assert.deepEqual(readAll(fixture.log), ['1:2', '3:4', '4:5', '5:6']);
    await clean(fixture);
    assert.deepEqual(readAll(fixture.log), ['1:2', '3:4', '5:6']);
  });
});

function testTime(n: number): number {
  return 1_750_000_000_000 - 100 + n;
}

/** Without control records, whose values are bytes. */
function values(fixture: LogFixture): string[] {
  return readAll(fixture.log).filter((seen) => /^\d+:\w+$/.test(seen));
}
