/** Tags, rule types, recursive modes and exporters over REST. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertRefused, clientOf, registryOf, setUp } from '../../test/kit/registry.ts';

const truck = {
  type: 'object',
  properties: {
    plate: { type: 'string' },
    stops: { type: 'array', items: { type: 'object', properties: { zip: { type: 'string' } } } },
  },
};
const tag = (entityPath: string, tags = ['PII'], entityType = 'sr_field') => ({
  schemaEntity: { entityPath, entityType },
  tags,
});

describe('tags', () => {
  it('make a new version with the same shape, by the paths of Confluent’s clients', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', JSON.stringify(truck));
    const body = {
      tagsToAdd: [tag('object.plate'), tag('object.stops.array.object.zip', ['B', 'A'])],
      metadata: { properties: { owner: 'me' } },
      rulesToMerge: { domainRules: [{ name: 'r', kind: 'CONDITION', type: 'CEL', mode: 'WRITE', expr: 'true' }] },
    };
    assert.deepEqual((await registry.post('/subjects/a/versions/1/tags', body)).body, { id: 2 });
    const second = (await registry.get('/subjects/a/versions/2')).body;
    const { properties } = JSON.parse(second.schema);
    assert.deepEqual(properties.plate['confluent:tags'], ['PII']);
    assert.deepEqual(properties.stops.items.properties.zip['confluent:tags'], ['A', 'B']);
    assert.deepEqual([second.metadata.properties.owner, second.ruleSet.domainRules[0].name], ['me', 'r']);
    assert.equal((await registry.get('/schemas?ruleType=cel')).body.length, 1);
    assert.equal((await registry.get('/schemas?ruleType=ENCRYPT')).body.length, 0);
    assert.equal((await registry.get('/schemas?ruleType=domain')).body.length, 1);
    const undo = { tagsToRemove: [tag('object.plate')], rulesToRemove: ['r'] };
    await registry.post('/subjects/a/versions/latest/tags', undo);
    const third = (await registry.get('/subjects/a/versions/3')).body;
    assert.equal(JSON.parse(third.schema).properties.plate['confluent:tags'], undefined);
    assert.deepEqual(third.ruleSet.domainRules, []);
    assertRefused(
      await registry.post('/subjects/a/versions/1/tags', { tagsToAdd: [tag('object.no')] }),
      422,
      42201,
      /leads nowhere/,
    );
    assertRefused(await registry.post('/subjects/a/versions/1/tags', { tagsToAdd: 1 }), 422, 422, /tagsToAdd/);
    assertRefused(await registry.post('/subjects/b/versions/1/tags', {}), 404, 40401, "Subject 'b' not found.");
  });

  it('are found by findTags, are noted with their version, and go along where that is asked for', async (test) => {
    const client = clientOf(await registryOf(test), { 'Confluent-Accept-Unknown-Properties': 'true' });
    const record = (fields: string, tags = '') => `{"type":"record","name":"r","fields":[${fields}]${tags}}`;
    const f1 = '{"name":"f1","type":"string"}';
    const f2 = '{"name":"f2","type":"string","default":"hi"}';
    const ofRecord = { schemaEntity: { entityPath: 'r', entityType: 'sr_record' }, tags: ['TAG1'] };
    const ofField = { schemaEntity: { entityPath: 'r.f1', entityType: 'sr_field' }, tags: ['TAG2'] };
    await client.post('/subjects/a/versions', { schema: record(f1) });
    const add = await client.post('/subjects/a/versions', {
      schema: record(f1),
      version: 2,
      schemaTagsToAdd: [ofRecord],
    });
    assert.equal(add.body.id, 2);
    const second = (await client.get('/subjects/a/versions/latest?findTags=*')).body;
    assert.deepEqual(second.schemaTags, [ofRecord]);
    assert.equal(second.metadata.properties['confluent:version'], '2');
    assert.equal((await client.get('/subjects/a/versions/latest')).body.schemaTags, undefined);
    const evolved = record(`${f1},${f2}`);
    const next = await client.post('/subjects/a/versions', { schema: evolved, propagateSchemaTags: true });
    assert.equal(next.body.schema, record(`${f1},${f2}`, ',"confluent:tags":["TAG1"]'));
    const tagged = f1.replace('}', ',"confluent:tags":["TAG2"]}');
    await client.post('/subjects/a/versions', { schema: record(`${tagged},${f2}`), propagateSchemaTags: true });
    const found = async (query: string) => (await client.get(`/schemas/ids/4?subject=a&${query}`)).body.schemaTags;
    assert.deepEqual(await found('findTags=TAG1&findTags=TAG2'), [ofRecord, ofField]);
    assert.deepEqual(await found('findTags=TAG2'), [ofField]);
    assert.equal(await found('findTags=TAG3'), undefined);
    await client.post('/subjects/a/versions', { schema: record(f2), propagateSchemaTags: true });
    assert.deepEqual((await client.get('/subjects/a/versions/latest?findTags=*')).body.schemaTags, [ofRecord]);
  });

  it('of JSON are found at properties, objects, items and alternatives', async (test) => {
    const registry = await setUp(test);
    const tagged = (schema: object, ...tags: string[]) => ({ ...schema, 'confluent:tags': tags });
    const zip = tagged({ type: 'string' }, 'Z');
    const place = tagged({ type: 'object', properties: { zip } }, 'P');
    const schema = tagged(
      {
        type: 'object',
        properties: { place, stops: { type: 'array', items: place }, either: { oneOf: [{ type: 'null' }, place] } },
      },
      'R',
    );
    await registry.register('a', JSON.stringify(schema));
    const { schemaTags } = (await registry.get('/subjects/a/versions/1?findTags=*')).body;
    assert.deepEqual(
      schemaTags.map(({ schemaEntity }: { schemaEntity: object }) => Object.values(schemaEntity).join(' ')),
      [
        'object sr_record',
        'object.place sr_field',
        'object.place.object.zip sr_field',
        'object.stops.array.object sr_record',
        'object.stops.array.object.zip sr_field',
        'object.either.oneof.1.object sr_record',
        'object.either.oneof.1.object.zip sr_field',
      ],
    );
  });

  it('may come with a registration, for Avro by record and field', async (test) => {
    const registry = await setUp(test);
    const schema = '{"type":"record","name":"ns.R","fields":[{"name":"f","type":"string"}]}';
    await registry.post('/subjects/a/versions', {
      schema,
      schemaTagsToAdd: [tag('ns.R.f'), tag('ns.R', ['T'], 'sr_record')],
    });
    assert.equal(
      (await registry.get('/subjects/a/versions/1')).body.schema,
      '{"type":"record","name":"R","namespace":"ns","fields":[{"name":"f","type":"string","confluent:tags":["PII"]}],"confluent:tags":["T"]}',
    );
  });
});

describe('required tags', () => {
  it('refuse a version with a field that carries none of them, and name it', async (test) => {
    const registry = await setUp(test);
    await registry.register('old', JSON.stringify(truck));
    await registry.put('/config', { requiredTags: ['PII', 'PUBLIC'] });
    const refused = await registry.register('a', JSON.stringify(truck));
    assertRefused(refused, 422, 42201, /one of the tags PII, PUBLIC, which these have not: plate, stops\.zip\./);
    const byPath = { metadata: { tags: { '**.zip': ['PUBLIC'], plate: ['PII'] } } };
    assert.equal((await registry.register('a', JSON.stringify(truck), byPath)).status, 200);
    const inline = { type: 'object', properties: { plate: { type: 'string', 'confluent:tags': ['PII'] } } };
    assert.equal((await registry.register('b', JSON.stringify(inline))).status, 200);
    assert.equal((await registry.register('old', JSON.stringify(truck))).status, 200, 'what is there stays');
    const avro = '{"type":"record","name":"R","fields":[{"name":"f","type":"string"}]}';
    assertRefused(await registry.post('/subjects/c/versions', { schema: avro }), 422, 42201, /have not: f\./);
    assertRefused(await registry.put('/config', { requiredTags: 'PII' }), 422, 42203, /a list of tags/);
    await registry.put('/config/c', { requiredTags: [] });
    assert.equal((await registry.post('/subjects/c/versions', { schema: avro })).status, 200);
  });
});

describe('what few ask for', () => {
  it('exporters are politely absent', async (test) => {
    const registry = await setUp(test);
    assert.deepEqual((await registry.get('/exporters')).body, []);
    assertRefused(await registry.get('/exporters/x/status'), 404, 40450, "Exporter 'x' not found.");
    assertRefused(await registry.post('/exporters', { name: 'x' }), 422, 42205, /exports to no other/);
  });

  it('mode IMPORT makes room of what was deleted softly, so that it can be imported with its numbers', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', '{"type":"object"}');
    assertRefused(await registry.put('/mode', { mode: 'IMPORT' }), 422, 42205, /empty place/);
    await registry.del('/subjects/a');
    assert.equal((await registry.put('/mode', { mode: 'IMPORT' })).status, 200);
    assert.deepEqual((await registry.get('/subjects?deleted=true')).body, []);
    const imported = await registry.register('a', '{"type":"string"}', { id: 1, version: 1 });
    assert.deepEqual(imported.body, { id: 1 });
    assert.equal((await registry.get('/schemas/ids/1')).body.schema, '{"type":"string"}');
  });

  it('modes below a context go with it where asked recursively', async (test) => {
    const registry = await setUp(test);
    const modes = ['/mode/:.c:', '/mode/:.c:s', '/mode/s'];
    for (const path of modes) await registry.put(path, { mode: 'READONLY' });
    assert.deepEqual((await registry.del('/mode/:.c:?recursive=true')).body, { mode: 'READONLY' });
    assert.deepEqual(await Promise.all(modes.map(async (path) => (await registry.get(path)).status)), [404, 404, 200]);
  });
});
