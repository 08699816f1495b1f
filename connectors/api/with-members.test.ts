/** Members are added to a copy, and found, whatever they are called. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasNone, withMembers } from './with-members.ts';

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
    const fields = Object.freeze({ b: 1, c: null });
    const added = withMembers([name, 'z'])(fields, ['x', 2]);
    assert.deepEqual(
      new Map(Object.entries(added)),
      new Map<string, unknown>([...Object.entries(fields), [name, 'x'], ['z', 2]]),
    );
    assert.equal(Object.getPrototypeOf(added), Object.prototype);
    assert.deepEqual(fields, { b: 1, c: null });
    assert.equal(hasNone(['z', name])(added), false);
    // What every object knows counts as there: then somebody looks more closely.
    assert.equal(hasNone(['z', name])(fields), !(name in fields));
  });
}
