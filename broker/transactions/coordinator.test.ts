/** The coordinator, rule by rule, with time, disk and markers in the test's hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transactionFixture } from '../../test/kit/transactions.ts';
import { decodeTransaction, transactionRecord } from './records.ts';
import type { ProducerAnswer, Transaction } from './types.ts';

const producer = (producerId: number, producerEpoch: number): ProducerAnswer => ({
  error: 'NONE',
  producerId,
  producerEpoch,
});

/** A record as an older coordinator may have left it. */
function left(changes: Partial<Transaction>) {
  return transactionRecord({
    transactionalId: 'id',
    producerId: 100,
    previousProducerId: -1,
    nextProducerId: -1,
    producerEpoch: 0,
    lastProducerEpoch: -1,
    timeoutMs: 60_000,
    state: 'Empty',
    partitions: new Map(),
    startTimestamp: -1,
    lastUpdateTimestamp: 1_000_000,
    clientTransactionVersion: 0,
    ...changes,
  });
}

/** A promise that is not kept yet. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])) === pending;
}

describe('InitProducerId', () => {
  it('gives a new id epoch 0, and each new producer the next epoch', async () => {
    const fixture = transactionFixture();
    assert.deepEqual(await fixture.init(), producer(100, 0));
    assert.deepEqual(await fixture.init(), producer(100, 1));
    assert.equal(await fixture.add(producer(100, 0)), 'PRODUCER_FENCED');
  });

  it('refuses an empty id, and a timeout that is not positive or above transaction.max.timeout.ms', async () => {
    const { init } = transactionFixture();
    assert.equal((await init({ transactionalId: '' })).error, 'INVALID_REQUEST');
    assert.equal((await init({ timeoutMs: 900_001 })).error, 'INVALID_TRANSACTION_TIMEOUT');
    assert.equal((await init({ timeoutMs: 0 })).error, 'INVALID_TRANSACTION_TIMEOUT');
    assert.equal((await init({ timeoutMs: 900_000 })).error, 'NONE');
  });

  it('lets a producer go on after an error, also when it asks twice, but nobody it was fenced by (KIP-360)', async () => {
    const { init } = transactionFixture();
    const first = await init();
    const second = await init({ expected: first });
    assert.deepEqual(second, producer(100, 1));
    assert.deepEqual(await init({ expected: first }), second);
    await init();
    assert.equal((await init({ expected: second })).error, 'PRODUCER_FENCED');
    assert.equal((await init({ expected: producer(55, 0) })).error, 'PRODUCER_FENCED');
  });

  it('aborts what the id has open, under an epoch of its own, and only then answers', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    await fixture.add(first);
    fixture.markers.isHeld = true;
    const second = fixture.init();
    assert.equal(await isPending(second), true);
    assert.equal(fixture.state, 'PrepareAbort');
    fixture.markers.settle();
    assert.deepEqual(await second, producer(100, 2));
    const { marker, partitions } = fixture.markers.written[0]!;
    assert.deepEqual([marker.producerEpoch, marker.isCommit, marker.coordinatorEpoch], [1, false, 7]);
    assert.deepEqual(partitions, [{ topic: 't', partition: 0 }]);
    assert.equal((await fixture.end(first, true)).error, 'PRODUCER_FENCED');
  });

  it('tells the client to ask again when the end takes long', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    await fixture.add(first);
    fixture.markers.isHeld = true;
    const second = fixture.init();
    await isPending(second);
    fixture.timers.advance(1000);
    assert.equal((await second).error, 'CONCURRENT_TRANSACTIONS');
  });

  it('begins a new producer id when the epochs are used up', async () => {
    const used = transactionFixture([left({ producerEpoch: 32_766 })]);
    assert.deepEqual(await used.init({ expected: producer(100, 32_766) }), producer(101, 0));
    assert.deepEqual(await used.init({ expected: producer(100, 32_766) }), producer(101, 0));
    const fresh = transactionFixture([left({ producerEpoch: 32_766 })]);
    assert.deepEqual(await fresh.init(), producer(101, 0));
  });

  it('is not answered before it is on disk, and nothing is true that could not be written', async () => {
    const fixture = transactionFixture();
    fixture.log.isHeld = true;
    const first = fixture.init();
    assert.equal(await isPending(first), true);
    fixture.log.settle();
    assert.deepEqual(await first, producer(100, 0));
    fixture.log.error = 'NOT_COORDINATOR';
    assert.equal((await fixture.init()).error, 'NOT_COORDINATOR');
    fixture.log.error = null;
    assert.deepEqual(await fixture.init(), producer(100, 1));
  });
});

describe('a transaction of version 1', () => {
  it('keeps its epoch from end to end, and takes the same end twice but not the opposite', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    assert.equal((await fixture.end(who, true, 0)).error, 'INVALID_TXN_STATE');
    assert.equal(await fixture.add(who, 0, 0), 'NONE');
    assert.deepEqual(await fixture.end(who, true, 0), producer(100, 0));
    assert.deepEqual(fixture.markers.written[0]!.marker.transactionVersion, 0);
    assert.equal(fixture.state, 'CompleteCommit');
    assert.equal((await fixture.end(who, true, 0)).error, 'NONE');
    assert.equal((await fixture.end(who, false, 0)).error, 'INVALID_TXN_STATE');
    assert.equal(fixture.markers.written.length, 1);
  });

  it('is refused for another producer id, and for another epoch', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    await fixture.add(who, 0, 0);
    assert.equal(await fixture.add(producer(55, 0), 0, 0), 'INVALID_PRODUCER_ID_MAPPING');
    assert.equal(await fixture.add(producer(100, 1), 0, 0), 'PRODUCER_FENCED');
    assert.equal((await fixture.end(producer(55, 0), true, 0)).error, 'INVALID_PRODUCER_ID_MAPPING');
    assert.equal((await fixture.end(producer(100, 1), true, 0)).error, 'PRODUCER_FENCED');
    const unknown = { transactionalId: 'unknown', producerId: 100, producerEpoch: 0 };
    assert.equal(fixture.coordinator.judgeWrite(unknown, 't', 0), 'INVALID_PRODUCER_ID_MAPPING');
  });

  it('may write only into partitions it holds, and only while it is open', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    const judge = (partition: number) =>
      fixture.coordinator.judgeWrite({ ...who, transactionalId: 'id' }, 't', partition);
    assert.equal(judge(0), 'TRANSACTION_ABORTABLE');
    await fixture.add(who, 0, 0);
    assert.deepEqual([judge(0), judge(1)], ['NONE', 'TRANSACTION_ABORTABLE']);
    fixture.markers.isHeld = true;
    await fixture.end(who, true, 0);
    assert.equal(judge(0), 'CONCURRENT_TRANSACTIONS');
    fixture.markers.settle();
    assert.equal(judge(0), 'TRANSACTION_ABORTABLE');
  });
});

describe('a transaction of version 2 (KIP-890)', () => {
  it('ends under the next epoch, which the producer is told', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    await fixture.add(first);
    const second = await fixture.end(first, true);
    assert.deepEqual(second, producer(100, 1));
    const { marker } = fixture.markers.written[0]!;
    assert.deepEqual([marker.producerEpoch, marker.transactionVersion, marker.isCommit], [1, 2, true]);
    await fixture.add(second);
    assert.deepEqual(await fixture.end(second, false), producer(100, 2));
  });

  it('takes a repeated end as done by its epoch, and tells it from the next transaction’s', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    await fixture.add(first);
    const second = await fixture.end(first, true);
    assert.deepEqual(await fixture.end(first, true), second);
    assert.equal((await fixture.end(first, false)).error, 'INVALID_TXN_STATE');
    assert.equal((await fixture.end(second, true)).error, 'INVALID_TXN_STATE');
    assert.equal((await fixture.end(producer(100, 9), true)).error, 'PRODUCER_FENCED');
    await fixture.add(second);
    assert.equal((await fixture.end(first, true)).error, 'PRODUCER_FENCED');
  });

  it('may be aborted when nothing arrived, which takes an epoch too', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    assert.equal((await fixture.end(first, true)).error, 'INVALID_TXN_STATE');
    const second = await fixture.end(first, false);
    assert.deepEqual(second, producer(100, 1));
    assert.deepEqual(await fixture.end(first, false), second);
    assert.deepEqual(await fixture.end(second, false), producer(100, 2));
    assert.equal(fixture.markers.written.length, 0);
  });

  it('goes on with a new producer id when its epochs are used up, also when it asks twice', async () => {
    const fixture = transactionFixture([left({ producerEpoch: 32_766 })]);
    const last = producer(100, 32_766);
    assert.equal(await fixture.add(last), 'NONE');
    fixture.markers.isHeld = true;
    const next = await fixture.end(last, true);
    assert.deepEqual(next, producer(101, 0));
    // It may use the new id before the markers of the old one are written.
    const added = fixture.add(next);
    assert.equal(await isPending(added), true);
    fixture.markers.settle();
    assert.equal(await added, 'NONE');
    assert.equal(fixture.markers.written[0]!.marker.producerEpoch, 32_767);
    const again = transactionFixture(fixture.log.records.slice(0, -1));
    assert.deepEqual(await again.end(last, true), next);
  });

  it('serves a producer’s requests in the order in which they came', async () => {
    const fixture = transactionFixture();
    const first = await fixture.init();
    await fixture.add(first);
    fixture.markers.isHeld = true;
    const second = await fixture.end(first, true);
    const order: number[] = [];
    const added = [1, 2, 3].map((partition) => fixture.add(second, partition).then(() => order.push(partition)));
    fixture.markers.settle();
    await Promise.all(added);
    assert.deepEqual(order, [1, 2, 3]);
  });
});

describe('the end of a transaction', () => {
  it('is decided by the prepare record: no marker before it is on disk', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    await fixture.add(who);
    fixture.log.isHeld = true;
    const ended = fixture.end(who, true);
    assert.equal(await isPending(ended), true);
    assert.equal(fixture.markers.written.length, 0);
    fixture.log.settle();
    assert.equal((await ended).error, 'NONE');
    assert.equal(fixture.markers.written.length, 1);
  });

  it('is not complete before all markers are; those that failed are tried again', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    await fixture.add(who, 0);
    await fixture.add(who, 1);
    fixture.markers.failing = [{ topic: 't', partition: 1 }];
    await fixture.end(who, true);
    assert.equal(fixture.state, 'PrepareCommit');
    fixture.markers.failing = [];
    fixture.timers.advance(1000);
    assert.deepEqual(fixture.markers.written[1]!.partitions, [{ topic: 't', partition: 1 }]);
    assert.equal(fixture.state, 'CompleteCommit');
  });

  it('is complete only when that is on disk; where it cannot be written it is tried again', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    await fixture.add(who);
    fixture.markers.isHeld = true;
    await fixture.end(who, true);
    fixture.log.error = 'NOT_COORDINATOR';
    fixture.markers.settle();
    assert.equal(fixture.state, 'PrepareCommit');
    fixture.log.error = null;
    fixture.timers.advance(1000);
    assert.equal(fixture.state, 'CompleteCommit');
  });
});

describe('a restart', () => {
  it('goes on with an open transaction, which its producer can still end', async () => {
    const before = transactionFixture();
    const who = await before.init();
    await before.add(who);
    const after = before.restarted();
    after.coordinator.start();
    assert.equal(after.state, 'Ongoing');
    assert.deepEqual(await after.end(who, true), producer(100, 1));
    assert.deepEqual(after.markers.written[0]!.partitions, [{ topic: 't', partition: 0 }]);
  });

  for (const isCommit of [true, false]) {
    it(`writes the markers of what was ${isCommit ? 'committed' : 'aborted'} before it`, async () => {
      const before = transactionFixture();
      const who = await before.init();
      await before.add(who);
      before.markers.isHeld = true;
      const told = await before.end(who, isCommit);
      const after = before.restarted();
      after.coordinator.start();
      assert.equal(after.state, isCommit ? 'CompleteCommit' : 'CompleteAbort');
      assert.equal(after.markers.written[0]!.marker.isCommit, isCommit);
      assert.deepEqual(await after.end(who, isCommit), told);
    });
  }

  it('gives another producer id where the first transaction of a producer within the process may be lost', async () => {
    const before = transactionFixture();
    before.coordinator.start();
    const who = await before.init({ beginsAtOnce: true });
    const after = before.restarted();
    after.coordinator.start();
    assert.notEqual((await after.init({ beginsAtOnce: true })).producerId, who.producerId);
  });

  it('brings back every field that Kafka keeps', () => {
    const partitions = new Map([['a', new Set([1, 2])]]);
    const fields = { producerId: 5, previousProducerId: 4, nextProducerId: 6, producerEpoch: 3, partitions };
    const record = left({ ...fields, state: 'PrepareAbort', startTimestamp: 17, clientTransactionVersion: 2 });
    const { transaction } = decodeTransaction(record.key, record.value)!;
    assert.deepEqual(transactionRecord(transaction!), record);
    assert.equal(record.value!.readInt16BE(0), 1);
  });
});

describe('time', () => {
  it('aborts a transaction that is open for longer than its timeout, and fences its producer', async () => {
    const fixture = transactionFixture();
    fixture.coordinator.start();
    const who = await fixture.init({ timeoutMs: 30_000 });
    await fixture.add(who);
    fixture.timers.advance(30_000);
    assert.equal(fixture.state, 'Ongoing');
    fixture.timers.advance(10_000);
    assert.equal(fixture.state, 'CompleteAbort');
    assert.equal(fixture.markers.written[0]!.marker.producerEpoch, 1);
    assert.equal((await fixture.end(who, true, 0)).error, 'PRODUCER_FENCED');
    assert.equal(await fixture.add(who), 'PRODUCER_FENCED');
    assert.deepEqual(await fixture.init({ expected: who }), producer(100, 1));
  });

  it('tells a producer of version 2 that its commit came too late', async () => {
    const fixture = transactionFixture();
    fixture.coordinator.start();
    const who = await fixture.init({ timeoutMs: 1 });
    await fixture.add(who);
    fixture.timers.advance(10_000);
    // One epoch on and aborted: to commit is the opposite of what was done.
    assert.equal((await fixture.end(who, true)).error, 'INVALID_TXN_STATE');
    assert.deepEqual(await fixture.end(who, false), producer(100, 1));
  });

  it('forgets an id that nobody used for a week, and no other', async () => {
    const fixture = transactionFixture();
    fixture.coordinator.start();
    const who = await fixture.init({ timeoutMs: 900_000 });
    const week = 7 * 24 * 60 * 60 * 1000;
    fixture.timers.advance(week - 3_600_000);
    assert.equal(fixture.state, 'Empty');
    fixture.timers.advance(2 * 3_600_000);
    assert.equal(fixture.state, undefined);
    assert.equal(await fixture.add(who), 'INVALID_PRODUCER_ID_MAPPING');
    assert.equal(fixture.restarted().state, undefined);
    assert.deepEqual((await fixture.init()).producerEpoch, 0);
  });

  it('answers everybody who waits when the broker stops', async () => {
    const fixture = transactionFixture();
    const who = await fixture.init();
    await fixture.add(who);
    fixture.markers.isHeld = true;
    const second = await fixture.end(who, true);
    const waiting = fixture.add(second);
    await isPending(waiting);
    fixture.coordinator.stop();
    assert.equal(await waiting, 'NOT_COORDINATOR');
    assert.equal((await fixture.init()).error, 'NOT_COORDINATOR');
  });
});
