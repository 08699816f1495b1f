/** The registry's API over real HTTP: Confluent's shapes, codes and messages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertRefused, clientOf, registryOf, setUp } from '../../test/kit/registry.ts';

const OPEN = '{"type":"object","properties":{"id":{"type":"string"}}}';
const CLOSED = '{"type":"object","properties":{"id":{"type":"string"}},"additionalProperties":false}';
const CLOSED_2 =
  '{"type":"object","properties":{"id":{"type":"string"},"lat":{"type":"number"}},"additionalProperties":false}';

describe('registering and finding', () => {
  it('gives the same id for the same schema, in any subject and spelling of whitespace', async (test) => {
    const registry = await setUp(test);
    assert.deepEqual((await registry.register('a', CLOSED)).body, { id: 1 });
    assert.deepEqual((await registry.register('a', ` ${CLOSED.replaceAll(',', ' ,\n')}`)).body, { id: 1 });
    assert.deepEqual((await registry.register('b', CLOSED)).body, { id: 1 });
    assert.deepEqual((await registry.register('a', CLOSED_2)).body, { id: 2 });
    assert.deepEqual((await registry.get('/subjects')).body, ['a', 'b']);
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [1, 2]);
    assert.deepEqual((await registry.get('/schemas/ids/1/subjects')).body, ['a', 'b']);
    assert.deepEqual((await registry.get('/schemas/ids/1/versions')).body, [
      { subject: 'a', version: 1 },
      { subject: 'b', version: 1 },
    ]);
  });

  it('answers a version as number, latest and -1, whole and as its text', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    await registry.register('a', CLOSED_2);
    const second = { subject: 'a', version: 2, id: 2, schemaType: 'JSON', schema: CLOSED_2 };
    for (const token of ['2', 'latest', 'LATEST', '-1']) {
      assert.deepEqual((await registry.get(`/subjects/a/versions/${token}`)).body, second, token);
    }
    assert.deepEqual((await registry.get('/subjects/a/versions/1/schema')).body, JSON.parse(CLOSED));
    assert.deepEqual((await registry.get('/schemas/ids/2')).body, { schemaType: 'JSON', schema: CLOSED_2 });
    assert.deepEqual((await registry.get('/schemas/ids/2/schema')).body, JSON.parse(CLOSED_2));
    assert.deepEqual((await registry.get('/schemas/ids/1?subject=a&fetchMaxId=true')).body, {
      subject: 'a',
      version: 1,
      schemaType: 'JSON',
      schema: CLOSED,
      maxId: 2,
    });
    const lookedUp = await registry.post('/subjects/a', { schemaType: 'JSON', schema: CLOSED });
    assert.equal(lookedUp.body.version, 1);
    assert.deepEqual((await registry.get('/schemas?latestOnly=true')).body, [second]);
    assert.deepEqual((await registry.get('/schemas/types')).body, ['JSON', 'AVRO']);
  });

  it('gives the members of 8.x only to clients that take them', async (test) => {
    const registry = await registryOf(test);
    const newer = clientOf(registry, { 'Confluent-Accept-Unknown-Properties': 'true' });
    const registered = (await newer.register('a', CLOSED)).body;
    assert.equal(registered.version, 1);
    assert.equal(registered.schema, CLOSED);
    assert.match(registered.guid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.ok(registered.ts > 0);
    assert.equal((await newer.get(`/schemas/guids/${registered.guid}`)).body.schema, CLOSED);
    assert.deepEqual((await newer.get(`/schemas/guids/${registered.guid}/ids`)).body, [{ context: '.', id: 1 }]);
    assert.equal((await clientOf(registry).get('/subjects/a/versions/1')).body.guid, undefined);
  });

  it('writes a text once when many register it at the same moment', async (test) => {
    const registry = await setUp(test);
    const answers = await Promise.all(Array.from({ length: 50 }, () => registry.register('a', CLOSED)));
    assert.deepEqual(new Set(answers.map(({ body }) => body.id)), new Set([1]));
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [1]);
    const many = await Promise.all(
      Array.from({ length: 30 }, (_, i) => registry.register(`s${i}`, `{"type":"object","title":"t${i}"}`)),
    );
    assert.deepEqual(
      many.map(({ body }) => body.id).sort((a, b) => a - b),
      Array.from({ length: 30 }, (_, i) => i + 2),
    );
  });

  it('resolves references, keeps what is referred to, and lists who refers', async (test) => {
    const registry = await setUp(test);
    await registry.register('common', '{"definitions":{"id":{"type":"string"}}}');
    const schema = '{"type":"object","properties":{"id":{"$ref":"common.json#/definitions/id"}}}';
    assertRefused(await registry.register('a', schema), 422, 42201, /leads nowhere/);
    const missing = [{ name: 'common.json', subject: 'common', version: 7 }];
    assertRefused(
      await registry.register('a', schema, { references: missing }),
      422,
      42201,
      /version 7 of subject "common"/,
    );
    const references = [{ name: 'common.json', subject: 'common', version: -1 }];
    assert.deepEqual((await registry.register('a', schema, { references })).body, { id: 2 });
    assert.deepEqual((await registry.get('/subjects/a/versions/1')).body.references, [
      { name: 'common.json', subject: 'common', version: 1 },
    ]);
    assert.deepEqual((await registry.get('/subjects/common/versions/1/referencedby')).body, [2]);
    assertRefused(await registry.del('/subjects/common'), 422, 42206, /One or more references exist to the schema/);
    assertRefused(
      await registry.del('/subjects/common/versions/1'),
      422,
      42206,
      /One or more references exist to the schema/,
    );
    await registry.del('/subjects/a');
    assert.deepEqual((await registry.del('/subjects/common')).body, [1]);
    assertRefused(
      await registry.del('/subjects/common?permanent=true'),
      422,
      42206,
      /One or more references exist to the schema/,
    );
  });

  it('keeps metadata as part of what a schema is, and carries it on', async (test) => {
    const registry = await setUp(test);
    const metadata = { properties: { owner: 'fleet' } };
    assert.deepEqual((await registry.register('a', CLOSED)).body, { id: 1 });
    assert.deepEqual((await registry.register('a', CLOSED, { metadata })).body, { id: 2 });
    assert.deepEqual((await registry.register('a', CLOSED_2)).body, { id: 3 });
    assert.deepEqual((await registry.get('/subjects/a/versions/latest')).body.metadata, metadata);
    assert.equal((await registry.get('/subjects/a/metadata?key=owner&value=fleet')).body.version, 3);
    assertRefused(await registry.get('/subjects/a/metadata?key=owner&value=nobody'), 404, 40403, 'Schema not found');
  });

  it('sorts members when asked to normalize', async (test) => {
    const registry = await setUp(test);
    const normal = { schemaType: 'JSON', schema: '{"type":"string","maxLength":5}' };
    await registry.post('/subjects/a/versions?normalize=true', normal);
    const turned = { schemaType: 'JSON', schema: '{"maxLength":5,"type":"string"}' };
    assert.equal((await registry.post('/subjects/a?normalize=true', turned)).status, 200);
    assertRefused(await registry.post('/subjects/a', normal), 404, 40403, 'Schema not found');
  });
});

describe('looking up', () => {
  it('finds a text that has got rules since, for serializers that name none', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED_2);
    const ruleSet = { domainRules: [{ name: 'r', kind: 'CONDITION', type: 'CEL', mode: 'WRITE', expr: 'true' }] };
    await registry.register('a', CLOSED_2, { ruleSet });
    await registry.register('b', CLOSED, { ruleSet });
    const lookUp = async (subject: string, schema: string, more = {}) =>
      (await registry.post(`/subjects/${subject}`, { schemaType: 'JSON', schema, ...more })).body;
    assert.equal((await lookUp('a', CLOSED_2)).version, 1);
    assert.equal((await lookUp('a', CLOSED_2, { ruleSet })).version, 2);
    assert.equal((await lookUp('b', CLOSED)).version, 1);
    assert.equal((await lookUp('b', CLOSED, { metadata: { properties: { a: 'b' } } })).error_code, 40403);
  });
});

describe('what is refused', () => {
  it('has the codes and the literal messages clients look for', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    assertRefused(await registry.get('/subjects/x/versions'), 404, 40401, "Subject 'x' not found.");
    assertRefused(await registry.get('/subjects/a/versions/9'), 404, 40402, 'Version 9 not found.');
    assertRefused(await registry.get('/schemas/ids/9'), 404, 40403, 'Schema 9 not found');
    assertRefused(
      await registry.get('/subjects/a/versions/0'),
      422,
      42202,
      'The specified version \'0\' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"',
    );
    assertRefused(await registry.register('none', ''), 422, 42201, 'Empty schema');
    assertRefused(await registry.register('b', '{"type":1}'), 422, 42201, /draft-07/);
    assertRefused(
      await registry.register('a', OPEN.replace('string', 'integer')),
      409,
      409,
      /^Schema being registered is incompatible with an earlier schema for subject "a", details: \[\{errorType:"TYPE_CHANGED"/,
    );
    assertRefused(await registry.post('/subjects/a/versions', { schema: '"string"' }), 409, 409, /another|different/);
    assertRefused(
      await registry.register('a', CLOSED, { schemaType: 'PROTOBUF' }),
      422,
      42201,
      /Invalid schema type PROTOBUF/,
    );
    assertRefused(await registry.register('__GLOBAL', CLOSED), 422, 42208, /reserved/);
    assertRefused(await registry.register('a\u0007', CLOSED), 422, 42208, /control character/);
    assertRefused(
      await registry.put('/config', { compatibility: 'MOST' }),
      422,
      42203,
      /^Invalid compatibility level. Valid values are none,/,
    );
    assertRefused(await registry.put('/mode', { mode: 'SOMETIMES' }), 422, 42204, /READWRITE/);
    const ruleSet = { domainRules: [{ name: 'a' }, { name: 'a' }] };
    assertRefused(await registry.register('a', CLOSED, { ruleSet }), 422, 42210, /two rules named 'a'/);
  });

  it('keeps answering after huge, deep and broken schemas', async (test) => {
    const registry = await setUp(test);
    const huge = `{"description":"${'x'.repeat(10 * 1024 * 1024)}"}`;
    assertRefused(await registry.register('a', huge), 422, 42209, /10485778 bytes/);
    const deep = `${'{"not":'.repeat(10_000)}{}${'}'.repeat(10_000)}`;
    assertRefused(await registry.register('a', deep), 422, 42201, /nests deeper than 200 levels/);
    assertRefused(await registry.register('a', '{"type":'), 422, 42201, /not JSON/);
    assertRefused(await registry.register('a', '{"$ref":"#/definitions/a"}'), 422, 42201, /leads nowhere/);
    assertRefused(await registry.post('/subjects/a/versions', '{"schema":'), 400, 400, /not JSON/);
    assertRefused(await registry.post('/subjects/a/versions', '[]'), 422, 422, /a JSON object/);
    assertRefused(await registry.post('/subjects/a/versions', { schema: 7 }), 422, 422, /"schema".*not a string/);
    assertRefused(await registry.ask('POST', '/subjects/a/versions'), 422, 422, /needs a body/);
    assert.deepEqual((await registry.register('a', CLOSED)).body, { id: 1 });
  });
});

describe('compatibility', () => {
  it('is answered with reasons when asked, against one version or as registering would', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', OPEN);
    const path = '/compatibility/subjects/a/versions';
    const body = { schemaType: 'JSON', schema: CLOSED };
    assert.deepEqual((await registry.post(`${path}/latest`, body)).body, { is_compatible: false });
    for (const where of [`${path}/1`, `${path}/latest`, path, `${path}/`]) {
      const { body: answer } = await registry.post(`${where}?verbose=true`, body);
      assert.equal(answer.is_compatible, false, where);
      assert.match(answer.messages[0], /ADDITIONAL_PROPERTIES_REMOVED.*#\/additionalProperties/);
    }
    assertRefused(await registry.post(`${path}/5`, body), 404, 40402, 'Version 5 not found.');
    const unknown = await registry.post('/compatibility/subjects/nobody/versions/latest', body);
    assert.deepEqual(unknown.body, { is_compatible: true });
    const unsound = { schemaType: 'JSON', schema: '{"type":1}' };
    assertRefused(await registry.post(`${path}/latest`, unsound), 422, 42201, /draft-07/);
    assert.equal((await registry.post(`${path}/latest?verbose=true`, unsound)).body.is_compatible, false);
  });

  it('follows the level and the policy of the subject, and only versions of the same group', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', OPEN);
    assert.equal((await registry.register('a', CLOSED)).status, 409);
    await registry.put('/config/a', { compatibility: 'BACKWARD', compatibilityPolicy: 'LENIENT' });
    assert.equal((await registry.register('a', CLOSED)).status, 200);
    await registry.put('/config/a', { compatibility: 'NONE' });
    assert.equal((await registry.register('a', '{"type":"string"}')).status, 200);
    await registry.put('/config/b', { compatibilityGroup: 'major' });
    await registry.register('b', '{"type":"string"}', { metadata: { properties: { major: '1' } } });
    const next = await registry.register('b', '{"type":"object"}', { metadata: { properties: { major: '2' } } });
    assert.equal(next.status, 200, JSON.stringify(next.body));
  });
});

describe('config and mode', () => {
  it('of a subject are 404 until they are set, and merge when they are', async (test) => {
    const registry = await setUp(test);
    assert.deepEqual((await registry.get('/config')).body, { compatibilityLevel: 'BACKWARD' });
    assertRefused(
      await registry.get('/config/a'),
      404,
      40408,
      "Subject 'a' does not have subject-level compatibility configured",
    );
    assert.deepEqual((await registry.get('/config/a?defaultToGlobal=true')).body, { compatibilityLevel: 'BACKWARD' });
    assert.deepEqual((await registry.put('/config/a', { compatibility: 'full' })).body, { compatibility: 'full' });
    await registry.put('/config/a', { normalize: true });
    assert.deepEqual((await registry.get('/config/a')).body, { compatibilityLevel: 'FULL', normalize: true });
    await registry.put('/config/a', { normalize: null });
    assert.deepEqual((await registry.del('/config/a')).body, { compatibilityLevel: 'FULL' });
    assertRefused(await registry.del('/config/a'), 404, 40401, "Subject 'a' not found.");
    await registry.put('/config', { compatibility: 'NONE' });
    assert.deepEqual((await registry.get('/config')).body, { compatibilityLevel: 'NONE' });
    assert.deepEqual((await registry.del('/config')).body, { compatibilityLevel: 'NONE' });
  });

  it('READONLY lets known schemas be found and nothing be changed', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    assertRefused(await registry.get('/mode/a'), 404, 40409, "Subject 'a' does not have subject-level mode configured");
    assert.deepEqual((await registry.get('/mode')).body, { mode: 'READWRITE' });
    assert.deepEqual((await registry.put('/mode/a', { mode: 'READONLY' })).body, { mode: 'READONLY' });
    assert.deepEqual((await registry.register('a', CLOSED)).body, { id: 1 });
    assertRefused(await registry.register('a', CLOSED_2), 422, 42205, /read-only mode \(READONLY\)/);
    assertRefused(await registry.del('/subjects/a'), 422, 42205, /read-only mode \(READONLY\)/);
    assert.deepEqual((await registry.del('/mode/a')).body, { mode: 'READONLY' });
    assert.equal((await registry.register('a', CLOSED_2)).status, 200);
  });

  it('IMPORT keeps the ids and versions that are sent, and numbering goes on after them', async (test) => {
    const registry = await setUp(test);
    assertRefused(await registry.register('a', CLOSED, { id: 100 }), 422, 42205, /only be chosen in mode IMPORT/);
    await registry.put('/mode/a', { mode: 'IMPORT' });
    assert.deepEqual((await registry.register('a', CLOSED, { id: 100, version: 5 })).body, { id: 100 });
    assertRefused(
      await registry.register('a', CLOSED_2, { id: 100, version: 6 }),
      422,
      42205,
      /Overwrite new schema with id 100/,
    );
    assertRefused(await registry.register('a', CLOSED_2), 422, 42205, /in mode IMPORT/);
    await registry.del('/mode/a');
    assert.deepEqual((await registry.register('a', CLOSED_2)).body, { id: 101 });
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [5, 6]);
    assertRefused(await registry.put('/mode/a', { mode: 'IMPORT' }), 422, 42205, /subject 'a' is there/);
    assert.equal((await registry.put('/mode/a?force=true', { mode: 'IMPORT' })).status, 200);
  });
});

describe('deleting', () => {
  it('softly hides a subject and keeps its ids; numbering goes on', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    await registry.register('a', CLOSED_2);
    assertRefused(
      await registry.del('/subjects/a?permanent=true'),
      404,
      40405,
      /was not deleted first before being permanently deleted/,
    );
    assert.deepEqual((await registry.del('/subjects/a')).body, [1, 2]);
    assertRefused(
      await registry.del('/subjects/a'),
      404,
      40404,
      "Subject 'a' was soft deleted.Set permanent=true to delete permanently",
    );
    assert.deepEqual((await registry.get('/subjects')).body, []);
    assert.deepEqual((await registry.get('/subjects?deleted=true')).body, ['a']);
    assertRefused(await registry.get('/subjects/a/versions'), 404, 40401, "Subject 'a' not found.");
    assert.deepEqual((await registry.get('/subjects/a/versions?deleted=true&deletedAsNegative=true')).body, [-1, -2]);
    assert.equal((await registry.get('/schemas/ids/1')).status, 200);
    assertRefused(await registry.post('/subjects/a', { schemaType: 'JSON', schema: CLOSED }), 404, 40401, /./);
    assert.deepEqual((await registry.register('a', CLOSED)).body, { id: 1 });
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [3]);
  });

  it('for good forgets versions, ids, config and mode; numbering starts again', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    await registry.register('a', CLOSED_2);
    await registry.put('/config/a', { compatibility: 'FULL' });
    assertRefused(
      await registry.del('/subjects/a/versions/1?permanent=true'),
      404,
      40407,
      /Version 1 was not deleted first/,
    );
    assert.equal((await registry.del('/subjects/a/versions/1')).body, 1);
    assertRefused(await registry.del('/subjects/a/versions/1'), 404, 40406, /Version 1 was soft deleted/);
    assert.equal((await registry.del('/subjects/a/versions/1?permanent=true')).body, 1);
    assert.equal((await registry.del('/subjects/a/versions/latest')).body, 2);
    assert.equal((await registry.get('/config/a')).status, 200);
    assert.deepEqual((await registry.del('/subjects/a?permanent=true')).body, [2]);
    assertRefused(await registry.get('/schemas/ids/2'), 404, 40403, 'Schema 2 not found');
    assertRefused(await registry.get('/config/a'), 404, 40408, /./);
    assert.deepEqual((await registry.register('a', CLOSED_2)).body, { id: 3 });
    assert.deepEqual((await registry.get('/subjects/a/versions')).body, [1]);
  });
});

describe('contexts', () => {
  it('count their own ids and are reached by path or by qualified name', async (test) => {
    const registry = await setUp(test);
    await registry.register('a', CLOSED);
    const body = { schemaType: 'JSON', schema: CLOSED_2 };
    assert.deepEqual((await registry.post('/contexts/.dev/subjects/a/versions', body)).body, { id: 1 });
    assert.deepEqual((await registry.get('/contexts')).body, ['.', '.dev']);
    assert.deepEqual((await registry.get('/subjects')).body, [':.dev:a', 'a']);
    assert.deepEqual((await registry.get('/subjects?subjectPrefix=')).body, ['a']);
    assert.deepEqual((await registry.get('/contexts/.dev/subjects')).body, [':.dev:a']);
    assert.equal((await registry.get('/contexts/.dev/schemas/ids/1')).body.schema, CLOSED_2);
    assert.equal((await registry.get('/schemas/ids/1?subject=:.dev:')).body.schema, CLOSED_2);
    assert.equal((await registry.get('/schemas/ids/1?subject=')).body.schema, CLOSED);
    assert.equal((await registry.get('/subjects/:.dev:a/versions/1')).body.schema, CLOSED_2);
    await registry.put('/contexts/.dev/config', { compatibility: 'NONE' });
    assert.equal((await registry.post('/contexts/.dev/subjects/a/versions', { ...body, schema: 'true' })).status, 200);
    assertRefused(await registry.del('/contexts/.dev'), 422, 42211, /still has subjects/);
    await registry.del('/contexts/.dev/subjects/a');
    await registry.del('/contexts/.dev/subjects/a?permanent=true');
    assert.equal((await registry.del('/contexts/.dev')).status, 204);
    assert.deepEqual((await registry.get('/contexts')).body, ['.']);
    assert.deepEqual((await registry.get('/contexts/dev/subjects')).body, []);
    assertRefused(await registry.get('/contexts/de:v/subjects'), 400, 400, /not a context/);
  });
});

describe('HTTP', () => {
  it('negotiates media types as Confluent does', async (test) => {
    const registry = await setUp(test);
    const type = async (accept?: string) =>
      (await registry.get('/subjects', accept === undefined ? {} : { accept })).headers.get('content-type');
    assert.equal(await type(), 'application/vnd.schemaregistry.v1+json');
    assert.equal(await type('application/json'), 'application/json');
    assert.equal(await type('application/*'), 'application/vnd.schemaregistry.v1+json');
    assert.equal(await type('text/html, application/json;q=0.9, */*;q=0.1'), 'application/json');
    assertRefused(await registry.get('/subjects', { accept: 'text/html' }), 406, 406, 'HTTP 406 Not Acceptable');
    const body = JSON.stringify({ schemaType: 'JSON', schema: CLOSED });
    for (const sent of ['application/vnd.schemaregistry.v1+json; charset=utf-8', 'application/octet-stream']) {
      assert.equal((await registry.post('/subjects/a/versions', body, { 'content-type': sent })).status, 200, sent);
    }
    assertRefused(await registry.post('/subjects/a/versions', body, { 'content-type': 'text/plain' }), 415, 415, /415/);
  });

  it('takes any subject once decoded, trailing slashes, HEAD, and knows 404 from 405', async (test) => {
    const registry = await setUp(test);
    const name = 'team/trucks gps-%41-ü-value';
    assert.equal((await registry.register(name, CLOSED)).status, 200);
    assert.deepEqual((await registry.get('/subjects/')).body, [name]);
    assert.equal((await registry.get(`/subjects/${encodeURIComponent(name)}/versions/1/`)).body.subject, name);
    assert.deepEqual((await registry.get('/')).body, {});
    assert.equal((await registry.ask('HEAD', '/')).status, 200);
    assertRefused(await registry.get('/nothing/here'), 404, 404, 'HTTP 404 Not Found');
    assertRefused(await registry.get('/schemas/ids/abc'), 404, 404, 'HTTP 404 Not Found');
    assertRefused(await registry.put('/subjects/a', {}), 405, 405, 'HTTP 405 Method Not Allowed');
  });

  it('pages lists', async (test) => {
    const registry = await setUp(test);
    for (const subject of ['a', 'b', 'c']) await registry.register(subject, CLOSED);
    assert.deepEqual((await registry.get('/subjects?offset=1')).body, ['b', 'c']);
    assert.deepEqual((await registry.get('/subjects?offset=1&limit=1')).body, ['b']);
    assert.deepEqual((await registry.get('/subjects?subjectPrefix=b')).body, ['b']);
    assertRefused(await registry.get('/subjects?offset=x'), 422, 422, /offset/);
  });
});
