/** A member is added to a copy, whatever it is called. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withMember } from './with-member.ts';

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
    const added = withMember(name)(fields, 'x');
    assert.deepEqual(
      new Map(Object.entries(added)),
      new Map<string, unknown>([...Object.entries(fields), [name, 'x']]),
    );
    assert.equal(Object.getPrototypeOf(added), Object.prototype);
    assert.deepEqual(fields, { b: 1, c: null });
  });
}
