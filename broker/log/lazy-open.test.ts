/**
 * Logs whose files are opened when somebody needs them: what may not differ from logs that are open all the time, and
 * what a crash in between leaves.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  append,
  batchOf,
  directoryDefaults,
  dyingAfter,
  openLog,
  readAll,
  testTopicId,
  verifyDirectory,
} from '../../test/kit/log.ts';
import type { FileSystem } from '../fs/file-system.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { writeCheckpoint } from './checkpoint-file.ts';
import { defaultLogConfig, type LogConfig } from './config.ts';
import { names } from './files.ts';
import { LogDirectory } from './log-directory.ts';

const config: LogConfig = { ...defaultLogConfig, segmentBytes: 300, indexIntervalBytes: 50 };
const partitions = 20;

function open(fs: FileSystem, notices: string[] = []): LogDirectory {
  return LogDirectory.open({ ...directoryDefaults(fs, notices), configOf: () => config });
}

/** Two records in each of some partitions, not synced, as a killed process leaves them. */
async function killedDirectory(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  const directory = open(fs);
  for (let partition = 0; partition < partitions; partition++) {
    const log = directory.create('t', partition, testTopicId, config);
    for (const value of ['a', 'b']) await append(log, batchOf({ values: [value + partition] }), { acks: 1 });
    log.abandon();
  }
  return fs;
}

function copyOf(files: ReadonlyMap<string, Buffer>): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  for (const [path, bytes] of files) fs.put(path, bytes);
  return fs;
}

/** Everything that is asked of a log, so that a test can compare. */
function answers(directory: LogDirectory, partition = 0): unknown {
  const log = directory.get('t', partition)!;
  const { logStartOffset, logEndOffset, highWatermark, lastStableOffset, sizeBytes, recoveryPoint, isOnline } = log;
  const atEnd = log.read(logEndOffset, 1000, { isolation: 'read_committed', minOneBatch: true });
  const { records, abortedTransactions } = atEnd;
  atEnd.release();
  const marks = { logStartOffset, logEndOffset, highWatermark, lastStableOffset, sizeBytes, recoveryPoint, isOnline };
  return { ...marks, records, abortedTransactions, available: log.bytesAvailable(logEndOffset, 'read_uncommitted') };
}

describe('After a crash', () => {
  it('a start opens nothing that nobody asks for, and recovers it when somebody does', async () => {
    const fs = await killedDirectory();
    const directory = open(fs);
    const bytes = fs.size('/data/t-3/00000000000000000000.log');
    assert.deepEqual([bytes! > 0, directory.get('t', 3)!.sizeBytes], [true, bytes]);
    assert.equal([...directory.logs.values()].filter((log) => log.isOpen).length, 0);
    assert.deepEqual(readAll(directory.get('t', 3)!), ['0:a3', '1:b3']);
    assert.equal((await append(directory.get('t', 4)!, batchOf())).baseOffset, 2);
    assert.equal([...directory.logs.values()].filter((log) => log.isOpen).length, 2);
    // Unchecked logs must be looked at by the next start too.
    await directory.close();
    assert.equal(fs.size(`/data/${names.cleanShutdown}`), null);
    const again = open(fs);
    again.openAll();
    await again.close();
    assert.notEqual(fs.size(`/data/${names.cleanShutdown}`), null);
    verifyDirectory(fs, '/data');
  });

  it('the caretaker recovers the others, and a stop after it is a clean one', async () => {
    const fs = await killedDirectory();
    const directory = open(fs);
    directory.start();
    while ([...directory.logs.values()].some((log) => log.isUnchecked || log.isOpen)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const log of directory.logs.values()) assert.deepEqual([log.recoveryPoint, log.logEndOffset], [2, 2]);
    await directory.close();
    assert.notEqual(fs.size(`/data/${names.cleanShutdown}`), null);
    fs.powerCut();
    assert.deepEqual(readAll(open(fs).get('t', 7)!), ['0:a7', '1:b7']);
  });

  it('a stop in the middle of the caretaker’s round ends it, and loses nothing', async () => {
    const fs = await killedDirectory();
    for (let turns = 0; turns < 12; turns++) {
      const directory = open(fs);
      directory.start();
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      const hanging = setTimeout(() => assert.fail('The stop hangs.'), 60_000);
      await directory.close();
      clearTimeout(hanging);
    }
    assert.deepEqual(readAll(open(fs).get('t', 3)!), ['0:a3', '1:b3']);
  });

  it('a log with much to read is recovered before anybody is served', async () => {
    const fs = new MemoryFileSystem();
    const first = open(fs);
    const log = first.create('t', 0, testTopicId, defaultLogConfig);
    const values = ['v'.repeat(1_000_000)];
    for (let count = 0; count < 5; count++) await append(log, batchOf({ values }), { acks: 1 });
    log.abandon();
    assert.equal(open(fs).get('t', 0)!.isOpen, true);
  });

  it('dying again at any step of a recovery changes nothing', async () => {
    const killed = await killedDirectory();
    const damaged = killed.files();
    const path = '/data/t-5/00000000000000000000.log';
    const torn = damaged.get(path)!;
    damaged.set(path, torn.subarray(0, torn.length - 3));
    for (let steps = 0; ; steps++) {
      const fs = copyOf(damaged);
      const dying = dyingAfter(steps, fs);
      try {
        const directory = open(dying.fs);
        directory.openAll();
        for (const log of directory.logs.values()) log.abandon();
      } catch (error) {
        assert.match((error as Error).message, /was killed/);
      }
      const isThrough = !dying.isDead();
      if (steps % 2 === 0) fs.powerCut();
      const again = open(fs);
      assert.deepEqual(readAll(again.get('t', 5)!), ['0:a5'], `killed before step ${steps}`);
      assert.deepEqual(readAll(again.get('t', 6)!), ['0:a6', '1:b6'], `killed before step ${steps}`);
      again.openAll();
      await again.close();
      verifyDirectory(fs, '/data');
      if (isThrough) break;
    }
  });

  it('a recovery-point checkpoint that is torn, or ahead of the data, costs time and no record', async () => {
    const fs = await killedDirectory();
    const lines = Array.from({ length: partitions }, (_, partition) => ['t', partition, 1000]);
    writeCheckpoint(fs, '/data', names.recoveryPoints, lines);
    const ahead = fs.files();
    const path = `/data/${names.recoveryPoints}`;
    const torn = new Map(ahead).set(path, ahead.get(path)!.subarray(0, 40));
    for (const files of [ahead, torn]) {
      const copy = copyOf(files);
      const directory = open(copy);
      assert.deepEqual(readAll(directory.get('t', 9)!), ['0:a9', '1:b9']);
      assert.equal((await append(directory.get('t', 9)!, batchOf({ values: ['c'] }))).baseOffset, 2);
      // What was believed too much is put right on the device before anything is built on it.
      copy.powerCut();
      assert.deepEqual(readAll(open(copy).get('t', 9)!), ['0:a9', '1:b9', '2:c']);
    }
  });

  it('a partition whose files cannot be opened says so, and the others work', async () => {
    const fs = await killedDirectory();
    const notices: string[] = [];
    const directory = open(fs, notices);
    fs.failNext('open', 'EIO', { path: 't-2/' });
    assert.throws(() => directory.get('t', 2)!.logEndOffset, { code: 'KAFKA_STORAGE_ERROR', message: /t-2 .*EIO/ });
    assert.deepEqual(readAll(directory.get('t', 1)!), ['0:a1', '1:b1']);
    assert.deepEqual(readAll(directory.get('t', 2)!), ['0:a2', '1:b2']);
    fs.failNext('open', 'EIO', { path: 't-8/' });
    directory.start();
    while ([...directory.logs.values()].filter((log) => log.isUnchecked).length > 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await directory.close();
    assert.match(notices.join('\n'), /Opening failed for t-8.*EIO/);
    assert.equal(fs.size(`/data/${names.cleanShutdown}`), null);
  });
});

describe('A log that rests', () => {
  async function rested(test: TestContext, own: Partial<LogConfig> = {}) {
    const fixture = openLog(test, { config: { ...config, ...own } });
    for (const value of ['a', 'b', 'c']) await append(fixture.log, batchOf({ values: [value] }), { acks: 1 });
    await fixture.directory.writeCheckpoints();
    const before = answers(fixture.directory);
    await fixture.directory.enforceRetention();
    await fixture.directory.enforceRetention();
    assert.equal(fixture.log.isOpen, false);
    return { ...fixture, before };
  }

  it('answers as before without its files, and opens them for whoever reads or writes', async (test) => {
    const { directory, log, before } = await rested(test);
    assert.deepEqual(answers(directory), before);
    await log.flush();
    assert.equal(log.isOpen, false);
    assert.deepEqual(readAll(log), ['0:a', '1:b', '2:c']);
    assert.equal(log.isOpen, true);
  });

  it('calls whoever waits for records that come later', async (test) => {
    const { log } = await rested(test);
    let calls = 0;
    const stop = log.onAdvance(() => calls++);
    assert.equal((await append(log, batchOf({ values: ['d'] }))).baseOffset, 3);
    stop();
    assert.ok(calls > 0);
    assert.deepEqual(readAll(log, 2), ['2:c', '3:d']);
  });

  it('is there after a power cut, a crash and a clean stop', async (test) => {
    const { fs, reopen } = await rested(test);
    fs.powerCut();
    const again = reopen();
    assert.deepEqual(readAll(again.log), ['0:a', '1:b', '2:c']);
    await again.directory.close();
    assert.deepEqual(readAll(openLog(test, { fs, config }).log), ['0:a', '1:b', '2:c']);
  });

  it('loses old segments all the same, when it is time or when its config says so', async (test) => {
    const { log, clock, directory } = await rested(test, { retentionMs: 5000 });
    clock.now += 4000;
    await directory.enforceRetention();
    assert.equal(log.isOpen, false);
    assert.equal(log.logStartOffset, 0);
    clock.now += 2000;
    await directory.enforceRetention();
    assert.equal(log.logStartOffset, 3);
    const other = await rested(test, { segmentBytes: 100 });
    other.log.setConfig({ ...config, retentionBytes: 0 });
    await other.directory.enforceRetention();
    assert.equal(other.log.logStartOffset, 2);
  });

  it('does not rest while something was written lately, a producer may retry, or a transaction is open', async (test) => {
    const { log, directory, clock } = openLog(test, { config });
    const producer = { producerId: 1, producerEpoch: 0 };
    const tend = async () => {
      await directory.writeCheckpoints();
      await directory.enforceRetention();
      await directory.enforceRetention();
    };
    await append(log, batchOf({ ...producer, baseSequence: 0 }));
    await tend();
    assert.equal(log.isOpen, true);
    clock.now += 11 * 60 * 1000;
    await tend();
    assert.equal(log.isOpen, false);
    const retried = await append(log, batchOf({ ...producer, baseSequence: 0 }));
    assert.deepEqual([retried.baseOffset, retried.isDuplicate], [0, true]);
    await append(log, batchOf({ ...producer, baseSequence: 1, isTransactional: true }), { transactionVersion: 1 });
    clock.now += 11 * 60 * 1000;
    await tend();
    assert.equal(log.isOpen, true);
  });

  it('can be deleted, and another may come under its name', async (test) => {
    const { log, directory, fs } = await rested(test);
    directory.delete([log]);
    assert.throws(() => readAll(log), { code: 'KAFKA_STORAGE_ERROR' });
    const anew = directory.create('t', 0, 'AnotherTopicAnotherToA', config);
    assert.equal((await append(anew, batchOf({ values: ['x'] }))).baseOffset, 0);
    fs.powerCut();
    assert.deepEqual(readAll(open(fs).get('t', 0)!), ['0:x']);
  });
});

describe('A partition of which nothing was written', () => {
  it('has no folder, answers as an empty one, and is made by its first record, durably', async (test) => {
    const fs = new MemoryFileSystem();
    const directory = open(fs);
    const log = directory.create('t', 1, testTopicId, config);
    assert.deepEqual([log.logStartOffset, log.logEndOffset, readAll(log)], [0, 0, []]);
    assert.equal(fs.size('/data/t-1'), null);
    await append(log, batchOf({ values: ['a'] }));
    fs.powerCut();
    assert.deepEqual(readAll(open(fs).get('t', 1)!), ['0:a']);
    test.after(() => log.abandon());
  });

  it('refuses a record for which its folder cannot be made, and takes the next one', async () => {
    const fs = new MemoryFileSystem();
    const directory = open(fs);
    const log = directory.create('t', 1, testTopicId, config);
    fs.failNext('open', 'ENOSPC', { path: 't-1/' });
    await assert.rejects(append(log, batchOf()), { code: 'KAFKA_STORAGE_ERROR', message: /full/ });
    assert.equal((await append(log, batchOf({ values: ['b'] }))).baseOffset, 0);
    await directory.close();
    assert.deepEqual(readAll(open(fs).get('t', 1)!), ['0:b']);
  });
});
