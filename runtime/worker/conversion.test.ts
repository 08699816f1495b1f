import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonText, parseConfig, type SourceRecord } from '../../connectors/api/index.ts';
import { bytesPlugin } from '../../connectors/converters/bytes.ts';
import { jsonSchemaPlugin } from '../../connectors/converters/json-schema-plugin.ts';
import { simpleHeaderPlugin } from '../../connectors/converters/simple-header.ts';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { registryOf } from '../../test/kit/registry.ts';
import type { ConsumerRecord } from '../log/client.ts';
import { Conversion } from './conversion.ts';
import type { ConnectorPlan } from './plan.ts';

test("A converter's own header goes out with the record, once, and names the schema when it is read", async (t) => {
  const { core } = await registryOf(t);
  await core.register('t-value', { schemaType: 'JSON', schema: '{"type":"object"}' });
  const config = {
    'use.latest.version': 'true',
    'auto.register.schemas': 'false',
    'value.schema.id.serializer': 'HeaderSchemaIdSerializer',
  };
  const part = (plugin: { readonly config: typeof jsonSchemaPlugin.config }, raw: Record<string, string> = {}) => ({
    plugin,
    config: parseConfig(plugin.config, raw).config,
  });
  const plan = {
    key: part(bytesPlugin),
    value: part(jsonSchemaPlugin, config),
    header: part(simpleHeaderPlugin),
    transforms: [],
    settings: { string: () => '' },
  } as unknown as ConnectorPlan;
  const conversion = await Conversion.create(plan, inProcessRegistry(core));
  t.after(() => conversion.close());
  const source = {
    sourcePartition: {},
    sourceOffset: {},
    topic: 't',
    partition: null,
    keySchema: null,
    key: null,
    valueSchema: null,
    value: new JsonText(Buffer.from('{"a":1}')),
    // As after a way through a sink and back.
    headers: [{ key: '__value_schema_id', schema: null, value: 'old' }],
    timestamp: null,
  } satisfies SourceRecord;
  const sent = (await conversion.toProducerRecord(source))!;
  assert.equal(Buffer.from(sent.value!).toString(), '{"a":1}');
  assert.deepEqual(
    sent.headers.map(({ key, value }) => [key, value?.length]),
    [['__value_schema_id', 17]],
  );
  const headers = sent.headers.map(({ key, value }) => ({ key, value: Buffer.from(value!) }));
  const stored = {
    topic: 't',
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: null,
    value: Buffer.from(sent.value!),
    headers,
  };
  const read = await conversion.toSinkRecord(stored as unknown as ConsumerRecord);
  assert.equal(Buffer.from((read!.value as JsonText).bytes).toString(), '{"a":1}');
});
