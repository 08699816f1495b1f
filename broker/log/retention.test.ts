import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  append,
  batchOf,
  directoryDefaults,
  gone,
  openLog,
  readAll,
  testNow,
  testTopicId,
} from '../../test/kit/log.ts';
import { defaultLogConfig, type LogConfig } from './config.ts';
import { LogDirectory } from './log-directory.ts';

/** One record a segment, a second apart. */
async function threeSegments(test: TestContext, config: Partial<LogConfig>) {
  const opened = openLog(test, { config: { segmentBytes: 100, fileDeleteDelayMs: 0, ...config } });
  for (const index of [0, 1, 2]) {
    await append(opened.log, batchOf({ values: [String(index)], timestamp: testNow + 1000 * index }));
  }
  return opened;
}

describe('Retention', () => {
  it('deletes segments whose newest record is too old, the active one included', async (test) => {
    const { log, clock, fs } = await threeSegments(test, { retentionMs: 5000 });
    clock.now = testNow + 6500;
    assert.equal(log.enforceRetention(), 2);
    assert.equal(log.logStartOffset, 2);
    assert.deepEqual(readAll(log), ['2:2']);
    clock.now = testNow + 60_000;
    assert.equal(log.enforceRetention(), 1);
    assert.deepEqual([log.logStartOffset, log.logEndOffset], [3, 3]);
    assert.equal((await append(log, batchOf({ timestamp: clock.now }))).baseOffset, 3);
    await gone(fs, '/data/t-0', 'deleted');
  });

  it('deletes the oldest while the rest is still large enough', async (test) => {
    const { log } = await threeSegments(test, { retentionBytes: 140, retentionMs: -1 });
    assert.equal(log.enforceRetention(), 1);
    assert.deepEqual(readAll(log), ['1:1', '2:2']);
  });

  it('deletes nothing where it is for ever, and nothing by age or size where the topic is compacted', async (test) => {
    const forever = await threeSegments(test, { retentionMs: -1 });
    forever.clock.now = testNow * 2;
    assert.equal(forever.log.enforceRetention(), 0);
    const compacted = await threeSegments(test, { cleanupPolicy: ['compact'], retentionMs: 1, retentionBytes: 1 });
    compacted.clock.now = testNow * 2;
    assert.equal(compacted.log.enforceRetention(), 0);
  });

  it('removes the segments that DeleteRecords left behind, and remembers the start after a crash', async (test) => {
    const { log, fs, reopen } = await threeSegments(test, {});
    log.deleteRecords(2);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(fs.list('/data/t-0').filter((name) => name.endsWith('.log')).length, 3);
    const again = reopen();
    assert.equal(again.log.logStartOffset, 2);
    assert.equal(again.log.enforceRetention(), 2);
    assert.deepEqual(readAll(again.log), ['2:2']);
  });
});

describe('A data directory', () => {
  it('opens as it was closed, without recovery', async (test) => {
    const first = await threeSegments(test, {});
    await first.directory.close();
    const again = openLog(test, { fs: first.fs, config: { segmentBytes: 100 } });
    assert.deepEqual(readAll(again.log), ['0:0', '1:1', '2:2']);
    assert.equal(again.log.topicId, testTopicId);
    assert.deepEqual(again.directory.recovered, []);
    assert.equal(again.log.offsetForMaxTimestamp()?.offset, 2);
    assert.equal(again.log.recoveryPoint, 3);
  });

  it('deletes a partition at once, and refuses whoever still waits', async (test) => {
    const { log, directory, fs } = openLog(test, { config: { fileDeleteDelayMs: 0 } });
    await append(log, batchOf());
    const waiting = append(log, batchOf());
    directory.delete([log]);
    await assert.rejects(waiting, { code: 'KAFKA_STORAGE_ERROR' });
    assert.equal(directory.get('t', 0), undefined);
    assert.equal(fs.list('/data').includes('t-0'), false);
    await gone(fs, '/data', '-delete');
    const anew = directory.create('t', 0, 'AnotherTopicAnotherToA', defaultLogConfig);
    assert.equal(anew.logEndOffset, 0);
    await directory.close();
  });

  it('replaces a partition of another topic id, and adopts one that lost its id', async () => {
    const notices: string[] = [];
    const { MemoryFileSystem } = await import('../fs/memory.ts');
    const fs = new MemoryFileSystem();
    const directory = LogDirectory.open(directoryDefaults(fs, notices));
    const first = directory.create('t', 0, testTopicId, defaultLogConfig);
    await append(first, batchOf());
    assert.equal(directory.create('t', 0, testTopicId, defaultLogConfig), first);
    const second = directory.create('t', 0, 'AnotherTopicAnotherToA', defaultLogConfig);
    assert.equal(second.logEndOffset, 0);
    await append(second, batchOf());
    await directory.close();
    fs.remove('/data/t-0/partition.metadata');
    const again = LogDirectory.open(directoryDefaults(fs, notices));
    const adopted = again.create('t', 0, testTopicId, defaultLogConfig);
    assert.equal(adopted.topicId, testTopicId);
    await again.close();
    assert.match(fs.files().get('/data/t-0/partition.metadata')!.toString(), /topic_id: TestTopicTestTopicTest/);
  });

  it('cuts a log off where it is told to', async (test) => {
    const { log } = await threeSegments(test, {});
    log.truncateTo(1);
    assert.deepEqual(readAll(log), ['0:0']);
    await append(log, batchOf({ values: ['x'] }));
    assert.deepEqual(readAll(log), ['0:0', '1:x']);
  });
});
