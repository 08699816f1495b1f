import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hides, parseView } from './visibility.ts';

test('a view hides what runs and what has not begun, around the end of 32 bits too', () => {
  const view = parseView('4294967290:4294967299:4294967292,4294967297');
  assert.deepEqual(view, { end: 3, running: [4294967292, 1] });
  for (const xid of [4294967292, 1, 3, 4, 1000]) assert.ok(hides(view, xid), `${xid} is hidden`);
  for (const xid of [4294967289, 4294967293, 0, 2]) assert.ok(!hides(view, xid), `${xid} is seen`);
  assert.deepEqual(parseView('7:7:'), { end: 7, running: [] });
});
