/**
 * What the registry says of a record before the broker takes it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { writeConditions } from '../connectors/converters/data-rules.ts';
import { registryOf } from '../test/kit/registry.ts';
import type { RegistryCore } from './core.ts';
import { RecordCheck, type Wish } from './record-check.ts';
import { withSchemaId } from './wire.ts';

const wish: Wish = { strategy: 'topic', unframed: 'refuse' };
const truck = JSON.stringify({
  type: 'object',
  properties: { id: { type: 'string' }, lat: { type: 'number', minimum: -90, maximum: 90 } },
  required: ['id', 'lat'],
});

async function setUp(t: TestContext) {
  const { core, usage } = await registryOf(t);
  const whole = new RecordCheck(core, { conditions: writeConditions, usage });
  const problem = (...asked: Parameters<RecordCheck['problem']>) => whole.problem(...asked)?.message ?? null;
  return { core, usage, whole, check: { problem } };
}

const register = (core: RegistryCore, subject: string, schema: string, more: object = {}) =>
  core.register(subject, { schemaType: 'JSON', schema, ...more });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test('A record that follows a schema of its topic fits, one that does not is told where', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(core, 'gps-value', truck);
  const problem = (value: unknown) => check.problem('gps', 'value', withSchemaId(id, json(value)), [], wish);
  assert.equal(problem({ id: 'T1', lat: 53.5 }), null);
  assert.match(
    problem({ id: 'T1', lat: 353 })!,
    /does not fit schema 1 \("gps-value" version 1\): \/lat must be <= 90/,
  );
  assert.match(problem({ lat: 1 })!, /it must have required property 'id'/);
  assert.match(check.problem('gps', 'value', withSchemaId(id, Buffer.from('{oops')), [], wish)!, /is no JSON/);
});

test('A schema of another subject, a deleted one and an unknown id are refused', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(core, 'other-value', truck);
  const bytes = withSchemaId(id, json({ id: 'T1', lat: 1 }));
  assert.match(
    check.problem('gps', 'value', bytes, [], wish)!,
    /names schema 1, which is not registered under "gps-value"/,
  );
  assert.equal(check.problem('gps', 'value', bytes, [], { ...wish, strategy: 'record' }), null);
  await core.deleteVersion('other-value', '1');
  assert.match(check.problem('other', 'value', bytes, [], wish)!, /not registered under/);
  assert.match(
    check.problem('gps', 'value', withSchemaId(99, json({})), [], wish)!,
    /cannot be checked: Schema 99 not found/,
  );
});

test('Bytes without an id are refused, or judged by the latest version where the topic says so', async (t) => {
  const { core, check } = await setUp(t);
  assert.match(
    check.problem('gps', 'value', json({ id: 'T1', lat: 1 }), [], wish)!,
    /names no schema.*schema\.validation\.unframed/,
  );
  const latest: Wish = { ...wish, unframed: 'latest' };
  assert.match(check.problem('gps', 'value', json({}), [], latest)!, /Subject 'gps-value' not found/);
  await register(core, 'gps-value', truck);
  assert.equal(check.problem('gps', 'value', json({ id: 'T1', lat: 1 }), [], latest), null);
  assert.match(check.problem('gps', 'value', json({ id: 'T1' }), [], latest)!, /required property 'lat'/);
});

test('An id in a header counts, by its GUID', async (t) => {
  const { core, check } = await setUp(t);
  const { guid } = await register(core, 'gps-key', '{"type":"string"}');
  const header = {
    key: '__key_schema_id',
    value: Buffer.concat([Buffer.of(1), Buffer.from(guid.replaceAll('-', ''), 'hex')]),
  };
  assert.equal(check.problem('gps', 'key', json('T1'), [header], wish), null);
  assert.match(check.problem('gps', 'key', json(7), [header], wish)!, /The key does not fit.*must be string/);
});

test('Every draft is understood, with references to other subjects', async (t) => {
  const { core, check } = await setUp(t);
  await register(core, 'point', '{"type":"object","properties":{"lat":{"type":"number"}},"required":["lat"]}');
  const references = [{ name: 'point.json', subject: 'point', version: 1 }];
  for (const [index, draft] of [
    'http://json-schema.org/draft-04/schema#',
    'http://json-schema.org/draft-06/schema#',
    'http://json-schema.org/draft-07/schema#',
    'https://json-schema.org/draft/2019-09/schema',
    'https://json-schema.org/draft/2020-12/schema',
  ].entries()) {
    const schema = JSON.stringify({ $schema: draft, type: 'object', properties: { at: { $ref: 'point.json' } } });
    const { id } = await register(core, `t${index}-value`, schema, { references });
    const problem = (value: unknown) => check.problem(`t${index}`, 'value', withSchemaId(id, json(value)), [], wish);
    assert.equal(problem({ at: { lat: 1 } }), null, draft);
    assert.match(problem({ at: { lat: 'north' } })!, /\/at\/lat must be number/, draft);
  }
});

test('A schema with a word that only our validator knows cannot make it say yes to everything', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(core, 'gps-value', '{"$async":true,"type":"string"}');
  assert.match(check.problem('gps', 'value', withSchemaId(id, json(7)), [], wish)!, /must be string/);
});

test('Cents are multiples of a hundredth', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(core, 'gps-value', '{"multipleOf":0.01}');
  assert.equal(check.problem('gps', 'value', withSchemaId(id, json(19.99)), [], wish), null);
  assert.match(check.problem('gps', 'value', withSchemaId(id, json(19.995)), [], wish)!, /must be multiple of 0\.01/);
});

test('A schema that cannot be compiled refuses records with the reason, and the broker goes on', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(
    core,
    'gps-value',
    '{"$id":"http://a/b","$ref":"#/$defs/c","definitions":{"c":{"type":"string"}}}',
  );
  assert.match(
    check.problem('gps', 'value', withSchemaId(id, json('x')), [], wish)!,
    /cannot judge the value: can't resolve/,
  );
});

test('A pattern and a text made for each other hold nobody up', async (t) => {
  const { core, check } = await setUp(t);
  const { id } = await register(
    core,
    'gps-value',
    '{"pattern":"^(a+)+$","patternProperties":{"^(b|b)*$":{"type":"null"}}}',
  );
  const evil = 'a'.repeat(50_000);
  const began = process.cpuUsage();
  assert.equal(check.problem('gps', 'value', withSchemaId(id, json(evil)), [], wish), null);
  assert.match(check.problem('gps', 'value', withSchemaId(id, json(`${evil}!`)), [], wish)!, /must match pattern/);
  assert.equal(check.problem('gps', 'value', withSchemaId(id, json({ [`${'b'.repeat(5000)}!`]: 1 })), [], wish), null);
  assert.ok(process.cpuUsage(began).user < 20e6);
});

test('Conditions of the schema are asked once it fits, and name where their records go', async (t) => {
  const { core, whole } = await setUp(t);
  const condition = { name: 'north', kind: 'CONDITION', type: 'CEL', mode: 'WRITE', expr: 'message.lat > 0.0' };
  const domainRules = [{ ...condition, onFailure: 'DLQ', params: { 'dlq.topic': 'south' } }];
  const { id } = await register(core, 'gps-value', truck, { ruleSet: { domainRules } });
  const fault = (value: unknown) => whole.problem('gps', 'value', withSchemaId(id, json(value)), [], wish);
  assert.equal(fault({ id: 'T1', lat: 53.5 }), null);
  assert.equal(fault({ id: 'T1', lat: -5 })?.deadLetterTopic, 'south');
  assert.match(fault({ id: 'T1', lat: -5 })!.message, /Rule "north": "message.lat > 0.0" does not hold/);
  assert.match(fault({ lat: -5 })!.message, /must have required property/);
});

test('A condition that was asked before the message was changed is not asked of what it became', async (t) => {
  const { core, check } = await setUp(t);
  const before = { name: 'a', kind: 'CONDITION', type: 'CEL', mode: 'WRITE', expr: 'false' };
  const change = { name: 'b', kind: 'TRANSFORM', type: 'ENCRYPT', mode: 'WRITEREAD' };
  const after = { ...before, name: 'c', expr: "message.id != 'no'" };
  const ruleSet = { domainRules: [before, change, after] };
  const { id } = await register(core, 'gps-value', truck, { ruleSet });
  const problem = (value: unknown) => check.problem('gps', 'value', withSchemaId(id, json(value)), [], wish);
  assert.equal(problem({ id: 'T1', lat: 1 }), null);
  assert.match(problem({ id: 'no', lat: 1 })!, /Rule "c"/);
});

test('Avro data is judged by its schema', async (t) => {
  const { core, check } = await setUp(t);
  const schema = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}';
  const { id } = await core.register('gps-value', { schema });
  const problem = (body: Buffer) => check.problem('gps', 'value', withSchemaId(id, body), [], wish);
  assert.equal(problem(Buffer.from([4, 0x68, 0x69])), null);
  assert.match(problem(Buffer.from([40, 0x68]))!, /does not fit schema 1 .*no data of it/);
});

test('Who sent records that fit is counted, for deletes to know', async (t) => {
  const { core, usage, whole } = await setUp(t);
  const { id } = await register(core, 'gps-value', truck);
  const send = (value: unknown, client: string) =>
    whole.problem('gps', 'value', withSchemaId(id, json(value)), [], wish, client);
  for (const client of ['truck-1', 'truck-1', 'truck-2']) send({ id: 'T1', lat: 1 }, client);
  send({ id: 'T1', lat: 100 }, 'truck-3');
  const uses = usage.of('.', id).map(({ use, client, topic, count }) => ({ use, client, topic, count }));
  assert.deepEqual(
    uses.sort((a, b) => (a.client < b.client ? -1 : 1)),
    [
      { use: 'produced', client: 'truck-1', topic: 'gps', count: 2 },
      { use: 'produced', client: 'truck-2', topic: 'gps', count: 1 },
    ],
  );
  for (let n = 0; n < 10_010; n++) usage.saw('fetched', '.', 9, `c${n}`, null);
  assert.ok(usage.of('.', 9).length <= 10_000);
});

test('Keywords that came after a draft mean nothing in it', async (t) => {
  const { core, check } = await setUp(t);
  const old =
    '{"$schema":"http://json-schema.org/draft-04/schema#","contains":{"type":"null"},"const":1,"if":{},"then":{"not":{}}}';
  const { id } = await register(core, 'gps-value', old);
  assert.equal(check.problem('gps', 'value', withSchemaId(id, json([1])), [], wish), null);
});
