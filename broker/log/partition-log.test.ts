import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { append, batchOf, openLog, readAll, testNow } from '../../test/kit/log.ts';
import { setMaxTimestamp } from '../protocol/record-batch.ts';
import type { LogError } from './errors.ts';

const uncommitted = { isolation: 'read_uncommitted', minOneBatch: true } as const;

describe('A partition log', () => {
  it('gives offsets in order and reads the same bytes back', async (test) => {
    const { log } = openLog(test);
    const batch = batchOf({ values: ['a', 'b'] });
    const first = await append(log, batch);
    const second = await append(log, batchOf({ values: ['c'] }));
    assert.deepEqual([first.baseOffset, first.lastOffset, second.baseOffset], [0, 1, 2]);
    assert.deepEqual(readAll(log), ['0:a', '1:b', '2:c']);
    const read = log.read(0, 1_000_000, uncommitted);
    assert.ok(read.records.subarray(0, batch.length).equals(batch));
    read.release();
    assert.equal(log.highWatermark, 3);
  });

  it('returns the whole batch that contains the offset asked for', async (test) => {
    const { log } = openLog(test);
    await append(log, batchOf({ values: ['a', 'b', 'c'] }));
    await append(log, batchOf({ values: ['d'] }));
    const read = log.read(2, 1_000_000, uncommitted);
    assert.equal(read.records.readUInt32BE(4), 0);
    read.release();
    assert.deepEqual(readAll(log, 2), ['2:c', '3:d']);
  });

  it('returns whole batches only, the first one even if it is too large, when asked to', async (test) => {
    const { log } = openLog(test);
    const size = batchOf({ values: ['x'.repeat(100)] }).length;
    for (let i = 0; i < 3; i++) await append(log, batchOf({ values: ['x'.repeat(100)] }));
    const lengthOf = (maxBytes: number, minOneBatch: boolean) => {
      const read = log.read(0, maxBytes, { isolation: 'read_uncommitted', minOneBatch });
      read.release();
      return read.records.length;
    };
    assert.equal(lengthOf(2 * size + 10, true), 2 * size);
    assert.equal(lengthOf(10, true), size);
    assert.equal(lengthOf(10, false), 0);
    assert.equal(lengthOf(size, false), size);
  });

  it('refuses reads outside the log and returns nothing at its end', async (test) => {
    const { log } = openLog(test);
    await append(log, batchOf());
    assert.equal(log.read(1, 1000, uncommitted).records.length, 0);
    assert.throws(() => log.read(2, 1000, uncommitted), { code: 'OFFSET_OUT_OF_RANGE' });
    assert.throws(() => log.read(-1, 1000, uncommitted), { code: 'OFFSET_OUT_OF_RANGE' });
  });

  it('writes the appends of one turn with one call, and shows them only when they are safe', async (test) => {
    const { log, fs } = openLog(test);
    const waits = [1, 2, 3].map((value) => append(log, batchOf({ values: [String(value)] })));
    assert.equal(log.logEndOffset, 3);
    assert.equal(log.highWatermark, 0);
    // One call may succeed; were there three, the second would fail the partition.
    fs.failNext('write', 'EIO', { path: '.log', after: 1 });
    await Promise.all(waits);
    assert.equal(log.highWatermark, 3);
    await assert.rejects(append(log, batchOf()), { code: 'KAFKA_STORAGE_ERROR' });
  });

  it('answers acks=1 from the page cache and acks=all from the device', async (test) => {
    const { log } = openLog(test);
    const order: string[] = [];
    const all = append(log, batchOf(), { acks: -1 }).then(() => order.push('all'));
    const one = append(log, batchOf(), { acks: 1 }).then(() => {
      order.push('one');
      assert.equal(log.highWatermark, 0, 'the record before is not safe yet');
    });
    await Promise.all([all, one]);
    assert.deepEqual(order, ['one', 'all']);
    assert.equal(log.highWatermark, 2);
  });

  it('rolls a segment by size, by time and when the index is full', async (test) => {
    const bySize = openLog(test, { config: { segmentBytes: 200 } });
    for (let i = 0; i < 6; i++) await append(bySize.log, batchOf({ values: ['x'.repeat(30)] }));
    const segments = bySize.fs.list('/data/t-0').filter((name) => name.endsWith('.log'));
    assert.ok(segments.length >= 3, segments.join());
    assert.equal(readAll(bySize.log).length, 6);

    const byTime = openLog(test, { config: { segmentMs: 1000 } });
    await append(byTime.log, batchOf({ timestamp: testNow - 5000 }));
    await append(byTime.log, batchOf({ timestamp: testNow }));
    assert.equal(byTime.fs.list('/data/t-0').filter((name) => name.endsWith('.log')).length, 2);

    const byIndex = openLog(test, { config: { segmentIndexBytes: 24, indexIntervalBytes: 1 } });
    for (let i = 0; i < 8; i++) await append(byIndex.log, batchOf());
    assert.ok(byIndex.fs.list('/data/t-0').filter((name) => name.endsWith('.log')).length >= 2);
    assert.equal(readAll(byIndex.log).length, 8);
  });

  it('stamps records with its own clock where the topic asks for it', async (test) => {
    const { log } = openLog(test, { config: { messageTimestampType: 'LogAppendTime' } });
    const info = await append(log, batchOf({ timestamp: 5 }));
    assert.equal(info.logAppendTimeMs, testNow);
    assert.equal(log.offsetForMaxTimestamp()?.timestamp, testNow);
  });

  it('finds offsets by timestamp inside batches, compressed or not', async (test) => {
    const { log } = openLog(test, { config: { indexIntervalBytes: 1 } });
    const at = (ms: number) => testNow + ms;
    await append(log, batchOf({ values: ['a', 'b', 'c'], timestamps: [at(0), at(20), at(10)] }));
    await append(log, batchOf({ values: ['d', 'e'], timestamps: [at(30), at(40)], codec: 'gzip' }));
    await append(log, batchOf({ values: ['f'], timestamps: [at(5)] }));
    const find = (ms: number) => log.offsetForTimestamp(at(ms), 'read_uncommitted');
    assert.deepEqual(find(-1), { timestamp: at(0), offset: 0, leaderEpoch: 0 });
    assert.equal(find(15)?.offset, 1);
    assert.equal(find(21)?.offset, 3);
    assert.equal(find(31)?.offset, 4);
    assert.equal(find(41), null);
    assert.deepEqual(log.offsetForMaxTimestamp(), { timestamp: at(40), offset: 4, leaderEpoch: 0 });
  });

  it('moves its start for DeleteRecords and never back', async (test) => {
    const { log } = openLog(test);
    for (let i = 0; i < 4; i++) await append(log, batchOf());
    assert.equal(log.deleteRecords(2), 2);
    assert.equal(log.deleteRecords(1), 2);
    assert.throws(() => log.read(1, 1000, uncommitted), { code: 'OFFSET_OUT_OF_RANGE' });
    assert.throws(() => log.deleteRecords(5), { code: 'OFFSET_OUT_OF_RANGE' });
    assert.equal(log.deleteRecords(-1), 4);
    assert.deepEqual(readAll(log), []);
  });

  it('tells at most how much can be read', async (test) => {
    const { log } = openLog(test, { config: { segmentBytes: 200 } });
    for (let i = 0; i < 5; i++) await append(log, batchOf({ values: ['x'.repeat(40)] }));
    assert.equal(log.bytesAvailable(0, 'read_uncommitted'), log.sizeBytes);
    assert.equal(log.bytesAvailable(5, 'read_uncommitted'), 0);
    assert.ok(log.bytesAvailable(4, 'read_uncommitted') > 0);
  });

  it('tells once a turn that there is more to read', async (test) => {
    const { log } = openLog(test);
    let calls = 0;
    const stop = log.onAdvance(() => calls++);
    await Promise.all([append(log, batchOf()), append(log, batchOf())]);
    assert.equal(calls, 1);
    stop();
    await append(log, batchOf());
    assert.equal(calls, 1);
  });

  it('flushes by number of records and by time', async (test) => {
    const { log, fs, reopen } = openLog(test, { config: { flushMessages: 2 } });
    await append(log, batchOf({ values: ['a'] }), { acks: 1 });
    await append(log, batchOf({ values: ['b'] }), { acks: 1 });
    await append(log, batchOf({ values: ['c'] }), { acks: 1 });
    fs.powerCut();
    assert.deepEqual(readAll(reopen().log), ['0:a', '1:b']);

    const timed = openLog(test, { config: { flushMs: 5 } });
    const { mock } = test.mock.method(timed.log, 'flush');
    await append(timed.log, batchOf({ values: ['a'] }), { acks: 1 });
    for (const deadline = Date.now() + 60_000; mock.callCount() === 0 && Date.now() < deadline; ) await sleep(5);
    await mock.calls[0]!.result;
    timed.fs.powerCut();
    assert.deepEqual(readAll(timed.reopen().log), ['0:a']);
  });
});

describe('A batch is refused', () => {
  const cases: [string, LogError['code'], (batch: Buffer) => Buffer][] = [
    ['when its checksum is wrong', 'CORRUPT_MESSAGE', (batch) => batch.fill(batch[70]! ^ 1, 70, 71)],
    ['when it is cut off', 'CORRUPT_MESSAGE', (batch) => batch.subarray(0, batch.length - 1)],
    ['when there is less than a header', 'CORRUPT_MESSAGE', (batch) => batch.subarray(0, 20)],
    ['when it is of an old format', 'INVALID_RECORD', (batch) => batch.fill(1, 16, 17)],
    ['when two are sent as one', 'INVALID_RECORD', (batch) => Buffer.concat([batch, batch])],
    ['when it brings its own offset', 'INVALID_RECORD', (batch) => batch.fill(7, 7, 8)],
    ['when it is larger than max.message.bytes', 'MESSAGE_TOO_LARGE', () => batchOf({ values: ['x'.repeat(2000)] })],
    ['when its time is far ahead', 'INVALID_TIMESTAMP', () => batchOf({ timestamp: testNow + 2 * 3600_000 })],
    ['when a client makes it a control batch', 'INVALID_RECORD', () => batchOf({ isControl: true })],
    ['when it has a producer but no sequence', 'INVALID_RECORD', () => batchOf({ producerId: 1, producerEpoch: 0 })],
  ];
  for (const [name, code, damage] of cases) {
    it(`${name}, and nothing else stops`, async (test) => {
      const { log } = openLog(test, { config: { maxMessageBytes: 1000 } });
      assert.throws(() => log.append(damage(batchOf()), { acks: -1, origin: 'client' }, () => {}), { code });
      await append(log, batchOf());
      assert.equal(log.logEndOffset, 1);
    });
  }

  it('when a compacted topic gets a record without a key', (test) => {
    const { log } = openLog(test, { config: { cleanupPolicy: ['compact'] } });
    assert.throws(
      () => log.append(batchOf({ key: null }), { acks: -1, origin: 'client' }, () => {}),
      (error: LogError) => error.code === 'INVALID_RECORD' && error.records.length === 1,
    );
  });
});

describe('A batch that this process has just built', () => {
  const own = { acks: -1, origin: 'client', isOwn: true } as const;

  it('is taken by what its header says, without a second look', async (test) => {
    const { log } = openLog(test);
    await new Promise((done) => log.append(batchOf({ values: ['a', 'b'] }), own, done));
    assert.deepEqual(readAll(log), ['0:a', '1:b']);
  });

  it('is opened all the same for what its header does not tell: times too far off, keys that are missing', (test) => {
    const hour = 3600_000;
    const { log } = openLog(test, { config: { messageTimestampBeforeMaxMs: hour } });
    const early = batchOf({ values: ['a', 'b'], timestamps: [testNow, testNow - 2 * hour] });
    assert.throws(() => log.append(early, own, () => {}), { code: 'INVALID_TIMESTAMP' });
    const late = batchOf({ values: ['a', 'b'], timestamps: [testNow, testNow + 2 * hour] });
    assert.throws(() => openLog(test).log.append(late, own, () => {}), { code: 'INVALID_TIMESTAMP' });
    const compacted = openLog(test, { config: { cleanupPolicy: ['compact'] } });
    assert.throws(() => compacted.log.append(batchOf({ key: null }), own, () => {}), { code: 'INVALID_RECORD' });
  });
});

describe('A header whose largest timestamp cannot be true', () => {
  it('is corrected, so that retention and searches by time do not believe it', async (test) => {
    const { log } = openLog(test);
    const lying = batchOf({ values: ['a', 'b'], timestamps: [testNow - 5, testNow - 3] });
    setMaxTimestamp(lying, testNow - 1000);
    await append(log, lying);
    assert.equal(log.offsetForTimestamp(testNow - 4, 'read_uncommitted')?.offset, 1);
    const single = batchOf({ timestamp: testNow - 2 });
    setMaxTimestamp(single, testNow + 1000);
    await append(log, single);
    assert.equal(log.offsetForMaxTimestamp()?.timestamp, testNow - 2);
  });
});

describe('DeleteRecords', () => {
  it('answers when the new start survives a power cut, and refuses while it cannot be written', async (test) => {
    const fixture = openLog(test);
    await append(fixture.log, batchOf({ values: ['a', 'b', 'c'] }));
    fixture.fs.failNext('write', 'ENOSPC', { path: 'log-start-offset-checkpoint' });
    await assert.rejects(fixture.log.deleteRecordsDurably(1), { code: 'KAFKA_STORAGE_ERROR' });
    assert.equal(await fixture.log.deleteRecordsDurably(1), 1);
    assert.equal(await fixture.log.deleteRecordsDurably(2), 2);
    fixture.fs.powerCut();
    assert.equal(fixture.reopen().log.logStartOffset, 2);
  });
});
