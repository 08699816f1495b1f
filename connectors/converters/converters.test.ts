/** The converters without a registry against the shared cases, and what is particular to each. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError, JsonText, LogicalNames, type Schema, Schemas, struct } from '../api/index.ts';
import { bytesPlugin } from './bytes.ts';
import { converterCases, open } from './converter.cases.ts';
import { jsonPlugin } from './json.ts';
import { numberPlugins } from './numbers.ts';
import { simpleHeaderPlugin } from './simple-header.ts';
import { stringPlugin } from './string.ts';

const json = (text: string) => new JsonText(Buffer.from(text));
const decimal: Schema = { type: 'bytes', name: LogicalNames.decimal, version: 1, parameters: { scale: '2' } };
const timestamp: Schema = { type: 'int64', name: LogicalNames.timestamp, version: 1 };
const order = struct('Order', [
  { name: 'id', schema: Schemas.int64 },
  { name: 'price', schema: { ...decimal, optional: true } },
  { name: 'at', schema: timestamp },
  { name: 'raw', schema: Schemas.optionalBytes },
  { name: 'tags', schema: { type: 'array', valueSchema: Schemas.string } },
]);
const orderValue = { id: 2n ** 60n, price: '-12.50', at: new Date(5), raw: Buffer.from([1, 2]), tags: ['a'] };

converterCases('StringConverter', () => open(stringPlugin), [
  { name: 'text', schema: Schemas.optionalString, value: 'grün', text: 'grün' },
  { name: 'a number as its text', schema: null, value: 5, text: '5', read: { value: '5' } },
  { name: 'JSON text as it is', schema: null, value: json('{"a": 1}'), text: '{"a": 1}', read: { value: '{"a": 1}' } },
  { name: 'an object as JSON', schema: null, value: { a: [1] }, text: '{"a":[1]}', read: { value: '{"a":[1]}' } },
]);

converterCases('ByteArrayConverter', () => open(bytesPlugin), [
  { name: 'bytes', schema: Schemas.optionalBytes, value: Buffer.from([0, 255]), bytes: Buffer.from([0, 255]) },
]);

converterCases('JsonConverter without schemas', () => open(jsonPlugin, { 'schemas.enable': 'false' }), [
  { name: 'JSON text byte for byte', schema: null, value: json('{"b": 1,  "a":2}'), text: '{"b": 1,  "a":2}' },
  { name: 'whole numbers beyond 2^53', schema: null, value: { n: 2n ** 60n }, text: '{"n":1152921504606846976}' },
  { name: 'text', schema: null, value: 'x', text: '"x"' },
  {
    name: 'bytes, dates and maps in JSON’s words',
    schema: null,
    value: { b: Buffer.from('hi'), d: new Date(5), m: new Map([[1, 'x']]) },
    text: '{"b":"aGk=","d":5,"m":[[1,"x"]]}',
    read: { value: { b: 'aGk=', d: 5, m: [[1, 'x']] } },
  },
  {
    name: 'a struct with logical types',
    schema: order,
    value: orderValue,
    text: '{"id":1152921504606846976,"price":"+x4=","at":5,"raw":"AQI=","tags":["a"]}',
    read: { schema: null, value: { id: 2n ** 60n, price: '+x4=', at: 5, raw: 'AQI=', tags: ['a'] } },
  },
]);

converterCases('JsonConverter with schemas', () => open(jsonPlugin), [
  {
    name: 'a primitive in its envelope',
    schema: Schemas.int32,
    value: 7,
    text: '{"schema":{"type":"int32","optional":false},"payload":7}',
  },
  { name: 'a value without a schema', schema: null, value: { a: 1 }, text: '{"schema":null,"payload":{"a":1}}' },
  {
    name: 'a struct with logical types comes back whole',
    schema: struct('Order', order.fields!),
    value: orderValue,
    read: { value: orderValue },
  },
  {
    name: 'an optional struct with a default',
    schema: struct(undefined, [{ name: 'n', schema: { type: 'int32', defaultValue: 3 } }]),
    value: {},
    text: '{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"default":3,"field":"n"}],"optional":false},"payload":{"n":3}}',
    read: { value: { n: 3 } },
  },
  {
    name: 'a map whose keys are no text as pairs',
    schema: { type: 'map', keySchema: Schemas.int32, valueSchema: Schemas.string },
    value: new Map([[1, 'a']]),
  },
  {
    name: 'JSON text beside its schema, unparsed',
    schema: Schemas.string,
    value: json('"x"'),
    text: '{"schema":{"type":"string","optional":false},"payload":"x"}',
    read: { value: 'x' },
  },
]);

converterCases(
  'JsonConverter with numeric decimals',
  () => open(jsonPlugin, { 'decimal.format': 'NUMERIC', 'schemas.enable': 'false' }),
  [
    {
      name: 'a decimal keeps its digits',
      schema: decimal,
      value: '12.50',
      text: '12.50',
      read: { schema: null, value: 12.5 },
    },
  ],
);

for (const [name, schema, value, bytes] of [
  ['ShortConverter', Schemas.optionalInt16, -2, [0xff, 0xfe]],
  ['IntegerConverter', Schemas.optionalInt32, 258, [0, 0, 1, 2]],
  ['LongConverter', Schemas.optionalInt64, 2n ** 60n, [0x10, 0, 0, 0, 0, 0, 0, 0]],
  ['FloatConverter', Schemas.optionalFloat32, 1.5, [0x3f, 0xc0, 0, 0]],
  ['DoubleConverter', Schemas.optionalFloat64, 1.5, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]],
  ['BooleanConverter', Schemas.optionalBoolean, true, [1]],
] as const) {
  const plugin = numberPlugins.find((each) => each.class === name)!;
  converterCases(name, () => open(plugin), [
    { name: `writes ${value} as Kafka does`, schema, value, bytes: Buffer.from(bytes) },
  ]);
}

describe('what converters refuse', () => {
  test('JsonConverter with schemas names the fix for plain JSON', async () => {
    const converter = await open(jsonPlugin);
    assert.throws(() => converter.toConnectData('t', Buffer.from('{"a":1}')), /schemas\.enable=false/);
  });
  test('JsonConverter refuses bytes that are not JSON at once, with how they begin', async () => {
    const converter = await open(jsonPlugin, { 'schemas.enable': 'false' });
    assert.throws(
      () => converter.toConnectData('t', Buffer.from('oops')),
      (error: Error) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, /oops/);
        return true;
      },
    );
  });
  test('a value that does not fit its schema names the field', async () => {
    const converter = await open(jsonPlugin);
    const schema = struct('S', [{ name: 'n', schema: Schemas.int8 }]);
    assert.throws(() => converter.fromConnectData('t', schema, { n: 200 }), /Field "n": 200 is no int8/);
    assert.throws(() => converter.fromConnectData('t', schema, {}), /Field "n": A required value is null/);
  });
  test('a decimal is never rounded', async () => {
    const converter = await open(jsonPlugin);
    assert.throws(() => converter.fromConnectData('t', decimal, '1.005'), /more than the 2 decimal places/);
  });
  test('ByteArrayConverter takes bytes only', async () => {
    const converter = await open(bytesPlugin);
    assert.throws(() => converter.fromConnectData('t', null, 5), /takes bytes only/);
  });
});

test('SimpleHeaderConverter writes text and infers what text looks like', async () => {
  const converter = await simpleHeaderPlugin.create();
  const written = converter.fromConnectHeader('t', { key: 'h', value: { a: 1 }, schema: null });
  assert.equal(Buffer.from(written!).toString(), '{"a":1}');
  const read = (text: string) => {
    const { value, schema } = converter.toConnectHeader('t', 'h', Buffer.from(text));
    return [value, schema?.type ?? null];
  };
  assert.deepEqual(read('true'), [true, 'boolean']);
  assert.deepEqual(read('300'), [300, 'int16']);
  assert.deepEqual(read('1.5'), [1.5, 'float32']);
  assert.deepEqual(read('null'), [null, null]);
  assert.deepEqual(read('[1,2]'), [[1, 2], 'array']);
  assert.deepEqual(read('plain'), ['plain', 'string']);
  assert.deepEqual(read('[not json]'), ['[not json]', 'string']);
});
