/** Versions that are asked for by number, and what a lookup takes for the same schema; as Confluent's own suite has it. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertRefused, clientOf, registryOf } from '../../test/kit/registry.ts';

const TEXTS = {
  AVRO: '{"type":"record","name":"r","fields":[{"name":"f","type":"string"}]}',
  JSON: '{"id":"urn:jsonschema:com:r","properties":{"f":{"enum":["YES","NO"],"type":"string"}},"type":"object"}',
} as const;

/** A client that takes members of 8.x, and its three questions about one subject. */
async function asking(test: TestContext, schemaType: keyof typeof TEXTS) {
  const client = clientOf(await registryOf(test), { 'Confluent-Accept-Unknown-Properties': 'true' });
  const body = (more: object) => ({ schemaType, schema: TEXTS[schemaType], ...more });
  const noted = (version: string) => ({ metadata: { properties: { 'confluent:version': version } } });
  return {
    client,
    noted,
    register: async (more: object) => (await client.post('/subjects/s/versions', body(more))).body,
    lookup: async (more: object) => {
      const { version, metadata } = (await client.post('/subjects/s', body(more))).body;
      return [version, metadata?.properties?.['confluent:version']];
    },
    latest: async () => {
      const { version, metadata } = (await client.get('/subjects/s/versions/latest')).body;
      return [version, metadata?.properties?.['confluent:version']];
    },
  };
}

for (const type of ['AVRO', 'JSON'] as const) {
  describe(`a version asked for by number (${type})`, () => {
    it('is a new one of the same text, noted in its metadata; -1 is the latest where that is the text', async (test) => {
      const { register, lookup, latest, noted, client } = await asking(test, type);
      assert.equal((await register({})).id, 1);
      assert.deepEqual(await latest(), [1, undefined]);
      assert.equal((await register({ version: -1 })).id, 1);
      assert.equal((await register({ version: 2 })).id, 2);
      assert.equal((await register({ version: -1 })).id, 2);
      assert.deepEqual(await latest(), [2, '2']);
      assert.deepEqual(await lookup({}), [1, undefined]);
      assert.deepEqual(await lookup(noted('1')), [1, undefined]);
      assert.deepEqual(await lookup(noted('2')), [2, '2']);
      await client.del('/subjects/s/versions/1');
      assert.deepEqual(await lookup({}), [2, '2']);
      assert.equal((await register({})).id, 2);
      assert.equal((await register({ version: 3 })).id, 3);
      assert.equal((await register({ version: 3 })).error_code, 42201);
      assert.equal((await register({ version: 4 })).id, 4);
      assert.deepEqual(await lookup({}), [4, '4']);
    });

    it('is noted anew where it was before, and not where metadata of its own says otherwise', async (test) => {
      const { register, lookup, latest, noted, client } = await asking(test, type);
      for (const version of [1, 2, 3]) await register({ version });
      assert.equal((await register(noted('-1'))).id, 4);
      assert.deepEqual(await latest(), [4, '4']);
      assert.equal((await register(noted('2'))).id, 2);
      assert.equal((await register(noted('0'))).id, 5);
      assert.deepEqual(await latest(), [5, '5']);
      assert.equal((await register({ metadata: { properties: {} } })).id, 5);
      const mine = { metadata: { properties: { mykey: 'myvalue' } } };
      assert.equal((await register(mine)).id, 6);
      assert.deepEqual(await latest(), [6, undefined]);
      assert.equal((await register({ version: -1 })).id, 7);
      assert.deepEqual(await latest(), [7, '7']);
      assert.deepEqual(await lookup(mine), [6, undefined]);
      await client.del('/subjects/s/versions/6');
      assert.deepEqual(await lookup(mine), [7, '7']);
    });
  });
}

describe('what is sent in full', () => {
  const CURRENCY = '{"type":"enum","name":"Currency","namespace":"m","symbols":["EUR","USD"]}';
  const PRICE = '{"type":"record","name":"Price","namespace":"m","fields":[{"name":"c","type":"m.Currency"}]}';
  const IN_FULL = PRICE.replace('"m.Currency"', CURRENCY);

  it('is found although it was registered with references, and shown in full by format=resolved', async (test) => {
    const client = clientOf(await registryOf(test), { 'Confluent-Accept-Unknown-Properties': 'true' });
    await client.post('/subjects/currency/versions', { schema: CURRENCY });
    const references = [{ name: 'm.Currency', subject: 'currency', version: 1 }];
    const { guid } = (await client.post('/subjects/price/versions', { schema: PRICE, references })).body;
    assert.equal((await client.post('/subjects/price', { schema: IN_FULL })).body.id, 2);
    assert.equal((await client.post('/subjects/price/versions', { schema: IN_FULL })).body.id, 2);
    for (const path of ['/schemas/ids/2', '/subjects/price/versions/1', `/schemas/guids/${guid}`]) {
      const { body } = await client.get(`${path}?format=resolved`);
      assert.deepEqual(JSON.parse(body.schema).fields[0].type.symbols, ['EUR', 'USD'], path);
      assert.equal(body.guid, guid, path);
      assert.equal((await client.get(`${path}?format=unheard-of`)).body.schema, (await client.get(path)).body.schema);
    }
    assert.equal((await client.get('/schemas/ids/2/schema?format=resolved')).body.fields[0].type.name, 'Currency');
  });

  it('is what a lookup reads before it says that nothing is there', async (test) => {
    const client = clientOf(await registryOf(test));
    assertRefused(
      await client.post('/subjects/s', { schema: '{"type":"nothing"}' }),
      422,
      42201,
      /"nothing" is not defined/,
    );
    assertRefused(await client.post('/subjects/s', { schema: CURRENCY }), 404, 40401, "Subject 's' not found.");
    await client.post('/subjects/s/versions', { schema: CURRENCY });
    const references = [{ name: 's', subject: 's', version: 1 }];
    const other = '{"type":"record","name":"o","fields":[]}';
    assertRefused(await client.post('/subjects/s', { schema: other, references }), 404, 40403, 'Schema not found');
  });
});

describe('reserved fields', () => {
  const text =
    '{"type":"object","properties":{"f":{"type":"string"},"g":{"type":"string"}},"additionalProperties":false}';
  const reserving = (names: string) => ({ metadata: { properties: { 'confluent:reserved': names } } });

  it('are refused, and stay reserved, where validateFields is set for the subject or everything', async (test) => {
    const client = clientOf(await registryOf(test));
    await client.put('/config', { validateFields: true });
    assertRefused(await client.register('a', text, reserving('f')), 409, 409, /conflicts with the reserved field f/);
    await client.put('/config/a', { validateFields: false });
    assert.equal((await client.register('a', text, reserving(' f , h'))).status, 200);
    await client.put('/config/a', { validateFields: true });
    assertRefused(
      await client.register('a', text.replace('"f"', '"k"'), reserving('h')),
      409,
      409,
      /reserved field f removed.*validateFields: 'true', compatibility: 'BACKWARD'/,
    );
    assertRefused(await client.register('b', '{"properties":{"$$x":{}}}'), 422, 42201, /#\/properties\/\$\$x/);
  });
});
