/** What waits, for how long, and who stands still for it: without a server and on a clock of our own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sinkRecord } from './sink-harness.ts';
import { WaitingRecords } from './sink-waiting.ts';

const LATER = Date.now() + 3_600_000;
const of = (topic: string, offset: number, timestamp: number | null = null) => ({
  ...sinkRecord({ topic, offset, value: null }),
  timestamp,
});
const many = (topic: string, count: number, timestamp: number) =>
  Array.from({ length: count }, (_, offset) => of(topic, offset, timestamp));

test('a record waits once, with all that follows in its partition, and no offset passes the first', () => {
  const waiting = new WaitingRecords(1000);
  waiting.add([of('a', 5), of('a', 6)]);
  waiting.add([of('a', 6), of('a', 7)]);
  assert.deepEqual(
    waiting.records.map(({ offset }) => offset),
    [5, 6, 7],
  );
  assert.ok(waiting.has(of('a', 8)) && !waiting.has(of('b', 0)));
  const offsets = ['a', 'b'].map((topic) => ({ topic, partition: 0, offset: 8 }));
  assert.deepEqual(
    waiting.allowed(offsets).map(({ offset }) => offset),
    [5, 8],
  );
  waiting.drop([{ topic: 'a', partition: 0 }]);
  assert.ok(waiting.isEmpty);
});

test('patience begins anew with every record from before the wait, and attempts become rarer', () => {
  let now = 0;
  const waiting = new WaitingRecords(1000, () => now);
  waiting.add([of('a', 0)]);
  assert.ok(waiting.isDue());
  waiting.postpone();
  assert.ok(!waiting.isDue());
  now = 900;
  assert.ok(waiting.isDue());
  waiting.arrived([of('b', 0, 1)]);
  now = 1800;
  assert.ok(!waiting.isOverdue());
  waiting.arrived([of('b', 1, LATER)]);
  now = 1900;
  assert.ok(waiting.isOverdue());
});

test('others stand still only where much waits and they are ahead of it; what is too much stands still itself', () => {
  const waiting = new WaitingRecords(1000);
  const standing = (isIdle = false) => waiting.standing(isIdle).map(({ topic }) => topic);
  waiting.add(many('a', 100, 10));
  waiting.arrived([of('a', 99, 10), of('ahead', 0, 20), of('behind', 0, 5)]);
  assert.deepEqual(standing(), []);
  waiting.add(many('a', 30_000, 10));
  assert.deepEqual(standing(), ['ahead']);
  assert.deepEqual(standing(true), [], 'nothing arrives, so nobody may be what it waits for');
  waiting.add(many('a', 60_000, 10));
  assert.deepEqual(standing(), ['a']);
});
