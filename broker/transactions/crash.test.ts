/**
 * The broker killed before each single write of a transaction: its records in two partitions, a group's offsets, the
 * prepare record, each marker, the complete record. And the same with the power cut, so that only what was synced is left.
 *
 * Promised: a commit that was answered is there, whole, after the restart; whatever was not answered is there whole or
 * not at all; nothing hangs. Not promised: that an unanswered commit did not happen.
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
const offsets = { topic: '__consumer_offsets', partition: partitionOfGroup(group, 50) };

/** What a real broker has inside: the state its handlers see. */
type Inside = Broker & BrokerState;

async function start(fs: FileSystem): Promise<Inside> {
  return (await startBroker({ dataDir: '/data', port: 0, fs, logger })) as Inside;
}

async function init(broker: Inside): Promise<ProducerIdentity> {
  const answer = await new Promise<ProducerAnswer>((resolve) => {
    broker.transactions.initProducerId({ transactionalId, timeoutMs: 60_000, expected: null }, resolve);
  });
  assert.equal(answer.error, 'NONE');
  return { transactionalId, producerId: answer.producerId, producerEpoch: answer.producerEpoch };
}

/** One transaction, as the API handlers would run it; answers whether its end was confirmed. Rejects when killed. */
async function transact(
  broker: Inside,
  who: ProducerIdentity,
  value: number,
  isCommit: boolean,
  version: TransactionVersion,
) {
  const partitions = [...topics.map((topic) => ({ topic, partition: 0 })), offsets];
  const added = await new Promise<ErrorName>((resolve) => {
    broker.transactions.addPartitions(who, partitions, version, resolve);
  });
  assert.equal(added, 'NONE');
  const { producerId, producerEpoch } = who;
  const baseSequence = version === 2 ? 0 : value;
  for (const topic of topics) {
    const batch = batchOf({ values: [String(value)], producerId, producerEpoch, baseSequence, isTransactional: true });
    await append(broker.log(topic, 0), batch, { transactionVersion: version === 2 ? 2 : 1 });
  }
  const member = { group, memberId: '', groupInstanceId: null, generationId: -1, producerId, producerEpoch };
  const [committed] = await new Promise<readonly ErrorName[]>((resolve) => {
    const offset = { topic: 'source', partition: 0, offset: value, leaderEpoch: -1, metadata: '' };
    broker.groups.commitTransactional({ ...member, offsets: [offset] }, resolve);
  });
  assert.equal(committed, 'NONE');
  const answer = await new Promise<ProducerAnswer>((resolve) => {
    broker.transactions.endTransaction(who, isCommit, version, resolve);
  });
  assert.equal(answer.error, 'NONE');
  return version === 2 ? { ...who, producerId: answer.producerId, producerEpoch: answer.producerEpoch } : who;
}

interface Outcome {
  /** The broker lived to the end of it all. */
  readonly isWhole: boolean;
  /** Ends that were answered. */
  readonly answered: number;
}

/** Transaction 0 commits, 1 ends as asked; the process dies at write `lastWrite`, or once nothing is left to do. */
async function run(
  disk: MemoryFileSystem,
  lastWrite: number,
  isCommit: boolean,
  version: TransactionVersion,
): Promise<Outcome> {
  const mortal = mortalDisk(disk, lastWrite);
  let answered = 0;
  let broker: Inside | null = null;
  const work = async (): Promise<void> => {
    broker = await start(mortal.fs);
    await broker.topics.create(topics.map((name) => ({ name, partitions: 1 })));
    const who = await transact(broker, await init(broker), 0, true, version);
    answered++;
    await transact(broker, who, 1, isCommit, version);
    answered++;
    const isEnding = () => broker!.transactions.transaction(transactionalId)!.state.startsWith('Prepare');
    while (!mortal.isDead && isEnding()) await sleep(1);
  };
  const died = (async () => {
    while (!mortal.isDead) await sleep(1);
  })();
  // Whoever is dead answers nothing: what waits for it is over with it.
  await Promise.race([work().catch(noop), died]);
  const isWhole = !mortal.isDead;
  mortal.kill();
  await (broker as Inside | null)?.stop().catch(noop);
  disk.remove('/data/.lock');
  return { isWhole, answered };
}

async function check(disk: MemoryFileSystem, { answered }: Outcome, isCommit: boolean): Promise<void> {
  const broker = await start(disk);
  try {
    // A new producer ends what its forerunner left open.
    if (broker.transactions.transaction(transactionalId) !== undefined) await init(broker);
    const [left, right] = topics.map((topic) => {
      if (broker.topics.get(topic) === undefined) return [];
      const log = broker.log(topic, 0);
      assert.equal(log.lastStableOffset, log.highWatermark, `a transaction hangs in ${topic}`);
      return readCommitted(log);
    });
    assert.deepEqual(left, right, 'a transaction is torn between partitions');
    assert.equal(broker.groups.isUnstable(group, 'source', 0), false, 'an offset waits for ever');
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
  for (const version of [0, 2] as const) {
    for (const isCommit of [true, false]) {
      for (const end of ['kill -9', 'power cut'] as const) {
        const what = `${isCommit ? 'commits' : 'aborts'} with version ${version}`;
        it(`keeps it whole or not at all: ${end} while it ${what}`, async () => {
          for (let lastWrite = 1; ; lastWrite++) {
            assert.ok(lastWrite < 200, 'the run does not come to its end');
            const disk = new MemoryFileSystem();
            const outcome = await run(disk, lastWrite, isCommit, version);
            if (end === 'power cut') disk.powerCut();
            await check(disk, outcome, isCommit);
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
