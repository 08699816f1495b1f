/**
 * The broker killed before each single write of a transaction: its records in two partitions, a group's offsets, the
 * prepare record, each marker, the complete record. And the same with the power cut, so that only what was synced is left,
 * or that and whatever was written to some of the files.
 *
 * Promised: a commit that was answered is there, whole, after the restart, and so is what a consumer saw, at its offsets;
 * whatever was not answered is there whole or not at all; nothing hangs; what comes afterwards brings nothing back. Not
 * promised: that an unanswered commit did not happen.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { append, batchOf } from '../../test/kit/log.ts';
import { mortalDisk, readCommitted } from '../../test/kit/transactions.ts';
import { type Broker, startBroker } from '../broker.ts';
import type { FileSystem } from '../fs/file-system.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { partitionOfGroup } from '../groups/offsets-topic.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import type { BrokerState } from '../state.ts';
import type { ProducerAnswer, ProducerIdentity, TransactionVersion } from './types.ts';

const noop = (): void => {};
const logger = { debug: noop, info: noop, warn: noop, error: noop };
const topics = ['left', 'right'];
const group = 'group';
const transactionalId = 'id';
const later = 9;
const offsets = { topic: '__consumer_offsets', partition: partitionOfGroup(group, 50) };

/** How a producer begins: as KIP-98 and KIP-890 have it, or within the broker's own process. */
type Producer = TransactionVersion | 'at once';

/** What is left by the end of the process: all that was written, or what the device had of it. */
const ends: Readonly<Record<string, ((path: string, synced: number, written: number) => number) | null>> = {
  'kill -9': null,
  'power cut': (_path, synced) => synced,
  'power cut, records written': (path, synced, written) => (path.includes('__transaction_state') ? synced : written),
  'power cut, states written': (path, synced, written) => (path.includes('__transaction_state') ? written : synced),
};

/** What a real broker has inside: the state its handlers see. */
type Inside = Broker & BrokerState;

async function start(fs: FileSystem): Promise<Inside> {
  return (await startBroker({ dataDir: '/data', port: 0, fs, logger })) as Inside;
}

async function init(broker: Inside, producer: Producer): Promise<ProducerIdentity> {
  const answer = await new Promise<ProducerAnswer>((resolve) => {
    const request = { transactionalId, timeoutMs: 60_000, expected: null, beginsAtOnce: producer === 'at once' };
    broker.transactions.initProducerId(request, resolve);
  });
  assert.equal(answer.error, 'NONE');
  return { transactionalId, producerId: answer.producerId, producerEpoch: answer.producerEpoch };
}

/** One transaction, as the API handlers would run it; answers whether its end was confirmed. Rejects when killed. */
async function transact(broker: Inside, who: ProducerIdentity, value: number, isCommit: boolean, producer: Producer) {
  // Transaction `later` is for what comes after the crash, which leaves the offset as it was.
  const partitions = [...topics.map((topic) => ({ topic, partition: 0 })), ...(value === later ? [] : [offsets])];
  const version = producer === 0 ? 0 : 2;
  const added = await new Promise<ErrorName>((resolve) => {
    if (producer === 'at once') broker.transactions.addPartitionsAtOnce(who, partitions, resolve);
    else broker.transactions.addPartitions(who, partitions, version, resolve);
  });
  assert.equal(added, 'NONE');
  const { producerId, producerEpoch } = who;
  const baseSequence = version === 2 || value === later ? 0 : value;
  for (const topic of topics) {
    const batch = batchOf({ values: [String(value)], producerId, producerEpoch, baseSequence, isTransactional: true });
    await append(broker.log(topic, 0), batch, { transactionVersion: version === 2 ? 2 : 1 });
  }
  if (value !== later) await commitOffset(broker, who, value);
  const answer = await new Promise<ProducerAnswer>((resolve) => {
    broker.transactions.endTransaction(who, isCommit, version, resolve);
  });
  assert.equal(answer.error, 'NONE');
  return version === 2 ? { ...who, producerId: answer.producerId, producerEpoch: answer.producerEpoch } : who;
}

async function commitOffset(broker: Inside, who: ProducerIdentity, value: number): Promise<void> {
  const { producerId, producerEpoch } = who;
  const member = { group, memberId: '', groupInstanceId: null, generationId: -1, producerId, producerEpoch };
  const [committed] = await new Promise<readonly ErrorName[]>((resolve) => {
    const offset = { topic: 'source', partition: 0, offset: value, leaderEpoch: -1, metadata: '' };
    broker.groups.commitTransactional({ ...member, offsets: [offset] }, resolve);
  });
  assert.equal(committed, 'NONE');
}

interface Outcome {
  /** The broker lived to the end of it all. */
  readonly isWhole: boolean;
  /** Ends that were answered. */
  readonly answered: number;
  /** By topic, what a consumer had read, and where it would have gone on. */
  readonly seen: readonly { readonly values: readonly string[]; readonly position: number }[];
}

/** Kept from turn to turn, as a consumer would: the last look is the one before the end. */
function look(broker: Inside | null): Outcome['seen'] {
  if (broker === null) return [];
  return topics
    .filter((topic) => broker.topics.get(topic) !== undefined)
    .map((topic) => broker.log(topic, 0))
    .map((log) => ({ values: readCommitted(log), position: log.lastStableOffset }));
}

/** Transaction 0 commits, 1 ends as asked; the process dies at write `lastWrite`, or once nothing is left to do. */
async function run(disk: MemoryFileSystem, lastWrite: number, isCommit: boolean, producer: Producer): Promise<Outcome> {
  const mortal = mortalDisk(disk, lastWrite);
  let answered = 0;
  let broker: Inside | null = null;
  let seen: Outcome['seen'] = [];
  const work = async (): Promise<void> => {
    broker = await start(mortal.fs);
    await broker.topics.create(topics.map((name) => ({ name, partitions: 1 })));
    const who = await transact(broker, await init(broker, producer), 0, true, producer);
    answered++;
    await transact(broker, who, 1, isCommit, producer);
    answered++;
    const isEnding = () => broker!.transactions.transaction(transactionalId)!.state.startsWith('Prepare');
    while (!mortal.isDead && isEnding()) await sleep(1);
  };
  const died = (async () => {
    while (!mortal.isDead) {
      try {
        seen = look(broker);
      } catch {
        // It died while it was looked at.
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  // Whoever is dead answers nothing: what waits for it is over with it.
  await Promise.race([work().catch(noop), died]);
  const isWhole = !mortal.isDead;
  mortal.kill();
  await (broker as Inside | null)?.stop().catch(noop);
  return { isWhole, answered, seen };
}

/** Until nothing is open in the logs, nor any offset: what nobody holds is aborted soon after the start. */
async function settled(broker: Inside): Promise<void> {
  const deadline = Date.now() + 60_000;
  const isOpen = (): boolean =>
    [...topics.map((topic) => ({ topic, partition: 0 })), offsets].some(({ topic, partition }) => {
      const log = broker.topics.get(topic) === undefined ? undefined : broker.existingLog(topic, partition);
      return log !== undefined && log.lastStableOffset !== log.highWatermark;
    });
  while (isOpen() || broker.groups.isUnstable(group, 'source', 0)) {
    assert.ok(Date.now() < deadline, 'a transaction hangs');
    await sleep(1);
  }
}

async function check(disk: MemoryFileSystem, outcome: Outcome, isCommit: boolean, producer: Producer): Promise<void> {
  const { answered, seen } = outcome;
  const broker = await start(disk);
  try {
    for (const [index, { values, position }] of seen.entries()) {
      const log = broker.log(topics[index]!, 0);
      assert.ok(log.highWatermark >= position, 'somebody read on from behind the end of the log');
      assert.deepEqual(readCommitted(log).slice(0, values.length), values, 'what somebody saw is gone');
    }
    const known = broker.transactions.transaction(transactionalId) !== undefined;
    const exist = topics.every((topic) => broker.topics.get(topic) !== undefined);
    // A new producer ends what its forerunner left open, and commits nothing of it with its own.
    if (known && exist) await transact(broker, await init(broker, producer), later, true, producer);
    await settled(broker);
    const [left, right] = topics.map((topic) => {
      const values = broker.topics.get(topic) === undefined ? [] : readCommitted(broker.log(topic, 0));
      if (known && exist) assert.equal(values.pop(), String(later));
      return values;
    });
    assert.deepEqual(left, right, 'a transaction is torn between partitions');
    const offset = broker.groups.offset(group, 'source', 0)?.offset;
    assert.equal(offset, left!.length === 0 ? undefined : left!.length - 1, 'offsets and records are torn apart');
    const must = answered === 0 ? 0 : answered === 1 || !isCommit ? 1 : 2;
    const may = isCommit ? Math.min(answered + 1, 2) : 1;
    assert.ok(left!.length >= must, `${must} commits were answered, ${left!.length} are there`);
    assert.ok(left!.length <= may, `${may} commits at most were asked for, ${left!.length} are there`);
  } finally {
    await broker.stop();
  }
}

describe('a broker killed before each write of a transaction', () => {
  for (const producer of [0, 2, 'at once'] as const) {
    for (const isCommit of [true, false]) {
      for (const [end, survivingBytes] of Object.entries(ends)) {
        const what = `${isCommit ? 'commits' : 'aborts'}, its producer of version ${producer}`;
        it(`keeps it whole or not at all: ${end} while it ${what}`, async () => {
          for (let lastWrite = 1; ; lastWrite++) {
            assert.ok(lastWrite < 200, 'the run does not come to its end');
            const disk = new MemoryFileSystem();
            const outcome = await run(disk, lastWrite, isCommit, producer);
            if (survivingBytes !== null) disk.powerCut({ survivingBytes });
            disk.remove('/data/.lock');
            await check(disk, outcome, isCommit, producer);
            if (!outcome.isWhole) continue;
            assert.equal(outcome.answered, 2);
            assert.ok(lastWrite > 15, 'too few writes were interrupted to prove anything');
            break;
          }
        });
      }
    }
  }
});
