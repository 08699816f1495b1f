/**
 * The broker in a process of its own, killed with SIGKILL while members of a share group take records and say what became
 * of them. Promised: what was durably accepted or rejected is never delivered again; everything else comes again until it
 * is. Not promised: that a record is delivered once, where nobody heard that its acknowledgement counted.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { AcknowledgeType } from '../../broker/share/types.ts';
import { type BrokerProcess, startBrokerProcess } from '../kit/broker-process.ts';
import { batchOf, exchanges, KafkaConnection } from '../kit/kafka.ts';
import { type Said, type SharedRecord, ShareMember } from '../kit/share-member.ts';

const topic = 'jobs';
const group = 'workers';
const rounds = 4;
const membersCount = 3;
const recordsPerRound = 1500;
/** A record may be released once by this test, and taken back once by each kill. */
const config = {
  'group.share.delivery.count.limit': '10',
  'share.coordinator.snapshot.update.records.per.snapshot': '20',
};

/** What was promised over all rounds. */
interface Promises {
  readonly done: Set<number>;
  /** Said, and the answer never came: either may be true. */
  readonly unknown: Set<number>;
  produced: number;
}

async function produce(address: BrokerProcess['address'], promises: Promises): Promise<void> {
  const connection = await KafkaConnection.open({ address });
  for (let sent = 0; sent < recordsPerRound; sent += 100) {
    const values = Array.from({ length: 100 }, (_, i) => String(promises.produced + i));
    const topicData = [{ name: topic, partitionData: [{ index: 0, records: batchOf(...values) }] }];
    const { responses } = await connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData });
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0);
    promises.produced += 100;
  }
  connection.close();
}

/** Every third offset is released when it comes for the first time, every seventh rejected, the rest accepted. */
function verdictOn({ offset, deliveryCount }: SharedRecord): number {
  if (offset % 3 === 0 && deliveryCount === 1) return AcknowledgeType.release;
  return offset % 7 === 0 ? AcknowledgeType.reject : AcknowledgeType.accept;
}

async function workUntilKilled(member: ShareMember, promises: Promises): Promise<void> {
  for (;;) {
    let records: SharedRecord[];
    try {
      records = await member.fetch({ maxWaitMs: 100, maxRecords: 40, shareAcquireMode: 1 });
    } catch {
      return;
    }
    for (const { offset } of records) assert.equal(promises.done.has(offset), false, `${offset} was done`);
    if (records.length === 0) continue;
    const said = records.map((record): Said => [record.offset, record.offset, [verdictOn(record)]]);
    const finals = records
      .filter((record) => verdictOn(record) !== AcknowledgeType.release)
      .map(({ offset }) => offset);
    for (const offset of finals) promises.unknown.add(offset);
    try {
      assert.equal(await member.acknowledge(said), 0);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
    for (const offset of finals) {
      promises.done.add(offset);
      promises.unknown.delete(offset);
    }
  }
}

/** Takes all that is left; what is neither done nor of unknown fate must be among it. */
async function drain(address: BrokerProcess['address'], promises: Promises): Promise<void> {
  const member = await ShareMember.join({ address }, group, topic);
  const left = new Set(Array.from({ length: promises.produced }, (_, offset) => offset).filter(isOpen));
  function isOpen(offset: number): boolean {
    return !promises.done.has(offset) && !promises.unknown.has(offset);
  }
  for (let empty = 0; empty < 3; ) {
    const records = await member.fetch({ maxWaitMs: 100 });
    empty = records.length === 0 ? empty + 1 : 0;
    for (const { offset, value } of records) {
      assert.equal(promises.done.has(offset), false, `${offset} was done`);
      assert.equal(value, String(offset));
      left.delete(offset);
    }
    const accepted = records.map(({ offset }): Said => [offset, offset, [AcknowledgeType.accept]]);
    if (accepted.length > 0) assert.equal(await member.acknowledge(accepted), 0);
  }
  assert.deepEqual([...left], [], 'nothing is lost');
  await member.leave();
}

it('never delivers again what was durably done, and loses nothing else, when it is killed again and again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-share-crash-'));
  const promises: Promises = { done: new Set(), unknown: new Set(), produced: 0 };
  let broker = await startBrokerProcess(dataDir, 0, config);
  try {
    const first = await KafkaConnection.open(broker);
    const topics = [{ name: topic, numPartitions: 1, replicationFactor: 1 }];
    await first.call(exchanges.createTopics, 7, { topics, timeoutMs: 60_000 });
    first.close();
    for (let round = 0; round < rounds; round++) {
      const join = () => ShareMember.join(broker, group, topic);
      const members = await Promise.all(Array.from({ length: membersCount }, join));
      // The group begins here: by default at the end, which is the beginning of an empty log.
      if (round === 0) await members[0]!.fetch();
      const before = promises.done.size;
      const work = [produce(broker.address, promises), ...members.map((member) => workUntilKilled(member, promises))];
      await work[0];
      // At no particular moment, with much of it under way.
      const enough = before + 300 * (round + 1);
      while (promises.done.size < enough) await new Promise((resolve) => setTimeout(resolve, 2));
      await broker.kill();
      await Promise.all(work);
      for (const member of members) member.close();
      broker = await startBrokerProcess(dataDir, 0, config);
    }
    assert.ok(promises.done.size > rounds * 300);
    await drain(broker.address, promises);
  } finally {
    await broker.kill();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
});
