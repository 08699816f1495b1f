import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BrokerError } from '../errors.ts';
import { type Acquisition, InFlight, type Span } from './in-flight.ts';
import { AcknowledgeType, DeliveryState } from './types.ts';

const batch = (firstOffset: number, lastOffset: number, isHidden = false): Span => ({
  firstOffset,
  lastOffset,
  isHidden,
});
const asking = (more: Partial<Acquisition> = {}): Acquisition => ({
  memberId: 'ann',
  maxRecords: 500,
  isStrict: false,
  batchSize: 500,
  maxRecordLocks: 2000,
  lockedUntilMs: 30_000,
  ...more,
});
const limits = { deliveryCountLimit: 5, lockedUntilMs: 60_000 };
const { gap, accept, release, reject, renew } = AcknowledgeType;

/** Ten records in two batches, all held by ann. */
function held(): InFlight {
  const inFlight = new InFlight(0);
  inFlight.acquire(0, [batch(0, 4), batch(5, 9)], asking());
  return inFlight;
}

function say(inFlight: InFlight, first: number, last: number, types: readonly number[], member = 'ann'): void {
  const said = [{ firstOffset: first, lastOffset: last, acknowledgeTypes: types }];
  const transition = inFlight.acknowledge(member, said, limits);
  if (transition !== null) inFlight.commit(transition);
}

describe('records in flight', () => {
  it('go to a member by whole record batches, as many as it asked for or a batch more', () => {
    const inFlight = new InFlight(0);
    const acquired = inFlight.acquire(0, [batch(0, 4), batch(5, 9), batch(10, 14)], asking({ maxRecords: 7 }));
    assert.deepEqual(acquired, [{ firstOffset: 0, lastOffset: 9, deliveryCount: 1 }]);
    assert.equal(inFlight.nextFetchOffset(2000), 10);
  });

  it('are cut within a batch where the member wants no record more (KIP-1206)', () => {
    const inFlight = new InFlight(0);
    const acquired = inFlight.acquire(0, [batch(0, 4), batch(5, 9)], asking({ maxRecords: 7, isStrict: true }));
    assert.deepEqual(acquired, [{ firstOffset: 0, lastOffset: 6, deliveryCount: 1 }]);
    const rest = inFlight.acquire(7, [batch(5, 9)], asking({ memberId: 'bob' }));
    assert.deepEqual(rest, [{ firstOffset: 7, lastOffset: 9, deliveryCount: 1 }]);
  });

  it('are listed in pieces of about the size the member likes to acknowledge', () => {
    const inFlight = new InFlight(0);
    const acquired = inFlight.acquire(0, [batch(0, 4), batch(5, 9), batch(10, 14)], asking({ batchSize: 10 }));
    assert.deepEqual(
      acquired.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset]),
      [
        [0, 9],
        [10, 14],
      ],
    );
  });

  it('are no more than the window holds, but for the rest of the last batch', () => {
    const inFlight = new InFlight(0);
    const spans = [batch(0, 9), batch(10, 19), batch(20, 29)];
    const [acquired] = inFlight.acquire(0, spans, asking({ maxRecordLocks: 15 }));
    assert.deepEqual([acquired!.firstOffset, acquired!.lastOffset], [0, 19]);
    assert.equal(inFlight.nextFetchOffset(15), null);
    say(inFlight, 0, 9, [accept]);
    assert.equal(inFlight.nextFetchOffset(15), 20);
  });

  it('move the start over what is done, and only over that', () => {
    const inFlight = held();
    say(inFlight, 3, 9, [accept]);
    assert.deepEqual([inFlight.startOffset, inFlight.deliveryCompleteCount], [0, 7]);
    say(inFlight, 0, 2, [reject]);
    assert.deepEqual([inFlight.startOffset, inFlight.deliveryCompleteCount, inFlight.runCount], [10, 0, 0]);
  });

  it('come again, counted, when they are released, and are given up at the limit', () => {
    const inFlight = held();
    for (let delivery = 2; delivery <= limits.deliveryCountLimit; delivery++) {
      say(inFlight, 4, 4, [release]);
      assert.equal(inFlight.nextFetchOffset(2000), 4);
      const acquired = inFlight.acquire(4, [batch(0, 4)], asking());
      assert.deepEqual(acquired, [{ firstOffset: 4, lastOffset: 4, deliveryCount: delivery }]);
    }
    say(inFlight, 4, 4, [release]);
    assert.equal(inFlight.nextFetchOffset(2000), 10);
  });

  it('take one type for all offsets of an acknowledgement, or one for each', () => {
    const inFlight = held();
    say(inFlight, 0, 4, [accept, accept, release, reject, gap]);
    assert.deepEqual([inFlight.startOffset, inFlight.nextFetchOffset(2000)], [2, 2]);
    assert.equal(inFlight.deliveryCompleteCount, 2);
  });

  it('are another member’s to acknowledge in no case, and then nothing of the request counts', () => {
    const inFlight = held();
    const isWrong = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;
    assert.throws(() => say(inFlight, 0, 4, [accept], 'bob'), isWrong('INVALID_RECORD_STATE'));
    assert.throws(() => say(inFlight, 8, 12, [accept]), isWrong('INVALID_REQUEST'));
    assert.throws(() => say(inFlight, 20, 21, [accept]), isWrong('INVALID_RECORD_STATE'));
    say(inFlight, 2, 2, [accept]);
    assert.throws(() => say(inFlight, 0, 4, [accept]), isWrong('INVALID_RECORD_STATE'));
    assert.equal(inFlight.startOffset, 0);
    say(inFlight, 0, 1, [accept]);
    assert.equal(inFlight.startOffset, 3);
  });

  it('may be acknowledged once more when they are done and behind the start: nothing happens', () => {
    const inFlight = held();
    say(inFlight, 0, 4, [accept]);
    say(inFlight, 0, 4, [release]);
    assert.equal(inFlight.startOffset, 5);
  });

  it('are free again when their lock has ended, unless it was renewed', () => {
    const inFlight = held();
    say(inFlight, 0, 4, [renew]);
    assert.equal(inFlight.expire(29_999, 5), null);
    inFlight.commit(inFlight.expire(30_000, 5)!);
    const acquired = inFlight.acquire(5, [batch(5, 9)], asking({ memberId: 'bob' }));
    assert.deepEqual(acquired, [{ firstOffset: 5, lastOffset: 9, deliveryCount: 2 }]);
    assert.equal(inFlight.earliestLockMs, 30_000);
  });

  it('that a member leaves unread do not count as delivered', () => {
    const inFlight = held();
    assert.equal(inFlight.release('ann'), true);
    assert.equal(inFlight.release('ann'), false);
    assert.deepEqual(inFlight.acquire(0, [batch(0, 9)], asking()), [
      { firstOffset: 0, lastOffset: 9, deliveryCount: 1 },
    ]);
  });

  it('with a change on its way to the log are nobody’s, and the member’s again when it fails', () => {
    const inFlight = held();
    const said = [{ firstOffset: 0, lastOffset: 4, acknowledgeTypes: [release] }];
    const transition = inFlight.acknowledge('ann', said, limits)!;
    assert.equal(inFlight.nextFetchOffset(2000), 10);
    assert.throws(() => inFlight.acknowledge('ann', said, limits), { code: 'INVALID_RECORD_STATE' });
    assert.equal(inFlight.release('bob'), false);
    inFlight.rollback(transition);
    say(inFlight, 0, 9, [accept]);
    assert.equal(inFlight.startOffset, 10);
  });

  it('that nobody is to see are passed over, and holes of a compacted log with them', () => {
    const inFlight = new InFlight(0);
    const spans = [batch(0, 4, true), batch(5, 9), batch(20, 24), batch(25, 25, true)];
    const acquired = inFlight.acquire(0, spans, asking());
    assert.deepEqual(
      acquired.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset]),
      [
        [5, 9],
        [20, 24],
      ],
    );
    say(inFlight, 5, 9, [release]);
    // Compaction has taken them meanwhile.
    assert.deepEqual(inFlight.acquire(5, [batch(20, 24)], asking()), []);
    say(inFlight, 20, 24, [accept]);
    assert.deepEqual([inFlight.startOffset, inFlight.runCount], [26, 0]);
  });

  it('that the log has deleted are gone, held or not', () => {
    const inFlight = held();
    inFlight.moveStart(7);
    say(inFlight, 5, 9, [accept]);
    assert.deepEqual([inFlight.startOffset, inFlight.runCount], [10, 0]);
    inFlight.moveStart(100);
    assert.equal(inFlight.nextFetchOffset(2000), 100);
  });
});

describe('the durable state', () => {
  it('of a change says what changed, and where the start will be', () => {
    const inFlight = held();
    const said = [
      { firstOffset: 0, lastOffset: 1, acknowledgeTypes: [accept] },
      { firstOffset: 4, lastOffset: 6, acknowledgeTypes: [release] },
      { firstOffset: 8, lastOffset: 8, acknowledgeTypes: [reject] },
    ];
    const transition = inFlight.acknowledge('ann', said, limits)!;
    assert.deepEqual(inFlight.projected([transition]), {
      startOffset: 2,
      deliveryCompleteCount: 1,
      stateBatches: [
        { firstOffset: 4, lastOffset: 6, deliveryState: DeliveryState.available, deliveryCount: 1 },
        { firstOffset: 8, lastOffset: 8, deliveryState: DeliveryState.archived, deliveryCount: 1 },
      ],
    });
  });

  it('takes what is held for what it was before, because a lock ends with the process', () => {
    const inFlight = held();
    say(inFlight, 5, 9, [release]);
    inFlight.acquire(5, [batch(5, 9)], asking());
    assert.deepEqual(inFlight.snapshot(), {
      startOffset: 0,
      deliveryCompleteCount: 0,
      stateBatches: [{ firstOffset: 5, lastOffset: 9, deliveryState: DeliveryState.available, deliveryCount: 1 }],
    });
  });

  it('is read back batch over batch, and what it does not speak of is still to be delivered', () => {
    const inFlight = new InFlight(10);
    inFlight.restore({ firstOffset: 12, lastOffset: 14, deliveryState: DeliveryState.acknowledged, deliveryCount: 1 });
    inFlight.restore({ firstOffset: 20, lastOffset: 22, deliveryState: DeliveryState.available, deliveryCount: 3 });
    inFlight.restore({ firstOffset: 21, lastOffset: 21, deliveryState: DeliveryState.archived, deliveryCount: 3 });
    assert.deepEqual([inFlight.startOffset, inFlight.nextOffset, inFlight.deliveryCompleteCount], [10, 23, 4]);
    const acquired = inFlight.acquire(10, [batch(10, 30)], asking());
    assert.deepEqual(acquired, [
      { firstOffset: 10, lastOffset: 11, deliveryCount: 1 },
      { firstOffset: 15, lastOffset: 19, deliveryCount: 1 },
      { firstOffset: 20, lastOffset: 20, deliveryCount: 4 },
      { firstOffset: 22, lastOffset: 22, deliveryCount: 4 },
      { firstOffset: 23, lastOffset: 30, deliveryCount: 1 },
    ]);
  });
});
