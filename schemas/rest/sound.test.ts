/**
 * Counterexamples over HTTP: who sees them, where, and what a subject's policy makes of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf, registryOf, setUp } from '../../test/kit/registry.ts';

const open = JSON.stringify({ type: 'object', properties: { id: { type: 'string' } } });
const wider = JSON.stringify({ type: 'object', properties: { id: { type: 'string' }, speed: { type: 'number' } } });
/** What Confluent's rules let through, although records break. */
const unnoticed = JSON.stringify({ type: 'object', properties: { id: { type: 'string', format: 'uuid' } } });
const extras = { 'confluent-accept-unknown-properties': 'true' };

test('A refused schema comes with the record that breaks, in the message and for those who take it as a member', async (t) => {
  const client = await setUp(t);
  await client.register('s', open);
  const plain = await client.register('s', wider);
  assert.equal(plain.status, 409);
  assert.match(
    plain.body.message,
    /OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL.*valid by version 1 and breaks by the new schema: \{"speed":""\} \(\/speed must be number\)/,
  );
  assert.deepEqual(Object.keys(plain.body), ['error_code', 'message']);
  const full = await client.post('/subjects/s/versions', { schemaType: 'JSON', schema: wider }, extras);
  assert.deepEqual(full.body.sound, {
    verdict: 'breaks',
    record: { speed: '' },
    reason: '/speed must be number',
    version: 1,
    reader: 'new',
  });
});

test('A schema that Confluent takes is taken, with a warning for those who read it; a verbose check says the same', async (t) => {
  const client = await setUp(t);
  await client.register('s', open);
  const path = '/compatibility/subjects/s/versions?verbose=true';
  const checked = await client.post(path, { schemaType: 'JSON', schema: unnoticed });
  assert.deepEqual(checked.body, { is_compatible: true, messages: [] });
  const asked = await client.post(path, { schemaType: 'JSON', schema: unnoticed }, extras);
  assert.equal(asked.body.sound.verdict, 'breaks');
  const { status, body } = await client.post('/subjects/s/versions', { schemaType: 'JSON', schema: unnoticed }, extras);
  assert.equal(status, 200);
  assert.equal(body.version, 2);
  assert.deepEqual(body.sound.record, { id: '' });
  const again = await client.post('/subjects/s/versions', { schemaType: 'JSON', schema: unnoticed }, extras);
  assert.equal(again.body.sound, undefined, 'a known schema is a plain read');
});

test('A subject whose policy is REFUSE takes no schema by which a record breaks, and still one that is proven', async (t) => {
  const client = await setUp(t);
  await client.register('s', open);
  assert.equal((await client.put('/config/s', { soundPolicy: 'MAYBE' })).body.error_code, 42203);
  assert.equal((await client.put('/config/s', { soundPolicy: 'REFUSE' })).status, 200);
  assert.equal((await client.get('/config/s')).body.soundPolicy, 'REFUSE');
  const refused = await client.register('s', unnoticed);
  assert.equal(refused.status, 409);
  assert.match(refused.body.message, /details: \[\{sound: 'This record is valid by version 1 and breaks/);
  const check = await client.post('/compatibility/subjects/s/versions', { schemaType: 'JSON', schema: unnoticed });
  assert.deepEqual(check.body, { is_compatible: false });
  const titled = JSON.stringify({ ...JSON.parse(open), title: 'Truck' });
  assert.equal((await client.register('s', titled)).status, 200);
});

test('A refusal without a record that breaks says that too', async (t) => {
  const client = clientOf(await registryOf(t));
  await client.register('s', '{"enum":["a","b"]}');
  const answer = await client.register('s', '{"type":"string"}');
  assert.match(answer.body.message, /\{sound: 'Proven: no record breaks\.'\}/);
});

test('A version that is taken although a record breaks is one line of the log and a count, whoever registers it', async (t) => {
  const lines: { fields: object; message: string }[] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (fields: object, message: string) => lines.push({ fields, message }),
  };
  const registry = await registryOf(t, { logger });
  const breaking = () =>
    registry.collect().find(({ name }) => name === 'millrace_registry_breaking_versions_total')!.samples[0]!.value;
  await registry.core.register('s', { schemaType: 'JSON', schema: open });
  assert.equal(breaking(), 0);
  await registry.core.register('s', { schemaType: 'JSON', schema: unnoticed });
  await registry.core.register('s', { schemaType: 'JSON', schema: unnoticed });
  assert.equal(breaking(), 1);
  assert.equal(lines.length, 1);
  assert.deepEqual(lines[0]!.fields, { subject: 's', version: 2, record: { id: '' } });
  assert.match(lines[0]!.message, /valid by version 1 and breaks by the new schema: \{"id":""\}/);
});
