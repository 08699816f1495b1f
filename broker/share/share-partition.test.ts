import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SharePartitionFixture, sharePartitionFixture } from '../../test/kit/share-groups.ts';
import { BrokerError } from '../errors.ts';
import { decodeState } from './state-records.ts';
import { AcknowledgeType } from './types.ts';

const { accept, release } = AcknowledgeType;
const asking = { memberId: 'ann', maxRecords: 500, isStrict: false, batchSize: 500 };
const ten = [{ firstOffset: 0, lastOffset: 9, isHidden: false }];

function opened(options: Parameters<typeof sharePartitionFixture>[1] = {}): SharePartitionFixture {
  const fixture = sharePartitionFixture({}, options);
  fixture.partition.open(
    () => 0,
    () => {},
  );
  return fixture;
}

/** The answers, in their order. */
function says(
  fixture: SharePartitionFixture,
  ...said: (readonly [first: number, last: number, type: number])[]
): unknown[] {
  const answers: unknown[] = [];
  for (const [firstOffset, lastOffset, type] of said) {
    fixture.partition.acknowledge('ann', [{ firstOffset, lastOffset, acknowledgeTypes: [type] }], (error) =>
      answers.push(error),
    );
  }
  return answers;
}

const typesIn = ({ log }: SharePartitionFixture) => log.records.map(({ key, value }) => decodeState(key, value)?.type);

describe('a share-partition', () => {
  it('has a durable start before anybody is given anything, decided once', () => {
    const fixture = sharePartitionFixture();
    fixture.log.isHeld = true;
    const answers: unknown[] = [];
    for (const start of [7, 9]) {
      fixture.partition.open(
        () => start,
        (error) => answers.push(error),
      );
    }
    assert.equal(fixture.partition.inFlight, null);
    fixture.log.settle();
    assert.deepEqual(
      [answers, fixture.partition.inFlight!.startOffset, fixture.log.records.length],
      [[null, null], 7, 1],
    );
    assert.equal(fixture.restarted().partition.inFlight!.startOffset, 7);
  });

  it('says why it has no start where none can be decided or written, and can be asked again', () => {
    const fixture = sharePartitionFixture();
    const answers: unknown[] = [];
    const open = (decide: () => number) => fixture.partition.open(decide, (error) => answers.push(error));
    open(() => {
      throw new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.');
    });
    fixture.log.error = 'COORDINATOR_NOT_AVAILABLE';
    open(() => 1);
    fixture.log.error = null;
    open(() => 2);
    assert.deepEqual(answers, ['KAFKA_STORAGE_ERROR', 'COORDINATOR_NOT_AVAILABLE', null]);
    assert.equal(fixture.partition.inFlight!.startOffset, 2);
  });

  it('answers an acknowledgement when it is durable, and writes what came meanwhile at once', () => {
    const fixture = opened();
    fixture.partition.acquire(0, ten, asking);
    fixture.log.isHeld = true;
    const answers = says(fixture, [0, 0, accept], [1, 1, accept], [2, 2, accept]);
    assert.deepEqual([answers, fixture.partition.inFlight!.startOffset], [[], 0]);
    fixture.log.settle();
    assert.deepEqual([answers, fixture.partition.inFlight!.startOffset], [[null], 1]);
    fixture.log.settle();
    assert.deepEqual([answers, fixture.partition.inFlight!.startOffset], [[null, null, null], 3]);
    assert.deepEqual(typesIn(fixture), ['snapshot', 'update', 'update']);
  });

  it('takes back what could not be written, and nothing else', () => {
    const fixture = opened();
    fixture.partition.acquire(0, ten, asking);
    fixture.log.isHeld = true;
    fixture.log.error = 'COORDINATOR_NOT_AVAILABLE';
    const answers = says(fixture, [0, 4, accept], [5, 9, accept]);
    fixture.log.settle();
    fixture.log.error = null;
    fixture.log.settle();
    assert.deepEqual(answers, ['COORDINATOR_NOT_AVAILABLE', null]);
    assert.deepEqual(
      [fixture.partition.inFlight!.startOffset, fixture.partition.inFlight!.deliveryCompleteCount],
      [0, 5],
    );
    const { partition } = fixture.restarted();
    assert.deepEqual([partition.inFlight!.startOffset, partition.inFlight!.nextFetchOffset(2000)], [0, 0]);
  });

  it('writes a snapshot after so many updates, from which a restart can go on', () => {
    const fixture = opened({ updatesPerSnapshot: 2 });
    fixture.partition.acquire(0, ten, asking);
    says(fixture, [1, 1, accept], [3, 3, accept], [5, 5, release], [7, 7, accept]);
    assert.deepEqual(typesIn(fixture), ['snapshot', 'update', 'update', 'snapshot', 'update']);
    assert.equal(fixture.partition.snapshotOffset, 3);
    const { partition } = sharePartitionFixture({}, { records: fixture.log.records.slice(3) });
    const acquired = partition.acquire(0, ten, asking);
    assert.deepEqual(
      acquired.map(({ firstOffset, lastOffset, deliveryCount }) => [firstOffset, lastOffset, deliveryCount]),
      [
        [0, 0, 1],
        [2, 2, 1],
        [4, 4, 1],
        [5, 5, 2],
        [6, 6, 1],
        [8, 9, 1],
      ],
    );
  });

  it('begins anew at the offset it is told, whatever was in flight, also where it began before', () => {
    const fixture = opened();
    fixture.partition.acquire(0, ten, asking);
    says(fixture, [3, 3, accept]);
    fixture.log.isHeld = true;
    const answers = says(fixture, [5, 5, accept], [6, 6, accept]);
    fixture.partition.reset(0, (error) => answers.push(error));
    for (let write = 0; write < 3; write++) fixture.log.settle();
    assert.deepEqual(answers, [null, null, null]);
    for (const { partition } of [fixture, fixture.restarted()]) {
      assert.deepEqual([partition.inFlight!.startOffset, partition.inFlight!.runCount], [0, 0]);
    }
    fixture.log.isHeld = false;
    assert.deepEqual(says(fixture, [7, 7, accept]), ['INVALID_RECORD_STATE']);
  });

  it('is forgotten whole, and then begins where somebody decides', () => {
    const fixture = opened();
    fixture.partition.acquire(0, ten, asking);
    fixture.partition.delete(() => {});
    for (const { partition } of [fixture, fixture.restarted()]) {
      assert.deepEqual([partition.inFlight, partition.isBlank], [null, true]);
    }
  });

  it('wakes who waits when records come back: released, left behind or held for too long', () => {
    const fixture = opened();
    let wakes = 0;
    const stop = fixture.partition.onAvailable(() => wakes++);
    fixture.partition.acquire(0, ten, asking);
    says(fixture, [0, 0, release]);
    assert.equal(wakes, 1);
    fixture.timers.advance(30_000);
    fixture.partition.expire();
    assert.equal(wakes, 2);
    fixture.partition.acquire(0, ten, asking);
    fixture.partition.release('ann');
    assert.equal(wakes, 3);
    stop();
    fixture.partition.announce();
    assert.equal(wakes, 3);
  });
});
