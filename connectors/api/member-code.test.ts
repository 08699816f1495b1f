/** Members are added, and found, whatever they are called. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAll, hasNone } from './member-code.ts';
import type { ConnectValue } from './schema.ts';

for (const name of [
  'a',
  'b',
  '',
  'ä"\\\n',
  '__proto__',
  'constructor',
  '1',
  '"]: 1 }; throw new Error("code"); //',
  '\u2028',
]) {
  test(`${JSON.stringify(name)} is a name like any other`, () => {
    const fields: Record<string, ConnectValue> = { b: 1, c: null };
    // What every object knows counts as there: then somebody looks more closely.
    assert.equal(hasNone(['z', name])(fields), !(name in fields));
    addAll([name, 'z'])(fields, ['x', 2]);
    assert.deepEqual(
      new Map(Object.entries(fields)),
      new Map<string, unknown>([
        ['b', 1],
        ['c', null],
        [name, 'x'],
        ['z', 2],
      ]),
    );
    assert.equal(Object.getPrototypeOf(fields), Object.prototype);
    assert.equal(hasNone(['y', name])(fields), false);
    assert.equal(hasNone(['y'])(fields), true);
  });
}
