/** Avro in the registry: its spelling, its names, who can read whom (held to avsc's own resolver), and its REST answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import { assertRefused, clientOf, registryOf, setUp } from '../../test/kit/registry.ts';
import type { RegistryError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../parse/parse-schema.ts';
import { avroDifferences } from './compatibility.ts';
import { parseAvro } from './parse.ts';
import { avroText, normalizedAvroText } from './text.ts';

const parse = (schema: unknown, references: { name: string; text: string }[] = []) =>
  parseAvro(typeof schema === 'string' ? schema : JSON.stringify(schema), references, DEFAULT_LIMITS);

describe('the spelling of an Avro schema', () => {
  // What Avro's Java library writes for the text on the left.
  const cases: readonly (readonly [unknown, string])[] = [
    ['"string"', '"string"'],
    ['string', '"string"'],
    [{ type: 'string' }, '"string"'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, '{"type":"long","logicalType":"timestamp-millis"}'],
    [{ items: { type: 'int' }, type: 'array' }, '{"type":"array","items":"int"}'],
    [['null', { type: 'map', values: 'bytes' }], '["null",{"type":"map","values":"bytes"}]'],
    [
      {
        fields: [{ type: { type: 'string' }, name: 'a', default: 'x', doc: 'd' }],
        name: 'ns.R',
        type: 'record',
        doc: 'r',
      },
      '{"type":"record","name":"R","namespace":"ns","doc":"r","fields":[{"name":"a","type":"string","doc":"d","default":"x"}]}',
    ],
    [
      {
        type: 'record',
        name: 'R',
        namespace: 'ns',
        aliases: ['Old', 'other.Old'],
        owner: 'me',
        fields: [
          {
            name: 'e',
            type: { type: 'enum', name: 'ns.E', symbols: ['A'], default: 'A' },
            order: 'descending',
            aliases: ['x'],
            pii: true,
          },
          { name: 'f', type: 'ns.E' },
          { name: 'g', type: { type: 'fixed', name: 'far.F', size: 2 } },
          { name: 'h', type: ['null', 'far.F'], default: null },
        ],
      },
      '{"type":"record","name":"R","namespace":"ns","fields":[' +
        '{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"},"order":"descending","aliases":["x"],"pii":true},' +
        '{"name":"f","type":"E"},{"name":"g","type":{"type":"fixed","name":"F","namespace":"far","size":2}},' +
        '{"name":"h","type":["null","far.F"],"default":null}],"owner":"me","aliases":["Old","other.Old"]}',
    ],
  ];

  it('is the one of Avro’s Java library', () => {
    for (const [schema, text] of cases) assert.equal(avroText(parse(schema)), text);
  });

  it('is its own spelling', () => {
    for (const [, text] of cases) assert.equal(avroText(parse(text)), text);
  });

  it('keeps numbers as they were written', () => {
    const text = '{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":1.0}]}';
    assert.equal(avroText(parse(text)), text);
  });

  it('normalised, has full names and everything sorted', () => {
    const one = parse({
      type: 'record',
      name: 'R',
      namespace: 'n',
      b: 1,
      a: 2,
      fields: [{ name: 'x', type: 'int', z: 1, y: 2 }],
    });
    const two = parse({ a: 2, b: 1, name: 'n.R', fields: [{ y: 2, z: 1, type: 'int', name: 'x' }], type: 'record' });
    assert.notEqual(avroText(one), avroText(two));
    assert.equal(normalizedAvroText(one), normalizedAvroText(two));
  });

  it('names what references define and does not spell it out', () => {
    const address = {
      name: 'ns.Address',
      text: '{"type":"record","name":"Address","namespace":"ns","fields":[{"name":"c","type":"ns.City"}]}',
    };
    const city = { name: 'ns.City', text: '{"type":"enum","name":"ns.City","symbols":["A"]}' };
    const schema = { type: 'record', name: 'P', namespace: 'ns', fields: [{ name: 'a', type: 'ns.Address' }] };
    for (const references of [
      [address, city],
      [city, address],
    ]) {
      assert.equal(
        avroText(parse(schema, references)),
        '{"type":"record","name":"P","namespace":"ns","fields":[{"name":"a","type":"Address"}]}',
      );
    }
  });

  it('is refused where the schema is none', () => {
    for (const bad of [
      '{',
      '"strng"',
      '{"type":"record","name":"1","fields":[]}',
      '{"type":"enum","name":"E","symbols":["A","A"]}',
      '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}',
      '{"type":"record","name":"R"}',
      '7',
      'null x',
      '{"type":"array"}',
    ]) {
      assert.throws(
        () => parse(bad),
        (error: RegistryError) => error.errorCode === 42201,
        bad,
      );
    }
    assert.throws(() => parse(`${'['.repeat(5000)}${']'.repeat(5000)}`), { errorCode: 42201 });
  });
});

describe('who can read whom', () => {
  it('is said by the name and place of what stands in the way', () => {
    const record = (...fields: object[]) => parse({ type: 'record', name: 'R', fields });
    const types = (reader: object, writer: object) =>
      avroDifferences(record(reader), record(writer)).map(({ type, path }) => `${type} ${path}`);
    const a = { name: 'a', type: 'int' };
    assert.deepEqual(types({ name: 'b', type: 'int' }, a), ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/0']);
    assert.deepEqual(types({ name: 'b', type: 'int', default: 1 }, a), []);
    assert.deepEqual(types({ name: 'b', type: 'int', aliases: ['a'] }, a), []);
    assert.deepEqual(types({ name: 'a', type: 'long' }, a), []);
    assert.deepEqual(types(a, { name: 'a', type: 'long' }), ['TYPE_MISMATCH /fields/0/type']);
    assert.deepEqual(types(a, { name: 'a', type: ['null', 'int'] }), ['TYPE_MISMATCH /fields/0/type']);
    assert.deepEqual(types({ name: 'a', type: ['null', 'int'] }, a), []);
    assert.deepEqual(types({ name: 'a', type: ['null', 'string'] }, a), ['MISSING_UNION_BRANCH /fields/0/type']);
    const list = (...more: object[]) =>
      parse({ type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }, ...more] });
    assert.deepEqual(avroDifferences(list(), list()), []);
    assert.equal(
      avroDifferences(list({ name: 'b', type: 'int' }), list()).some(
        ({ type }) => type === 'READER_FIELD_MISSING_DEFAULT_VALUE',
      ),
      true,
    );
  });

  it('is what avsc’s resolver says, for any pair of schemas', () => {
    let seed = 11;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    let names = 0;
    const schema = (depth: number): unknown => {
      const kind = random(depth > 2 ? 8 : 13);
      if (kind < 8) return ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'][kind];
      if (kind === 8) return { type: 'array', items: schema(depth + 1) };
      if (kind === 9) return { type: 'map', values: schema(depth + 1) };
      if (kind === 10)
        return {
          type: 'enum',
          name: `E${names++ % 3}x${names}`,
          symbols: ['A', 'B', 'C'].slice(random(2), 2 + random(2)),
        };
      if (kind === 11) {
        const branches = ['null', 'int', 'string', 'double', { type: 'array', items: schema(depth + 1) }].filter(
          () => random(2) === 1,
        );
        return branches.length === 0 ? ['null'] : branches;
      }
      const fields = ['a', 'b', 'c'].filter(() => random(3) > 0).map((name) => ({ name, type: schema(depth + 1) }));
      return { type: 'record', name: `R${names++}`, fields };
    };
    /** The same with small changes; names stay. */
    const changed = (value: unknown): unknown => {
      if (random(12) === 0) return ['int', 'long', 'string', 'bytes', 'null', 'double'][random(6)];
      if (Array.isArray(value)) {
        const kept = value.filter(() => random(6) > 0);
        return (kept.length === 0 ? value : kept).map((branch) =>
          typeof branch === 'string' ? branch : { ...branch, items: changed(branch.items) },
        );
      }
      if (typeof value !== 'object' || value === null) return value;
      const node = value as {
        type: string;
        items?: unknown;
        values?: unknown;
        symbols?: string[];
        fields?: { name: string; type: unknown }[];
      };
      if (node.type === 'array') return { ...node, items: changed(node.items) };
      if (node.type === 'map') return { ...node, values: changed(node.values) };
      if (node.type === 'enum') return random(3) === 0 ? { ...node, symbols: ['A', 'B'] } : node;
      return {
        ...node,
        fields: node.fields!.filter(() => random(6) > 0).map((field) => ({ ...field, type: changed(field.type) })),
      };
    };
    const counts = { compatible: 0, not: 0 };
    for (let round = 0; round < 3000; round++) {
      const written = schema(0);
      const reader = changed(written);
      const own = avroDifferences(parse(reader), parse(written)).length === 0;
      let theirs = true;
      try {
        const [readerType, writerType] = [reader, written].map((each) =>
          avsc.Type.forSchema(structuredClone(each) as avsc.Schema, { wrapUnions: true }),
        );
        readerType!.createResolver(writerType!);
      } catch {
        theirs = false;
      }
      counts[own ? 'compatible' : 'not']++;
      assert.equal(own, theirs, `reader ${JSON.stringify(reader)} writer ${JSON.stringify(written)}`);
    }
    assert.ok(counts.compatible > 300 && counts.not > 300, JSON.stringify(counts));
  });
});

describe('Avro over REST', () => {
  const v1 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}';
  const v2 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}';
  const v2Default =
    '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}';

  it('is what a schema is when no type is named, and is kept, found and compared', async (test) => {
    const registry = await setUp(test);
    const post = (path: string, schema: string, more = {}) => registry.post(path, { schema, ...more });
    assert.deepEqual((await post('/subjects/a/versions', ` ${v1}`)).body, { id: 1 });
    assert.deepEqual(
      (await post('/subjects/a/versions', JSON.stringify(JSON.parse(v1), null, 2), { schemaType: 'AVRO' })).body,
      { id: 1 },
    );
    assert.deepEqual((await registry.get('/subjects/a/versions/1')).body, {
      subject: 'a',
      version: 1,
      id: 1,
      schema: v1,
    });
    assert.deepEqual((await registry.get('/schemas/ids/1')).body, { schema: v1 });
    const refused = await post('/subjects/a/versions', v2);
    assertRefused(refused, 409, 409, /READER_FIELD_MISSING_DEFAULT_VALUE.*oldSchemaVersion: 1/);
    assert.deepEqual((await post('/compatibility/subjects/a/versions/latest', v2Default)).body, {
      is_compatible: true,
    });
    assert.deepEqual((await post('/subjects/a/versions', v2Default)).body, { id: 2 });
    assert.equal((await post('/subjects/a', v1)).body.version, 1);
    assertRefused(await registry.register('a', '{"type":"object"}'), 409, 409, /different schema type/);
    assert.deepEqual((await registry.get('/schemas/types')).body, ['JSON', 'AVRO']);
    assertRefused(
      await post('/subjects/p/versions', 'syntax = "proto3";', { schemaType: 'PROTOBUF' }),
      422,
      42201,
      /Invalid schema type PROTOBUF/,
    );
    assertRefused(await post('/subjects/p/versions', '{"type":"strng"}'), 422, 42201, /no Avro schema/);
  });

  it('refers to other subjects and keeps them from being deleted', async (test) => {
    const registry = clientOf(await registryOf(test), { 'Confluent-Accept-Unknown-Properties': 'true' });
    await registry.post('/subjects/r/versions', { schema: v1 });
    const references = [{ name: 'R', subject: 'r', version: -1 }];
    const answer = await registry.post('/subjects/s/versions', { schema: '{"type":"array","items":"R"}', references });
    assert.deepEqual([answer.body.schemaType, answer.body.references[0].version], ['AVRO', 1]);
    assertRefused(await registry.del('/subjects/r/versions/1'), 422, 42206, /One or more references exist/);
    assertRefused(
      await registry.post('/subjects/s/versions', { schema: '{"type":"array","items":"Other"}' }),
      422,
      42201,
      /Other/,
    );
  });

  it('takes a name or a default that no new schema may have where it is imported, or validateNewSchemas is off', async (test) => {
    const registry = await setUp(test);
    const old =
      '{"type":"record","name":"r","namespace":"foo-bar.x","fields":[{"name":"f","type":"string","default":null}]}';
    const next =
      '{"type":"record","name":"r","namespace":"foo_bar.x","fields":[{"name":"f","type":"string","default":""}]}';
    assertRefused(await registry.post('/subjects/s/versions', { schema: old }), 422, 42201, /invalid/);
    await registry.put('/mode/s', { mode: 'IMPORT' });
    assert.deepEqual((await registry.post('/subjects/s/versions', { schema: old, id: 5, version: 1 })).body, { id: 5 });
    await registry.del('/mode/s');
    assert.equal((await registry.post('/subjects/s', { schema: old })).body.id, 5);
    await registry.put('/config/s', { compatibility: 'NONE' });
    assert.equal((await registry.post('/subjects/s/versions', { schema: next })).status, 200);
    await registry.put('/config/t', { validateNewSchemas: false });
    assert.equal((await registry.post('/subjects/t/versions', { schema: old })).status, 200);
    assertRefused(
      await registry.post('/subjects/t/versions', { schema: '{"type":"record"}' }),
      422,
      42201,
      /Avro schema/,
    );
  });
});
