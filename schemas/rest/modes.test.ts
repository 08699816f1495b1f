/** Modes and configurations of subjects, contexts and everything; as Confluent's own suite has it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertRefused, setUp } from '../../test/kit/registry.ts';

const A = '{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}';
const B = '{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}';

describe('modes', () => {
  it('are cleared by null, and by DELETE with those of a whole context where that is asked for', async (test) => {
    const registry = await setUp(test);
    await registry.put('/mode', { mode: 'READONLY' });
    assert.equal((await registry.put('/mode', { mode: null })).body.mode ?? null, null);
    assert.deepEqual((await registry.get('/mode')).body, { mode: 'READWRITE' });
    for (const scope of [':.c:', ':.c:a', ':.c:b', 'd']) await registry.put(`/mode/${scope}`, { mode: 'READONLY' });
    assert.deepEqual((await registry.del('/mode/:.c:')).body, { mode: 'READONLY' });
    assert.deepEqual((await registry.get('/mode/:.c:a')).body, { mode: 'READONLY' });
    assertRefused(await registry.del('/mode/:.c:'), 404, 40401, "Subject ':.c:' not found.");
    assert.equal((await registry.del('/mode/:.c:?recursive=true')).status, 200);
    for (const scope of [':.c:', ':.c:a', ':.c:b']) assert.equal((await registry.get(`/mode/${scope}`)).status, 404);
    assert.deepEqual((await registry.get('/mode/d')).body, { mode: 'READONLY' });
    assert.deepEqual((await registry.del('/mode?recursive=true')).body, { mode: 'READWRITE' });
    assert.equal((await registry.get('/mode/d')).status, 404);
  });

  it('of the context .__GLOBAL count for every context that has none, and only there may be FORWARD', async (test) => {
    const registry = await setUp(test);
    assert.deepEqual((await registry.put('/mode/:.__GLOBAL:', { mode: 'READONLY' })).body, { mode: 'READONLY' });
    assert.deepEqual((await registry.get('/mode?defaultToGlobal=true')).body, { mode: 'READONLY' });
    assertRefused(await registry.register('a', A), 422, 42205, /Subject a is in read-only mode/);
    assertRefused(await registry.register(':.c:a', A), 422, 42205, /read-only mode/);
    await registry.put('/mode/:.c:', { mode: 'READWRITE' });
    assert.equal((await registry.register(':.c:a', A)).status, 200);
    assert.equal((await registry.put('/mode/:.__GLOBAL', { mode: 'FORWARD' })).status, 200);
    for (const path of ['/mode', '/mode/a', '/mode/:.', '/mode/:.__GLOBAL:a']) {
      const answer = await registry.put(path, { mode: 'FORWARD' });
      assertRefused(answer, 422, 42204, 'Forward mode only supported on global level');
    }
  });

  it('READONLY keeps configurations, too, and says what is not there before it says no', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', A);
    await registry.put('/config/a', { compatibility: 'NONE' });
    await registry.put('/mode/a', { mode: 'READONLY' });
    assertRefused(await registry.put('/config/a', { compatibility: 'FULL' }), 422, 42205, /read-only/);
    assertRefused(await registry.del('/config/a'), 422, 42205, /read-only/);
    assertRefused(await registry.del('/subjects/a/versions/9'), 404, 40402, 'Version 9 not found.');
    await registry.put('/mode', { mode: 'READONLY_OVERRIDE' });
    assertRefused(await registry.del('/subjects/nobody'), 404, 40401, "Subject 'nobody' not found.");
    assertRefused(await registry.put('/mode/a', {}).then(() => registry.register('b', A)), 422, 42205, /read-only/);
  });

  it('IMPORT takes ids, versions and texts as they are, one schema also as several versions', async (test) => {
    const registry = await setUp(test);
    await registry.put('/mode', { mode: 'IMPORT' });
    await registry.put('/config', { normalize: true });
    const given = '{"title":"z","additionalProperties":false}';
    for (const version of [1, 2, 1])
      assert.deepEqual((await registry.register('a', given, { id: 1, version })).body, { id: 1 });
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [1, 2]);
    assert.equal((await registry.get('/subjects/a/versions/1')).body.schema, given);
    assert.deepEqual((await registry.register('a', given)).body, { id: 1 });
    assert.deepEqual((await registry.register('a', B, { id: 7, version: 3 })).body, { id: 7 });
    assert.deepEqual((await registry.register('b', given, { id: 200, version: 1 })).body, { id: 200 });
    assert.equal((await registry.post('/subjects/a', { schemaType: 'JSON', schema: given })).body.version, 2);
    assertRefused(await registry.register('a', A, { id: 1, version: 4 }), 422, 42205, /Overwrite new schema with id 1/);
    assertRefused(await registry.register('b', A, { id: 1, version: 2 }), 422, 42205, /Overwrite new schema with id 1/);
  });

  it('IMPORT is refused where it would forget what others refer to', async (test) => {
    const registry = await setUp(test);
    await registry.register('ref', '{"definitions":{"x":{"type":"string"}}}');
    const references = [{ name: 'ref.json', subject: 'ref', version: 1 }];
    await registry.register('a', '{"$ref":"ref.json#/definitions/x"}', { references });
    await registry.del('/subjects/a');
    await registry.del('/subjects/ref');
    assertRefused(await registry.put('/mode', { mode: 'IMPORT' }), 422, 42206, /One or more references exist/);
    await registry.del('/subjects/a?permanent=true');
    assert.equal((await registry.put('/mode', { mode: 'IMPORT' })).status, 200);
  });
});

describe('configurations', () => {
  it('of the default context are those of everything', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config', { compatibility: 'FORWARD' });
    assert.equal((await registry.get('/config/:.:')).body.compatibilityLevel, 'FORWARD');
    await registry.put('/config/:.:', { compatibility: 'FULL' });
    assert.equal((await registry.get('/config')).body.compatibilityLevel, 'FULL');
    assert.equal((await registry.del('/config/:.:')).body.compatibilityLevel, 'FULL');
    assert.equal((await registry.get('/config')).body.compatibilityLevel, 'BACKWARD');
    await registry.put('/mode/:.:', { mode: 'READONLY' });
    assert.deepEqual((await registry.get('/mode')).body, { mode: 'READONLY' });
  });

  it('of other contexts come from themselves and .__GLOBAL, not from the default context', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config', { compatibility: 'NONE' });
    await registry.put('/config/:.__GLOBAL:', { compatibility: 'FULL' });
    const level = async (subject: string) =>
      (await registry.get(`/config/${subject}?defaultToGlobal=true`)).body.compatibilityLevel;
    assert.deepEqual([await level('a'), await level(':.c:a')], ['NONE', 'FULL']);
    await registry.put('/config/:.c:', { compatibility: 'FORWARD' });
    assert.equal(await level(':.c:a'), 'FORWARD');
  });

  it('of a subject say a level even where only other members are set, and take those of 8.x', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config', { compatibility: 'FULL' });
    await registry.put('/config/a', { validateNewSchemas: false, aliasForDeks: 'b' });
    assert.deepEqual((await registry.get('/config/a')).body, {
      compatibilityLevel: 'FULL',
      validateNewSchemas: false,
      aliasForDeks: 'b',
    });
  });

  it('with metadata and rules of their own do not add those of everything', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config', { overrideMetadata: { properties: { owner: 'all' } }, normalize: true });
    await registry.register('a', A);
    await registry.put('/config/b', { defaultMetadata: { properties: { owner: 'b' } } });
    await registry.register('b', A);
    const owner = async (subject: string) =>
      (await registry.get(`/subjects/${subject}/versions/1`)).body.metadata.properties.owner;
    assert.deepEqual([await owner('a'), await owner('b')], ['all', 'b']);
    assert.match((await registry.get('/subjects/b/versions/1')).body.schema, /^\{"additionalProperties"/);
  });

  it('are refused for names that no subject can have', async (test) => {
    const registry = await setUp(test);
    assertRefused(await registry.put('/config/__GLOBAL', { compatibility: 'FULL' }), 422, 42208, /reserved/);
    assertRefused(await registry.put('/mode/a%0Ab', { mode: 'READONLY' }), 422, 42208, /control character/);
  });
});
