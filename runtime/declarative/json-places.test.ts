import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonSyntaxError, parsePlaced } from './json-places.ts';

describe('a placed JSON text', () => {
  it('is what JSON.parse makes of it', () => {
    const text = '{"a": [1, -2.5e3, true, null, "x\\n\\u00e9"], "b": {"c": {}}, "d": []}';
    assert.deepEqual(parsePlaced(text).value, JSON.parse(text));
    assert.equal(parsePlaced('\ufeff 7 ').value, 7);
  });

  it('says where keys and values stand, from 1', () => {
    const { members } = parsePlaced('{\n  "a": 1,\r\n\t"b":\n   {"c": "x"}\n}');
    assert.deepEqual(members.get('a')!.keyAt, { line: 2, column: 3 });
    assert.deepEqual(members.get('a')!.node.at, { line: 2, column: 8 });
    assert.deepEqual(members.get('b')!.keyAt, { line: 3, column: 2 });
    assert.deepEqual(members.get('b')!.node.members.get('c')!.node.at, { line: 4, column: 10 });
  });

  it('tells of a key that stands twice', () => {
    assert.deepEqual(parsePlaced('{"a": 1,\n "a": 2}').repeated, [{ name: 'a', at: { line: 2, column: 2 } }]);
  });

  const faults: readonly (readonly [string, number, number, RegExp])[] = [
    ['{"a": 1,}', 1, 8, /comma too many before "}"/],
    ['{"a": 1\n "b": 2}', 2, 2, /where "," or "}" should be/],
    ['{a: 1}', 1, 2, /a key in double quotes/],
    ["{'a': 1}", 1, 2, /not in single ones/],
    ['{"a": yes}', 1, 7, /"yes" is no JSON value/],
    ['{"a": 01}', 1, 7, /"01" is no JSON value/],
    ['{ // here\n}', 1, 3, /no comments/],
    ['{"a": "x\n"}', 1, 7, /no closing quote/],
    ['{"a": "\\q"}', 1, 7, /backslash/],
    ['{"a" 1}', 1, 6, /":" after "a"/],
    ['{"a": 1} x', 1, 10, /the end of the file/],
    ['{"a": ', 1, 7, /file ends where a value/],
    ['', 1, 1, /file ends where a value/],
    ['['.repeat(300), 1, 202, /Nested deeper/],
  ];
  for (const [text, line, column, message] of faults) {
    it(`is refused with its place: ${text.slice(0, 20).replace('\n', '↵')}`, () => {
      assert.throws(
        () => parsePlaced(text),
        (error: unknown) => {
          assert.ok(error instanceof JsonSyntaxError);
          assert.match(error.message, message);
          assert.deepEqual(error.at, { line, column });
          return true;
        },
      );
    });
  }
});
