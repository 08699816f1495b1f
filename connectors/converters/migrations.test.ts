/** Migration rules as Confluent's clients run them: up, down, over several versions, by metadata, and what goes wrong. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RegistryCore } from '../../schemas/core.ts';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { registryOf } from '../../test/kit/registry.ts';
import { JsonText, parseConfig, type RegisteredRule, type SchemaRegistry } from '../api/index.ts';
import { open } from './converter.cases.ts';
import { jsonSchemaPlugin } from './json-schema-plugin.ts';
import { openJsonata } from './jsonata.ts';
import { registryAccess } from './registry-access.ts';
import { httpRegistry } from './registry-http.ts';

const closed = (...names: string[]) =>
  JSON.stringify({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    required: names,
    additionalProperties: false,
  });
const V1 = closed('name');
const V2 = closed('fullName');
const V3 = closed('first', 'last');

const rule = (more: Partial<RegisteredRule>): RegisteredRule => ({
  name: 'migrate',
  kind: 'TRANSFORM',
  type: 'JSONATA',
  ...more,
});
const RENAME = [
  rule({ name: 'up', mode: 'UPGRADE', expr: '{"fullName": name}' }),
  rule({ name: 'down', mode: 'DOWNGRADE', expr: '{"name": fullName}' }),
];
const SPLIT = [
  rule({
    name: 'up',
    mode: 'UPGRADE',
    expr: '{"first": $split(fullName, " ")[0], "last": $split(fullName, /\\s+/)[1]}',
  }),
  rule({ name: 'down', mode: 'DOWNGRADE', expr: '{"fullName": first & " " & last}' }),
];

const bytesOf = (id: number, value: object) => {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return Buffer.concat([prefix, Buffer.from(JSON.stringify(value))]);
};

/** Three versions in one subject, each of a generation of its own. */
async function setUp(test: TestContext, second: RegisteredRule[] = RENAME, third: RegisteredRule[] = SPLIT) {
  const registry = await registryOf(test);
  const { core } = registry;
  await core.putConfig('t-value', { compatibilityLevel: 'NONE' });
  const register = async (schema: string, migrationRules: RegisteredRule[], major: string) =>
    (
      await core.register('t-value', {
        schemaType: 'JSON',
        schema,
        ruleSet: { migrationRules },
        metadata: { properties: { major } },
      })
    ).id;
  const ids = [await register(V1, [], '1'), await register(V2, second, '2'), await register(V3, third, '3')];
  return { core, url: registry.url, ids };
}

const registryAt = (url: string) =>
  httpRegistry(registryAccess(parseConfig(jsonSchemaPlugin.config, { 'schema.registry.url': url }).config));

const keepers: Readonly<Record<string, (core: RegistryCore, url: string) => SchemaRegistry>> = {
  'over HTTP': (_, url) => registryAt(url),
  'in process': (core) => inProcessRegistry(core),
};

const reader = async (registry: SchemaRegistry, config: Record<string, string>) => {
  const converter = await open(jsonSchemaPlugin, config, { isKey: false, registry });
  return async (bytes: Uint8Array) => {
    const { value } = await converter.toConnectData('t', bytes);
    return value instanceof JsonText ? value.parse() : value;
  };
};
const LATEST = { 'use.latest.version': 'true' };

for (const [name, keeper] of Object.entries(keepers)) {
  describe(`migration rules, ${name}`, () => {
    it('bring records of every earlier version to the latest', async (test) => {
      const { core, url, ids } = await setUp(test);
      const read = await reader(keeper(core, url), LATEST);
      const ann = { first: 'Ann', last: 'Lee' };
      for (let i = 0; i < 2; i++) {
        assert.deepEqual({ ...((await read(bytesOf(ids[0]!, { name: 'Ann Lee' }))) as object) }, ann);
        assert.deepEqual({ ...((await read(bytesOf(ids[1]!, { fullName: 'Ann  Lee' }))) as object) }, ann);
        assert.deepEqual({ ...((await read(bytesOf(ids[2]!, ann))) as object) }, ann);
      }
    });

    it('bring later ones down to the version whose metadata is asked for', async (test) => {
      const { core, url, ids } = await setUp(test);
      const read = await reader(keeper(core, url), { 'use.latest.with.metadata': 'major=1' });
      assert.deepEqual(
        { ...((await read(bytesOf(ids[2]!, { first: 'Ann', last: 'Lee' }))) as object) },
        { name: 'Ann Lee' },
      );
      const second = await reader(keeper(core, url), { 'use.latest.with.metadata': 'major=2' });
      assert.deepEqual({ ...((await second(bytesOf(ids[0]!, { name: 'A B' }))) as object) }, { fullName: 'A B' });
    });

    it('are left alone by who does not ask for the latest', async (test) => {
      const { core, url, ids } = await setUp(test);
      for (const config of [{}, { ...LATEST, 'rules.enabled': 'false' }]) {
        const read = await reader(keeper(core, url), config);
        assert.deepEqual({ ...((await read(bytesOf(ids[0]!, { name: 'Ann Lee' }))) as object) }, { name: 'Ann Lee' });
      }
    });
  });
}

describe('migration rules', () => {
  const readFirst = async (test: TestContext, second: RegisteredRule[]) => {
    const { core, ids } = await setUp(test, second, []);
    await core.deleteVersion('t-value', '3');
    const read = await reader(inProcessRegistry(core), LATEST);
    return read(bytesOf(ids[0]!, { name: 'Ann' }));
  };

  it('are CEL, too, run in order, and in the opposite order on the way down', async (test) => {
    const cel = rule({ name: 'cel', type: 'CEL', mode: 'UPGRADE', expr: '{"fullName": message.name + "!"}' });
    const jsonata = rule({ name: 'jsonata', mode: 'UPDOWN', expr: '$merge([$, {"fullName": fullName & "?"}])' });
    assert.deepEqual({ ...((await readFirst(test, [cel, jsonata])) as object) }, { fullName: 'Ann!?' });
  });

  it('refuse a record that they cannot bring there, or what they bring is no record of the version', async (test) => {
    const broken = [rule({ mode: 'UPGRADE', expr: '$error("no name")' })];
    await assert.rejects(readFirst(test, broken), /Rule "migrate": it cannot be evaluated \(no name\)/);
    await assert.rejects(readFirst(test, [rule({ mode: 'UPGRADE', expr: 'nothing' })]), /makes nothing of the message/);
    await assert.rejects(readFirst(test, [rule({ mode: 'UPGRADE', expr: '{"a": 1}' })]), /fullName/);
    await assert.rejects(
      readFirst(test, [rule({ mode: 'UPGRADE', expr: '{' })]),
      /rule "migrate", which is no JSONata/,
    );
    const condition = rule({ kind: 'CONDITION', mode: 'UPGRADE', expr: 'name = "Bob"' });
    await assert.rejects(readFirst(test, [condition, RENAME[0]!]), /it does not hold/);
    const forgiving = { ...condition, onFailure: 'NONE,ERROR' };
    assert.deepEqual({ ...((await readFirst(test, [forgiving, RENAME[0]!])) as object) }, { fullName: 'Ann' });
  });

  it('apply the latest version’s rules on reading to records of earlier ones', async (test) => {
    const { core } = await registryOf(test);
    await core.putConfig('t-value', { compatibilityLevel: 'NONE' });
    const first = await core.register('t-value', { schemaType: 'JSON', schema: V1 });
    const mask = rule({ name: 'mask', type: 'CEL_FIELD', mode: 'READ', expr: "'***'" });
    await core.register('t-value', { schemaType: 'JSON', schema: V1, ruleSet: { domainRules: [mask] } });
    const read = await reader(inProcessRegistry(core), LATEST);
    assert.deepEqual({ ...((await read(bytesOf(first.id, { name: 'Ann' }))) as object) }, { name: '***' });
  });
});

describe('JSONata', () => {
  it('ends with what would run for ever, nest too deep or match for ever', { timeout: 60_000 }, async () => {
    const forEver = openJsonata('($f := function($n) { $f($n + 1) }; $f(1))', 200);
    const tooDeep = openJsonata('($f := function($n) { 1 + $f($n + 1) }; $f(1))');
    await assert.rejects(tooDeep({}), { code: 'D1011' });
    await assert.rejects(forEver({}), { code: 'D1012' });
    const hostile = openJsonata('$match(text, /^(a+)+$/)');
    assert.equal(await hostile({ text: `${'a'.repeat(50_000)}!` }), undefined);
    const groups = openJsonata('$replace(text, /(\\w+) (\\w+)/i, "$2 $1")');
    assert.equal(await groups({ text: 'Ann Lee' }), 'Lee Ann');
    assert.equal(await openJsonata('$count($match(text, /a/))')({ text: 'banana' }), 3);
  });
});
