/** Members are added to JSON text as parsing, adding and writing would have added them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonMembers, JsonText } from './index.ts';

const textOf = (text: string) => new JsonText(Buffer.from(text));
const add = (to: JsonText | null, ...members: [string, unknown][]) =>
  to?.withMembers(new JsonMembers(members.map(([name, value]) => [name, JSON.stringify(value)]))) ?? null;
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
  const big = new JsonMembers([['big', '9007199254740993']]);
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

test('what is no object, or may have the member, is left to the parser', () => {
  for (const text of ['', ' ', '[]', '1', '"{}"', 'null', '{', '}', '{"n":2}', '{"a":{"n":2}}', '{"a":"\\"n\\""}x']) {
    assert.equal(add(textOf(text), ['n', 1]), null, text);
  }
});

test('a name that was added is a name that is there, also the empty one and one that needs escapes', () => {
  for (const name of ['n', '', 'a"b', 'ä', '\\', 'a\nb', '__proto__', 'x'.repeat(100)]) {
    const once = add(textOf('{"a":1}'), [name, 1]);
    assert.deepEqual(Object.entries(JSON.parse(written(once)!)), [
      ['a', 1],
      [name, 1],
    ]);
    assert.equal(add(once, [name, 2]), null, name);
    assert.equal(add(add(once, ['other', 1]), [name, 2]), null, name);
    assert.equal(add(textOf(`{${JSON.stringify(name)}:1}`), [name, 2]), null, name);
  }
});

test('every name is found where it is: no text is taken to be without it', () => {
  const letters = ['', 'a', 'b', '"', '\\', 'é', '}', ',', ':', ' ', '0'];
  const names = letters.flatMap((one) => letters.map((two) => one + two));
  for (const name of names) {
    const text = textOf(`{"some":"thing",${JSON.stringify(name)}:{"more":[1,2]}}`);
    assert.equal(add(text, [name, 1]), null, JSON.stringify(name));
  }
});
