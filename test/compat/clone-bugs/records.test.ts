/**
 * Where clones of Kafka lost, doubled or showed records they should not: items 14, 18 and 26 of the list in
 * docs/clone-bugs.md. Each test is named after what the user saw.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import {
  baseOffset,
  batchStarts,
  isControl,
  producerId as producerIdOf,
} from '../../../broker/protocol/record-batch.ts';
import { readRecords } from '../../../broker/protocol/records.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { batchOf, exchanges, startTestBroker, type TestBroker } from '../../kit/kafka.ts';
import { RawClient, timedBatch } from '../../kit/raw-client.ts';
import { until } from '../wait.ts';

let kafka: TestBroker;
let client: RawClient;
before(async () => {
  kafka = await startTestBroker();
  client = await RawClient.connect(kafka);
});
after(() => kafka.remove());

interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** One record of an idempotent producer. */
const numbered = ({ producerId, producerEpoch }: ProducerIdentity, baseSequence: number) =>
  timedBatch([[Date.now(), `${baseSequence}`]], { producerId, producerEpoch, baseSequence });

function valuesOf(records: Buffer): string[] {
  return [...batchStarts(records)].flatMap((start) =>
    isControl(records, start) ? [] : readRecords(records, start).map(({ value }) => value!.toString()),
  );
}

describe('14. Idempotent producers', () => {
  it('doubled what they sent again: each of the last five batches is known, the last also after a restart', async (test) => {
    let own = await startTestBroker();
    test.after(() => own.remove());
    let producer = await RawClient.connect(own);
    await producer.createTopic('once');
    const identity = await producer.initProducerId();
    const offsets: number[] = [];
    for (let sequence = 0; sequence < 6; sequence++) {
      offsets.push((await producer.produce('once', numbered(identity, sequence))).baseOffset);
    }
    const repeat = async (sequence: number): Promise<void> => {
      const { errorCode, baseOffset } = await producer.produce('once', numbered(identity, sequence));
      assert.deepEqual([errorCode, baseOffset], [0, offsets[sequence]]);
    };
    for (const sequence of [1, 2, 3, 4, 5]) await repeat(sequence);
    own = await own.restart();
    producer = await RawClient.connect(own);
    // Kafka's producer snapshot has room for one batch of each producer.
    await repeat(5);
    assert.equal((await producer.listOffset('once', -1)).offset, 6);
  });

  it('were refused, or let in out of order: a gap is told, an old epoch is told, the next in order is taken', async () => {
    await client.createTopic('order');
    const identity = await client.initProducerId();
    const send = async (sequence: number, producerEpoch = 0) =>
      (await client.produce('order', numbered({ ...identity, producerEpoch }, sequence))).errorCode;
    assert.equal(await send(0), 0);
    assert.equal(await send(2), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert.equal(await send(1), 0);
    assert.equal(await send(1, 1), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, 'a new epoch begins at 0');
    assert.equal(await send(0, 1), 0);
    assert.equal(await send(2, 0), ErrorCode.INVALID_PRODUCER_EPOCH);
  });

  it('went on after their state was gone: a producer that is not known may begin anywhere (KIP-360)', async () => {
    await client.createTopic('forgotten');
    const { errorCode } = await client.produce('forgotten', numbered({ producerId: 4242, producerEpoch: 3 }, 77));
    assert.equal(errorCode, 0);
    assert.equal(
      (await client.produce('forgotten', numbered({ producerId: 4242, producerEpoch: 3 }, 78))).errorCode,
      0,
    );
  });

  it('got a second id when they asked to go on: one with a transactional id keeps it with the next epoch', async () => {
    const first = await client.initProducerId('keeps');
    const request = { transactionalId: 'keeps', transactionTimeoutMs: 60_000 };
    const { producerId, producerEpoch } = first;
    const next = await client.call(allExchanges.initProducerId, 5, { ...request, producerId, producerEpoch });
    assert.deepEqual([next.errorCode, next.producerId, next.producerEpoch], [0, producerId, producerEpoch + 1]);
  });

  it('wrapped their sequence after 2^31 and were cut off', async () => {
    await client.createTopic('wrap');
    const identity = { producerId: 4343, producerEpoch: 0 };
    assert.equal((await client.produce('wrap', numbered(identity, 2 ** 31 - 1))).errorCode, 0);
    assert.equal((await client.produce('wrap', numbered(identity, 0))).errorCode, 0);
  });
});

describe('18. What another project found in its own broker', () => {
  it('a batch was skipped when it holds the offset in its middle', async () => {
    await client.createTopic('middle');
    await client.produce('middle', batchOf('a', 'b', 'c'));
    for (const offset of [0, 1, 2]) {
      assert.deepEqual(valuesOf((await client.fetch('middle', offset)).records!), ['a', 'b', 'c']);
    }
  });

  it('aborted records were visible: read_committed is told what to leave out, and waits for what is open', async () => {
    await client.createTopic('aborted');
    const { producerId, producerEpoch } = await client.initProducerId('eighteen');
    const options = { producerId, producerEpoch, baseSequence: 0, isTransactional: true };
    const during = { version: 12, transactionalId: 'eighteen' };
    await client.produce('aborted', timedBatch([[Date.now(), 'never']], options), during);
    const open = await client.fetch('aborted', 0, { isolationLevel: 1 });
    assert.deepEqual([open.records!.length, open.lastStableOffset, open.highWatermark], [0, 0, 1]);
    assert.equal(valuesOf((await client.fetch('aborted', 0)).records!).length, 1, 'read_uncommitted sees it');
    await client.endTransaction('eighteen', { producerId, producerEpoch }, false);
    await until('the abort is written', async () => (await client.listOffset('aborted', -1)).offset === 2);
    const ended = await client.fetch('aborted', 0, { isolationLevel: 1 });
    assert.deepEqual(ended.abortedTransactions, [{ producerId, firstOffset: 0 }]);
    assert.equal((await client.fetch('aborted', 0)).abortedTransactions, null);
  });

  it('max.message.bytes was not enforced', async () => {
    await client.createTopic('small', 1, { 'max.message.bytes': '1000' });
    assert.equal((await client.produce('small', batchOf('x'.repeat(1000)))).errorCode, ErrorCode.MESSAGE_TOO_LARGE);
    assert.equal((await client.produce('small', batchOf('x'.repeat(800)))).errorCode, 0);
  });

  it('records without a key were taken by compacted topics: each is named', async () => {
    await client.createTopic('compacted', 1, { 'cleanup.policy': 'compact' });
    const { errorCode, recordErrors } = await client.produce('compacted', batchOf('a', 'b'));
    assert.equal(errorCode, ErrorCode.INVALID_RECORD);
    assert.deepEqual(
      recordErrors.map(({ batchIndex }) => batchIndex),
      [0, 1],
    );
    assert.equal((await client.produce('compacted', timedBatch([[Date.now(), 'kept']]))).errorCode, 0);
  });

  it('CreatePartitions answered nothing', async () => {
    await client.createTopic('grows', 2);
    const grow = async (name: string, count: number) => {
      const answer = await client.call(allExchanges.createPartitions, 3, {
        topics: [{ name, count, assignments: null }],
      });
      return answer.results.map((result) => [result.name, result.errorCode]);
    };
    assert.deepEqual(await grow('grows', 5), [['grows', 0]]);
    assert.deepEqual(await grow('grows', 5), [['grows', ErrorCode.INVALID_PARTITIONS]]);
    assert.deepEqual(await grow('nowhere', 5), [['nowhere', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]);
    const { topics } = await client.call(exchanges.metadata, 12, { topics: [{ name: 'grows' }] });
    assert.equal(topics[0]!.partitions.length, 5);
  });

  it('what was said about a committed offset was lost, and what is too long was taken', async () => {
    await client.createTopic('noted');
    const commit = async (committedMetadata: string) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 9, committedMetadata }];
      const request = { groupId: 'noted', generationIdOrMemberEpoch: -1, topics: [{ name: 'noted', partitions }] };
      return (await client.call(allExchanges.offsetCommit, 8, request)).topics[0]!.partitions[0]!.errorCode;
    };
    assert.equal(await commit('note'), 0);
    assert.equal(await commit('x'.repeat(4097)), ErrorCode.OFFSET_METADATA_TOO_LARGE);
    const topics = [{ name: 'noted', partitionIndexes: [0] }];
    const fetched = await client.call(allExchanges.offsetFetch, 7, { groupId: 'noted', topics });
    assert.equal(fetched.topics[0]!.partitions[0]!.metadata, 'note');
  });

  it('transaction timeouts were not checked', async () => {
    for (const transactionTimeoutMs of [0, -1, 15 * 60_000 + 1]) {
      const { errorCode } = await client.initProducerId('timeouts', { transactionTimeoutMs });
      assert.equal(errorCode, ErrorCode.INVALID_TRANSACTION_TIMEOUT, `${transactionTimeoutMs} ms`);
    }
  });

  it('EndTxn was taken from strangers', async () => {
    const { producerId, producerEpoch } = await client.initProducerId('ended');
    const outcome = async (id: string, identity: ProducerIdentity) =>
      (await client.endTransaction(id, identity, true)).errorCode;
    assert.equal(await outcome('nobody', { producerId, producerEpoch }), ErrorCode.INVALID_PRODUCER_ID_MAPPING);
    const stranger = { producerId: producerId + 1000, producerEpoch };
    assert.equal(await outcome('ended', stranger), ErrorCode.INVALID_PRODUCER_ID_MAPPING);
    const late = { producerId, producerEpoch: producerEpoch + 5 };
    assert.equal(await outcome('ended', late), ErrorCode.PRODUCER_FENCED);
  });

  it('topics were created that cannot be', async () => {
    const replicated = { numPartitions: 1, replicationFactor: 3 };
    const manual = { numPartitions: -1, replicationFactor: -1 };
    const wrong: [what: object, error: number][] = [
      [{ name: 'zero', numPartitions: 0, replicationFactor: 1 }, ErrorCode.INVALID_PARTITIONS],
      [{ name: 'negative', numPartitions: -2, replicationFactor: 1 }, ErrorCode.INVALID_PARTITIONS],
      [{ name: 'replicas', ...replicated }, ErrorCode.INVALID_REPLICATION_FACTOR],
      [{ name: 'none', numPartitions: 1, replicationFactor: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR],
      [{ name: 'key', ...manual, configs: [{ name: 'no.such', value: '1' }] }, ErrorCode.INVALID_CONFIG],
      [{ name: 'value', ...manual, configs: [{ name: 'retention.ms', value: 'x' }] }, ErrorCode.INVALID_CONFIG],
      [
        { name: 'gap', ...manual, assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      ],
      [
        { name: 'away', ...manual, assignments: [{ partitionIndex: 0, brokerIds: [9] }] },
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      ],
    ];
    for (const [topic, error] of wrong) {
      const answer = await client.call(exchanges.createTopics, 7, { topics: [topic], timeoutMs: 60_000 });
      assert.equal(answer.topics[0]!.errorCode, error, JSON.stringify(topic));
    }
    const only = { topics: [{ name: 'only-checked', ...manual }], timeoutMs: 60_000, validateOnly: true };
    assert.equal((await client.call(exchanges.createTopics, 7, only)).topics[0]!.errorCode, 0);
    const { topics } = await client.call(exchanges.metadata, 12, {
      topics: [{ name: 'only-checked' }],
      allowAutoTopicCreation: false,
    });
    assert.equal(topics[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });
});

describe('26. What Jepsen found', () => {
  it('acknowledged records were lost, doubled, or at offset 0: each is where its answer said, once, after restarts too', async (test) => {
    let own = await startTestBroker();
    test.after(() => own.remove());
    await own.broker.topics.create([{ name: 'jepsen', partitions: 3 }]);
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 3; round++) {
      const writing = Array.from({ length: 8 }, async (_, writer) => {
        const producer = await RawClient.connect(own);
        for (let n = 0; n < 25; n++) {
          const partition = n % 3;
          const value = `${round}-${writer}-${n}`;
          const { errorCode, baseOffset } = await producer.produce('jepsen', batchOf(value), { partition });
          assert.equal(errorCode, 0);
          assert.ok(!acknowledged.has(`${partition}/${baseOffset}`), 'no offset is given out twice');
          acknowledged.set(`${partition}/${baseOffset}`, value);
        }
      });
      await Promise.all(writing);
      own = await own.restart();
    }
    const reader = await RawClient.connect(own);
    const found = new Map<string, string>();
    for (const partition of [0, 1, 2]) {
      const { records } = await reader.fetch('jepsen', 0, { partition, isolationLevel: 1 });
      for (const start of batchStarts(records!)) {
        found.set(`${partition}/${baseOffset(records!, start)}`, readRecords(records!, start)[0]!.value!.toString());
      }
    }
    assert.deepEqual(new Map([...found].sort()), new Map([...acknowledged].sort()));
  });

  it('answers that are errors had offset 0: they have -1', async () => {
    const refused = await client.produce('nowhere', batchOf('x'));
    assert.deepEqual([refused.errorCode, refused.baseOffset], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1]);
    const listed = await client.listOffset('nowhere', -1);
    assert.deepEqual([listed.errorCode, listed.offset], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1]);
    const fetched = await client.fetch('nowhere', 0);
    assert.deepEqual([fetched.errorCode, fetched.highWatermark], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1]);
    const groups = [{ groupId: 'nobody', topics: [{ name: 'noted', partitionIndexes: [0] }] }];
    const offsets = await client.call(allExchanges.offsetFetch, 9, { groups });
    assert.equal(offsets.groups[0]!.topics[0]!.partitions[0]!.committedOffset, -1);
  });

  it('a transaction was torn when its producer was fenced: the old one is told, and nothing of it is committed', async () => {
    await client.createTopic('fenced');
    const old = await client.initProducerId('zombie');
    const options = { ...old, baseSequence: 0, isTransactional: true };
    const during = { version: 12, transactionalId: 'zombie' };
    await client.produce('fenced', timedBatch([[Date.now(), 'torn']], options), during);
    await until('the next one has the id', async () => (await client.initProducerId('zombie')).errorCode === 0);
    const late = timedBatch([[Date.now(), 'late']], { ...options, baseSequence: 1 });
    const { errorCode } = await client.produce('fenced', late, during);
    assert.equal(errorCode, ErrorCode.INVALID_PRODUCER_EPOCH);
    assert.notEqual((await client.endTransaction('zombie', old, true)).errorCode, 0);
    const { records, abortedTransactions } = await client.fetch('fenced', 0, { isolationLevel: 1 });
    assert.deepEqual(abortedTransactions, [{ producerId: old.producerId, firstOffset: 0 }]);
    assert.ok([...batchStarts(records!)].every((start) => producerIdOf(records!, start) === old.producerId));
  });
});
