/** How far behind the stream is said to be, by a clock of the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamFigures } from './stream-figures.ts';

const SECOND = 1_000;
const MICROS = 1_000;

test('behind is the age of the last commit while there is more, and 0 at the end', () => {
  let now = 100 * SECOND;
  const figures = new StreamFigures(
    () => {},
    () => now,
  );
  assert.equal(figures.behindMs, null, 'nobody knows yet');
  figures.nothingThere(false);
  assert.equal(figures.behindMs, null, 'what is there may be on its way');
  figures.drained(true, true, 60 * SECOND * MICROS);
  assert.equal(figures.behindMs, 40 * SECOND);
  figures.drained(true, true, 90 * SECOND * MICROS);
  assert.equal(figures.behindMs, 10 * SECOND);
  figures.drained(true, false, 90 * SECOND * MICROS);
  figures.nothingThere(false);
  assert.equal(figures.behindMs, 0);

  now += 4 * SECOND;
  assert.equal(figures.behindMs, 0, 'a poll under way has seen the end');
  now += 56 * SECOND;
  assert.equal(figures.behindMs, 60 * SECOND, 'a task that is paused does not know what came since');
  figures.drained(true, true, (now - SECOND) * MICROS);
  assert.equal(figures.behindMs, SECOND);
  figures.nothingThere(true);
  assert.equal(figures.behindMs, 0);
});

test('a stream that brings nothing is at its end, and a clock of the server that is ahead is no debt', () => {
  const figures = new StreamFigures(
    () => {},
    () => 100 * SECOND,
  );
  figures.nothingThere(true);
  assert.equal(figures.behindMs, 0);
  figures.drained(true, true, 101 * SECOND * MICROS);
  assert.equal(figures.behindMs, 0);
});

test('what came is told once for all of it, and what did not come is not told', () => {
  const told: [string, number][] = [];
  const figures = new StreamFigures((figure, more) => told.push([figure, more]));
  figures.creates = 3;
  figures.transactions = 1;
  figures.drained(true, true, 1);
  figures.drained(true, true, 1);
  assert.deepEqual(told, [
    ['total_number_of_create_events_seen', 3],
    ['number_of_committed_transactions', 1],
  ]);
});
