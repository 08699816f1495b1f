/** The tools for schemas on files: infer, diff, lint and types, each on what people have. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compileSchema } from '../../connectors/converters/json-schema-validator.ts';
import type { JsonValue } from '../parse/json-text.ts';
import { diffSchemas, offlineMessages, schemaProblem } from './diff.ts';
import { Inference } from './infer.ts';
import { lintSchema } from './lint.ts';
import { clientsModule, typesModule } from './typed-clients.ts';

function inferred(values: readonly JsonValue[], options = {}) {
  const inference = new Inference(options);
  for (const value of values) inference.add(value);
  return inference.schema();
}

describe('a schema from records', () => {
  const trucks = [
    { id: 'a', at: '2026-01-01T00:00:00Z', lat: 1, load: null, tags: ['x'], state: 'on' },
    { id: 'b', at: '2026-01-01T00:00:01.5+02:00', lat: 1.5, load: 3, tags: [], state: 'off' },
    { id: 'c', at: '2026-01-01T00:00:02Z', lat: 2, load: 4, tags: ['y', 1], extra: { deep: true }, state: 'on' },
    { id: 'd', at: '2026-01-01T00:00:03Z', lat: 2, load: 4, tags: [], state: 'on' },
  ];

  it('holds what all records have in common, closed', () => {
    const { $schema, ...schema } = inferred(trucks, { title: 'Truck', enums: true });
    assert.equal($schema, 'http://json-schema.org/draft-07/schema#');
    assert.deepEqual(schema, {
      title: 'Truck',
      type: 'object',
      properties: {
        id: { type: 'string' },
        at: { type: 'string', format: 'date-time' },
        lat: { type: 'number' },
        load: { type: ['integer', 'null'] },
        tags: { type: 'array', items: { type: ['integer', 'string'] } },
        state: { type: 'string', enum: ['off', 'on'] },
        extra: {
          type: 'object',
          properties: { deep: { type: 'boolean' } },
          required: ['deep'],
          additionalProperties: false,
        },
      },
      required: ['id', 'at', 'lat', 'load', 'tags', 'state'],
      additionalProperties: false,
    });
  });

  it('takes every record it was made from, whatever they are', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % below;
    };
    const anything = (depth: number): JsonValue => {
      const kind = random(depth > 3 ? 5 : 7);
      if (kind < 5) return [null, true, random(9), random(9) / 2, `t${random(4)}`][kind]!;
      const inner = Array.from({ length: random(4) }, () => anything(depth + 1));
      return kind === 5
        ? inner
        : Object.fromEntries(inner.map((value, i) => [['a', 'b', '__proto__', 'c d'][i]!, value]));
    };
    for (let round = 0; round < 50; round++) {
      const values = Array.from({ length: 1 + random(12) }, () => anything(0));
      const schema = inferred(values, { enums: random(2) === 1 });
      assert.equal(await schemaProblem({ text: JSON.stringify(schema) }), null);
      const validate = await compileSchema(JSON.stringify(schema), 'the schema');
      for (const value of values) validate(value);
    }
  });

  it('takes an object with very many names for a map', () => {
    const byId = (n: number) =>
      Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${n * 400 + i}`, { n: i }]));
    const schema = inferred([byId(0), byId(1), byId(2)]);
    const { additionalProperties, properties } = schema as {
      additionalProperties: { type: string };
      properties?: object;
    };
    assert.equal(properties, undefined);
    assert.equal(additionalProperties.type, 'object');
  });
});

describe('the difference of two schemas', () => {
  const closed = (properties: object, more = {}) => ({
    text: JSON.stringify({ type: 'object', properties, additionalProperties: false, ...more }),
  });

  it('says whom each change breaks and what would take it', async () => {
    const text = { type: 'string' };
    const { changes, backward, forward } = await diffSchemas(
      closed({ id: text }),
      closed({ id: text, lat: { type: 'number' } }),
    );
    assert.deepEqual([backward, forward], [true, false]);
    assert.deepEqual(
      changes.map(({ type, path, breaks, lenient }) => ({ type, path, breaks, lenient })),
      [
        {
          type: 'OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL',
          path: '#/properties/lat',
          breaks: null,
          lenient: false,
        },
        {
          type: 'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL',
          path: '#/properties/lat',
          breaks: 'old readers',
          lenient: true,
        },
      ],
    );
    assert.match(changes[1]!.description, /old schema is closed and lacks the property/);
    const same = await diffSchemas(closed({ id: text }), closed({ id: text }));
    assert.deepEqual(same, { changes: [], backward: true, forward: true });
  });

  it('judges offline as the registry does', async () => {
    const [one, two] = [closed({ id: { type: 'string' } }), closed({ id: { type: 'integer' } })];
    assert.deepEqual(await offlineMessages(two, [one], 'NONE', 'STRICT'), []);
    assert.deepEqual(await offlineMessages(one, [one], 'FULL', 'STRICT'), []);
    assert.match((await offlineMessages(two, [one], 'BACKWARD', 'STRICT')).join(), /TYPE_CHANGED/);
    assert.deepEqual(await offlineMessages(two, [one, two], 'BACKWARD', 'STRICT'), []);
    assert.match((await offlineMessages(two, [one, two], 'BACKWARD_TRANSITIVE', 'STRICT')).join(), /TYPE_CHANGED/);
  });
});

describe('lint', () => {
  const found = (schema: object) => lintSchema(JSON.stringify(schema)).map(({ rule, path }) => `${rule} ${path}`);
  const fine = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'T' };

  it('finds nothing in a closed, named schema', () => {
    assert.deepEqual(
      found({ ...fine, type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false }),
      [],
    );
  });

  it('names what will be regretted, with its place', () => {
    assert.deepEqual(found({ type: 'object', properties: { email: { type: 'string' } } }), [
      'draft-undeclared #',
      'no-title #',
      'open-object #',
      'untagged-personal-data #',
    ]);
    assert.deepEqual(found({ ...fine, items: { prefixItems: [], pattern: '^(a+)+$' } }), [
      'unknown-to-draft #/items',
      'slow-pattern #/items',
    ]);
    const referring = {
      ...fine,
      definitions: { x: {} },
      properties: { a: { $ref: '#/definitions/x', minLength: 3 } },
      additionalProperties: false,
    };
    assert.deepEqual(found(referring), ['ref-hides-siblings #/properties/a']);
    assert.deepEqual(found({ ...fine, properties: {}, required: ['a'], additionalProperties: false }), [
      'required-not-declared #',
    ]);
    assert.deepEqual(found({ ...fine, type: 'integer', default: 'x' }), ['never-valid-default #']);
    assert.deepEqual(found({ ...fine, type: 'number', default: 1 }), []);
  });
});

describe('types', () => {
  const truck = {
    title: 'truck report',
    description: 'One report */ of a truck.',
    type: 'object',
    properties: {
      id: { type: 'string', description: 'Its plate.' },
      state: { enum: ['on', 'off', null] },
      place: { $ref: '#/definitions/place' },
      stops: { type: 'array', items: { $ref: '#/definitions/place' } },
      load: { oneOf: [{ type: 'null' }, { type: 'number' }] },
      'odd name': { type: ['integer', 'null'] },
      meta: { type: 'object', additionalProperties: { type: 'string' } },
      size: { type: 'array', items: [{ type: 'number' }, { type: 'string' }], minItems: 1, additionalItems: false },
      common: { $ref: 'common.json#/definitions/c' },
      anything: {},
    },
    required: ['id', 'place'],
    additionalProperties: false,
    definitions: {
      place: {
        type: 'object',
        properties: { lat: { type: 'number' }, inside: { $ref: '#/definitions/place' } },
        required: ['lat'],
        additionalProperties: false,
      },
    },
  };
  const common = { name: 'common.json', text: '{"definitions":{"c":{"const":"yes"}}}' };
  const value = { subject: 'trucks-value', id: 7, text: JSON.stringify(truck), references: [common] };
  const key = { subject: 'trucks-key', id: 8, text: '{"type":"integer"}', references: [] };

  it('say what the schema says, with names for definitions', () => {
    const text = typesModule([value]);
    assert.match(text, /export type TruckReport = \{/);
    assert.match(text, /\/\*\* Its plate\. \*\/\n {2}id: string;/);
    assert.match(text, /state\?: \("on" \| "off" \| null\);/);
    assert.match(text, /stops\?: \(Place\)\[\];/);
    assert.match(text, /load\?: \(null \| number\);/);
    assert.match(text, /"odd name"\?: \(number \| null\);/);
    assert.match(text, /size\?: \[number, \(string\)\?\];/);
    assert.match(text, /common\?: C;/);
    assert.match(text, /export type Place = \{\n {2}lat: number;\n {2}inside\?: Place;\n\};/);
    assert.ok(!text.includes('report */ of'));
  });

  it('compile strictly, and their clients send and receive what they say', async (test) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-types-'));
    test.after(() => rm(folder, { recursive: true, force: true }));
    const use = `
import { typedConsumer, typedProducer, type TruckReport } from './clients.ts';
const sent: { topic: string; messages: { key: Buffer | string | null; value: Buffer | null }[] }[] = [];
const producer = typedProducer({ send: async (record) => { sent.push(record); return 'ok' as const; } });
const report: TruckReport = { id: 'a', place: { lat: 1, inside: { lat: 2 } }, state: 'on', size: [1, 'x'], common: 'yes' };
await producer.send('trucks', [{ key: 5, value: report }, { key: 5, value: null }]);
// @ts-expect-error a report needs an id
await producer.send('trucks', [{ key: 5, value: { place: { lat: 1 } } }]).catch(() => undefined);
// @ts-expect-error there is no such topic
await producer.send('nothing', []).catch(() => undefined);
const got: unknown[] = [];
const eachMessage = typedConsumer({ trucks: ({ key, value }) => { got.push([key, value?.place.inside?.lat ?? null]); } });
for (const { key, value } of sent[0]!.messages) await eachMessage({ topic: 'trucks', message: { key: key as Buffer, value } });
process.stdout.write(JSON.stringify({ got, prefix: sent[0]!.messages[0]!.value!.toString('hex', 0, 5) }));
`;
    await writeFile(join(folder, 'clients.ts'), clientsModule([value, key]));
    await writeFile(join(folder, 'use.ts'), use);
    const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
    const options = {
      target: 'esnext',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const run = promisify(execFile);
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(
      (error: { stdout: string }) => {
        assert.fail(error.stdout);
      },
    );
    const { stdout } = await run(process.execPath, [join(folder, 'use.ts')]);
    assert.deepEqual(JSON.parse(stdout), {
      got: [
        [5, 2],
        [5, null],
      ],
      prefix: '0000000007',
    });
  });
});
