import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, batchOf, openLog, readAll, type TestBatch } from '../../test/kit/log.ts';
import { encodeMarker } from '../protocol/control-record.ts';
import type { PartitionLog } from './partition-log.ts';

const idempotent = (baseSequence: number, more: TestBatch = {}) =>
  batchOf({ producerId: 1, producerEpoch: 0, baseSequence, ...more });
const transactional = (producerId: number, baseSequence: number, more: TestBatch = {}) =>
  batchOf({ producerId, producerEpoch: 0, baseSequence, isTransactional: true, ...more });

function end(log: PartitionLog, type: 'commit' | 'abort', producerId: number, epoch = 0, coordinatorEpoch = 0) {
  const marker = encodeMarker({ type, producerId, producerEpoch: epoch, coordinatorEpoch, timestamp: 0 });
  return append(log, marker, { origin: 'coordinator' });
}

describe('An idempotent producer', () => {
  it('is answered a repeated batch with its first offset, also after a restart', async (test) => {
    const first = openLog(test);
    await append(first.log, idempotent(0, { values: ['a', 'b'] }));
    await append(first.log, idempotent(2));
    const again = await append(first.log, idempotent(0, { values: ['a', 'b'] }));
    assert.deepEqual([again.baseOffset, again.lastOffset, again.isDuplicate], [0, 1, true]);
    const second = first.reopen();
    assert.equal((await append(second.log, idempotent(2))).isDuplicate, true);
    assert.equal(readAll(second.log).length, 3);
  });

  it('may repeat any of its last five batches, in the same turn too', async (test) => {
    const { log } = openLog(test);
    const waits = [0, 1, 2, 3, 4, 5].map((sequence) => append(log, idempotent(sequence)));
    const repeated = append(log, idempotent(1));
    assert.throws(() => log.append(idempotent(0), { acks: -1, origin: 'client' }, () => {}), {
      code: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    await Promise.all(waits);
    assert.equal((await repeated).baseOffset, 1);
  });

  it('must not leave a gap, and starts at 0 with a new epoch', async (test) => {
    const { log } = openLog(test);
    await append(log, idempotent(7), {});
    await assert.rejects(append(log, idempotent(9)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    await assert.rejects(append(log, idempotent(8, { producerEpoch: 1 })), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    await append(log, idempotent(0, { producerEpoch: 1 }));
    await assert.rejects(append(log, idempotent(8)), { code: 'INVALID_PRODUCER_EPOCH' });
  });

  it('goes on at 0 after the largest sequence', async (test) => {
    const { log } = openLog(test);
    const max = 2 ** 31 - 1;
    await append(log, idempotent(max - 1, { values: ['a', 'b', 'c'] }));
    await append(log, idempotent(1));
    const wrapped = await append(log, idempotent(max - 1, { values: ['a', 'b', 'c'] }));
    assert.equal(wrapped.isDuplicate, true);
  });

  it('is forgotten when idle, but not inside a transaction', async (test) => {
    const { log, clock } = openLog(test);
    await append(log, idempotent(0));
    await append(log, transactional(2, 0));
    clock.now += 1000;
    log.expireProducers(999);
    assert.deepEqual(
      log.producers().map((producer) => producer.producerId),
      [2],
    );
    await append(log, idempotent(5));
  });
});

describe('A transaction', () => {
  it('holds back the last stable offset until its marker is written', async (test) => {
    const { log } = openLog(test);
    await append(log, batchOf({ values: ['before'] }));
    await append(log, transactional(1, 0));
    await append(log, batchOf({ values: ['after'] }));
    assert.equal(log.lastStableOffset, 1);
    const read = log.read(1, 1000, { isolation: 'read_committed', minOneBatch: true });
    assert.equal(read.records.length, 0);
    const ended = end(log, 'commit', 1);
    assert.equal(log.lastStableOffset, 1, 'the marker is not visible yet');
    await ended;
    assert.equal(log.lastStableOffset, 4);
    assert.equal(log.bytesAvailable(1, 'read_committed'), log.bytesAvailable(1, 'read_uncommitted'));
  });

  it('that was aborted is listed for the consumers that overlap it, also after a crash', async (test) => {
    const first = openLog(test);
    await append(first.log, transactional(1, 0));
    await append(first.log, transactional(2, 0));
    await end(first.log, 'abort', 1);
    await end(first.log, 'commit', 2);
    await append(first.log, batchOf());
    const abortedFrom = (log: PartitionLog, offset: number) => {
      const read = log.read(offset, 10_000, { isolation: 'read_committed', minOneBatch: true });
      read.release();
      return read.abortedTransactions;
    };
    assert.deepEqual(abortedFrom(first.log, 0), [{ producerId: 1, firstOffset: 0 }]);
    assert.deepEqual(abortedFrom(first.log, 4), []);
    const second = first.reopen();
    assert.deepEqual(abortedFrom(second.log, 1), [{ producerId: 1, firstOffset: 0 }]);
    assert.equal(second.log.lastStableOffset, 5);
    const plain = second.log.read(0, 10_000, { isolation: 'read_uncommitted', minOneBatch: true });
    assert.equal(plain.abortedTransactions, null);
    plain.release();
  });

  it('stays open over a restart', async (test) => {
    const first = openLog(test);
    await append(first.log, transactional(1, 0));
    await first.directory.close();
    const second = openLog(test, { fs: first.fs });
    assert.equal(second.log.lastStableOffset, 0);
    assert.equal(second.log.producers()[0]?.currentTransactionStartOffset, 0);
    await end(second.log, 'abort', 1);
    assert.equal(second.log.lastStableOffset, 2);
  });

  it('excludes other batches of its producer, and late coordinators', async (test) => {
    const { log } = openLog(test);
    await append(log, transactional(1, 0));
    await assert.rejects(append(log, idempotent(1)), { code: 'INVALID_TXN_STATE' });
    await end(log, 'commit', 1, 0, 5);
    await assert.rejects(end(log, 'abort', 1, 0, 4), { code: 'TRANSACTION_COORDINATOR_FENCED' });
  });

  it('of version 2 must begin at 0 and end with a new epoch', async (test) => {
    const { log } = openLog(test);
    const v2 = { transactionVersion: 2 } as const;
    await assert.rejects(append(log, transactional(1, 3), v2), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    await append(log, transactional(1, 0), v2);
    const marker = (producerEpoch: number) =>
      encodeMarker({ type: 'commit', producerId: 1, producerEpoch, coordinatorEpoch: 0, timestamp: 0 });
    await assert.rejects(append(log, marker(0), { ...v2, origin: 'coordinator' }), { code: 'INVALID_PRODUCER_EPOCH' });
    await append(log, marker(1), { ...v2, origin: 'coordinator' });
    await append(log, transactional(1, 0, { producerEpoch: 1 }), v2);
  });
});

describe('What a coordinator writes', () => {
  it('is never taken for a repetition: it has no sequence to be recognised by', async (test) => {
    const { log } = openLog(test);
    const offsets = () => transactional(1, -1);
    await append(log, offsets(), { origin: 'coordinator' });
    const second = await append(log, offsets(), { origin: 'coordinator' });
    assert.deepEqual([second.baseOffset, second.isDuplicate], [1, false]);
  });

  it('may be the same marker again after a crash, but not one of an epoch that has a transaction open (KIP-890)', async (test) => {
    const { log } = openLog(test);
    const marker = (epoch: number): Promise<unknown> => {
      const batch = encodeMarker({
        type: 'commit',
        producerId: 1,
        producerEpoch: epoch,
        coordinatorEpoch: 0,
        timestamp: 0,
      });
      return append(log, batch, { origin: 'coordinator', transactionVersion: 2 });
    };
    await append(log, transactional(1, 0));
    await assert.rejects(marker(0), { code: 'INVALID_PRODUCER_EPOCH' });
    await marker(1);
    await marker(1);
    assert.equal(log.lastStableOffset, log.highWatermark);
    await append(log, transactional(1, 0, { producerEpoch: 1 }));
    await assert.rejects(marker(1), { code: 'INVALID_PRODUCER_EPOCH' });
  });

  it('holds the last stable offset back no further than the log start', async (test) => {
    const { log } = openLog(test);
    await append(log, transactional(1, 0));
    await append(log, transactional(1, 1));
    log.deleteRecords(1);
    assert.equal(log.lastStableOffset, 1);
  });
});
