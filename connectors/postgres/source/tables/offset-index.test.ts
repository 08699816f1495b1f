import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetIndex } from './offset-index.ts';

const key = (text: string | number) => Buffer.from(`key ${text}`);

test('a key is found where it was written last, whatever the order it is told in', () => {
  const index = new OffsetIndex();
  index.note(key('a'), 5, true);
  index.note(key('a'), 3, true);
  assert.equal(index.find(key('a')), 5);
  index.note(key('a'), 7, false);
  assert.equal(index.find(key('a')), null);
  index.note(key('a'), 6, true);
  assert.equal(index.find(key('a')), null, 'it was forgotten after that');
  index.note(key('a'), 8, true);
  assert.equal(index.find(key('a')), 8);
  assert.equal(index.find(key('b')), null);
  index.note(key('first'), 0, true);
  assert.equal(index.find(key('first')), 0);
  index.note(key('first'), 0, false);
  assert.equal(index.find(key('first')), null);
});

test('it grows to its bound without losing a key, and then drops the oldest and says so', () => {
  const index = new OffsetIndex(10_000);
  for (let number = 0; number < 20_000; number++) index.note(key(number), number, true);
  assert.equal(index.hasForgotten, false);
  for (let number = 0; number < 20_000; number++) assert.equal(index.find(key(number)), number);
  for (let number = 20_000; number < 30_000; number++) index.note(key(number), number, true);
  assert.equal(index.hasForgotten, true);
  assert.equal(index.find(key(5)), null);
  for (let number = 10_000; number < 30_000; number++) assert.equal(index.find(key(number)), number);
});
