/** Transactions over real sockets, version by version: what a client library would retry or hide is visible here. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchange, exchanges, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { readCommitted } from '../../test/kit/transactions.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { encodeAddOffsetsToTxnRequest } from '../protocol/messages/generated/add-offsets-to-txn-request.ts';
import { decodeAddOffsetsToTxnResponse } from '../protocol/messages/generated/add-offsets-to-txn-response.ts';
import { encodeAddPartitionsToTxnRequest } from '../protocol/messages/generated/add-partitions-to-txn-request.ts';
import { decodeAddPartitionsToTxnResponse } from '../protocol/messages/generated/add-partitions-to-txn-response.ts';
import { encodeApiVersionsRequest } from '../protocol/messages/generated/api-versions-request.ts';
import { decodeApiVersionsResponse } from '../protocol/messages/generated/api-versions-response.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeDescribeProducersRequest } from '../protocol/messages/generated/describe-producers-request.ts';
import { decodeDescribeProducersResponse } from '../protocol/messages/generated/describe-producers-response.ts';
import { encodeDescribeTransactionsRequest } from '../protocol/messages/generated/describe-transactions-request.ts';
import { decodeDescribeTransactionsResponse } from '../protocol/messages/generated/describe-transactions-response.ts';
import { encodeEndTxnRequest } from '../protocol/messages/generated/end-txn-request.ts';
import { decodeEndTxnResponse } from '../protocol/messages/generated/end-txn-response.ts';
import { encodeFindCoordinatorRequest } from '../protocol/messages/generated/find-coordinator-request.ts';
import { decodeFindCoordinatorResponse } from '../protocol/messages/generated/find-coordinator-response.ts';
import { encodeInitProducerIdRequest } from '../protocol/messages/generated/init-producer-id-request.ts';
import { decodeInitProducerIdResponse } from '../protocol/messages/generated/init-producer-id-response.ts';
import { encodeListTransactionsRequest } from '../protocol/messages/generated/list-transactions-request.ts';
import { decodeListTransactionsResponse } from '../protocol/messages/generated/list-transactions-response.ts';
import { encodeOffsetFetchRequest } from '../protocol/messages/generated/offset-fetch-request.ts';
import { decodeOffsetFetchResponse } from '../protocol/messages/generated/offset-fetch-response.ts';
import { encodeTxnOffsetCommitRequest } from '../protocol/messages/generated/txn-offset-commit-request.ts';
import { decodeTxnOffsetCommitResponse } from '../protocol/messages/generated/txn-offset-commit-response.ts';
import { encodeWriteTxnMarkersRequest } from '../protocol/messages/generated/write-txn-markers-request.ts';
import { decodeWriteTxnMarkersResponse } from '../protocol/messages/generated/write-txn-markers-response.ts';
import { BatchBuilder } from '../protocol/records.ts';

const calls = {
  apiVersions: exchange(apis.apiVersions, encodeApiVersionsRequest, decodeApiVersionsResponse),
  findCoordinator: exchange(apis.findCoordinator, encodeFindCoordinatorRequest, decodeFindCoordinatorResponse),
  init: exchange(apis.initProducerId, encodeInitProducerIdRequest, decodeInitProducerIdResponse),
  addPartitions: exchange(apis.addPartitionsToTxn, encodeAddPartitionsToTxnRequest, decodeAddPartitionsToTxnResponse),
  addOffsets: exchange(apis.addOffsetsToTxn, encodeAddOffsetsToTxnRequest, decodeAddOffsetsToTxnResponse),
  end: exchange(apis.endTxn, encodeEndTxnRequest, decodeEndTxnResponse),
  writeMarkers: exchange(apis.writeTxnMarkers, encodeWriteTxnMarkersRequest, decodeWriteTxnMarkersResponse),
  commitOffsets: exchange(apis.txnOffsetCommit, encodeTxnOffsetCommitRequest, decodeTxnOffsetCommitResponse),
  fetchOffsets: exchange(apis.offsetFetch, encodeOffsetFetchRequest, decodeOffsetFetchResponse),
  producers: exchange(apis.describeProducers, encodeDescribeProducersRequest, decodeDescribeProducersResponse),
  describe: exchange(apis.describeTransactions, encodeDescribeTransactionsRequest, decodeDescribeTransactionsResponse),
  list: exchange(apis.listTransactions, encodeListTransactionsRequest, decodeListTransactionsResponse),
};

/** What a producer has in hand. */
interface Who {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

let kafka: TestBroker;
let connection: KafkaConnection;
let count = 0;

before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
});
after(() => kafka.remove());

const nameOf = (code: number): string => Object.entries(ErrorCode).find(([, value]) => value === code)![0];

async function newTopic(partitions = 1): Promise<string> {
  const name = `topic-${count++}`;
  await kafka.broker.topics.create([{ name, partitions }]);
  return name;
}

async function newProducer(transactionalId = `id-${count++}`): Promise<Who> {
  const { errorCode, producerId, producerEpoch } = await connection.call(calls.init, 5, {
    transactionalId,
    transactionTimeoutMs: 60_000,
  });
  assert.equal(errorCode, 0);
  return { transactionalId, producerId, producerEpoch };
}

function batch(who: Who, baseSequence: number, value: string): Buffer {
  const { producerId, producerEpoch } = who;
  const builder = new BatchBuilder();
  builder.append(Date.now(), null, Buffer.from(value), []);
  return builder.build({ producerId, producerEpoch, baseSequence, isTransactional: true });
}

/** Version 11 names topics and adds nothing; 12 adds partitions to the transaction. */
async function produce(who: Who, topic: string, sequence: number, value: string, version = 12, index = 0) {
  const topicData = [{ name: topic, partitionData: [{ index, records: batch(who, sequence, value) }] }];
  const request = { transactionalId: who.transactionalId, acks: -1, timeoutMs: 60_000, topicData };
  const { responses } = await connection.call(exchanges.produce, version, request);
  return nameOf(responses[0]!.partitionResponses[0]!.errorCode);
}

async function add(who: Who, topic: string, partitions: number[], version = 3): Promise<string[]> {
  const { resultsByTopicV3AndBelow } = await connection.call(calls.addPartitions, version, {
    v3AndBelowTransactionalId: who.transactionalId,
    v3AndBelowProducerId: who.producerId,
    v3AndBelowProducerEpoch: who.producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions }],
  });
  return resultsByTopicV3AndBelow[0]!.resultsByPartition.map(({ partitionErrorCode }) => nameOf(partitionErrorCode));
}

async function end(who: Who, committed: boolean, version = 5): Promise<Who & { error: string }> {
  const { errorCode, producerId, producerEpoch } = await connection.call(calls.end, version, { ...who, committed });
  return { transactionalId: who.transactionalId, error: nameOf(errorCode), producerId, producerEpoch };
}

/** Everything below the last stable offset, once nothing is open. */
async function visible(topic: string): Promise<string[]> {
  const log = kafka.broker.log(topic, 0);
  while (log.lastStableOffset < log.highWatermark) await new Promise((resolve) => setImmediate(resolve));
  return readCommitted(log);
}

describe('a producer of version 1', () => {
  it('may write only where it has added the partition, so that no transaction hangs', async () => {
    const topic = await newTopic(2);
    const who = await newProducer();
    assert.equal(await produce(who, topic, 0, 'x', 11), 'TRANSACTION_ABORTABLE');
    assert.equal(await produce(who, topic, 0, 'x', 10), 'INVALID_TXN_STATE');
    assert.deepEqual(await add(who, topic, [0]), ['NONE']);
    assert.equal(await produce(who, topic, 0, 'kept', 10), 'NONE');
    assert.equal(await produce(who, topic, 0, 'x', 11, 1), 'TRANSACTION_ABORTABLE');
    assert.equal((await end(who, true, 4)).error, 'NONE');
    assert.deepEqual(await visible(topic), ['kept']);
    // Retriable until the end is written down.
    let late = '';
    do late = await produce(who, topic, 1, 'late', 11);
    while (late === 'NOT_ENOUGH_REPLICAS');
    assert.equal(late, 'TRANSACTION_ABORTABLE');
    assert.deepEqual(await visible(topic), ['kept']);
  });

  it('adds all partitions or none', async () => {
    const topic = await newTopic(1);
    const who = await newProducer();
    assert.deepEqual(await add(who, topic, [0, 1]), ['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION']);
    assert.deepEqual(await add(who, '__consumer_offsets', [0]), ['TOPIC_AUTHORIZATION_FAILED']);
    assert.equal(await produce(who, topic, 0, 'x', 11), 'TRANSACTION_ABORTABLE');
  });

  it('is told it is fenced by the code its version knows', async () => {
    const topic = await newTopic();
    const first = await newProducer();
    await newProducer(first.transactionalId);
    assert.deepEqual(await add(first, topic, [0], 1), ['INVALID_PRODUCER_EPOCH']);
    assert.deepEqual(await add(first, topic, [0], 3), ['PRODUCER_FENCED']);
    assert.equal((await end(first, true, 1)).error, 'INVALID_PRODUCER_EPOCH');
    assert.equal((await end(first, true, 4)).error, 'PRODUCER_FENCED');
    assert.equal(await produce(first, topic, 0, 'x', 11), 'INVALID_PRODUCER_EPOCH');
    const expected = { producerId: first.producerId, producerEpoch: first.producerEpoch + 7 };
    const request = { transactionalId: first.transactionalId, transactionTimeoutMs: 1000, ...expected };
    const told = async (version: number) => nameOf((await connection.call(calls.init, version, request)).errorCode);
    assert.deepEqual([await told(3), await told(4)], ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED']);
  });
});

describe('a producer of version 2', () => {
  it('writes without adding partitions, and ends under the epoch it is told', async () => {
    const topic = await newTopic();
    const first = await newProducer();
    assert.equal(await produce(first, topic, 0, 'a'), 'NONE');
    const second = await end(first, true);
    assert.deepEqual([second.error, second.producerEpoch], ['NONE', first.producerEpoch + 1]);
    assert.equal(await produce(first, topic, 1, 'fenced'), 'INVALID_PRODUCER_EPOCH');
    assert.equal(await produce(second, topic, 0, 'b'), 'NONE');
    assert.equal((await end(second, false)).error, 'NONE');
    assert.deepEqual(await visible(topic), ['a']);
  });

  it('must begin each partition at sequence 0', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    assert.equal(await produce(who, topic, 5, 'x'), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
    assert.equal(await produce(who, topic, 0, 'x'), 'NONE');
    await end(who, false);
  });

  it('may have five requests on the way at once, right after an end: all are in order', async () => {
    const topic = await newTopic(2);
    const other = await newTopic();
    const first = await newProducer();
    await produce(first, topic, 0, 'before');
    const ended = end(first, true);
    const next = { ...first, producerEpoch: first.producerEpoch + 1 };
    const sent = [0, 1, 2, 3, 4].map((sequence) => produce(next, topic, sequence, `v${sequence}`));
    const elsewhere = produce(next, other, 0, 'elsewhere');
    assert.equal((await ended).error, 'NONE');
    assert.deepEqual(await Promise.all([...sent, elsewhere]), Array(6).fill('NONE'));
    await end(next, true);
    assert.deepEqual(await visible(topic), ['before', 'v0', 'v1', 'v2', 'v3', 'v4']);
    assert.deepEqual(await visible(other), ['elsewhere']);
  });

  it('must not mix in what is outside the transaction', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    await produce(who, topic, 0, 'in');
    const builder = new BatchBuilder();
    builder.append(Date.now(), null, Buffer.from('out'), []);
    const { producerId, producerEpoch } = who;
    const records = builder.build({ producerId, producerEpoch, baseSequence: 1 });
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
    const { responses } = await connection.call(exchanges.produce, 12, { acks: -1, timeoutMs: 60_000, topicData });
    assert.equal(nameOf(responses[0]!.partitionResponses[0]!.errorCode), 'INVALID_TXN_STATE');
    await end(who, false);
  });
});

describe('offsets in a transaction', () => {
  const commit = async (who: Who, groupId: string, topic: string, offset: number, version = 5, more: object = {}) => {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: offset }] }];
    const request = { ...who, groupId, topics, ...more };
    const answer = await connection.call(calls.commitOffsets, version, request);
    return nameOf(answer.topics[0]!.partitions[0]!.errorCode);
  };
  const fetched = async (groupId: string, topic: string, requireStable: boolean) => {
    const groups = [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }];
    const answer = await connection.call(calls.fetchOffsets, 9, { groups, requireStable });
    const { errorCode, committedOffset } = answer.groups[0]!.topics[0]!.partitions[0]!;
    return [nameOf(errorCode), committedOffset];
  };

  it('count from the commit on; who requires stable ones waits for it', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    assert.equal(await commit(who, 'g1', topic, 7), 'NONE');
    assert.deepEqual(await fetched('g1', topic, true), ['UNSTABLE_OFFSET_COMMIT', -1]);
    assert.deepEqual(await fetched('g1', topic, false), ['NONE', -1]);
    const next = await end(who, true);
    while ((await fetched('g1', topic, true))[0] !== 'NONE');
    assert.deepEqual(await fetched('g1', topic, true), ['NONE', 7]);
    assert.equal(await commit(next, 'g1', topic, 9), 'NONE');
    await end(next, false);
    while ((await fetched('g1', topic, true))[0] !== 'NONE');
    assert.deepEqual(await fetched('g1', topic, true), ['NONE', 7]);
  });

  it('need the group in the transaction where the version does not add it', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    assert.equal(await commit(who, 'g2', topic, 1, 3), 'INVALID_TXN_STATE');
    assert.equal(await commit(who, 'g2', topic, 1, 4), 'TRANSACTION_ABORTABLE');
    const added = await connection.call(calls.addOffsets, 3, { ...who, groupId: 'g2' });
    assert.equal(added.errorCode, 0);
    assert.equal(await commit(who, 'g2', topic, 1, 3), 'NONE');
    await end(who, true, 4);
  });

  it('are refused from a consumer that is not of the group’s generation, and for what is not there', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    const stale = { generationIdOrMemberEpoch: 3, memberId: 'gone' };
    assert.equal(await commit(who, 'g3', topic, 1, 5, stale), 'ILLEGAL_GENERATION');
    assert.equal(await commit(who, 'g3', 'no-such-topic', 1), 'UNKNOWN_TOPIC_OR_PARTITION');
    const byId = [{ topicId: 'QUJDREVGR0hJSktMTU5PUA', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }];
    const answer = await connection.call(calls.commitOffsets, 6, { ...who, groupId: 'g3', topics: byId });
    assert.equal(nameOf(answer.topics[0]!.partitions[0]!.errorCode), 'UNKNOWN_TOPIC_ID');
    await end(who, false);
  });

  it('wait for their marker over a restart, and a later commit outside wins over them', async () => {
    const own = await startTestBroker();
    const topic = 'source';
    await own.broker.topics.create([{ name: topic, partitions: 1 }]);
    const shared = [kafka, connection] as const;
    connection = await own.connect();
    try {
      const who = await newProducer('restarted');
      await commit(who, 'g4', topic, 5);
      await commit(who, 'g5', topic, 5);
      const restarted = await own.restart();
      connection = await restarted.connect();
      assert.deepEqual(await fetched('g4', topic, true), ['UNSTABLE_OFFSET_COMMIT', -1]);
      const member = { group: 'g5', memberId: '', groupInstanceId: null, generationId: -1, retentionTimeMs: -1 };
      const offsets = [{ topic, partition: 0, offset: 8, leaderEpoch: -1, metadata: '' }];
      await new Promise((resolve) => restarted.broker.groups.commit({ ...member, offsets }, resolve));
      assert.equal((await end(who, true)).error, 'NONE');
      while ((await fetched('g4', topic, true))[0] !== 'NONE');
      assert.deepEqual(await fetched('g4', topic, true), ['NONE', 5]);
      const again = await restarted.restart();
      connection = await again.connect();
      assert.deepEqual(await fetched('g4', topic, true), ['NONE', 5]);
      assert.deepEqual(await fetched('g5', topic, true), ['NONE', 8]);
      await again.remove();
    } finally {
      connection = shared[1];
    }
  });
});

describe('what administrators see and do', () => {
  it('lists and describes transactions as they are', async () => {
    const topic = await newTopic(2);
    const who = await newProducer();
    const { transactionalId } = who;
    await produce(who, topic, 0, 'open', 12, 1);
    const { transactionStates } = await connection.call(calls.describe, 0, {
      transactionalIds: [transactionalId, 'unknown'],
    });
    const [state, unknown] = transactionStates;
    assert.deepEqual(state!.topics, [{ topic, partitions: [1] }]);
    assert.deepEqual([state!.transactionState, state!.transactionTimeoutMs], ['Ongoing', 60_000]);
    assert.equal(nameOf(unknown!.errorCode), 'TRANSACTIONAL_ID_NOT_FOUND');
    const list = async (filter: object, version = 2) => {
      const all = { stateFilters: [], producerIdFilters: [], durationFilter: -1, transactionalIdPattern: null };
      const answer = await connection.call(calls.list, version, { ...all, ...filter });
      const isListed = answer.transactionStates.some((each) => each.transactionalId === transactionalId);
      return [nameOf(answer.errorCode), isListed, answer.unknownStateFilters];
    };
    assert.deepEqual(await list({ stateFilters: ['Ongoing', 'Odd'] }), ['NONE', true, ['Odd']]);
    assert.deepEqual(await list({ stateFilters: ['Empty'] }, 0), ['NONE', false, []]);
    assert.deepEqual(await list({ producerIdFilters: [who.producerId] }, 0), ['NONE', true, []]);
    assert.deepEqual(await list({ durationFilter: 60_000 }, 1), ['NONE', false, []]);
    assert.deepEqual(await list({ transactionalIdPattern: `${transactionalId.slice(0, -1)}.` }), ['NONE', true, []]);
    assert.deepEqual(await list({ transactionalIdPattern: transactionalId.slice(0, -1) }), ['NONE', false, []]);
    assert.deepEqual(await list({ transactionalIdPattern: '(' }), ['INVALID_REGULAR_EXPRESSION', false, []]);
    await end(who, false);
  });

  it('shows who has a transaction open in a partition, and ends it by hand', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    await produce(who, topic, 0, 'open');
    const describe = async () => {
      const topics = [{ name: topic, partitionIndexes: [0, 1] }];
      return (await connection.call(calls.producers, 0, { topics })).topics[0]!.partitions;
    };
    const [open, missing] = await describe();
    const { producerId, producerEpoch } = who;
    const [producer] = open!.activeProducers;
    assert.deepEqual([producer!.producerId, producer!.producerEpoch], [producerId, producerEpoch]);
    assert.deepEqual([producer!.currentTxnStartOffset, producer!.lastSequence], [0, 0]);
    assert.equal(nameOf(missing!.errorCode), 'UNKNOWN_TOPIC_OR_PARTITION');
    const marker = { producerId, producerEpoch, transactionResult: false, coordinatorEpoch: 0 };
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const { markers } = await connection.call(calls.writeMarkers, 1, { markers: [{ ...marker, topics }] });
    assert.equal(markers[0]!.topics[0]!.partitions[0]!.errorCode, 0);
    assert.equal((await describe())[0]!.activeProducers[0]!.currentTxnStartOffset, -1);
    assert.deepEqual(await visible(topic), []);
  });

  it('finds the coordinator here, and transaction.version 2 finalized', async () => {
    const found = await connection.call(calls.findCoordinator, 4, { keyType: 1, coordinatorKeys: ['id'] });
    assert.deepEqual([found.coordinators[0]!.errorCode, found.coordinators[0]!.port], [0, kafka.broker.address.port]);
    const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };
    const versions = await connection.call(calls.apiVersions, 4, software);
    assert.ok(versions.finalizedFeaturesEpoch >= 0);
    const named = ({ name }: { name: string }) => name === 'transaction.version';
    assert.equal(versions.finalizedFeatures.find(named)!.maxVersionLevel, 2);
    assert.equal(versions.supportedFeatures.find(named)!.minVersion, 0);
    // KAFKA-17011: clients of v3 take a minimum of 0 for an error.
    assert.equal((await connection.call(calls.apiVersions, 3, software)).supportedFeatures.find(named), undefined);
  });

  it('verifies partitions for other brokers without adding them', async () => {
    const topic = await newTopic();
    const who = await newProducer();
    const verify = async (verifyOnly: boolean): Promise<ErrorName | string> => {
      const transactions = [{ ...who, verifyOnly, topics: [{ name: topic, partitions: [0] }] }];
      const { resultsByTransaction } = await connection.call(calls.addPartitions, 5, { transactions });
      return nameOf(resultsByTransaction[0]!.topicResults[0]!.resultsByPartition[0]!.partitionErrorCode);
    };
    assert.equal(await verify(true), 'TRANSACTION_ABORTABLE');
    assert.equal(await verify(false), 'NONE');
    assert.equal(await verify(true), 'NONE');
    await end(who, false);
  });
});
