/**
 * A commit whose decision goes to the disk beside its records: the power is cut before each write, and of what was not synced
 * every choice of files survives. Promised: a transaction is there whole, in both topics, or not at all; a commit that was
 * told is there; what a consumer saw is there at its offset; nothing hangs; what comes later brings nothing back.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mortalDisk, readCommitted } from '../../test/kit/transactions.ts';
import { type Broker, startBroker } from '../broker.ts';
import type { FileSystem } from '../fs/file-system.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { openTransactionalProducer } from '../in-process/transactional-producer.ts';

const noop = (): void => {};
const logger = { debug: noop, info: noop, warn: noop, error: noop };
const topics = ['left', 'right'];
const state = '__transaction_state';
/** Only the first transaction writes here: nobody after it has a reason to bring its end to the disk. */
const once = 'once';
const transactions = 3;
const deadlineMs = 60_000;

const start = (fs: FileSystem): Promise<Broker> => startBroker({ dataDir: '/data', port: 0, fs, logger });
const open = (broker: Broker) => openTransactionalProducer(broker, { clientId: 'test', transactionalId: 'id' });
const recordOf = (topic: string, value: number) => {
  return { topic, partition: 0, key: null, value: Buffer.from(String(value)), headers: [], timestamp: null };
};

/** Values a consumer has read, and where it would have gone on. */
type Seen = readonly { readonly values: readonly string[]; readonly position: number }[];

function look(broker: Broker): Seen {
  return [...topics, once]
    .filter((topic) => broker.topics.get(topic) !== undefined)
    .map((topic) => broker.log(topic, 0))
    .map((log) => ({ values: readCommitted(log), position: log.lastStableOffset }));
}

/** Transactions one after the other, the second of them twice as large; dies before write `lastWrite + 1`. */
async function run(disk: MemoryFileSystem, lastWrite: number) {
  const mortal = mortalDisk(disk, lastWrite);
  let told = 0;
  let seen: Seen = [];
  let broker: Broker | null = null;
  const work = async (): Promise<void> => {
    broker = await start(mortal.fs);
    await broker.topics.create([...topics, once].map((name) => ({ name, partitions: 1 })));
    const producer = await open(broker);
    for (let value = 0; value < transactions; value++) {
      const lists = topics.map((topic) => [recordOf(topic, value)]);
      if (value === 0) lists.push([recordOf(once, value)]);
      const { written, committed } = producer.sendAndCommit(value === 1 ? [...lists, ...lists] : lists);
      await Promise.all([written, committed]);
      told++;
    }
    while (!mortal.isDead && broker.transactions.transaction('id')!.state.startsWith('Prepare')) await sleep(1);
  };
  const died = (async () => {
    while (!mortal.isDead) {
      try {
        if (broker !== null) seen = look(broker);
      } catch {
        // It died while it was looked at.
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await Promise.race([work().catch(noop), died]);
  const isWhole = !mortal.isDead;
  mortal.kill();
  await (broker as Broker | null)?.stop().catch(noop);
  return { isWhole, told, seen };
}

async function settled(broker: Broker, names = topics): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  const isOpen = (topic: string) => broker.log(topic, 0).lastStableOffset !== broker.log(topic, 0).highWatermark;
  while (names.some(isOpen)) {
    assert.ok(Date.now() < deadline, 'a transaction hangs');
    await sleep(1);
  }
}

async function check(disk: MemoryFileSystem, told: number, seen: Seen): Promise<readonly string[]> {
  const broker = await start(disk);
  try {
    if (broker.topics.get(once) === undefined) {
      assert.equal(told, 0);
      return [];
    }
    for (const [index, { values, position }] of seen.entries()) {
      const log = broker.log([...topics, once][index]!, 0);
      assert.ok(log.highWatermark >= position, 'somebody read on from behind the end of the log');
      assert.deepEqual(readCommitted(log).slice(0, values.length), values, 'what somebody saw is gone');
    }
    const producer = await open(broker);
    await producer.sendAndCommit(topics.map((topic) => [recordOf(topic, 9)])).committed;
    await settled(broker, [...topics, once]);
    const [left, right] = topics.map((topic) => readCommitted(broker.log(topic, 0)));
    assert.deepEqual(left, right, 'a transaction is torn between topics');
    const whole = ['0', '1', '1', '2'].slice(0, [0, 1, 3, 4][new Set(left).size - 1]);
    assert.deepEqual(left, [...whole, '9'], 'a transaction is there in part, or twice');
    const alone = readCommitted(broker.log(once, 0));
    assert.deepEqual(alone, whole.slice(0, 1), 'a transaction is torn in the topic that only it wrote to');
    assert.ok(new Set(whole).size >= told, `${told} commits were told, the log has ${left}`);
    return left!;
  } finally {
    await broker.stop();
  }
}

/** Which files keep what was written and not synced. */
const survivors: Readonly<Record<string, (path: string) => boolean>> = {
  'what was synced': () => false,
  'all that was written': () => true,
  'the decision without its records': (path) => path.includes(state),
  'the records without their decision': (path) => !path.includes(state),
  'the decision and half of the records': (path) => path.includes(state) || path.includes('/left-'),
  'the other half of the records': (path) => path.includes('/right-'),
  'all but the topic that only the first wrote to': (path) => !path.includes(`/${once}-`),
};

describe('a commit that goes to the disk beside its records', () => {
  for (const [what, survives] of Object.entries(survivors)) {
    it(`is whole or not at all where a power cut leaves ${what}`, async () => {
      const outcomes = new Set<string>();
      for (let lastWrite = 1; ; lastWrite++) {
        assert.ok(lastWrite < 200, 'the run does not come to its end');
        const disk = new MemoryFileSystem();
        const { isWhole, told, seen } = await run(disk, lastWrite);
        disk.powerCut({ survivingBytes: (path, synced, written) => (survives(path) ? written : synced) });
        disk.remove('/data/.lock');
        outcomes.add(String(await check(disk, told, seen)));
        if (isWhole) break;
      }
      assert.deepEqual([...outcomes].slice(-4), ['9', '0,9', '0,1,1,9', '0,1,1,2,9']);
    });
  }

  it('is told when its records can be read already', async () => {
    const broker = await start(new MemoryFileSystem());
    await broker.topics.create(topics.map((name) => ({ name, partitions: 1 })));
    const producer = await open(broker);
    try {
      for (const value of [0, 1]) {
        await producer.sendAndCommit(topics.map((topic) => [recordOf(topic, value)])).committed;
        for (const topic of topics) assert.equal(readCommitted(broker.log(topic, 0)).at(-1), String(value));
      }
    } finally {
      await broker.stop();
    }
  });

  it('can be aborted where a partition does not take its records, though the decision is on disk', async () => {
    const disk = new MemoryFileSystem();
    const broker = await start(disk);
    await broker.topics.create(topics.map((name) => ({ name, partitions: 1 })));
    const producer = await open(broker);
    await producer.sendAndCommit(topics.map((topic) => [recordOf(topic, 0)])).committed;
    await settled(broker);
    disk.failNext('write', 'ENOSPC', { path: '/right-' });
    const { written, committed } = producer.sendAndCommit(topics.map((topic) => [recordOf(topic, 1)]));
    await assert.rejects(written);
    await assert.rejects(committed);
    await producer.abort();
    await producer.sendAndCommit(topics.map((topic) => [recordOf(topic, 2)])).committed;
    await settled(broker);
    for (const topic of topics) assert.deepEqual(readCommitted(broker.log(topic, 0)), ['0', '2']);
    await broker.stop();
  });

  it('is not decided where a record is refused before it is appended', async () => {
    const broker = await start(new MemoryFileSystem());
    await broker.topics.create([{ name: 'left', partitions: 1 }]);
    const producer = await open(broker);
    const { written, committed } = producer.sendAndCommit([[recordOf('left', 0)], [recordOf('nowhere', 0)]]);
    await assert.rejects(written);
    await assert.rejects(committed);
    await producer.abort();
    await producer.sendAndCommit([[recordOf('left', 1)]]).committed;
    const log = broker.log('left', 0);
    while (log.lastStableOffset !== log.highWatermark) await sleep(1);
    assert.deepEqual(readCommitted(log), ['1']);
    await broker.stop();
  });

  it('lets others have their turn while many batches are appended', async () => {
    const broker = await start(new MemoryFileSystem());
    await broker.topics.create([{ name: 'left', partitions: 1 }]);
    const producer = await open(broker);
    const records = Array.from({ length: 1000 }, (_, value) => recordOf('left', value));
    const total = 100 * records.length;
    const { written, committed } = producer.sendAndCommit(Array.from({ length: 100 }, () => records));
    const log = broker.log('left', 0);
    const seen = new Set<number>();
    while (log.logEndOffset < total) {
      seen.add(log.logEndOffset);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([written, committed]);
    assert.ok(seen.size > 2, `the log grew in ${seen.size} steps`);
    await broker.stop();
  });

  it('is not decided where its producer is closed before all of it is appended', async () => {
    const broker = await start(new MemoryFileSystem());
    await broker.topics.create([{ name: 'left', partitions: 1 }]);
    const producer = await open(broker);
    const records = Array.from({ length: 1000 }, (_, value) => recordOf('left', value));
    const { written, committed } = producer.sendAndCommit(Array.from({ length: 100 }, () => records));
    const both = Promise.allSettled([written, committed]);
    const log = broker.log('left', 0);
    while (log.logEndOffset === 0) await new Promise((resolve) => setImmediate(resolve));
    await producer.close();
    assert.deepEqual(
      (await both).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(broker.transactions.transaction('id')!.state, 'Ongoing');
    await broker.stop();
  });
});
