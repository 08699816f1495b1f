/**
 * Schemas that nobody here has vetted, as a log that was imported holds them: whatever they are, the registry gives them
 * back as they are, and judging records by them holds nobody up.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { registryOf } from '../test/kit/registry.ts';
import type { RegistryCore } from './core.ts';
import { ValidationBudgetError } from './errors.ts';
import { Judges } from './judges.ts';
import type { SchemaVersion } from './model.ts';
import { RecordCheck, type Wish } from './record-check.ts';
import { withSchemaId } from './wire.ts';

const wish: Wish = { strategy: 'record', unframed: 'refuse' };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

async function setUp(t: TestContext) {
  const { core } = await registryOf(t);
  await core.putMode(null, 'IMPORT');
  let ids = 0;
  const check = new RecordCheck(core);
  return {
    core,
    imported: async (schema: string) =>
      (await core.register(`s${++ids}`, { schemaType: 'JSON', schema, id: ids, version: 1 })).id,
    judged: (id: number, value: unknown) => check.problem('t', 'value', withSchemaId(id, json(value)), [], wish),
  };
}

/** The verdict once there is one. */
async function settled(judged: () => ReturnType<RecordCheck['problem']>) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const fault = judged();
    if (fault?.isTemporary !== true || Date.now() > deadline) return fault;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const kept = (core: RegistryCore, id: number) => [...core.byId(id).versions.values()][0]!.schema;

test('References that multiply cost a value a tenth of a second, not for ever, and a schema that does so rests', async (t) => {
  const { core, imported, judged } = await setUp(t);
  const definitions: Record<string, object> = { d0: { type: 'object' } };
  for (let i = 1; i <= 40; i++) {
    const $ref = `#/definitions/d${i - 1}`;
    definitions[`d${i}`] = { allOf: [{ $ref }, { $ref }] };
  }
  const wide = JSON.stringify({ definitions, $ref: '#/definitions/d40' });
  const both = { allOf: [{ $ref: '#' }, { $ref: '#' }] };
  const deep = await imported(JSON.stringify({ type: 'object', properties: { n: both } }));
  let value: object = {};
  for (let i = 0; i < 60; i++) value = { n: value };
  const id = await imported(wide);
  assert.equal(kept(core, id), wide);
  for (let i = 0; i < 3; i++) assert.match(judged(id, {})!.message, /asks its schema more than 1000000 times/);
  assert.match(judged(id, {})!.message, /too many values took too long/);
  assert.match(judged(deep, value)!.message, /references multiply/);
  assert.equal(judged(deep, { n: { n: {} } }), null);
  assert.match(judged(deep, { n: 1 })!.message, /\/n must be object/);
});

test('A long schema is compiled elsewhere first; producers try again meanwhile', async (t) => {
  const { imported, judged } = await setUp(t);
  const id = await imported(JSON.stringify({ description: 'x'.repeat(40_000), type: 'object', required: ['a'] }));
  assert.equal(judged(id, { a: 1 })?.isTemporary, true);
  assert.equal(await settled(() => judged(id, { a: 1 })), null);
  assert.match(judged(id, {})!.message, /required property 'a'/);
});

test('One that takes too long to compile, or cannot be, is given back as it is, judges nothing and is left alone', async (t) => {
  const { core, imported, judged } = await setUp(t);
  const properties: Record<string, object> = {};
  for (let i = 0; i < 5_000; i++)
    properties[`p${i}`] = { type: 'string', pattern: `^a${i}`, oneOf: [{ minLength: i }] };
  const hostile = [
    JSON.stringify({ properties }),
    `${'{"not":'.repeat(900)}{}${'}'.repeat(900)}`,
    '{"pattern":"(a+)\\\\1$"}',
    '{"$ref":"nowhere.json"}',
    '{"type":"no-such-type"}',
  ];
  let turns = 0;
  const clock = setInterval(() => turns++, 10);
  t.after(() => clearInterval(clock));
  for (const schema of hostile) {
    const id = await imported(schema).catch((error: { errorCode: number }) => {
      // What is refused even when imported: too large, too deep.
      assert.ok([42201, 42209].includes(error.errorCode));
      return null;
    });
    if (id === null) continue;
    assert.equal(kept(core, id), schema);
    const fault = await settled(() => judged(id, { p1: 'a1' }));
    assert.match(fault!.message, /cannot judge the value/, schema.slice(0, 60));
    assert.equal(judged(id, {})!.message, fault!.message);
  }
  assert.ok(turns > 0);
});

test('A schema that rests judges again after a while', () => {
  let now = 0;
  let isSlow = true;
  const judges = new Judges({
    make: () => () => {
      if (isSlow) throw new ValidationBudgetError('slow');
      return null;
    },
    isShort: () => true,
    compileElsewhere: async () => undefined,
    now: () => now,
  });
  const judged = () =>
    judges.of(1, { subject: 's', version: 1 } as SchemaVersion)(Buffer.alloc(0), 0, 'value')?.message;
  for (let i = 0; i < 3; i++) assert.match(judged()!, /slow/);
  isSlow = false;
  assert.match(judged()!, /too many values/);
  now += 10_000;
  assert.equal(judged(), undefined);
});
