/**
 * Where clones of Kafka lost or misled readers: items 9, 10, 13 and 24 of the list in docs/clone-bugs.md. Each test is
 * named after what the user saw.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import { baseOffset, batchStarts, lastOffset } from '../../../broker/protocol/record-batch.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { batchOf, exchanges, startTestBroker, type TestBroker } from '../../kit/kafka.ts';
import { oneMiB, RawClient, timedBatch } from '../../kit/raw-client.ts';
import { until } from '../wait.ts';

let kafka: TestBroker;
let client: RawClient;
before(async () => {
  kafka = await startTestBroker();
  client = await RawClient.connect(kafka);
});
after(() => kafka.remove());

const at = (start: number, ...offsets: number[]) => offsets.map((ms) => [start + ms, `${ms}`] as const);

describe('9. Consumers that seek by time', () => {
  const start = Date.now() - 100_000;
  before(async () => {
    await client.createTopic('times');
    await client.produce('times', timedBatch(at(start, 0, 10, 20)));
    await client.produce('times', timedBatch(at(start, 30, 50, 50, 40), { codec: 'gzip' }));
    await client.produce('times', timedBatch(at(start, 45)));
  });
  const find = (ms: number) => client.listOffset('times', start + ms);

  it('got an error or 0 where nothing is that late: it is -1, -1 without an error', async () => {
    const { errorCode, timestamp, offset } = await find(51);
    assert.deepEqual([errorCode, timestamp, offset], [0, -1, -1]);
    await client.createTopic('empty');
    const none = await client.listOffset('empty', 0);
    assert.deepEqual([none.errorCode, none.timestamp, none.offset], [0, -1, -1]);
  });

  it('landed on the wrong side of a bound, or at the start of the batch: the first record at or after it counts', async () => {
    const expected: [ms: number, offset: number, found: number][] = [
      [-1, 0, 0],
      [0, 0, 0],
      [1, 1, 10],
      [10, 1, 10],
      [11, 2, 20],
      [21, 3, 30],
      [31, 4, 50],
      [50, 4, 50],
    ];
    for (const [ms, offset, found] of expected) {
      const answer = await find(ms);
      assert.deepEqual([answer.offset, answer.timestamp - start], [offset, found], `${ms} ms`);
    }
  });

  it('got the wrong record of the highest timestamp: it is the first of those that share it (-3)', async () => {
    const { offset, timestamp } = await client.listOffset('times', -3, { version: 7 });
    assert.deepEqual([offset, timestamp - start], [4, 50]);
  });

  it('asked with a version too old for the question: UNSUPPORTED_VERSION', async () => {
    const tooOld: [timestamp: number, version: number][] = [
      [-3, 6],
      [-4, 7],
      [-5, 8],
      [-6, 10],
      [-7, 11],
    ];
    for (const [timestamp, version] of tooOld) {
      const { errorCode } = await client.listOffset('times', timestamp, { version });
      assert.equal(errorCode, ErrorCode.UNSUPPORTED_VERSION, `${timestamp} in version ${version}`);
    }
  });

  it('asked for the end of time: nothing is there, and the connection stays', async () => {
    const { errorCode, offset } = await client.listOffset('times', 2 ** 63);
    assert.deepEqual([errorCode, offset], [0, -1]);
  });

  it('saw records of an open transaction: read_committed ends at the last stable offset, by time too', async () => {
    await client.createTopic('open');
    await client.produce('open', timedBatch(at(start, 0)));
    const { producerId, producerEpoch } = await client.initProducerId('nine');
    const options = { producerId, producerEpoch, baseSequence: 0, isTransactional: true };
    await client.produce('open', timedBatch(at(start, 10), options), { version: 12, transactionalId: 'nine' });
    const committed = { isolationLevel: 1 };
    assert.equal((await client.listOffset('open', -1)).offset, 2);
    assert.equal((await client.listOffset('open', -1, committed)).offset, 1);
    assert.equal((await client.listOffset('open', start + 5)).offset, 1);
    assert.equal((await client.listOffset('open', start + 5, committed)).offset, -1);
    await client.endTransaction('nine', { producerId, producerEpoch }, true);
    // EndTxn answers when the outcome is decided; the markers follow.
    await until('the commit is visible', async () => (await client.listOffset('open', -1, committed)).offset === 3);
    assert.equal((await client.listOffset('open', start + 5, committed)).offset, 1);
  });
});

describe('10. Consumers went back to 0 after a restart', () => {
  it('because epochs ended in the wrong places: each epoch has its end, and others are told apart', async (test) => {
    let own = await startTestBroker();
    test.after(() => own.remove());
    let asking = await RawClient.connect(own);
    await asking.createTopic('e');
    await asking.produce('e', batchOf('a', 'b'));
    const first = own.broker.log('e', 0).leaderEpoch;
    own = await own.restart();
    own = await own.restart();
    asking = await RawClient.connect(own);
    await asking.produce('e', batchOf('c'));
    const last = own.broker.log('e', 0).leaderEpoch;
    assert.ok(last >= first + 2, 'a restart begins an epoch');
    const end = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
      const topics = [{ topic: 'e', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }];
      const answer = await asking.call(allExchanges.offsetForLeaderEpoch, 4, { replicaId: -1, topics });
      const { errorCode, leaderEpoch: epoch, endOffset } = answer.topics[0]!.partitions[0]!;
      return errorCode === 0 ? [epoch, endOffset] : errorCode;
    };
    assert.deepEqual(await end(first), [first, 2]);
    assert.deepEqual(await end(last - 1), [first, 2], 'an epoch without records ended where the one before did');
    assert.deepEqual(await end(last), [last, 3]);
    assert.deepEqual(await end(last + 1), [-1, -1]);
    assert.deepEqual(await end(-1), [-1, -1]);
    if (first > 0) assert.deepEqual(await end(first - 1), [first - 1, 0]);
    assert.equal(await end(last, last + 1), ErrorCode.UNKNOWN_LEADER_EPOCH);
    assert.equal(await end(last, last - 1), ErrorCode.FENCED_LEADER_EPOCH);
  });
});

describe('13. Fetch sessions', () => {
  const partitions = [0, 1, 2];
  const ask = async (session: object, change: { changed?: readonly number[]; forgotten?: readonly number[] }) =>
    client.call(exchanges.fetch, 12, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: oneMiB,
      ...session,
      topics: [
        {
          topic: 's',
          partitions: (change.changed ?? []).map((partition) => ({
            partition,
            fetchOffset: 0,
            partitionMaxBytes: oneMiB,
          })),
        },
      ].filter((topic) => topic.partitions.length > 0),
      forgottenTopicsData: change.forgotten === undefined ? [] : [{ topic: 's', partitions: [...change.forgotten] }],
    });
  const numbers = (answer: Awaited<ReturnType<typeof ask>>) =>
    answer.responses.flatMap((topic) => topic.partitions.map(({ partitionIndex }) => partitionIndex)).sort();

  it('left consumers stuck: no preferred replica is named, news is told, what is forgotten is forgotten', async () => {
    await client.createTopic('s', partitions.length);
    const full = await ask({ sessionId: 0, sessionEpoch: 0 }, { changed: partitions });
    const { sessionId } = full;
    assert.notEqual(sessionId, 0);
    assert.deepEqual(numbers(full), partitions);
    for (const { preferredReadReplica } of full.responses[0]!.partitions) assert.equal(preferredReadReplica, -1);
    assert.deepEqual(numbers(await ask({ sessionId, sessionEpoch: 1 }, {})), [], 'no news');
    await client.produce('s', batchOf('x'), { partition: 1 });
    await client.produce('s', batchOf('x'), { partition: 2 });
    assert.deepEqual(numbers(await ask({ sessionId, sessionEpoch: 2 }, { forgotten: [2] })), [1]);
    assert.deepEqual(numbers(await ask({ sessionId, sessionEpoch: 3 }, {})), [1], 'still unread');
  });

  it('sent clients round in circles: a stale epoch and an unknown session are told apart, and a new one can begin', async () => {
    const { sessionId } = await ask({ sessionId: 0, sessionEpoch: 0 }, { changed: partitions });
    const stale = await ask({ sessionId, sessionEpoch: 7 }, {});
    assert.deepEqual([stale.errorCode, stale.responses], [ErrorCode.INVALID_FETCH_SESSION_EPOCH, []]);
    const unknown = await ask({ sessionId: sessionId + 1000, sessionEpoch: 1 }, {});
    assert.equal(unknown.errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    const anew = await ask({ sessionId, sessionEpoch: 0 }, { changed: [0] });
    assert.equal(anew.errorCode, 0);
    assert.notEqual(anew.sessionId, sessionId, 'the old one is gone');
    const gone = await ask({ sessionId, sessionEpoch: 1 }, {});
    assert.equal(gone.errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    const closed = await ask({ sessionId: anew.sessionId, sessionEpoch: -1 }, { changed: [0] });
    assert.deepEqual([closed.errorCode, closed.sessionId], [0, 0]);
  });
});

describe('24. Offsets with gaps', () => {
  it('made consumers skip or repeat: a fetch inside a batch gives the whole batch, markers take offsets, ends agree', async () => {
    await client.createTopic('gaps');
    await client.produce('gaps', batchOf('a', 'b', 'c'));
    const { producerId, producerEpoch } = await client.initProducerId('gaps');
    const options = { producerId, producerEpoch, baseSequence: 0, isTransactional: true };
    const during = { version: 12, transactionalId: 'gaps' };
    await client.produce('gaps', timedBatch(at(Date.now(), 0, 1), options), during);
    await client.endTransaction('gaps', { producerId, producerEpoch }, true);
    await until('the marker is written', async () => (await client.listOffset('gaps', -1)).offset === 6);
    await client.produce('gaps', batchOf('d'));
    const bounds = async (offset: number) => {
      const { records } = await client.fetch('gaps', offset);
      return [...batchStarts(records!)].map((start) => [baseOffset(records!, start), lastOffset(records!, start)]);
    };
    const all = [
      [0, 2],
      [3, 4],
      [5, 5],
      [6, 6],
    ];
    assert.deepEqual(await bounds(0), all);
    assert.deepEqual(await bounds(2), all, 'from the batch that holds the offset');
    assert.deepEqual(await bounds(5), all.slice(2), 'the marker has an offset of its own');
    assert.equal((await client.listOffset('gaps', -1)).offset, 7);
    const partitions = [{ partitionIndex: 0, offset: 4 }];
    const deleted = await client.call(allExchanges.deleteRecords, 2, {
      timeoutMs: 60_000,
      topics: [{ name: 'gaps', partitions }],
    });
    assert.equal(deleted.topics[0]!.partitions[0]!.lowWatermark, 4);
    assert.equal((await client.listOffset('gaps', -2)).offset, 4);
    assert.equal((await client.fetch('gaps', 3)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
    assert.deepEqual((await bounds(4))[0], [3, 4], 'the batch is whole; the client skips what is before its position');
    assert.deepEqual(await bounds(7), []);
    assert.equal((await client.fetch('gaps', 8)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
  });
});
