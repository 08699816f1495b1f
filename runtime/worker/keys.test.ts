/** What a key promises is kept, or the value is refused: never accepted in silence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../connectors/api/index.ts';
import { sourceKeys } from './keys.ts';

const refused: readonly [string, string][] = [
  ['exactly.once.support', 'required'],
  ['transaction.boundary', 'interval'],
  ['offsets.storage.topic', 'my-offsets'],
];

for (const [key, value] of refused) {
  test(`${key}=${value} is refused, because it would promise what is not given`, () => {
    const { problems } = parseConfig(sourceKeys, { [key]: value });
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, new RegExp(`"${value}" for configuration "${key}": it asks for what`));
  });
}

test('the defaults of the same keys are accepted where a configuration spells them out', () => {
  const { problems } = parseConfig(sourceKeys, { 'exactly.once.support': 'requested', 'transaction.boundary': 'poll' });
  assert.deepEqual(problems, []);
});
