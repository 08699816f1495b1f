/** Runs hold all records in their order, and none of two partitions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sinkRecord } from './sink-harness.ts';
import { runsOf } from './sink-runs.ts';

test('a batch falls into runs of one partition each, in order, nothing left out', () => {
  const of = (topic: string, offset: number) => sinkRecord({ topic, offset, value: null });
  const batch = [of('a', 0), of('a', 1), of('b', 0), of('a', 2)];
  const shape = runsOf(batch).map(({ topic, records }) => [topic, records.map(({ offset }) => offset)]);
  assert.deepEqual(shape, [
    ['a', [0, 1]],
    ['b', [0]],
    ['a', [2]],
  ]);
  assert.deepEqual(runsOf([]), []);
  const one = [of('a', 5)];
  assert.equal(runsOf(one)[0]!.records, one);
  const other = { ...of('a', 1), originalPartition: 1 };
  assert.equal(runsOf([of('a', 0), other]).length, 2);
});
