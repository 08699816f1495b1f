/**
 * ListOffsets over real sockets: every question, and what a partition without records answers.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { exchange, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeListOffsetsRequest } from '../protocol/messages/generated/list-offsets-request.ts';
import { decodeListOffsetsResponse } from '../protocol/messages/generated/list-offsets-response.ts';
import { BatchBuilder } from '../protocol/records.ts';

const listOffsets = exchange(apis.listOffsets, encodeListOffsetsRequest, decodeListOffsetsResponse);
const now = Date.now();

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  await kafka.broker.topics.create([{ name: 't', partitions: 2 }]);
  for (const timestamps of [
    [now - 300, now],
    [now - 200, now - 100],
  ]) {
    const builder = new BatchBuilder();
    for (const timestamp of timestamps) builder.append(timestamp, null, Buffer.from('x'), []);
    const log = kafka.broker.log('t', 0);
    await new Promise((resolve) => log.append(builder.build(), { acks: 1, origin: 'client' }, resolve));
  }
});
after(() => kafka.remove());

async function ask(
  timestamp: number,
  options: { partition?: number; topic?: string; epoch?: number; version?: number } = {},
) {
  const { partition = 0, topic = 't', epoch = -1, version = 11 } = options;
  const partitions = [{ partitionIndex: partition, timestamp, currentLeaderEpoch: epoch }];
  const { topics } = await connection.call(listOffsets, version, {
    replicaId: -1,
    topics: [{ name: topic, partitions }],
  });
  const { offset, timestamp: found, errorCode } = topics[0]!.partitions[0]!;
  return { offset, timestamp: found, errorCode };
}

describe('ListOffsets', () => {
  it('answers latest, earliest, the highest timestamp, and the two that tiered storage would', async () => {
    assert.deepEqual(await ask(-1), { offset: 4, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-2), { offset: 0, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-3), { offset: 1, timestamp: now, errorCode: 0 });
    assert.deepEqual(await ask(-4), { offset: 0, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-5), { offset: -1, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-6), { offset: -1, timestamp: -1, errorCode: 0 });
  });

  it('finds the first record at a time or later, inside its batch; later than all is -1', async () => {
    assert.deepEqual(await ask(0), { offset: 0, timestamp: now - 300, errorCode: 0 });
    assert.deepEqual(await ask(now - 299), { offset: 1, timestamp: now, errorCode: 0 });
    assert.deepEqual(await ask(now + 1), { offset: -1, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(now - 300, { version: 1 }), { offset: 0, timestamp: now - 300, errorCode: 0 });
  });

  it('tells of an unknown topic, partition or epoch', async () => {
    assert.equal((await ask(-1, { topic: 'none' })).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal((await ask(-1, { partition: 9 })).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal((await ask(-1, { epoch: 1000 })).errorCode, ErrorCode.UNKNOWN_LEADER_EPOCH);
  });

  it('of a partition that was never used is that of an empty one, and makes no folder', async () => {
    assert.deepEqual(await ask(-1, { partition: 1 }), { offset: 0, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-2, { partition: 1 }), { offset: 0, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(-3, { partition: 1 }), { offset: -1, timestamp: -1, errorCode: 0 });
    assert.deepEqual(await ask(now, { partition: 1 }), { offset: -1, timestamp: -1, errorCode: 0 });
    assert.equal((await ask(-1, { partition: 1, epoch: 1000 })).errorCode, ErrorCode.UNKNOWN_LEADER_EPOCH);
    assert.ok(!readdirSync(kafka.dataDir).includes('t-1'));
  });
});
