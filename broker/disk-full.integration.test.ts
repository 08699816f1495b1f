/**
 * A full disk, as a real client meets it: its records are refused with an error it retries on, consumers go on, and
 * writing resumes by itself once there is room. On a real file system of 8 MB where this process may mount one (root on
 * Linux), else on the disk in memory.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startTestBroker } from '../test/kit/broker.ts';
import type { FileSystem } from './fs/file-system.ts';
import { MemoryFileSystem } from './fs/memory.ts';
import type { ErrorName } from './protocol/error-codes.ts';

const diskBytes = 8 * 1024 * 1024;
const recordBytes = 64 * 1024;
/** Left for what the broker writes at its start. */
const initialBytes = 1024 * 1024;

interface SmallDisk {
  readonly dataDir: string;
  readonly fs?: FileSystem;
  /** Takes most of the room, and gives it back. */
  fill(): void;
  free(): void;
  release(): void;
}

function smallDisk(test: TestContext): SmallDisk {
  const root = mkdtempSync(join(tmpdir(), 'millrace-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', root], { stdio: 'ignore' });
  } catch {
    rmSync(root, { recursive: true });
    test.diagnostic('No file system may be mounted here; the disk is one in memory.');
    return memoryDisk();
  }
  const ballast = join(root, 'ballast');
  return {
    dataDir: join(root, 'data'),
    fill: () => writeFileSync(ballast, Buffer.alloc(diskBytes - 2 * initialBytes)),
    free: () => rmSync(ballast, { force: true }),
    release: () => {
      execFileSync('umount', [root]);
      rmSync(root, { recursive: true });
    },
  };
}

function memoryDisk(): SmallDisk {
  const fs = new MemoryFileSystem();
  return {
    dataDir: '/data',
    fs,
    fill: () => {
      fs.capacityBytes = 2 * initialBytes;
    },
    free: () => {
      fs.capacityBytes = Number.MAX_SAFE_INTEGER;
    },
    release: () => {},
  };
}

it('A full disk refuses records for as long as it is full, and nothing else', async (test) => {
  const disk = smallDisk(test);
  const fixture = await startTestBroker(test, {
    dataDir: disk.dataDir,
    ...(disk.fs === undefined ? {} : { fs: disk.fs }),
  });
  // Clients that are still connected would keep a failed test alive.
  const clients: { disconnect(): Promise<void> }[] = [];
  test.after(async () => {
    await Promise.all(clients.map((client) => client.disconnect()));
    disk.release();
  });
  const kafka = new Kafka({ brokers: [fixture.bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 60_000 });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 't' }, { topic: 'unused' }] });
  await admin.disconnect();
  const hasty = kafka.producer({ retry: { retries: 0 } });
  clients.push(hasty);
  await hasty.connect();
  const send = (producer: typeof hasty, topic: string, key: string) =>
    producer.send({ topic, acks: -1, messages: [{ key, value: Buffer.alloc(recordBytes) }] });
  await send(hasty, 't', 'first');
  const seen: string[] = [];
  const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 100 });
  clients.push(consumer);
  await consumer.connect();
  await consumer.subscribe({ topic: 't', fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void seen.push(String(message.key)) });
  await until(() => seen.length === 1);

  disk.fill();
  const sent = ['first'];
  // KafkaJS's words for KAFKA_STORAGE_ERROR.
  const storageError = /Disk error when trying to access log file on the disk/;
  await assert.rejects(async () => {
    for (;;) {
      await send(hasty, 't', `${sent.length}`);
      sent.push(`${sent.length}`);
    }
  }, storageError);
  await assert.rejects(send(hasty, 't', 'refused'), storageError);
  await until(() => seen.length === sent.length);

  const patient = kafka.producer({ retry: { retries: 100, initialRetryTime: 50, maxRetryTime: 100 } });
  clients.push(patient);
  await patient.connect();
  const late = [send(patient, 't', 'late'), send(patient, 'unused', 'late')];
  await new Promise((resolve) => setTimeout(resolve, 300));
  disk.free();
  await Promise.all(late);
  await send(hasty, 't', 'last');
  sent.push('late', 'last');
  await until(() => seen.length === sent.length);
  await Promise.all([consumer.disconnect(), hasty.disconnect(), patient.disconnect()]);
  assert.deepEqual(seen, sent);

  await fixture.restart();
  assert.equal(fixture.broker.log('t', 0).highWatermark, sent.length);
});

it('A full disk refuses a commit of offsets with an error that clients retry, and keeps those it had', async (test) => {
  const fs = new MemoryFileSystem();
  const kafka = await startTestBroker(test, { dataDir: '/data', fs });
  await kafka.broker.topics.create([{ name: 't', partitions: 1 }]);
  const commit = (offset: number): Promise<ErrorName | undefined> => {
    const member = { group: 'g', memberId: '', groupInstanceId: null, generationId: -1 };
    const offsets = [{ topic: 't', partition: 0, offset, leaderEpoch: -1, metadata: '' }];
    return new Promise((resolve) =>
      kafka.broker.groups.commit({ ...member, retentionTimeMs: -1, offsets }, ([error]) => resolve(error)),
    );
  };
  const committed = () => kafka.broker.groups.offset('g', 't', 0)?.offset;
  assert.equal(await commit(3), 'NONE');
  fs.capacityBytes = fs.space().totalBytes - fs.space().freeBytes;
  assert.equal(await commit(5), 'NOT_COORDINATOR');
  assert.equal(committed(), 3);
  fs.capacityBytes = Number.MAX_SAFE_INTEGER;
  assert.equal(await commit(7), 'NONE');
  await kafka.restart();
  assert.equal(committed(), 7);
});

async function until(isDone: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!isDone()) {
    assert.ok(Date.now() < deadline, 'It did not happen in a minute.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
