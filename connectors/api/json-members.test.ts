/** Members are added to JSON text as parsing, adding and writing would have added them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonMembers, JsonText, MemberNames } from './index.ts';

const membersOf = (members: readonly (readonly [name: string, json: string])[]) =>
  new JsonMembers(
    new MemberNames(members.map(([name]) => name)),
    members.map(([, json]) => json),
  );
const textOf = (text: string) => new JsonText(Buffer.from(text));
const add = (to: JsonText | null, ...members: [string, unknown][]) =>
  to?.withMembers(membersOf(members.map(([name, value]) => [name, JSON.stringify(value)]))) ?? null;
const written = (text: JsonText | null) => (text === null ? null : Buffer.from(text.bytes).toString());

const objects = [
  '{}',
  ' { } ',
  '{"a":1}',
  '{"a":{"b":[1,{}]}}\n',
  '\t{"a":"}"}',
  '{"a":1 }',
  '{ "ä":"m" }',
  '{"nn":1,"m":"x"}',
];

test('objects get the member at their end, blanks or not', () => {
  for (const text of objects) {
    const extended = written(add(textOf(text), ['n', 1]));
    assert.deepEqual(JSON.parse(extended!), { ...JSON.parse(text), n: 1 }, text);
  }
});

test('one after the other, each step is an object of its own, whenever its bytes are asked for', () => {
  for (const text of objects) {
    const first = add(textOf(text), ['n', 1], ['o', 'two'])!;
    const second = add(first, ['p', null])!;
    const third = add(second, ['q', { r: [true] }])!;
    const other = add(first, ['s', 's'])!;
    const own = { ...JSON.parse(text), n: 1, o: 'two' };
    assert.deepEqual(third.parse(), { ...own, p: null, q: { r: [true] } }, text);
    assert.deepEqual(JSON.parse(written(first)!), own, text);
    assert.deepEqual(JSON.parse(written(other)!), { ...own, s: 's' }, text);
    assert.deepEqual(JSON.parse(written(add(first, ['t', 1]))!), { ...own, t: 1 }, 'after its bytes were asked for');
    assert.deepEqual(second.parse(), { ...own, p: null }, text);
    assert.equal(textOf(text).isParsed, false);
  }
});

test('what is parsed before it is put together is what would be read of its bytes', () => {
  const added: [string, unknown][] = [
    ['__proto__', 1],
    ['list', [1, { a: null }]],
    ['text', '"'],
    ['constructor', 2],
  ];
  for (const text of objects) {
    const parsed = added.reduce((to, each) => add(to, each)!, textOf(text)).parse();
    const read = textOf(written(added.reduce((to, each) => add(to, each)!, textOf(text)))!).parse();
    assert.deepEqual(Object.entries(parsed as object), Object.entries(read as object), text);
    assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
  }
  const big = membersOf([['big', '9007199254740993']]);
  assert.deepEqual(textOf('{"a":12345678901234567890}').withMembers(big)!.parse(), {
    a: 12345678901234567890n,
    big: 9007199254740993n,
  });
  assert.throws(() => add(textOf('{no}'), ['n', 1])!.parse(), SyntaxError);
});

test('whole numbers of 16 digits and more are exact, wherever they stand', () => {
  for (let before = 0; before < 40; before++) {
    const text = `{"${'x'.repeat(before)}":1234567890123456789}`;
    assert.deepEqual(textOf(text).parse(), { ['x'.repeat(before)]: 1234567890123456789n });
  }
});

test('what is no object takes no members', () => {
  for (const text of ['', ' ', '[]', '1', '"{}"', 'null', '{', '}', '{"a":"\\"n\\""}x']) {
    assert.equal(add(textOf(text), ['n', 1]), null, text);
  }
});

test('a member that is there is replaced where it stands; what looks like one below or in a text is left alone', () => {
  for (const text of [
    '{"n":2}',
    '{"n":2,"z":3}',
    '{"a":{"n":2}}',
    '{"a":"\\"n\\""}',
    '{"a":"n"}',
    '{"\\u006e":2,"z":3}',
  ]) {
    const expected = Object.entries({ ...JSON.parse(text), n: 1 });
    const read = () => add(textOf(text), ['n', 1])!;
    assert.deepEqual(Object.entries(read().parse() as object), expected, text);
    if (!text.includes('\\u')) assert.deepEqual(Object.entries(JSON.parse(written(read())!)), expected, text);
    const more = add(read(), ['o', 2])!;
    assert.deepEqual(JSON.parse(written(more)!), { ...Object.fromEntries(expected), o: 2 }, text);
  }
});

test('of two members that are added under one name the last holds, also the empty one and one that needs escapes', () => {
  for (const name of ['n', '', 'a"b', 'ä', '\\', 'a\nb', '__proto__', 'x'.repeat(100)]) {
    const once = () => add(textOf('{"a":1}'), [name, 1]);
    const twice = () => add(once(), [name, 2])!;
    const expect = (text: JsonText | null, entries: [string, unknown][]) => {
      const asRead = Object.entries(JSON.parse(written(text)!));
      assert.deepEqual(asRead, entries, name);
    };
    expect(once(), [
      ['a', 1],
      [name, 1],
    ]);
    expect(twice(), [
      ['a', 1],
      [name, 2],
    ]);
    assert.deepEqual(Object.entries(twice().parse() as object), [
      ['a', 1],
      [name, 2],
    ]);
    expect(add(add(once(), ['other', 1]), [name, 2]), [
      ['a', 1],
      [name, 2],
      ['other', 1],
    ]);
    expect(add(textOf(`{${JSON.stringify(name)}:1}`), [name, 2]), [[name, 2]]);
  }
});

test('every name is found where it is: no text gets it twice', () => {
  const letters = ['', 'a', 'b', '"', '\\', 'é', '}', ',', ':', ' ', '0'];
  const names = letters.flatMap((one) => letters.map((two) => one + two));
  for (const name of names) {
    const quoted = JSON.stringify(name);
    const text = written(add(textOf(`{"some":"thing",${quoted}:{"more":[1,2]}}`), [name, 1]))!;
    assert.equal(text.split(`${quoted}:`).length, 2, text);
    assert.equal(JSON.parse(text)[name], 1);
  }
});

test('text that was parsed already is neither written anew nor parsed again, and stays what it was', () => {
  const text = textOf('{"a":1.0,"b":{"c":2}}');
  const parsed = text.parse() as { b: unknown };
  const extended = add(text, ['d', 'x'])!;
  assert.equal(written(extended), '{"a":1.0,"b":{"c":2},"d":"x"}');
  const again = add(text, ['d', 'x'])!;
  assert.deepEqual(again.parse(), { a: 1, b: { c: 2 }, d: 'x' });
  assert.equal((again.parse() as { b: unknown }).b, parsed.b);
  assert.deepEqual(parsed, { a: 1, b: { c: 2 } });
  assert.deepEqual(add(again, ['e', 1])!.parse(), { a: 1, b: { c: 2 }, d: 'x', e: 1 });
  assert.equal(written(add(again, ['e', 1])), '{"a":1.0,"b":{"c":2},"d":"x","e":1}');
  assert.equal(text.isText, true);
  assert.equal(JsonText.of({ a: 1 }).isText, false);
});
