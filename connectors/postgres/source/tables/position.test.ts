/** Offsets as they are stored, and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idleOffset, parseOffset, placeOffset, snapshotOffset, streamOffset } from './position.ts';

test('an offset within a transaction names the transaction and the change in it', () => {
  assert.deepEqual(parseOffset(streamOffset(100, 7, 150, 3, 0, { system_id: '1', timeline: 1 })), {
    kind: 'stream',
    lastCommitLsn: 100,
    partial: { xid: 7, lsn: 150, events: 3 },
    isFirst: false,
  });
});

test('an offset between transactions has nothing done in part', () => {
  assert.deepEqual(parseOffset(idleOffset(100, 0)), {
    kind: 'stream',
    lastCommitLsn: 100,
    partial: null,
    isFirst: false,
  });
});

test('while a transaction that is done in part is to come again, what comes before it does not forget that', () => {
  for (const counted of [{}, { counted: { 'public.t': 3 } }]) {
    const partial = { xid: 7, lsn: 150, events: 3, ...counted };
    const expected = { kind: 'stream', lastCommitLsn: 120, partial, isFirst: false };
    assert.deepEqual(parseOffset(placeOffset({ kind: 'stream', lastCommitLsn: 120, partial }, 0, {})), expected);
  }
  assert.deepEqual(placeOffset({ kind: 'stream', lastCommitLsn: 120, partial: null }, 0, {}), idleOffset(120, 0));
});

test('an unfinished snapshot goes on with what is not done, a finished one with the stream', () => {
  const partial = [{ table: 'public.b', rangePages: 2048, done: [0, 2], xmin: 700 }];
  assert.deepEqual(parseOffset(snapshotOffset(100, ['public.a'], partial, false, 0)), {
    kind: 'snapshot',
    lsn: 100,
    tablesDone: ['public.a'],
    partial,
  });
  assert.deepEqual(parseOffset(snapshotOffset(100, ['public.a'], [], true, 0)), {
    kind: 'stream',
    lastCommitLsn: 100,
    partial: null,
    isFirst: true,
  });
});

test("Debezium's own offset is understood: the change it names is done", () => {
  const offset = { lsn: 150, lsn_proc: 150, lsn_commit: 100, txId: 7, ts_usec: 1 };
  const position = parseOffset(offset);
  assert.ok(position?.kind === 'stream' && position.partial!.lsn === 150 && position.partial!.events > 1e9);
});

test('no offset is no position', () => {
  assert.equal(parseOffset(null), null);
});
