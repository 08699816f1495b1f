/** Markers that wait for no disk: what the records of their id say of them, and when they stop saying it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type TransactionFixture, transactionFixture } from '../../test/kit/transactions.ts';
import { unsyncedOf } from './records.ts';
import type { ProducerAnswer } from './types.ts';

const partition = { topic: 't', partition: 0 };

/** A transaction of a producer within this process; answers who it is in the next. */
async function commit({ coordinator }: TransactionFixture, who: ProducerAnswer): Promise<ProducerAnswer> {
  const identity = { transactionalId: 'id', producerId: who.producerId, producerEpoch: who.producerEpoch };
  await new Promise((resolve) => coordinator.addPartitionsAtOnce(identity, [partition], resolve));
  const records = { awaited: [{ ...partition, lastSequence: 0 }], durable: Promise.resolve() };
  return new Promise((resolve) => coordinator.commitWith(identity, records, resolve));
}

/** The epochs of the markers that may be missing, by what each record says. */
const told = ({ log }: TransactionFixture) =>
  log.records.map(({ headers }) => unsyncedOf(headers).markers.map(({ producerEpoch }) => producerEpoch));

describe('markers of commits within this process', () => {
  it('are named by every record of the id until the next commit has brought them to the disk', async () => {
    const fixture = transactionFixture();
    const first = await commit(fixture, await fixture.init({ beginsAtOnce: true }));
    await commit(fixture, first);
    // Empty; then Ongoing, PrepareCommit, CompleteCommit of each.
    assert.deepEqual(told(fixture), [[], [], [], [1], [1], [1], [2]]);
  });

  it('are brought to the disk by a timer where no next transaction comes', async () => {
    const fixture = transactionFixture();
    await commit(fixture, await fixture.init({ beginsAtOnce: true }));
    assert.deepEqual(told(fixture).at(-1), [1]);
    for (let second = 0; second < 3; second++) {
      fixture.timers.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(told(fixture).at(-1), []);
    assert.equal(fixture.state, 'CompleteCommit');
  });

  it('are still named where the disk does not take them', async () => {
    const fixture = transactionFixture();
    fixture.markers.sync = async () => false;
    await commit(fixture, await commit(fixture, await fixture.init({ beginsAtOnce: true })));
    assert.deepEqual(told(fixture).at(-1), [1, 2]);
  });

  it('are written again after a start that finds their transactions open', async () => {
    const before = transactionFixture();
    await commit(before, await before.init({ beginsAtOnce: true }));
    const after = before.restarted();
    await after.coordinator.start();
    const [written] = after.markers.written;
    assert.deepEqual(written?.partitions, [partition]);
    assert.equal(written?.marker.producerEpoch, 1);
    assert.equal(written?.marker.isCommit, true);
    assert.ok(!after.coordinator.isOrphan({ producerId: written!.marker.producerId, producerEpoch: 0 }, partition));
  });

  it('are not tried again by a broker that has stopped', async () => {
    const before = transactionFixture();
    await commit(before, await before.init({ beginsAtOnce: true }));
    const after = before.restarted();
    after.markers.failing = [partition];
    await after.coordinator.start();
    after.timers.advance(1000);
    const tries = after.markers.written.length;
    assert.ok(tries >= 2, `${tries}`);
    after.coordinator.stop();
    after.timers.advance(10_000);
    assert.equal(after.markers.written.length, tries);
  });
});
