/** Which position may be confirmed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idleOffset, snapshotOffset, streamOffset } from '../tables/position.ts';
import { Acknowledgements } from './acknowledgements.ts';

test('within a transaction only the commit before it is confirmed', () => {
  const acks = new Acknowledgements();
  acks.stored(streamOffset(100, 7, 150, 1, 0, {}));
  assert.equal(acks.confirmedLsn, 100);
});

test('a stored place between transactions is confirmed, and an older one takes nothing back', () => {
  const acks = new Acknowledgements();
  acks.stored(idleOffset(500, 0));
  assert.equal(acks.confirmedLsn, 500);
  acks.stored(idleOffset(400, 0));
  acks.stored(null);
  assert.equal(acks.confirmedLsn, 500);
});

test('a snapshot confirms nothing before it is over', () => {
  const acks = new Acknowledgements();
  acks.stored(snapshotOffset(300, [], [], false, 0));
  assert.equal(acks.confirmedLsn, 0);
  acks.stored(snapshotOffset(300, [], [], true, 0));
  assert.equal(acks.confirmedLsn, 300);
});
