/**
 * The whole process killed with SIGKILL, again and again, while producers write.
 *
 * Promised: a record acknowledged with acks=all is there afterwards, with its content, in the producer's order, and the
 * log is readable. Not promised: that a record whose acknowledgement was lost on the way is there once only.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopics } from '../../cli/kafka/calls.ts';
import { Cluster, withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { TopicWriter } from '../../cli/kafka/write.ts';
import { startMillrace } from '../kit/millrace.ts';

const TOPIC = 'crash';
const PARTITIONS = 3;
const PRODUCERS = 3;
const KILLS = 5;
const RECORDS_PER_BATCH = 20;

it('loses nothing it acknowledged when it is killed five times under load', { timeout: 240_000 }, async () => {
  await using house = await startMillrace();
  await withCluster({ brokers: house.kafka }, async (cluster) => {
    const connection = await cluster.any();
    await connection.request(createTopics, {
      topics: [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }],
      timeoutMs: 10_000,
    });
  });

  const stop = new AbortController();
  const acknowledged = new Array<number>(PRODUCERS).fill(0);
  const producers = acknowledged.map((_, id) => produce(house.kafka, id, acknowledged, stop.signal));
  for (let kill = 0; kill < KILLS; kill++) {
    // Not in step with anything the process does.
    await sleep(randomInt(150, 600));
    await house.kill();
    await house.restart();
  }
  // On a starved machine the first acknowledgement may come this late; without any, nothing is proved.
  for (const deadline = Date.now() + 60_000; acknowledged.includes(0) && Date.now() < deadline; ) await sleep(50);
  await sleep(300);
  stop.abort();
  await Promise.all(producers);

  const found = await everything(house.kafka);
  for (const [id, last] of acknowledged.entries()) {
    assert.ok(last > 0, `producer ${id} was never acknowledged, so nothing was proved`);
    const numbers = found.get(id) ?? [];
    const missing = missingOf(numbers, last);
    assert.deepEqual(
      missing.slice(0, 5),
      [],
      `producer ${id}: ${missing.length} of ${last} acknowledged records are gone`,
    );
    assert.ok(isInOrder(numbers), `producer ${id}: its records stand in another order than it wrote them`);
  }
});

/** Writes 1, 2, 3, … and keeps the last number that was acknowledged. What failed is written again. */
async function produce(brokers: string, id: number, acknowledged: number[], stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const cluster = new Cluster([brokers]);
    try {
      const writer = new TopicWriter(cluster, await cluster.topic(TOPIC), { acks: -1, codec: 'none' });
      while (!stop.aborted) {
        for (let i = 1; i <= RECORDS_PER_BATCH; i++) {
          const value = Buffer.from(`${id}:${acknowledged[id]! + i}`);
          await writer.write({ key: null, value, headers: [], timestamp: null }, id % PARTITIONS);
        }
        await writer.flush();
        acknowledged[id]! += RECORDS_PER_BATCH;
      }
    } catch {
      // Killed in the middle: nothing of that batch counts. The next round writes it again.
      await sleep(20);
    } finally {
      cluster.close();
    }
  }
}

/** Producer → its numbers, in the order of the log. */
async function everything(brokers: string): Promise<Map<number, number[]>> {
  const found = new Map<number, number[]>();
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic(TOPIC);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const from = await cluster.offsetsAt(topic, partitions, -2);
    const until = await cluster.offsetsAt(topic, partitions, -1);
    for await (const records of readTopic(cluster, { topic, from, until })) {
      for (const { value } of records) {
        const [id, number] = value!.toString().split(':').map(Number) as [number, number];
        const numbers = found.get(id);
        if (numbers === undefined) found.set(id, [number]);
        else numbers.push(number);
      }
    }
  });
  return found;
}

function missingOf(numbers: readonly number[], last: number): number[] {
  const present = new Set(numbers);
  return Array.from({ length: last }, (_, index) => index + 1).filter((number) => !present.has(number));
}

/** In order once repetitions are left out: each number's first appearance comes after its predecessor's. */
function isInOrder(numbers: readonly number[]): boolean {
  let highest = 0;
  for (const number of numbers) {
    if (number > highest + 1) return false;
    highest = Math.max(highest, number);
  }
  return true;
}
