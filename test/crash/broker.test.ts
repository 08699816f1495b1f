/**
 * The broker in a process of its own, killed with SIGKILL while producers write with acks=all and a group commits.
 * Promised: every acknowledged record is there afterwards, at the offset that was told, in the order of sending, once;
 * every acknowledged commit is there or a later one; topics and the next producer id survive. Not promised: what was
 * sent and not acknowledged.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { apis } from '../../broker/protocol/messages/generated/apis.ts';
import { encodeInitProducerIdRequest } from '../../broker/protocol/messages/generated/init-producer-id-request.ts';
import { decodeInitProducerIdResponse } from '../../broker/protocol/messages/generated/init-producer-id-response.ts';
import { encodeOffsetCommitRequest } from '../../broker/protocol/messages/generated/offset-commit-request.ts';
import { decodeOffsetCommitResponse } from '../../broker/protocol/messages/generated/offset-commit-response.ts';
import { encodeOffsetFetchRequest } from '../../broker/protocol/messages/generated/offset-fetch-request.ts';
import { decodeOffsetFetchResponse } from '../../broker/protocol/messages/generated/offset-fetch-response.ts';
import { batchStarts } from '../../broker/protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../../broker/protocol/records.ts';
import { exchange, exchanges, KafkaConnection } from '../kit/kafka.ts';

const initProducerId = exchange(apis.initProducerId, encodeInitProducerIdRequest, decodeInitProducerIdResponse);
const offsetCommit = exchange(apis.offsetCommit, encodeOffsetCommitRequest, decodeOffsetCommitResponse);
const offsetFetch = exchange(apis.offsetFetch, encodeOffsetFetchRequest, decodeOffsetFetchResponse);

const program = join(fileURLToPath(new URL('.', import.meta.url)), 'broker-process.ts');
const topic = 'crash';
const group = 'crash-group';
const partitions = 3;
const rounds = 4;
/** Requests of one producer on the way at once. */
const inFlight = 5;
const recordsPerBatch = 4;

interface Sent {
  readonly value: string;
  readonly offset: number;
}

/** What was promised over all rounds. */
interface Promises {
  readonly acknowledged: Sent[][];
  committed: number;
  readonly producerIds: number[];
}

class BrokerProcess {
  readonly #dataDir: string;
  #child: ChildProcess | null = null;
  address = { host: '127.0.0.1', port: 0 };

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [program, this.#dataDir, '0'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    const [line] = await Promise.race([
      once(child.stdout!, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error('It ended.'))),
    ]);
    this.address = { host: '127.0.0.1', port: Number(String(line)) };
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** Writes to one partition until the connection breaks; keeps what was acknowledged. */
async function produceUntilKilled(
  address: BrokerProcess['address'],
  partition: number,
  round: number,
  promises: Promises,
) {
  const connection = await KafkaConnection.open({ address });
  const { producerId } = await connection.call(initProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 1000,
  });
  promises.producerIds.push(producerId);
  let next = 0;
  const one = async (): Promise<void> => {
    for (;;) {
      const values = Array.from({ length: recordsPerBatch }, (_, i) => `${round}:${partition}:${next + i}`);
      const batch = batchOf(values, producerId, next);
      next += recordsPerBatch;
      const topicData = [{ name: topic, partitionData: [{ index: partition, records: batch }] }];
      const { responses } = await connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData });
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
      assert.equal(errorCode, 0);
      for (const [i, value] of values.entries())
        promises.acknowledged[partition]!.push({ value, offset: baseOffset + i });
    }
  };
  await Promise.allSettled(Array.from({ length: inFlight }, one));
}

function batchOf(values: readonly string[], producerId: number, baseSequence: number): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(Date.now(), null, Buffer.from(value), []);
  return builder.build({ producerId, producerEpoch: 0, baseSequence });
}

async function commitUntilKilled(address: BrokerProcess['address'], promises: Promises): Promise<void> {
  const connection = await KafkaConnection.open({ address });
  try {
    for (let offset = promises.committed + 1; ; offset++) {
      const topics = [
        { name: topic, partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }] },
      ];
      const answer = await connection.call(offsetCommit, 8, { groupId: group, generationIdOrMemberEpoch: -1, topics });
      assert.equal(answer.topics[0]!.partitions[0]!.errorCode, 0);
      promises.committed = offset;
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

async function readAll(connection: KafkaConnection, partition: number): Promise<string[]> {
  const values: string[] = [];
  for (;;) {
    const asked = { partition, fetchOffset: values.length, partitionMaxBytes: 1 << 20 };
    const request = {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 22,
      sessionEpoch: -1,
      topics: [{ topic, partitions: [asked] }],
    };
    const { responses } = await connection.call(exchanges.fetch, 12, request);
    const { records, errorCode } = responses[0]!.partitions[0]!;
    assert.equal(errorCode, 0);
    if (records === null || records.length === 0) return values;
    for (const start of batchStarts(records)) {
      for (const { offset, value } of readRecords(records, start)) {
        if (offset < values.length) continue;
        assert.equal(offset, values.length, 'offsets have no gap');
        values.push(value!.toString());
      }
    }
  }
}

async function verify(address: BrokerProcess['address'], promises: Promises): Promise<void> {
  const connection = await KafkaConnection.open({ address });
  for (let partition = 0; partition < partitions; partition++) {
    const values = await readAll(connection, partition);
    for (const { value, offset } of promises.acknowledged[partition]!) assert.equal(values[offset], value);
    assert.equal(new Set(values).size, values.length, 'nothing is there twice');
    const ofRound = (round: number) =>
      values.filter((value) => value.startsWith(`${round}:`)).map((value) => Number(value.split(':')[2]));
    for (let round = 0; round < rounds; round++)
      assert.deepEqual(
        ofRound(round),
        [...ofRound(round)].sort((a, b) => a - b),
      );
  }
  const { groups } = await connection.call(offsetFetch, 8, { groups: [{ groupId: group, topics: null }] });
  const committed = groups[0]!.topics[0]?.partitions[0]?.committedOffset ?? 0;
  assert.ok(committed >= promises.committed, `${committed} is committed, ${promises.committed} was acknowledged`);
  promises.committed = committed;
  connection.close();
}

it('loses nothing that was acknowledged when it is killed again and again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const broker = new BrokerProcess(dataDir);
  const promises: Promises = {
    acknowledged: Array.from({ length: partitions }, () => []),
    committed: 0,
    producerIds: [],
  };
  try {
    await broker.start();
    const first = await KafkaConnection.open(broker);
    await first.call(exchanges.createTopics, 7, {
      topics: [{ name: topic, numPartitions: partitions, replicationFactor: 1 }],
      timeoutMs: 60_000,
    });
    first.close();
    for (let round = 0; round < rounds; round++) {
      const before = promises.acknowledged.flat().length;
      const work = [
        ...Array.from({ length: partitions }, (_, partition) =>
          produceUntilKilled(broker.address, partition, round, promises),
        ),
        commitUntilKilled(broker.address, promises),
      ];
      // Killed in the middle of things: once a few hundred records more are acknowledged, at no particular moment.
      while (promises.acknowledged.flat().length < before + 300 * (round + 1))
        await new Promise((resolve) => setTimeout(resolve, 5));
      await broker.kill();
      await Promise.all(work);
      await broker.start();
      await verify(broker.address, promises);
    }
    assert.equal(new Set(promises.producerIds).size, promises.producerIds.length, 'no producer id was given out twice');
  } finally {
    await broker.kill();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
});
