/**
 * Schemas made to take for ever, to fill the memory or to be in the way: each gets Confluent's code, and the registry
 * answers everybody else meanwhile.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused, setUp } from '../../test/kit/registry.ts';
import type { JsonValue } from '../parse/json-text.ts';
import { DEFAULT_LIMITS } from '../parse/parse-schema.ts';
import { Checker } from './checker.ts';

/** So many properties that compiling them takes seconds. */
function wide(count: number, type = 'string'): string {
  const properties: { [name: string]: JsonValue } = {};
  for (let i = 0; i < count; i++) properties[`p${i}`] = { type, pattern: `^a${i}` };
  return JSON.stringify({ type: 'object', properties });
}

test('A schema beyond its budget is 42201, its thread ends, and the registry answers meanwhile', async (t) => {
  const client = await setUp(t, { config: { 'schema.check.budget.ms': 700 } });
  let isOver = false;
  const slow = client.register('s', wide(10_000)).finally(() => {
    isOver = true;
  });
  let answered = 0;
  while (!isOver) {
    assert.equal((await client.get('/subjects')).status, 200);
    answered++;
  }
  assertRefused(await slow, 422, 42201, /checking it takes longer than 700 ms/);
  assert.ok(answered > 3, `${answered} answers meanwhile`);
  assert.equal((await client.register('t', '{"type":"integer"}')).status, 200);
  assert.equal((await client.register('t', '{"type":"number"}')).status, 200, 'the next work has a new thread');
});

test('A long schema is vetted in the thread, with the same codes', async (t) => {
  const checker = new Checker();
  t.after(() => checker.stop());
  const vet = (schema: string, limits = DEFAULT_LIMITS) => checker.vet({ schema, references: [], limits });
  await vet(wide(1000));
  await assert.rejects(vet(wide(1000, 'nothing')), { errorCode: 42201, message: /#\/properties\/p0\/type/ });
  await assert.rejects(vet(JSON.stringify({ description: 'x'.repeat(2_000_000) })), { errorCode: 42209 });
  await assert.rejects(vet('{"$ref":"#/definitions/a"}'), { errorCode: 42201, message: /leads nowhere/ });
});

test('Bad input of every kind gets its code, and the registry goes on', async (t) => {
  const client = await setUp(t);
  const nested = (levels: number) => `${'{"not":'.repeat(levels)}{}${'}'.repeat(levels)}`;
  const cases: [string, number, number, RegExp][] = [
    ['{"type":', 422, 42201, /not JSON/],
    ['{"$schema":"http://example.com/mine"}', 422, 42201, /none of the drafts/],
    ['{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/a"}}}', 422, 42201, /circle/],
    ['{"properties":{"a":{"$ref":"other.json"}}}', 422, 42201, /leads nowhere/],
    ['{"pattern":"(a+)\\\\1$"}', 422, 42201, /hold the registry up/],
    [`{"description":"${'x'.repeat(10 * 1024 * 1024)}"}`, 422, 42209, /keeps schemas up to 1048576 bytes/],
    [nested(10_000), 422, 42201, /nests deeper than 200 levels/],
  ];
  for (const [schema, status, code, message] of cases) {
    assertRefused(await client.register('s', schema), status, code, message);
    assert.equal((await client.get('/subjects')).status, 200);
  }
  assertRefused(await client.ask('POST', '/subjects/s/versions', '{"schema":'), 400, 400, /not JSON/);
});

test('A schema as large as an operator allows is taken, and one that its limits refuse is not', async (t) => {
  const client = await setUp(t, { config: { 'schema.max.bytes': 16 * 1024 * 1024, 'schema.max.depth': 1000 } });
  const large = JSON.stringify({ description: 'x'.repeat(10 * 1024 * 1024), type: 'string' });
  assert.equal((await client.register('large', large)).status, 200);
  const deep = `${'{"properties":{"a":'.repeat(450)}{}${'}}'.repeat(450)}`;
  assert.equal((await client.register('deep', deep)).status, 200);
  const deeper = deep.replace('{}', '{"type":"string"}');
  assert.ok([409, 422].includes((await client.register('deep', deeper)).status));
  assert.equal((await client.get('/subjects')).body.length, 2);
});

test('The same text registered a hundred times at once is one version with one id', async (t) => {
  const client = await setUp(t);
  const answers = await Promise.all(Array.from({ length: 100 }, () => client.register('s', '{"type":"string"}')));
  assert.deepEqual([...new Set(answers.map(({ body }) => body.id))], [1]);
  assert.deepEqual((await client.get('/subjects/s/versions')).body, [1]);
});
