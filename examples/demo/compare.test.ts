import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compareByKey, isEqual } from './compare.ts';

const sent = new Map([
  ['a', '1'],
  ['b', '2'],
]);

it('finds equal sets equal, and counts repetitions without holding them against anybody', () => {
  const comparison = compareByKey('x', sent, new Map(sent), 3);
  assert.equal(isEqual(comparison), true);
  assert.equal(comparison.duplicates, 3);
});

it('finds what is missing, what is different, and what nobody sent', () => {
  const found = new Map([
    ['b', '3'],
    ['c', '4'],
  ]);
  const comparison = compareByKey('x', sent, found);
  assert.equal(isEqual(comparison), false);
  assert.deepEqual([comparison.missing, comparison.different, comparison.unexpected], [1, 1, 1]);
  assert.match(comparison.example, /^b: expected 2, found 3/);
});
