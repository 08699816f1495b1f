/** Which position may be confirmed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acknowledgements } from './acknowledgements.ts';

test('a commit is confirmed when all records before its end are done, not one sooner', () => {
  const acks = new Acknowledgements();
  acks.emitted(2);
  acks.passed(100);
  acks.done();
  assert.equal(acks.confirmedLsn, 0);
  acks.done();
  assert.equal(acks.confirmedLsn, 100);
});

test('with nothing pending the end of idle WAL is confirmed at once', () => {
  const acks = new Acknowledgements();
  acks.passed(500);
  assert.equal(acks.confirmedLsn, 500);
});

test('idle WAL behind a pending record waits for it', () => {
  const acks = new Acknowledgements();
  acks.emitted(1);
  acks.passed(100);
  acks.passed(900);
  assert.equal(acks.confirmedLsn, 0);
  acks.done();
  assert.equal(acks.confirmedLsn, 900);
});

test('ten thousand transactions settle in order', () => {
  const acks = new Acknowledgements();
  for (let i = 1; i <= 10_000; i++) {
    acks.emitted(1);
    acks.passed(i * 10);
  }
  for (let i = 1; i <= 10_000; i++) {
    acks.done();
    assert.equal(acks.confirmedLsn, i * 10);
  }
});
