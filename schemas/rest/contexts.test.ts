/** Contexts: names without one that mean another's, paths, prefixes; as Confluent's own suite has it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertRefused, setUp } from '../../test/kit/registry.ts';

const text = (title: string) => JSON.stringify({ type: 'object', title });

describe('a name without a context', () => {
  it('finds a version and a schema in another context, and an id there by its subject', async (test) => {
    const registry = await setUp(test);
    await registry.register(':.c1:t', text('1'));
    await registry.register(':.c2:u', text('2'));
    await registry.register('v', text('3'));
    assert.equal((await registry.get('/subjects/u/versions/1')).body.subject, ':.c2:u');
    assert.equal((await registry.get('/subjects/u/versions/latest')).body.subject, ':.c2:u');
    const lookup = await registry.post('/subjects/u', { schemaType: 'JSON', schema: text('2') });
    assert.equal(lookup.body.subject, ':.c2:u');
    assert.equal((await registry.get('/schemas/ids/1?subject=v')).body.schema, text('3'));
    const byName = (await registry.get('/schemas/ids/1?subject=u')).body;
    assert.deepEqual([byName.schema, byName.subject, byName.version], [text('2'), ':.c2:u', 1]);
    assert.equal((await registry.get('/schemas/ids/1')).body.schema, text('3'));
    assertRefused(await registry.get('/subjects/u/versions'), 404, 40401, "Subject 'u' not found.");
    assertRefused(await registry.get('/subjects/u/versions/9'), 404, 40401, "Subject 'u' not found.");
    assertRefused(await registry.get('/schemas/ids/9?subject=u'), 404, 40403, 'Schema 9 not found');
  });

  it('does not find by id alone what only other contexts have', async (test) => {
    const registry = await setUp(test);
    await registry.register(':.c1:t', text('1'));
    assertRefused(await registry.get('/schemas/ids/1'), 404, 40403, 'Schema 1 not found');
    assertRefused(await registry.get('/contexts/:.:/schemas/ids/1'), 404, 40403, 'Schema 1 not found');
    assert.equal((await registry.get('/contexts/.c1/schemas/ids/1')).body.schema, text('1'));
  });
});

describe('paths', () => {
  it('name a context with or without dot and colons; the default one is `.`', async (test) => {
    const registry = await setUp(test);
    for (const context of ['.c1', 'c1', ':.c1:']) {
      const body = { schemaType: 'JSON', schema: text('1') };
      assert.deepEqual(
        (await registry.post(`/contexts/${context}/subjects/t/versions`, body)).body,
        { id: 1 },
        context,
      );
      assert.deepEqual((await registry.get(`/contexts/${context}/subjects`)).body, [':.c1:t'], context);
      assert.equal((await registry.get(`/contexts/${context}/schemas`)).body.length, 1, context);
    }
    await registry.post('/contexts/:.:/subjects/u/versions', { schemaType: 'JSON', schema: text('2') });
    for (const path of ['/contexts/:.:/subjects', '/subjects?subjectPrefix=']) {
      assert.deepEqual((await registry.get(path)).body, ['u'], path);
    }
    await registry.put('/contexts/:.:/config', { compatibility: 'NONE' });
    assert.equal((await registry.get('/config')).body.compatibilityLevel, 'NONE');
    assert.deepEqual((await registry.get('/contexts/.c1/subjects?subjectPrefix=:*:')).body, [':.c1:t', 'u']);
    assertRefused(await registry.del('/contexts/c1'), 422, 42211, /still has subjects/);
  });

  it('list contexts by prefix, in order, a page at a time', async (test) => {
    const registry = await setUp(test);
    for (const context of ['.prod', '.prod-eu', '.dev', '.staging'])
      await registry.register(`:${context}:t`, text('1'));
    const contexts = async (query: string) => (await registry.get(`/contexts${query}`)).body;
    assert.deepEqual(await contexts(''), ['.', '.dev', '.prod', '.prod-eu', '.staging']);
    assert.deepEqual(await contexts('?contextPrefix=.prod'), ['.prod', '.prod-eu']);
    assert.deepEqual(await contexts('?contextPrefix=.PROD'), []);
    assert.deepEqual(await contexts('?contextPrefix=.&offset=1&limit=2'), ['.dev', '.prod']);
    assert.deepEqual(await contexts('?limit=1&offset=9'), []);
  });
});

describe('references', () => {
  it('are qualified in the answer where that is asked for, and kept as they came', async (test) => {
    const registry = await setUp(test);
    await registry.register(':.c:ref', '{"definitions":{"x":{"type":"string"}}}');
    const references = [{ name: 'ref.json', subject: 'ref', version: 1 }];
    await registry.register(':.c:a', '{"$ref":"ref.json#/definitions/x"}', { references });
    const of = async (path: string) => (await registry.get(path)).body.references[0].subject;
    assert.equal(await of('/subjects/:.c:a/versions/1'), 'ref');
    assert.equal(await of('/subjects/:.c:a/versions/1?referenceFormat=qualified'), ':.c:ref');
    assert.equal(await of('/schemas/ids/2?subject=:.c:a'), 'ref');
    assert.equal(await of('/schemas/ids/2?subject=:.c:a&referenceFormat=qualified'), ':.c:ref');
    await registry.register('b', '{"$ref":"ref.json#/definitions/x","title":"b"}', {
      references: [{ name: 'ref.json', subject: ':.c:ref', version: 1 }],
    });
    assert.equal(await of('/subjects/b/versions/1?referenceFormat=qualified'), ':.c:ref');
    assert.deepEqual((await registry.get('/subjects/:.c:ref/versions/1/referencedby')).body, [1, 2]);
  });
});
