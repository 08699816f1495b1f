/** What is deleted, listed and referred to; as Confluent's own suite and Karapace's have it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertRefused, clientOf, registryOf, setUp } from '../../test/kit/registry.ts';

const text = (title: string) => JSON.stringify({ type: 'object', title });

describe('lists', () => {
  it('of deleted subjects name those without a live version, of deleted versions any', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', text('1'));
    await registry.register('a', text('2'));
    await registry.register('b', text('3'));
    await registry.del('/subjects/a/versions/1');
    await registry.del('/subjects/b/versions/1');
    assert.deepEqual((await registry.get('/subjects')).body, ['a']);
    assert.deepEqual((await registry.get('/subjects?deleted=true')).body, ['a', 'b']);
    assert.deepEqual((await registry.get('/subjects?deletedOnly=true')).body, ['b']);
    assert.deepEqual((await registry.get('/subjects?deletedOnly=true&deleted=true')).body, ['b']);
    assert.deepEqual((await registry.get('/subjects/a/versions?deletedOnly=true')).body, [1]);
    assert.deepEqual((await registry.get('/subjects/a/versions?deletedAsNegative=true')).body, [-1, 2]);
    assertRefused(await registry.get('/subjects/b/versions?deletedAsNegative=true'), 404, 40401, /./);
    await registry.register('c', text('4'));
    assert.deepEqual((await registry.get('/subjects/c/versions?deletedOnly=true')).body, []);
  });

  it('of schemas are those of the default context where no prefix is given, and take other names of subjects', async (test) => {
    const registry = await setUp(test);
    for (const subject of ['t', ':.c:t', ':.c:u', 'x']) await registry.register(subject, text(subject));
    const subjects = async (query: string) =>
      (await registry.get(`/schemas${query}`)).body.map((each: { subject: string }) => each.subject);
    assert.deepEqual(await subjects(''), ['t', 'x']);
    assert.deepEqual(await subjects('?subjectPrefix=:.c:'), [':.c:t', ':.c:u']);
    assert.deepEqual(await subjects('?subjectPrefix=:*:'), [':.c:t', ':.c:u', 't', 'x']);
    assert.deepEqual(await subjects('?subjectPrefix=:*:t'), [':.c:t', 't']);
    assert.deepEqual(await subjects('?subjectPrefix=:*:&limit=1&offset=1'), [':.c:u']);
    assert.equal((await subjects('?limit=0')).length, 2);
    await registry.put('/config/alias', { alias: 'x' });
    assert.deepEqual(await subjects('?subjectPrefix=al'), []);
    const [found] = (await registry.get('/schemas?subjectPrefix=al&aliases=true')).body;
    assert.deepEqual([found.subject, found.aliases], ['x', ['alias']]);
  });
});

describe('an alias', () => {
  it('stands for its subject in every path and by id, within its context, and is not inherited', async (test) => {
    const registry = await setUp(test);
    await registry.register('x', text('1'));
    await registry.register(':.c:x', text('2'));
    await registry.put('/config/y', { alias: 'x' });
    await registry.put('/config/:.c:y', { alias: 'x' });
    assert.equal((await registry.get('/subjects/y/versions/1')).body.subject, 'x');
    assert.equal((await registry.get('/subjects/:.c:y/versions/1')).body.subject, ':.c:x');
    assert.equal((await registry.get('/schemas/ids/1?subject=y')).body.subject, 'x');
    assert.deepEqual((await registry.register('y', text('1'))).body, { id: 1 });
    assert.deepEqual((await registry.del('/subjects/y')).body, [1]);
    assert.equal((await registry.get('/subjects/x/versions')).status, 404);
    await registry.put('/config', { alias: 'x' });
    assertRefused(await registry.get('/subjects/z/versions'), 404, 40401, "Subject 'z' not found.");
  });
});

describe('deleting', () => {
  it('for good says whether it was never there, is there, or is gone', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', text('1'));
    const del = async (path: string) => (await registry.del(path)).body.error_code ?? 'done';
    assert.equal(await del('/subjects/a/versions/1?permanent=true'), 40407);
    assert.equal(await del('/subjects/a/versions/latest?permanent=true'), 40407);
    assert.equal(await del('/subjects/a/versions/2'), 40402);
    assert.equal(await del('/subjects/a/versions/0'), 42202);
    assert.equal(await del('/subjects/a/versions/1'), 'done');
    assert.equal(await del('/subjects/a/versions/1'), 40406);
    assertRefused(await registry.del('/subjects/a/versions/latest'), 404, 40402, 'Version -1 not found.');
    assertRefused(await registry.get('/subjects/a/versions/latest?deleted=true'), 404, 40402, 'Version -1 not found.');
    assertRefused(await registry.get('/subjects/a/versions/latest'), 404, 40401, "Subject 'a' not found.");
    assert.equal(await del('/subjects/a/versions/1?permanent=true'), 'done');
    assert.equal(await del('/subjects/a/versions/1?permanent=true'), 40401);
    assert.equal(await del('/subjects/a?permanent=true'), 40401);
  });

  it('tells in the answer that a version is deleted, to clients of 8.x', async (test) => {
    const newer = clientOf(await registryOf(test), { 'Confluent-Accept-Unknown-Properties': 'true' });
    await newer.register('a', text('1'));
    assert.equal((await newer.get('/subjects/a/versions/1')).body.deleted, false);
    assert.equal((await newer.get('/schemas/ids/1')).body.deleted, false);
    await newer.del('/subjects/a/versions/1');
    assert.equal((await newer.get('/subjects/a/versions/1?deleted=true')).body.deleted, true);
  });

  it('takes a subject whose versions refer to each other, and leaves what others refer to', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config/a', { compatibility: 'NONE' });
    await registry.register('a', '{"definitions":{"x":{"type":"string"}}}');
    const references = [{ name: 'a.json', subject: 'a', version: 1 }];
    await registry.register('a', '{"$ref":"a.json#/definitions/x"}', { references });
    assert.deepEqual((await registry.get('/subjects/a/versions/1/referencedby')).body, [2]);
    assert.equal((await registry.del('/subjects/a/versions/1')).body.error_code, 42206);
    assert.deepEqual((await registry.del('/subjects/a')).body, [1, 2]);
    assert.deepEqual((await registry.del('/subjects/a?permanent=true')).body, [1, 2]);
  });

  it('leaves nothing for a new schema to refer to, though a known one is still found', async (test) => {
    const registry = await setUp(test);
    await registry.register('ref', '{"definitions":{"x":{"type":"string"}}}');
    const schema = {
      schemaType: 'JSON',
      schema: '{"$ref":"ref.json#/definitions/x"}',
      references: [{ name: 'ref.json', subject: 'ref', version: 1 }],
    };
    await registry.post('/subjects/a/versions', schema);
    await registry.del('/subjects/a');
    await registry.del('/subjects/ref');
    assertRefused(
      await registry.post('/subjects/a/versions', schema),
      422,
      42201,
      /version 1 of subject "ref", which is deleted/,
    );
    assert.equal((await registry.post('/subjects/a?deleted=true', schema)).body.version, 1);
    assert.deepEqual((await registry.get('/subjects/ref/versions/1/referencedby?deleted=true')).body, [2]);
    assert.equal((await registry.del('/subjects/ref/versions/1?permanent=true')).body.error_code, 42206);
    await registry.del('/subjects/a?permanent=true');
    await registry.del('/subjects/ref?permanent=true');
    assertRefused(await registry.post('/subjects/a/versions', schema), 422, 42201, /which does not exist/);
  });

  it('forgets a deleted version whose schema comes again, unless others refer to it', async (test) => {
    const registry = await setUp(test);
    await registry.put('/config', { compatibility: 'NONE' });
    await registry.register('a', '{"definitions":{"x":{"type":"string"}}}');
    await registry.register('a', '{"definitions":{"x":{"type":"integer"}}}');
    const references = [{ name: 'a.json', subject: 'a', version: 2 }];
    await registry.register('b', '{"$ref":"a.json#/definitions/x"}', { references });
    await registry.del('/subjects/b');
    await registry.del('/subjects/a');
    assert.deepEqual((await registry.register('a', '{"definitions":{"x":{"type":"integer"}}}')).body, { id: 2 });
    assert.equal((await registry.get('/subjects/a/versions/2?deleted=true')).body.id, 2);
    await registry.register('a', '{"definitions":{"x":{"type":"string"}}}');
    assert.equal((await registry.get('/subjects/a/versions/1?deleted=true')).body.error_code, 40402);
    assert.deepEqual((await registry.get('/subjects/a/versions?deleted=true')).body, [2, 3, 4]);
  });
});
