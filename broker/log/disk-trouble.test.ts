/**
 * A disk that is full or fails while nobody appends: checkpoints, indexes, compaction, rolls, a start. What was
 * acknowledged stays, what can go on goes on, and what was refused for want of room works once there is some.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  append,
  batchOf,
  directoryDefaults,
  openLog,
  readAll,
  testTopicId,
  verifyDirectory,
} from '../../test/kit/log.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { defaultLogConfig } from './config.ts';
import { LogDirectory } from './log-directory.ts';

const day = 24 * 60 * 60 * 1000;

/** Leaves so many bytes free. */
function fill(fs: MemoryFileSystem, freeBytes = 0): void {
  fs.capacityBytes = fs.space().totalBytes - fs.space().freeBytes + freeBytes;
}

function free(fs: MemoryFileSystem): void {
  fs.capacityBytes = Number.MAX_SAFE_INTEGER;
}

describe('A disk that is full', () => {
  it('while a checkpoint writes indexes and snapshot costs nothing but the checkpoint', async (test) => {
    const { log, fs, directory, notices, reopen } = openLog(test, { config: { indexIntervalBytes: 1 } });
    const value = 'v'.repeat(30_000);
    for (let at = 0; at < 4; at++) {
      await append(log, batchOf({ values: [value], producerId: 1, producerEpoch: 0, baseSequence: at }));
    }
    fill(fs);
    await directory.writeCheckpoints();
    assert.match(notices.join('\n'), /Checkpoint failed for t-0; it will be tried again/);
    assert.match(notices.join('\n'), /The checkpoints cannot be written/);
    assert.deepEqual([log.recoveryPoint, log.isOnline], [0, true]);
    assert.equal(readAll(log).length, 4);
    free(fs);
    await append(log, batchOf({ values: ['w'], producerId: 1, producerEpoch: 0, baseSequence: 4 }));
    await directory.writeCheckpoints();
    assert.equal(log.recoveryPoint, 5);
    fs.powerCut();
    assert.equal(readAll(reopen().log).length, 5);
  });

  it('for every number of bytes that fit leaves a checkpoint that a crash survives', async () => {
    for (let room = 0; room < 1500; room += 7) {
      const fs = new MemoryFileSystem();
      const directory = LogDirectory.open(directoryDefaults(fs));
      const config = { ...defaultLogConfig, indexIntervalBytes: 50, segmentBytes: 2000 };
      const log = directory.create('t', 0, testTopicId, config);
      const values = ['x'.repeat(400)];
      for (let at = 0; at < 12; at++) await append(log, batchOf({ values }));
      fill(fs, room);
      await directory.writeCheckpoints();
      log.abandon();
      fs.powerCut();
      free(fs);
      const again = LogDirectory.open(directoryDefaults(fs));
      again.create('t', 0, testTopicId, config);
      assert.equal(readAll(again.get('t', 0)!).length, 12, `${room} bytes free`);
      await again.close();
      verifyDirectory(fs, '/data');
    }
  });

  it('while a log is compacted leaves the log as it was, and compacts it later', async (test) => {
    const config = { cleanupPolicy: ['compact'] as const, segmentBytes: 500, minCleanableDirtyRatio: 0.01 };
    const { log, fs, directory, notices, clock } = openLog(test, { config });
    for (let at = 0; at < 40; at++) await append(log, batchOf({ key: `k${at % 3}`, values: [`v${at}`.padEnd(80)] }));
    const before = readAll(log);
    clock.now += day;
    for (const room of [0, 100, 1000]) {
      fill(fs, room);
      await directory.cleaner.cleanAll();
      // Where there is room for one group of segments, that one may be done.
      const left = readAll(log);
      assert.deepEqual(left, before.slice(-left.length), `${room} bytes free`);
      assert.deepEqual(left.slice(-3), before.slice(-3));
      assert.equal(log.isOnline, true);
    }
    assert.match(notices.join('\n'), /Cleaning t-0 failed: ENOSPC/);
    assert.deepEqual(
      fs.list('/data/t-0').filter((name) => /cleaned|swap/.test(name)),
      [],
    );
    free(fs);
    await directory.cleaner.cleanAll();
    assert.ok(readAll(log).length < before.length);
    assert.equal((await append(log, batchOf({ key: 'k0', values: ['last'] }))).baseOffset, 40);
  });

  it('at a clean stop makes the next start a recovery that loses nothing', async (test) => {
    const { log, fs, directory } = openLog(test, { verify: false });
    await append(log, batchOf({ values: ['a'] }));
    await append(log, batchOf({ values: ['b'] }), { acks: 1 });
    fill(fs);
    await directory.close();
    assert.equal(fs.size('/data/.kafka_cleanshutdown'), null);
    free(fs);
    const again = openLog(test, { fs });
    assert.deepEqual(readAll(again.log), ['0:a', '1:b']);
  });

  it('refuses the offsets’ start of DeleteRecords, which works later', async (test) => {
    const { log, fs, reopen } = openLog(test);
    for (const value of ['a', 'b', 'c']) await append(log, batchOf({ values: [value] }));
    fill(fs);
    await assert.rejects(log.deleteRecordsDurably(2), { code: 'KAFKA_STORAGE_ERROR' });
    free(fs);
    assert.equal(await log.deleteRecordsDurably(2), 2);
    fs.powerCut();
    assert.deepEqual(readAll(reopen().log), ['2:c']);
  });
});

describe('A disk that fails', () => {
  it('to sync the old segment in the middle of a roll ends the partition, and what was acknowledged stays', async (test) => {
    const { log, fs, reopen } = openLog(test, { config: { segmentBytes: 100 } });
    await append(log, batchOf({ values: ['a'] }));
    await append(log, batchOf({ values: ['b'] }), { acks: 1 });
    fs.failNext('sync', 'EIO', { path: '00001.log' });
    // Rolls, and its sync covers the segment before as well.
    await assert.rejects(append(log, batchOf({ values: ['c'] })), { code: 'KAFKA_STORAGE_ERROR' });
    await assert.rejects(append(log, batchOf({ values: ['d'] })), { code: 'KAFKA_STORAGE_ERROR', message: /offline/ });
    fs.powerCut();
    const again = reopen();
    assert.deepEqual(readAll(again.log)[0], '0:a');
    assert.equal((await append(again.log, batchOf({ values: ['e'] }))).baseOffset, again.log.logEndOffset - 1);
  });

  it('to sync the folder of a new segment refuses the record, and never says yes later', async (test) => {
    const { log, fs } = openLog(test, { config: { segmentBytes: 100 }, verify: false });
    await append(log, batchOf({ values: ['a'] }));
    fs.failNext('sync', 'EIO', { path: '/data/t-0' });
    await assert.rejects(append(log, batchOf({ values: ['b'] })), { code: 'KAFKA_STORAGE_ERROR' });
    await assert.rejects(append(log, batchOf({ values: ['c'] })), { code: 'KAFKA_STORAGE_ERROR' });
    assert.equal(log.isOnline, false);
  });

  it('to write an index while a segment is rolled ends the partition; a start makes the index anew', async (test) => {
    const { log, fs, reopen } = openLog(test, { config: { segmentBytes: 100, indexIntervalBytes: 1 } });
    await append(log, batchOf({ values: ['a'] }));
    fs.failNext('open', 'EIO', { path: '.index' });
    await assert.rejects(append(log, batchOf({ values: ['b'] })), { code: 'KAFKA_STORAGE_ERROR' });
    assert.equal(log.isOnline, false);
    const again = reopen();
    assert.deepEqual(readAll(again.log), ['0:a']);
    assert.equal((await append(again.log, batchOf({ values: ['b'] }))).baseOffset, 1);
  });

  it('to replace the originals of a compaction leaves the choice to the next start, which loses nothing', async (test) => {
    const config = { cleanupPolicy: ['compact'] as const, segmentBytes: 300, minCleanableDirtyRatio: 0.01 };
    const { log, fs, directory, reopen, clock } = openLog(test, { config });
    for (let at = 0; at < 20; at++) await append(log, batchOf({ key: `k${at % 2}`, values: [`v${at}`.padEnd(80)] }));
    clock.now += day;
    fs.failNext('rename', 'EIO', { path: '.swap' });
    await directory.cleaner.cleanAll();
    const again = reopen();
    const values = readAll(again.log).map((record) => record.split(':')[1]!.trim());
    assert.deepEqual(values.slice(-2), ['v18', 'v19']);
    assert.equal(again.log.logEndOffset, 20);
  });
});
