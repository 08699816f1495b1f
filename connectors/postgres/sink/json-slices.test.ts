/** Cutting JSON without touching it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberReader, memberSlices, PlaceReader, toJson } from './json-slices.ts';

test('members come out character by character as they went in', () => {
  const text = ' { "a" : 9007199254740993 , "b\\"": {"x":[1,"}",{"y":","}]}, "c":"\\\\", "d":-1.50e3,"e":null}';
  assert.deepEqual(
    [...memberSlices(text)],
    [
      ['a', '9007199254740993'],
      ['b"', '{"x":[1,"}",{"y":","}]}'],
      ['c', '"\\\\"'],
      ['d', '-1.50e3'],
      ['e', 'null'],
    ],
  );
  assert.deepEqual([...memberSlices('{}')], []);
});

test('text that ends too soon is an error, not an endless search', () => {
  const whole = '{"a":{"b":[1,"x"]},"c":"d"}';
  for (let end = 3; end < whole.length; end++) {
    assert.throws(() => memberSlices(whole.slice(0, end)), SyntaxError, whole.slice(0, end));
  }
});

test('values become JSON without losing digits', () => {
  const value = {
    a: 9007199254740993n,
    b: new Uint8Array([222, 173]),
    c: [1n, null],
    d: Number.NaN,
    e: new Map([['k', 1]]),
  };
  assert.equal(toJson(value), '{"a":9007199254740993,"b":"3q0=","c":[1,null],"d":"NaN","e":{"k":1}}');
});

test('times are written as Postgres reads them, in every century', () => {
  const day = (year: number) => (JSON.parse(toJson([new Date(Date.UTC(year, 0, 1))])) as string[])[0];
  assert.equal(day(2024), '2024-01-01T00:00:00.000Z');
  assert.equal(day(12024), '12024-01-01T00:00:00.000Z');
  assert.equal(day(-43), '0044-01-01T00:00:00.000Z BC');
});

test('an object is read by places as it is cut in slices, whatever the one before was like', () => {
  const reader = new PlaceReader({ name: 'b', reader: new MemberReader() });
  const long = '"a text that is long enough to be remembered"';
  const digits = '1'.repeat(30);
  const texts = [
    `{"a":${long},"b":{"c":1},"d":${digits}}`,
    `{"a":${long},"b":{"c":1},"d":${digits}}`,
    `{"a":${long},"b":{"c":1},"d":${digits}2}`,
    `{"a":${long.slice(0, -1)}, and more","b":[${long}],"d":${digits}.5}`,
    `{"a": ${long} ,"b":null,"d":0}`,
    `{"b":${long},"a":1}`,
    `{"b":${long},"a":${long}}`,
    '{}',
    `{"a":${long},"b":{"c":1},"d":${digits}}`,
  ];
  for (const text of texts) {
    const slices = memberSlices(text);
    reader.read(text);
    for (const name of ['a', 'b', 'c', 'd']) {
      assert.equal(reader.has(name), slices.has(name), text);
      assert.equal(reader.get(name)?.trim(), slices.get(name), text);
    }
    if (reader.inner !== null) assert.equal(reader.inner.text(), slices.get('b'), text);
  }
  for (const text of [`{"a":${long},"b":{"c":1},"d":${digits}`, `{"a":${long}`, '{"a":"']) {
    assert.throws(() => reader.read(text), SyntaxError, text);
  }
});
