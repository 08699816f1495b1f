/**
 * Positions of the WAL as the server tells them, and as the stream comes to them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOfRecord } from './chunk-place.ts';

test('a place behind the header of a page is where the last record ended', () => {
  assert.equal(endOfRecord(8192 * 7 + 24, 8192), 8192 * 7);
  assert.equal(endOfRecord(8192 * 7 + 40, 8192), 8192 * 7);
  assert.equal(endOfRecord(8192 * 7, 8192), 8192 * 7);
  assert.equal(endOfRecord(8192 * 7 + 48, 8192), 8192 * 7 + 48);
});
