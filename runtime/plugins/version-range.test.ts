import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compareVersions, parseVersionRange } from './version-range.ts';

it('orders versions by their numbers, and a pre-release before its release', () => {
  const ordered = ['0.9', '1.0.0-alpha', '1.0.0-rc.2', '1.0.0-rc.10', '1.0', '1.0.1', '1.2', '1.10', '2'];
  assert.deepEqual([...ordered].reverse().sort(compareVersions), ordered);
  assert.equal(compareVersions('1.0', '1.0.0'), 0);
});

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['1.2.3', ['1.2.3'], ['1.2.4', '1.2.3-rc.1']],
  ['[1.2]', ['1.2', '1.2.0'], ['1.3']],
  ['[1.0,2.0)', ['1.0', '1.9.9', '2.0-rc.1'], ['0.9', '2.0']],
  ['(1.0,2.0]', ['1.0.1', '2.0'], ['1.0', '2.0.1']],
  ['(,1.5]', ['0.1', '1.5'], ['1.6']],
  ['[1.5,)', ['1.5', '9'], ['1.4']],
  ['[1.0,1.2], [1.4,)', ['1.1', '1.4'], ['1.3']],
  ['latest', ['1', '2'], []],
];
for (const [text, inside, outside] of cases) {
  it(`reads the range ${text}`, () => {
    const range = parseVersionRange(text)!;
    assert.deepEqual(
      inside.filter((version) => !range(version)),
      [],
    );
    assert.deepEqual(outside.filter(range), []);
  });
}

for (const text of ['[1.0', '1.0,2.0', '(1.0)', '[1,2,3]', '[]', '[1,2] or so']) {
  it(`takes no range for ${text}`, () => assert.equal(parseVersionRange(text), null));
}
