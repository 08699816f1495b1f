/** Members are added to JSON text as parsing, adding and writing would have added them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spliceMembers } from './json-splice.ts';

const splice = (text: string, member = 'n') =>
  spliceMembers(
    Buffer.from(text),
    [Buffer.from(JSON.stringify(member))],
    Buffer.from(`,${JSON.stringify(member)}:1}`),
  )?.toString();

test('objects get the member at their end, blanks or not', () => {
  for (const text of ['{}', ' { } ', '{"a":1}', '{"a":{"b":[1,{}]}}\n', '\t{"a":"}"}', '{"a":1 }', '{ "ä":"m" }']) {
    const spliced = splice(text);
    assert.deepEqual(JSON.parse(spliced!), { ...JSON.parse(text), n: 1 }, text);
  }
});

test('what is no object, or may have the member, is left to the parser', () => {
  for (const text of ['', ' ', '[]', '1', '"{}"', 'null', '{', '}', '{"n":2}', '{"a":{"n":2}}', '{"a":"\\"n\\""}x']) {
    assert.equal(splice(text), undefined, text);
  }
});
