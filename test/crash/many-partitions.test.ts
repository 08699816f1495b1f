/**
 * Hundreds of partitions, written by acks=all, killed with SIGKILL while the broker still opens their logs in the
 * background after the kill before. Every acknowledged record is at its offset afterwards, and the broker is back at once.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { batchStarts } from '../../broker/protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../../broker/protocol/records.ts';
import { type BrokerProcess, startBrokerProcess } from '../kit/broker-process.ts';
import { exchanges, KafkaConnection } from '../kit/kafka.ts';
import { seededRandom } from '../kit/random.ts';

const topic = 'many';
const partitions = 300;
const rounds = 5;
const perRequest = 60;
const inFlight = 3;

/** By partition and offset. */
type Acknowledged = Map<number, Map<number, string>>;

async function produceUntilKilled(broker: BrokerProcess, round: number, acknowledged: Acknowledged): Promise<void> {
  const random = seededRandom(round);
  const connection = await KafkaConnection.open(broker);
  let next = 0;
  const one = async (): Promise<void> => {
    for (;;) {
      const first = random.below(partitions - perRequest);
      const value = `${round}:${next++}`;
      const partitionData = Array.from({ length: perRequest }, (_, index) => ({
        index: first + index,
        records: batchOf(`${value}:${first + index}`),
      }));
      const request = { acks: -1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
      const { responses } = await connection.call(exchanges.produce, 9, request);
      for (const { index, errorCode, baseOffset } of responses[0]!.partitionResponses) {
        assert.equal(errorCode, 0);
        acknowledged.get(index)!.set(baseOffset, `${value}:${index}`);
      }
    }
  };
  await Promise.allSettled(Array.from({ length: inFlight }, one));
}

function batchOf(value: string): Buffer {
  const builder = new BatchBuilder();
  builder.append(Date.now(), null, Buffer.from(value), []);
  return builder.build();
}

async function verify(broker: BrokerProcess, acknowledged: Acknowledged): Promise<number> {
  const connection = await KafkaConnection.open(broker);
  let found = 0;
  for (const [partition, promised] of acknowledged) {
    const asked = { partition, fetchOffset: 0, partitionMaxBytes: 1 << 22 };
    const topics = [{ topic, partitions: [asked] }];
    const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 22, sessionEpoch: -1, topics };
    const { responses } = await connection.call(exchanges.fetch, 12, request);
    const { records, errorCode } = responses[0]!.partitions[0]!;
    assert.equal(errorCode, 0);
    const there = new Map<number, string>();
    for (const start of batchStarts(records ?? Buffer.alloc(0))) {
      for (const { offset, value } of readRecords(records!, start)) there.set(offset, value!.toString());
    }
    for (const [offset, value] of promised)
      assert.equal(there.get(offset), value, `${topic}-${partition} at ${offset}`);
    assert.equal(new Set(there.values()).size, there.size, 'nothing is there twice');
    found += promised.size;
  }
  connection.close();
  return found;
}

it('A kill before all logs were opened again loses no acknowledged record of any partition', async (test) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-many-'));
  const acknowledged: Acknowledged = new Map(Array.from({ length: partitions }, (_, index) => [index, new Map()]));
  let broker = await startBrokerProcess(dataDir);
  test.after(async () => {
    await broker.kill();
    await rm(dataDir, { recursive: true, force: true });
  });
  const admin = await KafkaConnection.open(broker);
  const topics = [{ name: topic, numPartitions: partitions, replicationFactor: 1 }];
  await admin.call(exchanges.createTopics, 5, { topics, timeoutMs: 10_000 });
  for (let round = 0; round < rounds; round++) {
    const producing = produceUntilKilled(broker, round, acknowledged);
    // The first round writes to every partition; the later ones end in the middle of the caretaker's.
    await sleep(round === 0 ? 1500 : 100 * round);
    await broker.kill();
    await producing;
    broker = await startBrokerProcess(dataDir);
  }
  const found = await verify(broker, acknowledged);
  assert.ok(found > partitions, `${found} records were acknowledged`);
  test.diagnostic(`${found} acknowledged records in ${partitions} partitions, ${rounds} kills`);
});
