/**
 * What a crash leaves behind and what a start makes of it: torn tails, zeros, stale indexes, full and failing disks.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  append,
  batchOf,
  directoryDefaults,
  gone,
  openLog,
  readAll,
  testTopicId,
  verifyDirectory,
} from '../../test/kit/log.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { defaultLogConfig } from './config.ts';
import { LogDirectory } from './log-directory.ts';

const logFile = '/data/t-0/00000000000000000000.log';

/** The same files on another disk, some of them changed. */
function copyOf(files: Map<string, Buffer>, changed: Record<string, Buffer | null> = {}): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  for (const [path, bytes] of files) if (changed[path] !== null) fs.put(path, changed[path] ?? bytes);
  for (const [path, bytes] of Object.entries(changed)) if (bytes !== null) fs.put(path, bytes);
  return fs;
}

/** Five one-record batches a..e, none of them synced, and where each begins. */
async function fiveBatches(test: TestContext) {
  const { log, fs } = openLog(test, { verify: false, config: { indexIntervalBytes: 1 } });
  const starts: number[] = [];
  for (const value of ['a', 'b', 'c', 'd', 'e']) {
    starts.push(log.sizeBytes);
    await append(log, batchOf({ values: [value] }), { acks: 1 });
  }
  const files = fs.files();
  log.abandon();
  return { files, bytes: files.get(logFile)!, starts };
}

describe('After a power cut', () => {
  it('at any byte of the last batches, every whole batch before it is there and nothing else', async (test) => {
    const { files, bytes, starts } = await fiveBatches(test);
    for (let cut = starts[2]!; cut <= bytes.length; cut++) {
      const whole = [...starts.slice(1), bytes.length].filter((end) => end <= cut).length;
      const opened = openLog(test, { fs: copyOf(files, { [logFile]: bytes.subarray(0, cut) }) });
      assert.deepEqual(readAll(opened.log), ['0:a', '1:b', '2:c', '3:d', '4:e'].slice(0, whole), `cut at ${cut}`);
      assert.equal((await append(opened.log, batchOf())).baseOffset, whole);
      assert.equal(opened.directory.recovered.length, starts.includes(cut) || cut === bytes.length ? 0 : 1);
    }
  });

  it('zeros where the last batches should be are cut off, and the cut is reported', async (test) => {
    const { files, bytes, starts } = await fiveBatches(test);
    const zeroed = Buffer.from(bytes).fill(0, starts[3]);
    const { log, directory, notices } = openLog(test, { fs: copyOf(files, { [logFile]: zeroed }) });
    assert.deepEqual(readAll(log), ['0:a', '1:b', '2:c']);
    assert.equal(directory.recovered[0]?.truncatedBytes, bytes.length - starts[3]!);
    assert.match(notices.join(), /Recovery cut \d+ bytes off t-0: the batch at position \d+/);
  });

  it('a damaged byte inside a batch cuts the log there', async (test) => {
    const { files, bytes, starts } = await fiveBatches(test);
    const damaged = Buffer.from(bytes);
    damaged[starts[2]! + 65]! ^= 0x10;
    const { log } = openLog(test, { fs: copyOf(files, { [logFile]: damaged }) });
    assert.deepEqual(readAll(log), ['0:a', '1:b']);
  });

  it('an index that is ahead of the log, garbage, or missing, is made anew', async (test) => {
    const { files, bytes, starts } = await fiveBatches(test);
    const index = logFile.replace('.log', '.index');
    const timeIndex = logFile.replace('.log', '.timeindex');
    const ahead = Buffer.alloc(16);
    ahead.writeInt32BE(3, 0);
    ahead.writeInt32BE(starts[3]!, 4);
    ahead.writeInt32BE(99, 8);
    ahead.writeInt32BE(9999, 12);
    for (const planted of [ahead, Buffer.alloc(40, 0xa5), Buffer.alloc(7), null]) {
      const fs = copyOf(files, { [index]: planted, [timeIndex]: planted, [logFile]: bytes.subarray(0, starts[3]) });
      const { log } = openLog(test, { fs });
      assert.deepEqual(readAll(log), ['0:a', '1:b', '2:c']);
      assert.deepEqual(readAll(log, 2), ['2:c']);
    }
  });

  it('a lost middle segment takes the later ones with it', async (test) => {
    const config = { segmentBytes: 100 };
    const { log, fs, reopen } = openLog(test, { config });
    for (const value of ['a', 'b', 'c']) await append(log, batchOf({ values: [value] }), { acks: 1 });
    const second = fs
      .list('/data/t-0')
      .filter((name) => name.endsWith('.log'))
      .sort()[1]!;
    fs.remove(`/data/t-0/${second}`);
    assert.deepEqual(readAll(reopen().log), ['0:a']);
  });

  it('what acks=all had acknowledged is there, the rest may be', async (test) => {
    const { log, fs, reopen } = openLog(test);
    await append(log, batchOf({ values: ['durable'] }), { acks: -1 });
    await append(log, batchOf({ values: ['cached'] }), { acks: 1 });
    fs.powerCut();
    assert.deepEqual(readAll(reopen().log), ['0:durable']);
  });

  it('with durability switched off, acks=all means the page cache, as in Kafka', async (test) => {
    const { log, fs, reopen } = openLog(test, { flushDurable: false });
    await append(log, batchOf(), { acks: -1 });
    assert.equal(log.highWatermark, 1);
    fs.powerCut();
    assert.deepEqual(readAll(reopen().log), []);
  });
});

describe('After kill -9', () => {
  it('everything that was answered or seen is there', async (test) => {
    const { log, reopen } = openLog(test);
    await append(log, batchOf({ values: ['all'] }), { acks: -1 });
    await append(log, batchOf({ values: ['one'] }), { acks: 1 });
    assert.deepEqual(readAll(log), ['0:all', '1:one']);
    assert.deepEqual(readAll(reopen().log), ['0:all', '1:one']);
  });

  it('a new leader epoch begins, and tells where the old one ended', async (test) => {
    const first = openLog(test);
    await append(first.log, batchOf());
    const second = first.reopen();
    await append(second.log, batchOf());
    assert.equal(second.log.leaderEpoch, first.log.leaderEpoch + 1);
    assert.deepEqual(second.log.endOffsetForEpoch(first.log.leaderEpoch), { epoch: 0, endOffset: 1 });
    assert.deepEqual(second.log.endOffsetForEpoch(second.log.leaderEpoch), { epoch: 1, endOffset: 2 });
    assert.deepEqual(second.log.endOffsetForEpoch(7), { epoch: -1, endOffset: -1 });
    assert.equal(second.log.epochForOffset(1), 1);
  });

  it('only the records after the recovery point are read again', async (test) => {
    const { log, directory, fs, reopen } = openLog(test, { config: { indexIntervalBytes: 1 } });
    for (const value of ['a', 'b', 'c']) await append(log, batchOf({ values: [value] }));
    await directory.writeCheckpoints();
    assert.equal(log.recoveryPoint, 3);
    await append(log, batchOf({ values: ['d'] }));
    // Damage that recovery must not see, because it trusts what is below the recovery point.
    const bytes = Buffer.from(fs.files().get(logFile)!);
    bytes[66]! ^= 1;
    fs.put(logFile, bytes);
    const again = reopen();
    assert.equal(again.log.logEndOffset, 4);
    bytes[66]! ^= 1;
    fs.put(logFile, bytes);
  });

  it('gaps that a cleaner left are no damage, and any other gap is', async (test) => {
    const { log, fs, reopen } = openLog(test);
    await append(log, batchOf({ values: ['a'] }));
    await append(log, batchOf({ values: ['b'] }));
    const gap = Buffer.from(fs.files().get(logFile)!);
    gap.writeInt32BE(5, gap.length / 2 + 4);
    fs.put(logFile, gap);
    fs.put('/data/cleaner-offset-checkpoint', Buffer.from('0\n1\nt 0 1\n'));
    const cleaned = reopen();
    assert.deepEqual(readAll(cleaned.log), ['0:a', '5:b']);
    fs.remove('/data/cleaner-offset-checkpoint');
    assert.deepEqual(readAll(cleaned.reopen().log), ['0:a']);
  });

  it('half-done deletes, compactions and swaps are tidied up', async (test) => {
    const { log, fs, reopen } = openLog(test, { config: { segmentBytes: 100 } });
    for (const value of ['a', 'b']) await append(log, batchOf({ values: [value] }));
    const swapped = Buffer.from(fs.files().get(logFile)!);
    fs.put(`${logFile}.swap`, swapped);
    fs.put('/data/t-0/00000000000000000000.log.cleaned', Buffer.from('half'));
    fs.put('/data/t-0/00000000000000000009.log.deleted', Buffer.from('gone'));
    fs.put('/data/t-0/00000000000000000009.snapshot', Buffer.from('torn'));
    fs.makeDirectory('/data/u-0.abc-delete');
    fs.put('/data/u-0.abc-delete/x', Buffer.from('gone'));
    const again = reopen();
    assert.deepEqual(readAll(again.log), ['0:a', '1:b']);
    const left = fs
      .list('/data/t-0')
      .filter((name) => !/\.(log|index|timeindex|snapshot|metadata)$|checkpoint$/.test(name));
    assert.deepEqual(left, []);
    again.directory.start();
    await gone(fs, '/data', 'u-0.abc-delete');
  });
});

describe('A full disk', () => {
  it('refuses appends, serves reads, and takes appends again when there is room', async (test) => {
    const { log, fs } = openLog(test);
    await append(log, batchOf({ values: ['a'] }));
    fs.capacityBytes = fs.space().totalBytes - fs.space().freeBytes + 30;
    await assert.rejects(append(log, batchOf({ values: ['b'] })), /disk is full/);
    await assert.rejects(append(log, batchOf({ values: ['b'] }), { acks: 1 }), { code: 'KAFKA_STORAGE_ERROR' });
    assert.deepEqual(readAll(log), ['0:a']);
    assert.equal(log.isOnline, true);
    fs.capacityBytes = Number.MAX_SAFE_INTEGER;
    assert.equal((await append(log, batchOf({ values: ['c'] }))).baseOffset, 1);
    assert.deepEqual(readAll(log), ['0:a', '1:c']);
  });

  it('lets an idempotent producer repeat the refused batch', async (test) => {
    const { log, fs } = openLog(test);
    const batch = (sequence: number) => batchOf({ producerId: 5, producerEpoch: 0, baseSequence: sequence });
    await append(log, batch(0));
    fs.capacityBytes = fs.space().totalBytes - fs.space().freeBytes + 30;
    await Promise.allSettled([append(log, batch(1)), append(log, batch(2))]);
    fs.capacityBytes = Number.MAX_SAFE_INTEGER;
    assert.equal((await append(log, batch(1))).baseOffset, 1);
    assert.equal((await append(log, batch(2))).baseOffset, 2);
  });

  it('in the middle of a roll refuses, and rolls later', async (test) => {
    const { log, fs } = openLog(test, { config: { segmentBytes: 100 } });
    await append(log, batchOf({ values: ['a'] }));
    fs.capacityBytes = fs.space().totalBytes - fs.space().freeBytes;
    await assert.rejects(append(log, batchOf({ values: ['b'] })), { code: 'KAFKA_STORAGE_ERROR' });
    fs.capacityBytes = Number.MAX_SAFE_INTEGER;
    await append(log, batchOf({ values: ['c'] }));
    assert.deepEqual(readAll(log), ['0:a', '1:c']);
  });
});

describe('A failing disk', () => {
  for (const call of ['write', 'sync'] as const) {
    it(`ends the partition at the first failed ${call}, and no other; the next start recovers`, async (test) => {
      const { log, fs, directory, reopen, notices } = openLog(test);
      const other = directory.create('u', 0, testTopicId, defaultLogConfig);
      await append(log, batchOf({ values: ['a'] }));
      fs.failNext(call, 'EIO', { path: 't-0' });
      await assert.rejects(append(log, batchOf({ values: ['b'] })), { code: 'KAFKA_STORAGE_ERROR' });
      await assert.rejects(append(log, batchOf({ values: ['c'] })), { code: 'KAFKA_STORAGE_ERROR' });
      assert.throws(() => readAll(log), { code: 'KAFKA_STORAGE_ERROR' });
      assert.match(notices.join(), /t-0 is offline because its disk failed/);
      await append(other, batchOf());
      await directory.close();
      const again = reopen();
      assert.ok(readAll(again.log).includes('0:a'));
      assert.deepEqual(readAll(again.directory.get('u', 0)!), ['0:value']);
    });
  }
});

describe('Two starts on one directory', () => {
  it('the second is refused with a sentence that names the first', () => {
    const fs = new MemoryFileSystem();
    const { isAlive: _, ...options } = directoryDefaults(fs);
    LogDirectory.open(options);
    assert.throws(() => LogDirectory.open(options), {
      code: 'LOG_DIRECTORY_IN_USE',
      message: new RegExp(`/data is in use by process ${process.pid}, which serves 127.0.0.1:9092 since`),
    });
  });

  it('the lock of a killed process is taken over, and given back at the stop', async () => {
    const fs = new MemoryFileSystem();
    const dead = { pid: 2 ** 22 + 1, processStart: 1, bootId: null, since: '', address: 'x' };
    fs.put('/data/.lock', Buffer.from(JSON.stringify(dead)));
    const { isAlive: _, ...options } = directoryDefaults(fs);
    const directory = LogDirectory.open(options);
    await directory.close();
    assert.equal(fs.size('/data/.lock'), null);
    await LogDirectory.open(options).close();
  });

  it('a directory of another node is refused', async () => {
    const fs = new MemoryFileSystem();
    const first = LogDirectory.open(directoryDefaults(fs));
    await first.close();
    assert.throws(() => LogDirectory.open({ ...directoryDefaults(fs), nodeId: 3 }), { code: 'LOG_DIRECTORY_INVALID' });
    const again = LogDirectory.open(directoryDefaults(fs));
    assert.equal(again.clusterId, first.clusterId);
    await again.close();
    verifyDirectory(fs, '/data');
  });
});
