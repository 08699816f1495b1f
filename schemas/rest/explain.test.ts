/** What a change means, asked over HTTP: between versions, and before anything is registered, on real records. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused, setUp } from '../../test/kit/registry.ts';
import { withSchemaId } from '../wire.ts';

const closed = (properties: object) => JSON.stringify({ type: 'object', properties, additionalProperties: false });
const old = closed({ id: { type: 'string' }, speed: { type: 'number' } });
const next = closed({ id: { type: 'string' }, speed: { type: 'integer' } });

test('The changes of a version name each difference, whom it breaks, and the records that break both ways', async (t) => {
  const client = await setUp(t, { config: { 'schema.compatibility.level': 'NONE' } });
  await client.register('s', old);
  await client.register('s', next);
  const { body } = await client.get('/subjects/s/versions/2/changes');
  assert.deepEqual([body.from, body.to, body.backward, body.forward], [1, 2, false, true]);
  const [change] = body.changes;
  assert.deepEqual([change.path, change.breaks], ['#/properties/speed', 'new readers']);
  assert.equal(body.sound.new.verdict, 'breaks');
  assert.equal(Object.keys(body.sound.new.record).join(), 'speed');
  assert.deepEqual(body.sound.old, { verdict: 'compatible' });
  const back = await client.get('/subjects/s/versions/latest/changes?from=2');
  assert.deepEqual([back.body.from, back.body.to, back.body.changes], [2, 2, []]);
  assert.deepEqual((await client.get('/subjects/s/versions/1/changes')).body, { from: null, to: 1 });
  assertRefused(await client.get('/subjects/s/versions/9/changes'), 404, 40402, /Version 9 not found/);
});

test('A schema is tried on the last records before it is registered, and nothing is registered', async (t) => {
  const asked: unknown[] = [];
  const values = ['{"id":"a","speed":1}', '{"id":"b","speed":1.5}', 'no JSON', '{"id":"c"}'];
  const records = {
    last: async (...question: unknown[]) => {
      asked.push(question);
      if (question[0] === 'gone') return null;
      return values.map((text, index) => {
        const bytes = index % 2 === 0 ? withSchemaId(1, Buffer.from(text)) : Buffer.from(text);
        return { place: `gps-0@${index}`, bytes };
      });
    },
  };
  const client = await setUp(t, { records });
  await client.register('gps-value', old);
  const { status, body } = await client.post('/subjects/gps-value/try?last=4', { schemaType: 'JSON', schema: next });
  assert.equal(status, 200);
  assert.deepEqual([body.against, body.level, body.is_compatible], [1, 'BACKWARD', false]);
  assert.equal(body.sound.new.verdict, 'breaks');
  assert.deepEqual(asked, [['gps', 'value', 4, { principal: 'User:ANONYMOUS', host: '127.0.0.1' }]]);
  assert.deepEqual([body.records.topic, body.records.tried, body.records.refused], ['gps', 4, 2]);
  assert.deepEqual(body.records.examples[0], { place: 'gps-0@1', reason: '/speed must be integer' });
  assert.match(body.records.examples[1].reason, /JSON/);
  assert.deepEqual((await client.get('/subjects/gps-value/versions')).body, [1]);

  const first = await client.post('/subjects/new-key/try', { schemaType: 'JSON', schema: next });
  assert.deepEqual([first.body.against, first.body.is_compatible, first.body.records.side], [null, true, 'key']);
  const gone = await client.post('/subjects/gone-value/try', { schemaType: 'JSON', schema: next });
  assert.equal(gone.body.records, null);
  const nobody = await client.post('/subjects/other/try', { schemaType: 'JSON', schema: next });
  assert.equal(nobody.body.records, null);
  assertRefused(await client.post('/subjects/s/try', { schemaType: 'JSON', schema: '{' }), 422, 42201, /not JSON/);
  assertRefused(
    await client.post('/subjects/gps-value/try?last=x', { schemaType: 'JSON', schema: '{}' }),
    422,
    422,
    /last/,
  );
});
