/**
 * Fetch over real sockets: limits, long polls, sessions, topic ids, and what each partition is told.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { batchOf, exchanges, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { FetchResponse } from '../protocol/messages/generated/fetch-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { batchStarts } from '../protocol/record-batch.ts';
import { readRecords } from '../protocol/records.ts';

/** Beyond the minute after which a test's client gives an answer up. */
const LONGER_THAN_PATIENCE_MS = 120_000;

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  await kafka.broker.topics.create([{ name: 't', partitions: 4 }]);
});
after(() => kafka.remove());

interface Asked {
  readonly partition: number;
  readonly fetchOffset?: number;
  readonly partitionMaxBytes?: number;
  readonly currentLeaderEpoch?: number;
}

interface FetchOptions {
  readonly version?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
  readonly topic?: string;
  readonly topicId?: string;
  readonly forget?: readonly number[];
  readonly connection?: KafkaConnection;
  readonly isolationLevel?: number;
}

function fetch(partitions: readonly Asked[], options: FetchOptions = {}): Promise<FetchResponse> {
  const { version = 12, topic = 't', forget, connection: by = connection, ...rest } = options;
  const topicId = options.topicId ?? kafka.broker.topics.get(topic)?.topicId ?? zeroUuid;
  const asked = partitions.map((partition) => ({ fetchOffset: 0, partitionMaxBytes: 1 << 20, ...partition }));
  const request = {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 50 << 20,
    sessionEpoch: -1,
    ...rest,
    topics: asked.length === 0 ? [] : [{ topic, topicId, partitions: asked }],
    forgottenTopicsData: forget === undefined ? [] : [{ topic, topicId, partitions: [...forget] }],
  };
  return by.call(exchanges.fetch, version, request);
}

function append(partition: number, ...values: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const log = kafka.broker.log('t', partition);
    const info = log.append(batchOf(...values), { acks: 1, origin: 'client' }, (error) =>
      error === null ? resolve(info.baseOffset) : reject(error),
    );
  });
}

function valuesOf(records: Buffer | null): string[] {
  if (records === null) return [];
  return [...batchStarts(records)].flatMap((start) =>
    readRecords(records, start).map(({ value }) => value!.toString()),
  );
}

const partitionsOf = (response: FetchResponse) => response.responses.flatMap((topic) => topic.partitions);

describe('Fetch', () => {
  it('returns whole batches from the one that holds the offset, in every version', async () => {
    await append(0, 'a', 'b');
    await append(0, 'c');
    for (const version of [4, 7, 11, 12, 13, 16, 18]) {
      const response = await fetch([{ partition: 0, fetchOffset: 1 }], { version });
      const [partition] = partitionsOf(response);
      assert.deepEqual(valuesOf(partition!.records), ['a', 'b', 'c']);
      assert.equal(partition!.highWatermark, 3);
      assert.equal(partition!.lastStableOffset, 3);
      assert.equal(partition!.abortedTransactions, null);
      assert.equal(partition!.preferredReadReplica, -1);
      assert.equal(
        response.responses[0]![version >= 13 ? 'topicId' : 'topic'],
        version >= 13 ? kafka.broker.topics.get('t')!.topicId : 't',
      );
    }
  });

  it('for read_committed says that nothing was aborted', async () => {
    const [partition] = partitionsOf(await fetch([{ partition: 0 }], { isolationLevel: 1 }));
    assert.deepEqual(partition!.abortedTransactions, []);
  });

  it('gives the first partition with records one batch whatever the limits, and the others what is left', async () => {
    await append(1, 'x'.repeat(1000));
    const response = await fetch([{ partition: 0, partitionMaxBytes: 1 }, { partition: 1 }], { maxBytes: 10 });
    const [first, second] = partitionsOf(response);
    assert.deepEqual(valuesOf(first!.records), ['a', 'b']);
    assert.equal(second!.records!.length, 0);
  });

  it('waits for records without polling, and answers when they come', async () => {
    const end = kafka.broker.log('t', 2).logEndOffset;
    // Longer than the client waits for an answer: it comes because of the record, or the test fails.
    const waiting = fetch([{ partition: 2, fetchOffset: end }], { maxWaitMs: LONGER_THAN_PATIENCE_MS });
    setTimeout(() => void append(2, 'late'), 50);
    const [partition] = partitionsOf(await waiting);
    assert.deepEqual(valuesOf(partition!.records), ['late']);
  });

  it('answers with nothing when its time is up', async () => {
    const end = kafka.broker.log('t', 2).logEndOffset;
    const started = performance.now();
    const [partition] = partitionsOf(await fetch([{ partition: 2, fetchOffset: end }], { maxWaitMs: 100 }));
    assert.equal(partition!.records!.length, 0);
    assert.equal(partition!.errorCode, 0);
    assert.ok(performance.now() - started >= 90);
  });

  it('waits until there are min.bytes', async () => {
    const end = kafka.broker.log('t', 2).logEndOffset;
    let isAnswered = false;
    const waiting = fetch([{ partition: 2, fetchOffset: end }], {
      maxWaitMs: LONGER_THAN_PATIENCE_MS,
      minBytes: 500,
    }).then((response) => {
      isAnswered = true;
      return response;
    });
    await append(2, 'few');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(isAnswered, false);
    await append(2, 'y'.repeat(500));
    assert.equal(valuesOf(partitionsOf(await waiting)[0]!.records).length, 2);
  });

  it('tells each partition its own error at once, without waiting', async () => {
    const response = await fetch(
      [
        { partition: 0, fetchOffset: 1000 },
        { partition: 99 },
        { partition: 0, currentLeaderEpoch: 1000 },
        { partition: 3 },
      ],
      { maxWaitMs: 5000 },
    );
    assert.deepEqual(
      partitionsOf(response).map(({ errorCode }) => errorCode),
      [ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_LEADER_EPOCH, 0],
    );
    const unknown = await fetch([{ partition: 0 }], { version: 13, topicId: 'QUJDREVGR0hJSktMTU5PUA' });
    assert.equal(partitionsOf(unknown)[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
  });

  it('wakes when its topic is deleted, whether it was ever used or not', async () => {
    for (const isUsed of [false, true]) {
      await kafka.broker.topics.create([{ name: 'doomed', partitions: 1 }]);
      if (isUsed) kafka.broker.log('doomed', 0);
      const waiting = fetch([{ partition: 0 }], { topic: 'doomed', maxWaitMs: LONGER_THAN_PATIENCE_MS });
      await new Promise((resolve) => setTimeout(resolve, 30));
      await kafka.broker.topics.delete('doomed');
      assert.equal(partitionsOf(await waiting)[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }
  });

  it('of a partition that was never used makes no folder, and wakes with its first record', async () => {
    const empty = await fetch([{ partition: 3, fetchOffset: 0 }]);
    assert.deepEqual(
      partitionsOf(empty).map(({ errorCode, highWatermark }) => [errorCode, highWatermark]),
      [[0, 0]],
    );
    assert.equal(kafka.broker.existingLog('t', 3), undefined);
    const beyond = await fetch([{ partition: 3, fetchOffset: 1 }]);
    assert.equal(partitionsOf(beyond)[0]!.errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
    const waiting = fetch([{ partition: 3 }], { maxWaitMs: LONGER_THAN_PATIENCE_MS, minBytes: 200 });
    setTimeout(() => void append(3, 'first'), 20);
    setTimeout(() => void append(3, 's'.repeat(200)), 60);
    const [partition] = partitionsOf(await waiting);
    assert.equal(valuesOf(partition!.records).length, 2);
  });

  it('answers with 8 MiB at most, then with the rest, but with all to a client that waits for more', async () => {
    const [batches, batchBytes] = [12, 1_000_000];
    await kafka.broker.topics.create([{ name: 'wide', partitions: 2 }]);
    for (let i = 0; i < batches; i++) {
      await new Promise((resolve) =>
        kafka.broker.log('wide', i % 2).append(batchOf('v'.repeat(batchBytes)), { acks: 1, origin: 'client' }, resolve),
      );
    }
    const positions = [0, 0];
    const ask = async (minBytes: number): Promise<number> => {
      const asked = positions.map((fetchOffset, partition) => ({
        partition,
        fetchOffset,
        partitionMaxBytes: 50 << 20,
      }));
      let bytes = 0;
      for (const { partitionIndex, records } of partitionsOf(await fetch(asked, { topic: 'wide', minBytes }))) {
        positions[partitionIndex]! += valuesOf(records).length;
        bytes += records?.length ?? 0;
      }
      return bytes;
    };
    const first = await ask(1);
    assert.ok(first > 7 << 20 && first <= 8 << 20, `${first} bytes`);
    await ask(1);
    assert.deepEqual(positions, [6, 6]);
    positions.fill(0);
    assert.ok((await ask(11 * batchBytes)) > 11 * batchBytes);
  });

  it('sends large batches unharmed, borrowed buffers and all', async () => {
    await kafka.broker.topics.create([{ name: 'large', partitions: 1 }]);
    const value = 'z'.repeat(900_000);
    const log = kafka.broker.log('large', 0);
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => log.append(batchOf(value), { acks: 1, origin: 'client' }, resolve));
    }
    const responses = await Promise.all(
      [0, 1, 2, 3].map((offset) => fetch([{ partition: 0, fetchOffset: offset }], { topic: 'large' })),
    );
    for (const response of responses) assert.equal(valuesOf(partitionsOf(response)[0]!.records)[0], value);
  });
});

describe('Fetch sessions (KIP-227)', () => {
  it('answer all partitions first, then only those with news, and forget what they are told to', async () => {
    const by = await kafka.connect();
    const first = await fetch([{ partition: 0 }, { partition: 1 }], { sessionEpoch: 0, connection: by });
    assert.ok(first.sessionId > 0);
    assert.equal(partitionsOf(first).length, 2);
    const end = kafka.broker.log('t', 0).logEndOffset;
    const { sessionId } = first;
    const quiet = await fetch(
      [
        { partition: 0, fetchOffset: end },
        { partition: 1, fetchOffset: kafka.broker.log('t', 1).logEndOffset },
      ],
      { sessionId, sessionEpoch: 1, connection: by },
    );
    assert.deepEqual(partitionsOf(quiet), []);
    assert.equal(quiet.sessionId, sessionId);
    await append(0, 'news');
    const news = await fetch([], { sessionId, sessionEpoch: 2, connection: by });
    assert.deepEqual(
      partitionsOf(news).map(({ partitionIndex }) => partitionIndex),
      [0],
    );
    assert.deepEqual(valuesOf(partitionsOf(news)[0]!.records), ['news']);
    const forgotten = await fetch([], { sessionId, sessionEpoch: 3, forget: [0], connection: by });
    assert.deepEqual(partitionsOf(forgotten), []);
    await append(0, 'unseen');
    assert.deepEqual(partitionsOf(await fetch([], { sessionId, sessionEpoch: 4, connection: by })), []);
  });

  it('are refused with the wrong epoch, when unknown, and when names and ids are mixed', async () => {
    const { sessionId } = await fetch([{ partition: 0 }], { sessionEpoch: 0 });
    const wrong = await fetch([], { sessionId, sessionEpoch: 5 });
    assert.equal(wrong.errorCode, ErrorCode.INVALID_FETCH_SESSION_EPOCH);
    const unknown = await fetch([], { sessionId: 123, sessionEpoch: 1 });
    assert.equal(unknown.errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    const mixed = await fetch([], { sessionId, sessionEpoch: 1, version: 13 });
    assert.equal(mixed.errorCode, ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR);
  });

  it('end when they are closed, or have no partition left', async () => {
    const { sessionId } = await fetch([{ partition: 0 }], { sessionEpoch: 0 });
    await fetch([{ partition: 0 }], { sessionId, sessionEpoch: -1 });
    const closed = await fetch([], { sessionId, sessionEpoch: 1 });
    assert.equal(closed.errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    const other = await fetch([{ partition: 0 }], { sessionEpoch: 0 });
    const emptied = await fetch([], { sessionId: other.sessionId, sessionEpoch: 1, forget: [0] });
    assert.equal(emptied.sessionId, 0);
  });

  it('are not given when all slots are taken by sessions in use', async () => {
    const small = await startTestBroker({ config: { 'max.incremental.fetch.session.cache.slots': '1' } });
    await small.broker.topics.create([{ name: 't', partitions: 1 }]);
    const by = await small.connect();
    assert.ok((await fetch([{ partition: 0 }], { sessionEpoch: 0, connection: by })).sessionId > 0);
    assert.equal((await fetch([{ partition: 0 }], { sessionEpoch: 0, connection: by })).sessionId, 0);
    await small.remove();
  });
});
