/** KafkaJS's registry client, unmodified, against ours: what it looks for beyond the plain answers. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import type * as KafkaJsRegistry from '@kafkajs/confluent-schema-registry';
import { registryOf } from '../../test/kit/registry.ts';
import { readSchemaId } from '../wire.ts';

const { SchemaRegistry, SchemaType, COMPATIBILITY } = createRequire(import.meta.url)(
  '@kafkajs/confluent-schema-registry',
) as typeof KafkaJsRegistry;

const TRUCK = {
  type: SchemaType.JSON,
  schema: JSON.stringify({
    type: 'object',
    properties: { id: { type: 'string' }, lat: { type: 'number' } },
    required: ['id'],
    additionalProperties: false,
  }),
} as const;

describe('the client of KafkaJS', () => {
  it('registers a new subject, which needs the 404 of its config, and sets its level', async (test) => {
    const { url, core } = await registryOf(test);
    const client = new SchemaRegistry({ host: url });
    const { id } = await client.register(TRUCK, { subject: 'trucks-value' });
    assert.equal(id, 1);
    assert.equal(core.config('trucks-value').compatibilityLevel, COMPATIBILITY.BACKWARD);
    assert.deepEqual(await client.register(TRUCK, { subject: 'trucks-value' }), { id: 1 });
  });

  it('encodes and decodes in the wire format, and refuses what does not fit', async (test) => {
    const { url } = await registryOf(test);
    const client = new SchemaRegistry({ host: `${url}/` });
    const { id } = await client.register(TRUCK, { subject: 'trucks-value' });
    const bytes = await client.encode(id, { id: 'T1', lat: 1.5 });
    assert.equal(readSchemaId(bytes), id);
    const reader = new SchemaRegistry({ host: url });
    assert.deepEqual(await reader.decode(bytes), { id: 'T1', lat: 1.5 });
    await assert.rejects(client.encode(id, { lat: 'north' }), /invalid payload/i);
    assert.equal(await reader.getLatestSchemaId('trucks-value'), id);
    assert.equal(await reader.getRegistryId('trucks-value', 1), id);
    assert.equal(await reader.getRegistryIdBySchema('trucks-value', TRUCK), id);
  });

  it('hears why a schema is incompatible', async (test) => {
    const { url } = await registryOf(test);
    const client = new SchemaRegistry({ host: url, retry: { retries: 0 } });
    await client.register(TRUCK, { subject: 'trucks-value' });
    const other = { type: SchemaType.JSON, schema: '{"type":"string"}' } as const;
    await assert.rejects(client.register(other, { subject: 'trucks-value' }), /incompatible with an earlier schema/);
  });
});
