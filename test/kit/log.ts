/**
 * A log for tests: a data directory in memory (or on disk) with every option defaulted, and the batches to put into it.
 * A directory opened here is verified whole when the test ends: every file is read back and compared with its indexes.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { FileSystem } from '../../broker/fs/file-system.ts';
import { MemoryFileSystem } from '../../broker/fs/memory.ts';
import { defaultLogConfig, type LogConfig } from '../../broker/log/config.ts';
import { LogDirectory, type LogDirectoryOptions } from '../../broker/log/log-directory.ts';
import type { PartitionLog } from '../../broker/log/partition-log.ts';
import type { AppendInfo, AppendOptions } from '../../broker/log/types.ts';
import { verifyFolder } from '../../broker/log/verify.ts';
import { type BatchOptions, batchStarts, lastOffset } from '../../broker/protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../../broker/protocol/records.ts';

export const testTopicId = 'TestTopicTestTopicTest';
/** Any fixed moment; tests move it themselves. */
export const testNow = 1_750_000_000_000;

export interface LogFixture {
  readonly fs: MemoryFileSystem;
  readonly directory: LogDirectory;
  readonly log: PartitionLog;
  /** What the logger was told. */
  readonly notices: string[];
  /** The clock every log of this fixture reads. */
  readonly clock: { now: number };
  /** Opens the same files again as after a crash of the process, or after a power cut the test has made. */
  reopen(): LogFixture;
}

export interface LogFixtureOptions {
  readonly fs?: MemoryFileSystem;
  readonly config?: Partial<LogConfig>;
  readonly flushDurable?: boolean;
  readonly clock?: { now: number };
  /** What the directory sees of the disk, for a process that dies at a chosen moment. */
  readonly view?: (fs: FileSystem) => FileSystem;
  /** False where a test leaves damage behind on purpose. */
  readonly verify?: boolean;
}

/** A data directory with one partition, `t-0`. */
export function openLog(test: TestContext, options: LogFixtureOptions = {}): LogFixture {
  const fs = options.fs ?? new MemoryFileSystem();
  const clock = options.clock ?? { now: testNow };
  const config = { ...defaultLogConfig, ...options.config };
  const notices: string[] = [];
  const seen = processView(fs);
  const directory = LogDirectory.open({
    ...directoryDefaults(options.view?.(seen.fs) ?? seen.fs, notices),
    now: () => clock.now,
    configOf: () => config,
    flushDurable: options.flushDurable ?? true,
  });
  const log = directory.create('t', 0, testTopicId, config);
  test.after(async () => {
    if (!log.isOnline) return;
    await directory.close();
    if (options.verify !== false) verifyDirectory(fs, '/data');
  });
  const reopen = () => {
    seen.kill();
    log.abandon();
    return openLog(test, { ...options, fs, clock });
  };
  return { fs, directory, log, notices, clock, reopen };
}

/** The disk as one process sees it: once killed, nothing it still had in mind reaches the files. */
function processView(fs: FileSystem): { fs: FileSystem; kill(): void } {
  let isAlive = true;
  const view = new Proxy(fs, {
    get(target, name) {
      if (!isAlive) throw new Error('This process was killed.');
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    fs: view,
    kill: () => {
      isAlive = false;
    },
  };
}

/** The disk of a process that is killed before its `steps`-th call that changes anything. */
export function dyingAfter(steps: number, fs: FileSystem): { fs: FileSystem; isDead(): boolean } {
  let left = steps;
  const step = (): void => {
    if (left-- <= 0) throw new Error('This process was killed.');
  };
  const dying = <T extends object>(target: T, deadly: readonly string[]): T =>
    new Proxy(target, {
      get(_target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (left < 0 || deadly.includes(String(name))) step();
          const result: unknown = Reflect.apply(value, target, args);
          return name === 'open' ? dying(result as object, ['write', 'truncate', 'sync']) : result;
        };
      },
    });
  return { fs: dying(fs, ['rename', 'remove', 'syncDirectory', 'makeDirectory']), isDead: () => left < 0 };
}

export function directoryDefaults(fs: FileSystem, notices: string[] = []): LogDirectoryOptions {
  const note = (fields: object, message: string) => {
    const { error } = fields as { error?: Error };
    notices.push(error === undefined ? message : `${message} (${error.message})`);
  };
  return {
    path: '/data',
    fs,
    nodeId: 0,
    address: '127.0.0.1:9092',
    now: () => testNow,
    logger: { info: note, warn: note, error: note },
    // A crash of a process that never existed: whoever holds the lock is dead.
    isAlive: () => false,
  };
}

/** Fails the test when any partition of a closed directory has a fault. */
export function verifyDirectory(fs: FileSystem, path: string): void {
  for (const name of fs.list(path)) {
    if (/-\d+$/.test(name)) assert.deepEqual(verifyFolder(fs, `${path}/${name}`).faults, [], `${path}/${name}`);
  }
}

export interface TestBatch extends BatchOptions {
  /** null is a tombstone. */
  readonly values?: readonly (string | null)[];
  readonly key?: string | null;
  /** One a record, in place of `key`. */
  readonly keys?: readonly string[];
  readonly timestamp?: number;
  readonly timestamps?: readonly number[];
}

/** A batch as a producer would send it. */
export function batchOf(options: TestBatch = {}): Buffer {
  const { values = ['value'], key = 'key', keys, timestamp = testNow, timestamps, ...header } = options;
  const builder = new BatchBuilder();
  for (const [index, value] of values.entries()) {
    const own = keys?.[index] ?? key;
    builder.append(timestamps?.[index] ?? timestamp, bytesOf(own), bytesOf(value), []);
  }
  return builder.build(header);
}

function bytesOf(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text);
}

/** Appends and waits for the answer. */
export function append(log: PartitionLog, batch: Buffer, options: Partial<AppendOptions> = {}): Promise<AppendInfo> {
  return new Promise((resolve, reject) => {
    const info: AppendInfo = log.append(batch, { acks: -1, origin: 'client', ...options }, (error) =>
      error === null ? resolve(info) : reject(error),
    );
  });
}

/** All records a consumer sees from `offset` on, as `offset:value`. */
export function readAll(log: PartitionLog, offset = log.logStartOffset, maxBytes = 1024 * 1024): string[] {
  const seen: string[] = [];
  let position = offset;
  for (;;) {
    const read = log.read(position, maxBytes, { isolation: 'read_uncommitted', minOneBatch: true });
    const before = position;
    for (const at of batchStarts(read.records)) {
      for (const record of readRecords(read.records, at)) {
        if (record.offset >= before) seen.push(`${record.offset}:${record.value?.toString()}`);
      }
      position = lastOffset(read.records, at) + 1;
    }
    read.release();
    if (position === before) return seen;
  }
}

/** Resolves once no file of this folder has such a name: what is deleted later is gone. Rejects after a minute. */
export async function gone(fs: MemoryFileSystem, folder: string, part: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (fs.list(folder).some((name) => name.includes(part))) {
    if (Date.now() > deadline) throw new Error(`${folder} still has ${part}.`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
