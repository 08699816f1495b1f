/**
 * Produce over real sockets: what each acks means, what each partition is told, in which order answers come.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  batchOf,
  encodeRequest,
  exchanges,
  type KafkaConnection,
  startTestBroker,
  type TestBroker,
} from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { setLogAppendTime } from '../protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../protocol/records.ts';

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  await kafka.broker.topics.create([{ name: 't', partitions: 3 }]);
});
after(() => kafka.remove());

type Batch = Buffer | null;

async function produce(
  partition: number,
  records: Batch,
  options: { acks?: number; version?: number; topic?: string } = {},
) {
  const { acks = -1, version = 9, topic = 't' } = options;
  const topicId = kafka.broker.topics.get(topic)?.topicId ?? zeroUuid;
  const topicData = [{ name: topic, topicId, partitionData: [{ index: partition, records }] }];
  const request = { transactionalId: null, acks, timeoutMs: 60_000, topicData };
  const { responses } = await connection.call(exchanges.produce, version, request);
  return responses[0]!.partitionResponses[0]!;
}

describe('Produce', () => {
  it('answers with the offset, in every version and with every acks that has an answer', async () => {
    for (const version of [3, 5, 7, 8, 9, 12, 13]) {
      for (const acks of [-1, 1]) {
        const end = kafka.broker.log('t', 0).logEndOffset;
        const result = await produce(0, batchOf('a', 'b'), { acks, version });
        assert.equal(result.errorCode, 0);
        assert.equal(result.baseOffset, end);
        assert.equal(result.logAppendTimeMs, -1);
        assert.equal(kafka.broker.log('t', 0).highWatermark, end + 2);
      }
    }
  });

  it('keeps the answers of pipelined requests in their order, and their appends too', async () => {
    const end = kafka.broker.log('t', 1).logEndOffset;
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => produce(1, batchOf(`${i}`), { acks: i % 2 === 0 ? -1 : 1 })),
    );
    assert.deepEqual(
      results.map(({ baseOffset }) => baseOffset - end),
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  it('with acks=0 has no answer; the next request has', async () => {
    const end = kafka.broker.log('t', 2).logEndOffset;
    const topicData = [{ name: 't', partitionData: [{ index: 2, records: batchOf('quiet') }] }];
    connection.send(encodeRequest(exchanges.produce, 9, { acks: 0, timeoutMs: 60_000, topicData }));
    const metadata = await connection.call(exchanges.metadata, 9, { topics: [] });
    assert.equal(metadata.brokers.length, 1);
    assert.equal(kafka.broker.log('t', 2).logEndOffset, end + 1);
  });

  it('with acks=0 closes the connection on an error, and says why', async () => {
    const other = await kafka.connect();
    const topicData = [{ name: 'nowhere', partitionData: [{ index: 0, records: batchOf('x') }] }];
    other.send(encodeRequest(exchanges.produce, 9, { acks: 0, timeoutMs: 60_000, topicData }));
    await other.closed;
    assert.match(kafka.lines.at(-1)!.message, /acks=0 failed.*There is no topic nowhere/);
  });

  it('tells each partition its own error', async () => {
    const { responses } = await connection.call(exchanges.produce, 8, {
      acks: -1,
      timeoutMs: 60_000,
      topicData: [
        {
          name: 't',
          partitionData: [
            { index: 0, records: batchOf('fine') },
            { index: 99, records: batchOf('no such partition') },
            { index: 1, records: Buffer.from('nonsense') },
          ],
        },
        { name: 'nowhere', partitionData: [{ index: 0, records: batchOf('x') }] },
      ],
    });
    const codes = responses.map((topic) => topic.partitionResponses.map(({ errorCode }) => errorCode));
    assert.deepEqual(codes, [
      [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.CORRUPT_MESSAGE],
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    assert.equal(responses[0]!.partitionResponses[1]!.baseOffset, -1);
    assert.match(responses[0]!.partitionResponses[2]!.errorMessage!, /8 bytes/);
  });

  const builder = () => {
    const records = new BatchBuilder();
    records.append(Date.now(), null, Buffer.from('x'), []);
    return records;
  };
  const corrupt = () => {
    const batch = batchOf('x');
    batch[batch.length - 1]! ^= 1;
    return batch;
  };
  const appendTime = () => {
    const batch = batchOf('x');
    setLogAppendTime(batch, Date.now());
    return batch;
  };
  const future = () => {
    const records = new BatchBuilder();
    records.append(Date.now() + 2 * 60 * 60 * 1000, null, Buffer.from('x'), []);
    return records.build();
  };
  const magic1 = () => {
    const batch = batchOf('x');
    batch.writeInt8(1, 16);
    return batch;
  };
  const refused: [
    what: string,
    make: () => Batch,
    error: number,
    options?: { acks?: number; version?: number; topic?: string },
  ][] = [
    ['a batch whose checksum is wrong', corrupt, ErrorCode.CORRUPT_MESSAGE],
    ['no batch', () => null, ErrorCode.INVALID_RECORD],
    ['two batches at once', () => Buffer.concat([batchOf('a'), batchOf('b')]), ErrorCode.INVALID_RECORD],
    ['a batch of an old format', magic1, ErrorCode.INVALID_RECORD],
    ['a control batch', () => builder().build({ isControl: true }), ErrorCode.INVALID_RECORD],
    ['a batch that claims our own time', appendTime, ErrorCode.INVALID_TIMESTAMP],
    ['a record two hours ahead of us', future, ErrorCode.INVALID_TIMESTAMP],
    ['a batch larger than max.message.bytes', () => batchOf('x'.repeat(1_048_588)), ErrorCode.MESSAGE_TOO_LARGE],
    [
      'zstd of a client too old for it',
      () => builder().build({ codec: 'zstd' }),
      ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
      { version: 6 },
    ],
    [
      'a transactional batch of a producer without a transactional id',
      () => builder().build({ isTransactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 }),
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ],
    ['acks=2', () => batchOf('x'), ErrorCode.INVALID_REQUIRED_ACKS, { acks: 2 }],
    [
      'records for an internal topic',
      () => batchOf('x'),
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      { topic: '__consumer_offsets' },
    ],
  ];
  for (const [what, make, error, options] of refused) {
    it(`refuses ${what}, and goes on`, async () => {
      assert.equal((await produce(0, make(), options)).errorCode, error);
      assert.equal((await produce(0, batchOf('fine'))).errorCode, 0);
    });
  }

  it('by an unknown topic id is UNKNOWN_TOPIC_ID', async () => {
    const topicData = [{ topicId: 'QUJDREVGR0hJSktMTU5PUA', partitionData: [{ index: 0, records: batchOf('x') }] }];
    const { responses } = await connection.call(exchanges.produce, 13, { acks: -1, timeoutMs: 60_000, topicData });
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
    assert.equal(responses[0]!.topicId, 'QUJDREVGR0hJSktMTU5PUA');
  });

  it('of an idempotent producer that repeats itself is answered with the first offset', async () => {
    const batch = () => builder().build({ producerId: 77, producerEpoch: 0, baseSequence: 0 });
    const first = await produce(1, batch());
    const again = await produce(1, batch());
    assert.equal(first.errorCode, 0);
    assert.equal(again.errorCode, 0);
    assert.equal(again.baseOffset, first.baseOffset);
  });

  it('stamps records where the topic says so', async () => {
    await kafka.broker.topics.create([
      { name: 'stamped', partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } },
    ]);
    const result = await produce(0, batchOf('x'), { topic: 'stamped' });
    assert.ok(Math.abs(result.logAppendTimeMs - Date.now()) < 5000);
    const read = kafka.broker.log('stamped', 0).read(0, 1 << 20, { isolation: 'read_uncommitted', minOneBatch: true });
    assert.equal(readRecords(read.records)[0]!.timestamp, result.logAppendTimeMs);
    read.release();
  });
});
