/**
 * The whole process killed with SIGKILL, again and again, while transactional producers write.
 *
 * Promised: a transaction whose commit was answered is there, whole, in both of its topics; any other is there whole or
 * not at all, and an aborted one never; nothing hangs. Not promised: that an unanswered commit did not happen.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { startBroker } from '../../broker/broker.ts';
import { startMillrace } from '../kit/millrace.ts';
import { readCommitted } from '../kit/transactions.ts';

const TOPICS = ['left', 'right'];
const PRODUCERS = 2;
const KILLS = 3;

const noop = (): void => {};

it('keeps every transaction whole when it is killed three times under load', { timeout: 240_000 }, async () => {
  await using house = await startMillrace();
  const kafka = new Kafka({
    brokers: [house.kafka],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000,
    retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 3 },
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: TOPICS.map((topic) => ({ topic, numPartitions: 1 })), waitForLeaders: true });
  await admin.disconnect();

  const stop = new AbortController();
  const confirmed: string[] = [];
  const producers = Array.from({ length: PRODUCERS }, (_, id) => produce(kafka, id, confirmed, stop.signal));
  for (let kill = 0; kill < KILLS; kill++) {
    // Not in step with anything the process does.
    await sleep(randomInt(500, 1500));
    await house.kill();
    await house.restart();
  }
  await sleep(1500);
  // On a starved machine the first commits may be answered this late.
  for (const deadline = Date.now() + 60_000; confirmed.length <= PRODUCERS && Date.now() < deadline; ) await sleep(50);
  stop.abort();
  await Promise.all(producers);
  assert.ok(confirmed.length > PRODUCERS, 'hardly anything was committed, so nothing was proved');

  await house.stop();
  const [left, right] = (await committed(house.data)) as [string[], string[]];
  const differing = [...left.filter((v) => !right.includes(v)), ...right.filter((v) => !left.includes(v))];
  assert.deepEqual(differing, [], 'transactions are torn');
  for (const values of [left, right]) {
    const twice = values.filter((value, index) => values.indexOf(value) !== index);
    assert.deepEqual(twice, [], 'records are there twice');
  }
  const missing = confirmed.filter((value) => !left.includes(value));
  assert.deepEqual(missing, [], 'commits that were answered are gone');
  assert.deepEqual(
    left.filter((value) => value.includes('aborted')),
    [],
  );
});

/** Transactions 1, 2, 3, …, every third aborted; keeps those whose commit was confirmed. */
async function produce(kafka: Kafka, id: number, confirmed: string[], stop: AbortSignal): Promise<void> {
  for (let number = 0; !stop.aborted; ) {
    const producer = kafka.producer({ transactionalId: `id-${id}`, idempotent: true, maxInFlightRequests: 1 });
    try {
      await producer.connect();
      while (!stop.aborted) {
        const value = `${id}/${++number}${number % 3 === 0 ? '/aborted' : ''}`;
        const transaction = await producer.transaction();
        for (const topic of TOPICS) await transaction.send({ topic, messages: [{ value }] });
        if (number % 3 === 0) await transaction.abort();
        else {
          await transaction.commit();
          confirmed.push(value);
        }
      }
    } catch {
      // Killed in the middle. A new producer with the same id ends what this one left open.
      await sleep(50);
    } finally {
      await producer.disconnect().catch(() => {});
    }
  }
  await fence(kafka, id);
}

/** Whatever the last producer left open is aborted by a new one with its id. */
async function fence(kafka: Kafka, id: number): Promise<void> {
  const producer = kafka.producer({ transactionalId: `id-${id}`, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.abort();
  await producer.disconnect();
}

/** All that a read_committed consumer would get of each topic, by the files. */
async function committed(dataDir: string): Promise<string[][]> {
  const broker = await startBroker({ dataDir, port: 0, logger: { debug: noop, info: noop, warn: noop, error: noop } });
  try {
    return TOPICS.map((topic) => {
      const log = broker.log(topic, 0);
      assert.equal(log.lastStableOffset, log.highWatermark, `a transaction hangs in ${topic}`);
      return readCommitted(log);
    });
  } finally {
    await broker.stop();
  }
}
