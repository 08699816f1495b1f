/**
 * What counts as JSON is what `JSON.parse` takes: held to it text by text, and mutation by mutation.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJson } from './json-check.ts';

function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString());
    return true;
  } catch {
    return false;
  }
}

const texts = [
  '',
  ' ',
  'null',
  'nul',
  'nulll',
  'true',
  ' false ',
  'True',
  '0',
  '-0',
  '01',
  '-',
  '+1',
  '1.',
  '.5',
  '1.5e+10',
  '1e',
  '1E-',
  '1e5',
  '123456789012345678901234567890',
  'NaN',
  '""',
  '"',
  '"a',
  '"\\"',
  '"\\\\"',
  '"\\u00e4 \\/ \\b\\f\\n\\r\\t"',
  '"\\u00g0"',
  '"\\u12"',
  '"\\x41"',
  '"tab\there"',
  '"ünï 🚚"',
  '"\u2028"',
  "'a'",
  '[]',
  '[ ]',
  '[1,2 , 3]',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[',
  ']',
  '[]]',
  '[[[[]]],{}]',
  '{}',
  '{ }',
  '{"a":1}',
  '{"a" : [1,{"b":null}] , "c":{} }',
  '{"a":1,}',
  '{"a"}',
  '{"a":}',
  '{a:1}',
  '{"a":1 "b":2}',
  '{"a":1}}',
  '{"a":1} x',
  '[}',
  '{]',
  '{"a":1]',
  '\ufeff{}',
  '\u00a0{}',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  '['.repeat(5000),
];

test('takes what JSON.parse takes and refuses what it refuses', () => {
  for (const text of texts) {
    const bytes = Buffer.from(text);
    // Decoding for the comparison must not take the byte order mark away.
    assert.equal(isJson(bytes), parses(bytes), JSON.stringify(text.slice(0, 40)));
  }
});

test('every cut, every byte changed and every byte taken out of an event is judged alike', () => {
  const event = Buffer.from(
    '{"before":null,"after":{"id":1,"v":-1.5e3,"t":"a\\"\\u00e9b","l":[true,false,null]},"op":"c","ts_ns":1732201234567890123}',
  );
  for (let at = 0; at < event.length; at++) {
    const cut = event.subarray(0, at);
    assert.equal(isJson(cut), parses(cut), cut.toString());
    const without = Buffer.concat([cut, event.subarray(at + 1)]);
    assert.equal(isJson(without), parses(without), without.toString());
    for (const code of Buffer.from('"\\{}[]:,0e.-nx \n\u0001')) {
      const changed = Buffer.from(event);
      changed[at] = code;
      assert.equal(isJson(changed), parses(changed), changed.toString());
    }
  }
});
