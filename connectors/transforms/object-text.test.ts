/** What is done in the text of an object is what parsing, changing and writing would have done. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConnectRecord, JsonText, parseConfig, type TransformPlugin } from '../api/index.ts';
import { ObjectText } from './object-text.ts';
import { transformPlugins } from './plugins.ts';

const objects = [
  '{}',
  ' { } ',
  '{"a":1}',
  '{"a":1,"b":"x","c":null}',
  ' {\n "a" : 1.50 , "b" : "a string with \\" and \\\\ in it, and } ] , :" ,\t"c":[1,{"a":2}],"d":{"a":{"b":[]}} }\n',
  '{"b":"long enough to be copied by a call and not by a loop, byte by byte: äöü €","a":true,"e":-1e-3}',
  '{"a":9007199254740993,"ä":"ö","c":""}',
  '{"a":{},"b":[],"c":"\\u0041"}',
  '{"b":{"b":{"b":"}"}},"a":"{"}',
];

const envelopes = [
  '{"op":"c","before":null,"after":{"a":1,"b":"ä"},"source":{"ts_ms":5,"table":"t"},"ts_ms":7}',
  '{"op":"u","before":{"a":0},"after":{"a":1.0,"__op":"mine"},"source":null}',
  ' { "op" : "r" , "after" : { } , "source" : { "ts_ms" : [ 1 ] } } ',
  '{"op":"d","before":{"a":1},"after":null}',
  '{"op":"d","before":{"a":1},"after":{"a":2}}',
  '{"op":"\u0064","before":{"a":1},"after":{"a":2}}',
  '{"op":"c","after":"text"}',
  '{"op":"c","after":{"a":{"b":1}},"after":{"a":2}}',
  '{"op":1,"after":{"a":1}}',
  '{"after":{"a":1}}',
];

/** Nobody knows where members stand in these; those that are JSON are parsed, the others refused. */
const unclear = [
  '{"\\u0061":1,"b":2}',
  '{"a\\"b":1}',
  '[1]',
  '"{}"',
  '1',
  '',
  '{',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,"a":1}',
  '{"a":1}}',
  '{"a":1} x',
  '{"a":[1}',
  '{"a":"x}',
  '{"a" 1}',
  '{a:1}',
];

const configs: readonly (readonly [transform: string, config: Record<string, string>])[] = [
  ['ReplaceField', { exclude: 'a' }],
  ['ReplaceField', { exclude: 'a,b,c,d,e,ä' }],
  ['ReplaceField', { include: 'b,ä' }],
  ['ReplaceField', { renames: 'a:z,ä:ü' }],
  ['ReplaceField', { renames: 'a:b' }],
  ['ReplaceField', { renames: 'a:b,b:a' }],
  ['ReplaceField', { renames: 'a:z,b:z' }],
  ['ReplaceField', { include: 'a,b', renames: 'a:b' }],
  ['ReplaceField', { exclude: 'b', renames: 'a:b' }],
  ['ReplaceField', { exclude: 'c', renames: 'a:a "quoted" name' }],
  ...[
    {},
    { 'add.fields': 'op,source.ts_ms,table,nothing.there' },
    { 'add.fields': 'op:x,table:x' },
    { 'add.fields': 'op', 'add.headers': 'op' },
    { 'route.by.field': 'b' },
    { 'delete.tombstone.handling.mode': 'rewrite' },
    { 'delete.tombstone.handling.mode': 'drop', 'add.fields': 'source.ts_ms' },
    { 'delete.tombstone.handling.mode': 'delete-to-tombstone' },
  ].map((config) => ['io.debezium.transforms.ExtractNewRecordState', config as Record<string, string>] as const),
];

function answer([name, config]: (typeof configs)[number], value: JsonText): unknown {
  const plugin = transformPlugins.find((each): each is TransformPlugin => each.aliases?.includes(name) === true)!;
  const transform = plugin.create();
  assert.ok(!(transform instanceof Promise));
  transform.configure(parseConfig(plugin.config, config).config);
  const record: ConnectRecord = {
    ...{ topic: 't', partition: null, keySchema: null, key: null, valueSchema: null, headers: [], timestamp: null },
    value,
  };
  try {
    const result = transform.apply(record);
    const text = result?.value instanceof JsonText ? Buffer.from(result.value.bytes).toString() : null;
    if (!hasNameTwice(Buffer.from(value.bytes).toString())) assert.ok(text === null || !hasNameTwice(text), text ?? '');
    const fields = text === null ? result?.value : new Map(Object.entries(JSON.parse(text)));
    return result === null ? null : { topic: result.topic, headers: result.headers.length, fields };
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return 'refused';
  }
}

function hasNameTwice(text: string): boolean {
  const object = ObjectText.in(Buffer.from(text));
  return object !== null && object.count > Object.keys(JSON.parse(text)).length;
}

describe('an object that is changed in its text is what the parsed one becomes', () => {
  for (const config of configs) {
    test(JSON.stringify(config), () => {
      for (const text of [...objects, ...envelopes, ...unclear]) {
        const parsed = new JsonText(Buffer.from(text));
        try {
          parsed.parse();
        } catch {
          assert.equal(answer(config, new JsonText(Buffer.from(text))), 'refused', text);
          continue;
        }
        assert.deepEqual(answer(config, new JsonText(Buffer.from(text))), answer(config, parsed), text);
      }
    });
  }
});

test('objects are seen through, and what is in doubt is not guessed at', () => {
  for (const text of objects) assert.notEqual(ObjectText.in(Buffer.from(text)), null, text);
  for (const text of unclear) assert.equal(ObjectText.in(Buffer.from(text)), null, text);
});

test('of two members with one name the last counts, as for JSON.parse', () => {
  const object = ObjectText.in(Buffer.from('{"a":1,"b":2,"a":[3]}'))!;
  assert.equal(Buffer.from(object.value(Buffer.from('a'))!).toString(), '[3]');
  assert.equal(object.value(Buffer.from('c')), null);
});
