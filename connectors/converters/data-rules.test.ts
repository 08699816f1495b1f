/** Data rules as Confluent's clients run them: conditions, transforms, guards, tags, actions, sides, roles. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { registryOf } from '../../test/kit/registry.ts';
import { ConfigError, JsonText, type RegisteredRule, type RegisteredSchema } from '../api/index.ts';
import { open } from './converter.cases.ts';
import { dataRules, RuleError } from './data-rules.ts';
import { jsonSchemaPlugin } from './json-schema-plugin.ts';

const SCHEMA = JSON.stringify({
  title: 'Truck',
  type: 'object',
  properties: {
    plate: { type: 'string', 'confluent:tags': ['PII'] },
    lat: { type: 'number' },
    count: { type: 'integer' },
    driver: { $ref: '#/definitions/person' },
    crew: { type: 'array', items: { oneOf: [{ type: 'null' }, { $ref: '#/definitions/person' }] } },
  },
  definitions: {
    person: {
      type: 'object',
      properties: { name: { type: 'string', 'confluent:tags': ['PII'] }, age: { type: 'integer' } },
    },
  },
});
const truck = () => ({
  plate: 'AB 1',
  lat: 1.5,
  count: 3,
  driver: { name: 'Ann', age: 30 },
  crew: [null, { name: 'Bob', age: 20 }],
});

const rule = (more: Partial<RegisteredRule>): RegisteredRule => ({
  name: 'r',
  kind: 'CONDITION',
  type: 'CEL',
  mode: 'WRITE',
  ...more,
});
const rulesOf = (rules: RegisteredRule[], roles: string[] = [], more: Partial<RegisteredSchema> = {}) =>
  dataRules({ schemaType: 'JSON', schema: SCHEMA, ruleSet: { domainRules: rules }, ...more }, 'Schema 1', roles);
const write = (rules: RegisteredRule[], message: unknown = truck()) => rulesOf(rules)!.apply('write', message);
const failed = (rules: RegisteredRule[]) => {
  try {
    write(rules);
    return null;
  } catch (error) {
    assert.ok(error instanceof RuleError, String(error));
    return error;
  }
};

function assertFails(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    assert.ok(error instanceof RuleError);
    return true;
  }
}

describe('a condition', () => {
  it('holds, or the record is refused with the rule’s name and words', () => {
    assert.deepEqual(write([rule({ expr: 'message.lat <= 90.0 && message.count == 3' })]), truck());
    const error = failed([rule({ name: 'latIsSane', doc: 'on this planet', expr: 'message.lat > 90.0' })]);
    assert.equal(error?.message, 'Rule "latIsSane" (on this planet): "message.lat > 90.0" does not hold.');
    assert.equal(error?.code, 'RULE_FAILED');
    assert.equal(error?.deadLetterTopic, null);
  });

  it('on fields is asked of each, or of those with its tags, inline or by path', () => {
    const isShort = rule({ type: 'CEL_FIELD', expr: "typeName == 'STRING' ; size(value) <= 3" });
    assert.match(failed([isShort])!.message, /does not hold for \$\.plate/);
    assert.equal(failed([{ ...isShort, tags: ['OTHER'] }]), null);
    assert.match(
      failed([rule({ type: 'CEL_FIELD', tags: ['PII'], expr: "name != 'name'" })])!.message,
      /\$\.driver\.name/,
    );
    const byPath = rulesOf([rule({ type: 'CEL_FIELD', tags: ['GEO'], expr: 'value > 2.0' })], [], {
      metadata: { tags: { '**.lat': ['GEO'] } },
    })!;
    assert.throws(() => byPath.apply('write', truck()), /\$\.lat/);
    assert.doesNotThrow(() => byPath.apply('write', { lat: 3.5 }));
    const asked = (path: string): string[] => {
      const seen: string[] = [];
      const metadata = { tags: { [path]: ['T'] } };
      const fields = { a: { b: { c: 1 }, bc: 2 }, c: 3 };
      for (const name of ['a.b.c', 'a.bc', 'c']) {
        const only = rulesOf([rule({ type: 'CEL_FIELD', tags: ['T'], expr: `fullName != '$.${name}'` })], [], {
          metadata,
        })!;
        if (assertFails(() => only.apply('write', fields))) seen.push(name);
      }
      return seen;
    };
    assert.deepEqual(asked('**.c'), ['a.b.c', 'c']);
    assert.deepEqual(asked('a.*'), ['a.bc']);
    assert.deepEqual(asked('a.**'), ['a.b.c', 'a.bc']);
    assert.deepEqual(asked('$.a.*c'), ['a.bc']);
    assert.deepEqual(asked('**'), ['a.b.c', 'a.bc', 'c']);
    assert.deepEqual(asked(`${'**.'.repeat(50)}x`), []);
  });

  it('that cannot be evaluated fails like one that does not hold', () => {
    assert.match(failed([rule({ expr: 'message.nothing.at.all > 1' })])!.message, /cannot be evaluated/);
    assert.equal(failed([rule({ expr: 'message.nothing.at.all > 1', onFailure: 'NONE' })]), null);
    assert.equal(failed([rule({ expr: 'has(message.nothing) ; message.nothing > 1' })]), null);
  });

  it('names the dead-letter topic of its action, for each side its own', () => {
    const error = failed([rule({ expr: 'false', onFailure: 'DLQ', params: { 'dlq.topic': 'bad' } })]);
    assert.equal(error?.deadLetterTopic, 'bad');
    const both = rulesOf([rule({ mode: 'WRITEREAD', expr: 'false', onFailure: 'ERROR,NONE' })])!;
    assert.throws(() => both.apply('write', {}), RuleError);
    assert.doesNotThrow(() => both.apply('read', {}));
  });

  it('is not asked when it is disabled or of the other side', () => {
    assert.equal(rulesOf([rule({ expr: 'false', disabled: true })]), null);
    assert.equal(rulesOf([rule({ expr: 'false', mode: 'UPGRADE' })]), null);
    assert.equal(rulesOf([rule({ expr: 'false', mode: 'READ' })])!.has('write'), false);
  });
});

describe('a transform', () => {
  const mask = rule({
    kind: 'TRANSFORM',
    type: 'CEL_FIELD',
    tags: ['PII'],
    mode: 'READ',
    expr: "typeName == 'STRING' ; '***'",
  });

  it('masks tagged fields wherever they are', () => {
    assert.deepEqual(rulesOf([mask])!.apply('read', truck()), {
      ...truck(),
      plate: '***',
      driver: { name: '***', age: 30 },
      crew: [null, { name: '***', age: 20 }],
    });
  });

  it('is not for readers with a role it excepts', () => {
    const excepting = { ...mask, params: { 'except.roles': 'billing, ops' } };
    assert.equal(rulesOf([excepting], ['ops']), null);
    assert.notEqual(rulesOf([excepting], ['sales']), null);
  });

  it('of a whole message makes a new one, in order when writing and back when reading', () => {
    const one = rule({ name: 'one', kind: 'TRANSFORM', mode: 'WRITEREAD', expr: "{'a': message.a + 'x'}" });
    const two = rule({ name: 'two', kind: 'TRANSFORM', mode: 'WRITEREAD', expr: "{'a': message.a + 'y'}" });
    assert.deepEqual(rulesOf([one, two])!.apply('write', { a: '' }), { a: 'xy' });
    assert.deepEqual(rulesOf([one, two])!.apply('read', { a: '' }), { a: 'yx' });
  });
});

describe('a rule that cannot be run', () => {
  it('is refused by name where it would have to run', () => {
    const refused = (rules: RegisteredRule[], pattern: RegExp) =>
      assert.throws(
        () => rulesOf(rules),
        (error: unknown) => error instanceof ConfigError && pattern.test(error.message),
      );
    refused(
      [rule({ name: 'enc', type: 'ENCRYPT', kind: 'TRANSFORM', mode: 'WRITEREAD' })],
      /rule "enc".*of type ENCRYPT/,
    );
    refused([rule({ type: 'JSONATA', expr: '$' })], /of type JSONATA/);
    refused([rule({ expr: 'message.' })], /wrong at character/);
    refused([rule({ expr: 'true', onFailure: 'EMAIL' })], /onFailure EMAIL/);
    assert.throws(
      () => rulesOf([], [], { ruleSet: { encodingRules: [rule({ type: 'ENCRYPT_PAYLOAD' })] } }),
      /encoding rule/,
    );
    assert.equal(rulesOf([rule({ type: 'ENCRYPT', disabled: true })]), null);
  });
});

describe('JsonSchemaConverter', () => {
  async function withRules(test: TestContext, rules: RegisteredRule[]) {
    const { core } = await registryOf(test);
    await core.register('t-value', { schemaType: 'JSON', schema: SCHEMA, ruleSet: { domainRules: rules } });
    const registry = inProcessRegistry(core);
    return (config: Record<string, string> = {}) =>
      open(
        jsonSchemaPlugin,
        { 'use.latest.version': 'true', 'auto.register.schemas': 'false', ...config },
        { isKey: false, registry },
      );
  }
  const text = (value: object) => new JsonText(Buffer.from(JSON.stringify(value)));

  it('refuses what a rule refuses, writes what it makes, masks what is read, by role', async (test) => {
    const converter = await withRules(test, [
      rule({ name: 'sane', expr: 'message.lat <= 90.0' }),
      rule({ name: 'upper', kind: 'TRANSFORM', type: 'CEL_FIELD', expr: "name == 'plate' ; value + '!'" }),
      rule({
        name: 'mask',
        kind: 'TRANSFORM',
        type: 'CEL_FIELD',
        tags: ['PII'],
        mode: 'READ',
        expr: "'***'",
        params: { 'except.roles': 'ops' },
      }),
    ]);
    const plain = await converter();
    const bytes = (await plain.fromConnectData('t', null, text(truck())))!;
    assert.equal(JSON.parse(Buffer.from(bytes).toString('utf8', 5)).plate, 'AB 1!');
    await assert.rejects(async () => plain.fromConnectData('t', null, text({ lat: 91 })), /Rule "sane"/);
    const read = async (config: Record<string, string>) => {
      const { value } = await (await converter(config)).toConnectData('t', bytes);
      return (value as JsonText).parse() as { plate: string; driver: { name: string } };
    };
    assert.equal((await read({})).driver.name, '***');
    assert.equal((await read({ 'rules.roles': 'sales' })).plate, '***');
    assert.equal((await read({ 'rules.roles': 'ops' })).plate, 'AB 1!');
    assert.equal((await read({ 'rules.enabled': 'false' })).plate, 'AB 1!');
  });

  it('writes nothing where a rule would have to encrypt', async (test) => {
    const converter = await withRules(test, [
      rule({ name: 'enc', type: 'ENCRYPT', kind: 'TRANSFORM', mode: 'WRITEREAD', tags: ['PII'] }),
    ]);
    await assert.rejects(
      async () => (await converter()).fromConnectData('t', null, text(truck())),
      /rule "enc".*ENCRYPT/,
    );
  });
});
