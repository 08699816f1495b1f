/** JsonSchemaConverter against a small real registry in memory: prefix, subjects, validation both ways. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { registryOf } from '../../test/kit/registry.ts';
import {
  DataError,
  JsonText,
  LogicalNames,
  plainValue,
  type RegisteredSchema,
  type Schema,
  type SchemaRegistry,
  Schemas,
  struct,
} from '../api/index.ts';
import { converterCases, open } from './converter.cases.ts';
import { jsonSchemaPlugin } from './json-schema-plugin.ts';

interface TestRegistry extends SchemaRegistry {
  readonly calls: string[];
  readonly subjects: Map<string, number[]>;
}

function registry(): TestRegistry {
  const schemas: RegisteredSchema[] = [];
  const subjects = new Map<string, number[]>();
  const calls: string[] = [];
  const idOf = (text: string) => schemas.findIndex(({ schema }) => schema === text) + 1;
  return {
    calls,
    subjects,
    async register(subject, schema) {
      calls.push(`register ${subject}`);
      if (idOf(schema.schema) === 0) schemas.push(schema);
      subjects.set(subject, [...(subjects.get(subject) ?? []), idOf(schema.schema)]);
      return idOf(schema.schema);
    },
    async lookup(subject, schema) {
      calls.push(`lookup ${subject}`);
      const id = idOf(schema.schema);
      if (id === 0 || !subjects.get(subject)?.includes(id)) throw new DataError(`Schema not found in ${subject}`);
      return id;
    },
    async latest(subject) {
      calls.push(`latest ${subject}`);
      const id = subjects.get(subject)?.at(-1);
      if (id === undefined) throw new DataError(`Subject '${subject}' not found.`);
      return { ...schemas[id - 1]!, id };
    },
    async byId(id) {
      calls.push(`byId ${id}`);
      return schemas[id - 1]!;
    },
    async version(subject, version) {
      calls.push(`version ${subject} ${version}`);
      return schemas[subjects.get(subject)![version - 1]! - 1]!;
    },
  };
}

const truck = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  required: ['id', 'latitude'],
  properties: { id: { type: 'string' }, latitude: { type: 'number', minimum: -90, maximum: 90 } },
});
const json = (text: string) => new JsonText(Buffer.from(text));
const price: Schema = {
  type: 'bytes',
  name: LogicalNames.decimal,
  version: 1,
  parameters: { scale: '2' },
  optional: true,
};
const order = struct('Order', [
  { name: 'id', schema: Schemas.int32 },
  { name: 'note', schema: Schemas.optionalString },
  { name: 'price', schema: price },
]);

const measured = struct('Measured', [
  { name: 'price', schema: price },
  { name: 'level', schema: Schemas.float64 },
]);

converterCases('JsonSchemaConverter', () => open(jsonSchemaPlugin, {}, { isKey: false, registry: registry() }), [
  {
    name: 'a struct comes back with schema and decimal',
    schema: order,
    value: { id: 5, note: null, price: '12.50' },
    bytes: Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('{"id":5,"note":null,"price":"BOI="}')]),
    read: { value: { id: 5, note: null, price: '12.50' } },
  },
  {
    name: 'JSON text with a base64 decimal and a NaN fits the schema derived for it',
    schema: measured,
    value: json('{"price":"BOI=","level":"NaN"}'),
    read: { value: { price: '12.50', level: Number.NaN } },
  },
]);

const numeric = { 'decimal.format': 'NUMERIC' };
converterCases(
  'JsonSchemaConverter with numeric decimals',
  () => open(jsonSchemaPlugin, numeric, { isKey: false, registry: registry() }),
  [
    {
      name: 'JSON text is written anew where its decimals have the other format',
      schema: measured,
      value: json('{"price":"BOI=","level":1.5}'),
      bytes: Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('{"price":12.50,"level":1.5}')]),
      read: { value: { price: '12.50', level: 1.5 } },
    },
  ],
);

describe('JsonSchemaConverter', () => {
  test('validates JSON text against the latest version, keeps its bytes and asks the registry once', async () => {
    const server = registry();
    await server.register('trucks-value', { schemaType: 'JSON', schema: truck });
    const converter = await open(
      jsonSchemaPlugin,
      { 'use.latest.version': 'true' },
      { isKey: false, registry: server },
    );
    const good = json('{"id": "t1",  "latitude": 1}');
    const bytes = await converter.fromConnectData('trucks', null, good);
    assert.equal(Buffer.from(bytes!).subarray(5).toString(), '{"id": "t1",  "latitude": 1}');
    const again = converter.fromConnectData('trucks', null, good);
    assert.ok(!(again instanceof Promise), 'A known schema is no reason to wait.');
    assert.deepEqual(server.calls, ['register trucks-value', 'latest trucks-value']);
    await assert.rejects(
      async () => converter.fromConnectData('trucks', null, json('{"id":"t1","latitude":91}')),
      (error) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, /\/latitude must be <= 90; it does not fit schema 1/);
        return true;
      },
    );
    const read = await converter.toConnectData('trucks', bytes);
    assert.deepEqual(plainValue(read.value), { id: 't1', latitude: 1 });
  });

  test(
    'is not held up by references that multiply, nor by a pattern of another registry',
    { timeout: 60_000 },
    async (t) => {
      const { core, url } = await registryOf(t);
      const twice = (to: string) => ({ allOf: [{ $ref: to }, { $ref: to }] });
      const doubled = { type: 'object', properties: { n: twice('#') } };
      const hostile = { type: 'object', properties: { p: { type: 'string', pattern: '^(a+)+$' } } };
      await core.register('t-value', { schemaType: 'JSON', schema: JSON.stringify(doubled) });
      await core.register('u-value', { schemaType: 'JSON', schema: JSON.stringify(hostile) });
      const config = { 'use.latest.version': 'true', 'schema.registry.url': url };
      const converter = await open(jsonSchemaPlugin, config, { isKey: false, registry: inProcessRegistry(core) });
      let deep = {};
      for (let i = 0; i < 60; i++) deep = { n: deep };
      const write = async (topic: string, value: object) =>
        converter.fromConnectData(topic, null, json(JSON.stringify(value)));
      await assert.rejects(write('t', deep), /asks schema 1 more than 1000000 times/);
      assert.ok((await write('t', { n: { n: {} } })) !== null);
      await assert.rejects(write('u', { p: `${'a'.repeat(50_000)}!` }), /must match pattern/);
    },
  );

  test('of a row that does not fit the column that is wrong is named, not that the row is not null', async () => {
    const server = registry();
    const row = {
      type: 'object',
      properties: { tags: { oneOf: [{ type: 'null' }, { type: 'array', items: { type: 'string' } }] } },
    };
    const envelope = { type: 'object', properties: { after: { oneOf: [{ type: 'null' }, row] } } };
    await server.register('t-value', { schemaType: 'JSON', schema: JSON.stringify(envelope) });
    const config = { 'use.latest.version': 'true' };
    const converter = await open(jsonSchemaPlugin, config, { isKey: false, registry: server });
    const write = async (value: object) => converter.fromConnectData('t', null, json(JSON.stringify(value)));
    await assert.rejects(write({ after: { tags: ['a', ['b']] } }), /\/after\/tags\/1 must be string; it does not fit/);
    await assert.rejects(write({ after: { tags: 1 } }), /\/after\/tags must be array; it does not fit/);
  });

  test('what a schema refers to is fetched, with what that refers to, once', async () => {
    const server = registry();
    const place = { type: 'object', properties: { country: { $ref: 'country.json' } }, required: ['country'] };
    const circle = { name: 'place.json', subject: 'place', version: 1 };
    await server.register('country', {
      schemaType: 'JSON',
      schema: JSON.stringify({ enum: ['de', 'fr'] }),
      references: [circle],
    });
    await server.register('place', {
      schemaType: 'JSON',
      schema: JSON.stringify(place),
      references: [{ name: 'country.json', subject: 'country', version: 1 }],
    });
    await server.register('trucks-value', {
      schemaType: 'JSON',
      schema: JSON.stringify({
        $id: 'https://example.com/schemas/truck.json',
        properties: { home: { $ref: 'place.json' } },
      }),
      references: [circle],
    });
    server.calls.length = 0;
    const converter = await open(
      jsonSchemaPlugin,
      { 'use.latest.version': 'true' },
      { isKey: false, registry: server },
    );
    const written = (text: string) => converter.fromConnectData('trucks', null, json(text));
    await written('{"home":{"country":"de"}}');
    assert.deepEqual(server.calls, ['latest trucks-value', 'version place 1', 'version country 1']);
    await assert.rejects(async () => written('{"home":{"country":"xx"}}'), /\/home\/country must be equal to one of/);
    await assert.rejects(async () => written('{"home":{}}'), /\/home must have required property 'country'/);
  });

  test('what is read is validated as well', async () => {
    const server = registry();
    await server.register('trucks-value', { schemaType: 'JSON', schema: truck });
    const converter = await open(jsonSchemaPlugin, {}, { isKey: false, registry: server });
    const bad = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('{"id":5}')]);
    await assert.rejects(async () => converter.toConnectData('trucks', bad), /must have required property 'latitude'/);
    const lenient = await open(
      jsonSchemaPlugin,
      { 'json.fail.invalid.schema': 'false' },
      { isKey: false, registry: server },
    );
    assert.deepEqual(plainValue((await lenient.toConnectData('trucks', bad)).value), { id: 5 });
  });

  test('bytes without the prefix name the likely mistake', async () => {
    const converter = await open(jsonSchemaPlugin, {}, { isKey: false, registry: registry() });
    assert.throws(() => converter.toConnectData('t', Buffer.from('{"a":1}')), /magic byte 0/);
  });

  test('a schema is registered under the key’s subject, or only looked up', async () => {
    const server = registry();
    const key = await open(jsonSchemaPlugin, {}, { isKey: true, registry: server });
    await key.fromConnectData('t', order, { id: 1 });
    assert.deepEqual(server.calls, ['register t-key', 'byId 1']);
    const careful = await open(
      jsonSchemaPlugin,
      { 'auto.register.schemas': 'false' },
      { isKey: false, registry: server },
    );
    await assert.rejects(async () => careful.fromConnectData('t', order, { id: 1 }), /Schema not found in t-value/);
  });

  test('a value without a schema needs one from somewhere, and the message says where', async () => {
    const converter = await open(jsonSchemaPlugin, {}, { isKey: false, registry: registry() });
    assert.throws(() => converter.fromConnectData('t', null, { a: 1 }), /use\.latest\.version=true .* or json\.schema/);
    const given = await open(jsonSchemaPlugin, { 'json.schema': truck }, { isKey: false, registry: registry() });
    assert.ok((await given.fromConnectData('t', null, { id: 'a', latitude: 1 })) !== null);
  });

  test('subjects follow the strategy, by Confluent’s class names', async () => {
    const server = registry();
    const strategy = 'io.confluent.kafka.serializers.subject.TopicRecordNameStrategy';
    const config = { 'value.subject.name.strategy': strategy };
    const converter = await open(jsonSchemaPlugin, config, { isKey: false, registry: server });
    await converter.fromConnectData('t', order, { id: 1 });
    assert.deepEqual(server.calls, ['register t-Order', 'byId 1']);
  });
});
