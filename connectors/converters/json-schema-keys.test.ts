/** The serializer's keys in JsonSchemaConverter: each does what Confluent says, or is refused by name. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { RecordCheck } from '../../schemas/record-check.ts';
import { registryOf } from '../../test/kit/registry.ts';
import { JsonText, parseConfig, type RawHeader, type Schema } from '../api/index.ts';
import { open } from './converter.cases.ts';
import { jsonSchemaPlugin } from './json-schema-plugin.ts';
import { registryAccess, registryAccessKeys } from './registry-access.ts';
import { httpRegistry } from './registry-http.ts';

const optional: Schema = { type: 'struct', fields: [{ name: 'a', schema: { type: 'string', optional: true } }] };
const value = { a: 'x' };

async function setUp(test: TestContext) {
  const { core, url } = await registryOf(test);
  const registry = inProcessRegistry(core);
  const converter = (config: Record<string, string> = {}) => open(jsonSchemaPlugin, config, { isKey: false, registry });
  const http = httpRegistry(registryAccess(parseConfig(registryAccessKeys, { 'schema.registry.url': url }).config));
  return { core, converter, http };
}
const schemaOf = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('the header form', () => {
  it('writes the GUID beside the bare JSON, and is read back by prefix readers’ converter and the broker alike', async (test) => {
    const { core, converter, http } = await setUp(test);
    const writer = await converter({
      'value.schema.id.serializer': 'io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer',
    });
    assert.equal(writer.addsHeaders, true);
    const headers: RawHeader[] = [];
    const bytes = (await writer.fromConnectData('t', optional, value, headers))!;
    assert.equal(Buffer.from(bytes).toString(), '{"a":"x"}');
    assert.deepEqual(
      headers.map(({ key, value: header }) => [key, header?.length, header?.[0]]),
      [['__value_schema_id', 17, 1]],
    );
    for (const registry of [inProcessRegistry(core), http]) {
      const reader = await open(jsonSchemaPlugin, {}, { isKey: false, registry });
      assert.equal(reader.addsHeaders, false);
      for (let times = 0; times < 2; times++) {
        const read = await reader.toConnectData('t', bytes, headers);
        assert.equal(read.schema?.type, 'struct');
      }
      const wrong = [{ key: '__value_schema_id', value: Buffer.from('x') }];
      await assert.rejects(async () => reader.toConnectData('t', bytes, wrong), /not magic byte 1 and a GUID/);
    }
    const check = new RecordCheck(core);
    const raw = headers.map(({ key, value: header }) => ({ key, value: Buffer.from(header!) }));
    assert.equal(check.problem('t', 'value', Buffer.from(bytes), raw, { strategy: 'topic', unframed: 'refuse' }), null);
  });

  it('a tombstone has none', async (test) => {
    const { converter } = await setUp(test);
    const writer = await converter({ 'value.schema.id.serializer': 'HeaderSchemaIdSerializer' });
    const headers: RawHeader[] = [];
    assert.equal(await writer.fromConnectData('t', null, null, headers), null);
    assert.deepEqual(headers, []);
  });
});

describe('schemas made here', () => {
  const made = async (test: TestContext, config: Record<string, string>) => {
    const { core, converter } = await setUp(test);
    await (await converter(config)).fromConnectData('t', optional, value);
    return schemaOf(core.version('t-value', 'latest').schema);
  };

  it('are open with oneOf for nullables, or closed, or with null among the types', async (test) => {
    const byDefault = await made(test, {});
    assert.equal(byDefault.additionalProperties, undefined);
    assert.deepEqual((byDefault.properties as Record<string, object>).a, {
      'connect.index': 0,
      oneOf: [{ type: 'null' }, { type: 'string' }],
    });
    assert.equal((await made(test, { 'object.additional.properties': 'false' })).additionalProperties, false);
    const listed = await made(test, { 'json.oneof.for.nullables': 'false' });
    assert.deepEqual((listed.properties as Record<string, object>).a, { 'connect.index': 0, type: ['null', 'string'] });
  });

  it('are normalised where asked', async (test) => {
    const text = '{"type":"object","additionalProperties":false}';
    const sorted = '{"additionalProperties":false,"type":"object"}';
    const { core, converter } = await setUp(test);
    const write = async (config: Record<string, string>) =>
      (await converter({ 'json.schema': text, ...config })).fromConnectData('t', null, new JsonText(Buffer.from('{}')));
    await write({ 'normalize.schemas': 'true' });
    assert.equal(core.version('t-value', 'latest').schema, sorted);
  });
});

describe('use.schema.id', () => {
  it('writes with that schema and no other', async (test) => {
    const { core, converter } = await setUp(test);
    const { id } = await core.register('elsewhere', {
      schemaType: 'JSON',
      schema: '{"type":"object","required":["a"]}',
    });
    const writer = await converter({ 'use.schema.id': String(id), 'auto.register.schemas': 'false' });
    const bytes = (await writer.fromConnectData('t', null, new JsonText(Buffer.from('{"a":1}'))))!;
    assert.equal(Buffer.from(bytes).readInt32BE(1), id);
    await assert.rejects(
      async () => writer.fromConnectData('t', null, new JsonText(Buffer.from('{}'))),
      /required property 'a'/,
    );
  });
});

describe('keys that are not served', () => {
  it('are refused by name, with what to do instead', () => {
    const asked: Record<string, string> = {
      'use.schema.guid': 'x',
      'use.latest.with.metadata': 'no pair',
      'context.name.strategy': 'x.Y',
      'generalized.sum.type.support': 'true',
      'rule.executors': 'mine',
      'value.schema.id.serializer': 'Mine',
      'value.subject.name.strategy': 'AssociatedNameStrategy',
      'bearer.auth.credentials.source': 'SASL_OAUTHBEARER_INHERIT',
      'schema.registry.ssl.truststore.type': 'JKS',
    };
    const { problems } = parseConfig(jsonSchemaPlugin.config, asked);
    assert.deepEqual(problems.map(({ key }) => key).sort(), Object.keys(asked).sort());
    assert.deepEqual(parseConfig(jsonSchemaPlugin.config, { 'generalized.sum.type.support': 'false' }).problems, []);
  });
});
