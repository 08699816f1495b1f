/**
 * What files may be: encodings, archives, JSON lists, Parquet, logs with directives, whole files; typed fields, given or
 * learnt. On a real disk.
 */
import assert from 'node:assert/strict';
import { appendFile, copyFile, mkdtemp, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { OffsetStore, SinkLog, SinkRun, SourceRun } from '../../acceptance/index.ts';
import {
  type Converter,
  JsonText,
  parseConfig,
  plainValue,
  type SinkConnectorPlugin,
  type SourceConnectorPlugin,
  type SourceRecord,
} from '../../api/index.ts';
import { jsonSchemaPlugin } from '../../converters/json-schema-plugin.ts';
import { filePlugins } from '../plugins.ts';

const plugin = filePlugins.find((each) => each.class === 'FileSource') as SourceConnectorPlugin;
const sink = filePlugins.find((each) => each.class === 'FileSink') as SinkConnectorPlugin;

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-formats-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const quick = { topic: 't', 'scan.interval.ms': '20', 'rotate.wait.ms': '50', 'stable.ms': '0' };
const values = (records: readonly SourceRecord[]) => records.map((record) => plainValue(record.value));

async function begin(t: TestContext, config: Record<string, string>, offsets = new OffsetStore()): Promise<SourceRun> {
  const run = await SourceRun.start(plugin, { ...quick, ...config }, { offsets });
  t.after(() => run.stop());
  return run;
}

/** Reads one record per life, and answers the values: every place must be found again. */
async function oneByOne(config: Record<string, string>, count: number): Promise<unknown[]> {
  const offsets = new OffsetStore();
  const seen: unknown[] = [];
  while (seen.length < count) {
    const run = await SourceRun.start(plugin, { ...quick, ...config }, { offsets });
    const [record] = await run.take(1, 60_000);
    await run.commit([record!]);
    seen.push(plainValue(record!.value));
    await run.stop();
  }
  return seen;
}

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

const encodings: [string, (text: string) => Buffer][] = [
  ['utf-16le', (text) => Buffer.from(text, 'utf16le')],
  ['utf-16be', utf16be],
];

for (const [encoding, encode] of encodings) {
  test(`${encoding}: lines, CSV and JSON are resumed at any record, line ends inside characters are none`, async (t) => {
    const dir = await folder(t);
    // U+0A0A and U+0D0A have the bytes of line ends.
    const lines = ['grün 😀', '\u0a0a \u0d0a', '', 'last'];
    await writeFile(join(dir, 'a.txt'), encode(lines.map((line) => `${line}\r\n`).join('')));
    assert.deepEqual(await oneByOne({ file: join(dir, 'a.txt'), encoding }, 4), lines);
    await writeFile(join(dir, 'a.csv'), encode('id,näme\n1,"a\n😀"\n2,\u0a0a\n'));
    assert.deepEqual(await oneByOne({ file: join(dir, 'a.csv'), encoding, format: 'csv' }, 2), [
      { id: '1', näme: 'a\n😀' },
      { id: '2', näme: '\u0a0a' },
    ]);
    await writeFile(join(dir, 'a.jsonl'), encode('{"a":"ü😀"}\n{"a":2}\n'));
    assert.deepEqual(await oneByOne({ file: join(dir, 'a.jsonl'), encoding, format: 'jsonl' }, 2), [
      { a: 'ü😀' },
      { a: 2 },
    ]);
  });
}

test('A byte order mark says more than the configuration, file by file', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.txt'), Buffer.from('\ufeffé\n', 'utf16le'));
  await writeFile(join(dir, 'b.txt'), utf16be('\ufeffé\n'));
  await writeFile(join(dir, 'c.txt'), '\ufeffé\n');
  await writeFile(join(dir, 'd.txt'), Buffer.from([0xe9, 10]));
  const run = await begin(t, { file: dir, encoding: 'windows-1252' });
  assert.deepEqual(values(await run.take(4)), ['é', 'é', 'é', 'é']);
});

test('windows-1252 is not Latin-1, and JSON in it becomes UTF-8', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.txt'), Buffer.from([0x80, 0xe9, 10]));
  const euro = await begin(t, { file: join(dir, 'a.txt'), encoding: 'windows-1252' });
  assert.deepEqual(values(await euro.take(1)), ['€é']);
  await writeFile(
    join(dir, 'a.jsonl'),
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0x80]), Buffer.from('"}\n{"b":1}\n')]),
  );
  const config = { file: join(dir, 'a.jsonl'), encoding: 'windows-1252', format: 'jsonl' };
  assert.deepEqual(await oneByOne(config, 2), [{ a: '€' }, { b: 1 }]);
});

test('UTF-16 that is broken is bad input with its own bytes', async (t) => {
  const file = join(await folder(t), 'a.txt');
  const lone = Buffer.from([0x00, 0xd8, 0x0a, 0x00]);
  await writeFile(file, Buffer.concat([lone, Buffer.from('ok\n', 'utf16le')]));
  const run = await begin(t, { file, encoding: 'utf-16le' });
  assert.deepEqual(values(await run.take(1)), ['ok']);
  const [bad] = run.badInput;
  assert.deepEqual([bad!.source.from, bad!.source.to, Buffer.from(bad!.bytes!)], [0, 4, lone]);
});

for (const [name, pack] of [
  ['a.log.gz', gzipSync],
  ['a.log.zst', zstdCompressSync],
] as const) {
  test(`${name} is read unpacked, in several members too, and resumed in the middle`, async (t) => {
    const file = join(await folder(t), name);
    const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index} ${'x'.repeat(60)}`);
    const text = lines.map((line) => `${line}\n`);
    await writeFile(file, Buffer.concat([pack(text.slice(0, 9).join('')), pack(text.slice(9).join(''))]));
    const offsets = new OffsetStore();
    const first = await SourceRun.start(plugin, { ...quick, file, 'batch.size': '20000' }, { offsets });
    const records = await first.take(20_000, 60_000);
    await first.commit(records);
    await first.stop();
    const second = await begin(t, { file }, offsets);
    const rest = await second.take(30_000 - records.length, 60_000);
    assert.deepEqual(values([...records, ...rest]), lines);
    await second.commit(rest);
    assert.deepEqual(await second.takeFor(100), []);
  });
}

test('An archive that is cut off gives what it holds, then one report', async (t) => {
  const dir = await folder(t);
  const whole = gzipSync(Array.from({ length: 50_000 }, (_, index) => `line ${index}\n`).join(''));
  await writeFile(join(dir, 'a.gz'), whole.subarray(0, whole.length - 20));
  await writeFile(join(dir, 'b.txt'), 'next\n');
  const run = await begin(t, { file: dir });
  const seen: unknown[] = [];
  for (const deadline = Date.now() + 60_000; !seen.includes('next') || run.badInput.length === 0; ) {
    assert.ok(Date.now() < deadline, `${seen.length} records, ${run.badInput.length} reports`);
    seen.push(...values(await run.poll()));
  }
  assert.match(run.badInput[0]!.error.message, /a\.gz" are where the archive is damaged/);
  assert.ok(seen.length > 40_000 && seen[40_000] !== undefined, `only ${seen.length} records came before the damage`);
});

test('A log that was packed when it was rotated is not read again', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, 'one\ntwo\n');
  const run = await begin(t, { file: join(dir, 'app.log*'), 'rotate.wait.ms': '60000' });
  await run.commit(await run.take(2));
  await copyFile(file, `${file}.1`);
  await writeFile(`${file}.1.gz`, gzipSync('one\ntwo\nthree\n'));
  await unlink(`${file}.1`);
  await truncate(file, 0);
  await appendFile(file, 'four\n');
  const records = await run.take(2, 60_000);
  assert.deepEqual(values(records).sort(), ['four', 'three']);
  await run.commit(records);
  await rename(file, `${file}.2`);
  assert.deepEqual(await run.takeFor(200), []);
});

test('A JSON list is cut into its elements, whatever its lines are, and resumed at each', async (t) => {
  const file = join(await folder(t), 'a.json');
  const elements = [{ a: '],[' }, [1, [2]], 'text, "quoted" \\', -1.5e3, true, null, {}, { b: { c: ['}'] } }];
  await writeFile(file, `\ufeff \n${JSON.stringify(elements, null, 2)}\n`);
  const compact = join(await folder(t), 'b.json');
  await writeFile(compact, JSON.stringify(elements));
  for (const each of [file, compact]) {
    assert.deepEqual(await oneByOne({ file: each, format: 'json', 'read.mode': 'once' }, elements.length), elements);
  }
});

test('JSON values one behind the other are records as well; a bad one and a giant one are left out', async (t) => {
  const file = join(await folder(t), 'a.json');
  const giant = JSON.stringify({ pad: 'x"'.repeat(900_000), more: [1] });
  await writeFile(file, `{"a":\n1} {"b":2}{oops}\n${giant}\n3 "four"`);
  const run = await begin(t, { file, format: 'json', 'read.mode': 'once', 'max.record.bytes': '100000' });
  assert.deepEqual(values(await run.take(4, 60_000)), [{ a: 1 }, { b: 2 }, 3, 'four']);
  assert.deepEqual(
    run.badInput.map(({ error }) => /are not JSON|longer than max.record.bytes/.exec(error.message)?.[0]),
    ['are not JSON', 'longer than max.record.bytes'],
  );
});

test('Parquet rows have types, and are resumed at any row', async (t) => {
  const dir = await folder(t);
  const log = new SinkLog();
  const part = { topic: 'p', partition: 0 };
  const rows = Array.from({ length: 40 }, (_, id) => ({
    id,
    name: `n${id}`,
    price: id / 4,
    list: [id],
    sub: { x: id % 2 === 0 },
  }));
  for (const row of rows) log.append('p', 0, new JsonText(Buffer.from(JSON.stringify(row))), null);
  const writer = await SinkRun.start(
    sink,
    { directory: dir, format: 'parquet', 'parquet.row.group.bytes': '1024' },
    log,
    [part],
  );
  await writer.put(15);
  await writer.put();
  await writer.stop();
  const config = { file: dir, 'file.pattern': '*.parquet', format: 'parquet', 'read.mode': 'once', 'batch.size': '7' };
  const offsets = new OffsetStore();
  const seen: unknown[] = [];
  while (seen.length < rows.length) {
    const run = await SourceRun.start(plugin, { ...quick, ...config }, { offsets });
    const records = await run.take(1, 60_000);
    await run.commit(records.slice(0, 5));
    seen.push(...values(records.slice(0, 5)));
    const types = records[0]!.valueSchema!.fields!.map(({ name, schema }) => `${name} ${schema.type}`);
    assert.deepEqual(types, ['id int64', 'name string', 'price float64', 'list array', 'sub struct']);
    await run.stop();
  }
  assert.deepEqual(seen, rows);
  await writeFile(join(dir, 'torn.parquet'), 'PAR1 no footer');
  const run = await begin(t, config, offsets);
  assert.deepEqual(await run.takeFor(100), []);
  assert.match(run.badInput[0]!.error.message, /torn\.parquet" are no Parquet file that can be read/);
});

test('A file is one record where that is asked for, and none where it is too long', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.bin'), Buffer.from([0, 255, 10, 7]));
  await writeFile(join(dir, 'b.bin'), 'x'.repeat(3_000_000));
  const config = {
    file: dir,
    format: 'whole',
    'read.mode': 'once',
    'value.format': 'bytes',
    'max.record.bytes': '1000',
  };
  const run = await begin(t, config);
  assert.deepEqual(values(await run.take(1)), [Buffer.from([0, 255, 10, 7])]);
  assert.deepEqual(await run.takeFor(300), []);
  assert.match(run.badInput[0]!.error.message, /longer than max.record.bytes/);
});

test('A W3C log has the columns that its directives name, also when they change', async (t) => {
  const file = join(await folder(t), 'u_ex.log');
  const text =
    '#Version: 1.0\n#Fields: date cs-uri sc-status\n2026-01-01 "/a b" 200\n2026-01-01 /b -\nbad\n#Fields: date x\n2026-01-02 1\n';
  await writeFile(file, text);
  assert.deepEqual(await oneByOne({ file, format: 'elf' }, 3), [
    { date: '2026-01-01', 'cs-uri': '/a b', 'sc-status': '200' },
    { date: '2026-01-01', 'cs-uri': '/b', 'sc-status': null },
    { date: '2026-01-02', x: '1' },
  ]);
});

test('CSV types are learnt from the values, wider when one does not fit, and the same for all files', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id,price,ok,zip\n1,2,true,01234\n2,2.5,false,8000\n');
  const run = await begin(t, { file: dir, format: 'csv', 'schema.infer': 'true' });
  const first = await run.take(2);
  assert.deepEqual(values(first), [
    { id: 1, price: 2, ok: true, zip: '01234' },
    { id: 2, price: 2.5, ok: false, zip: '8000' },
  ]);
  assert.equal(first[0]!.valueSchema, first[1]!.valueSchema);
  await appendFile(join(dir, 'a.csv'), 'three,4,true,1\n');
  await writeFile(join(dir, 'b.csv'), 'id,price,ok,zip\n4,1,true,1\n');
  const later = await run.take(2, 60_000);
  assert.deepEqual(
    values(later).map((value) => (value as { id: unknown }).id),
    ['three', '4'],
  );
  assert.deepEqual(
    later[0]!.valueSchema!.fields!.map(({ schema }) => schema.type),
    ['string', 'float64', 'boolean', 'string'],
  );
});

test('A changed header is another schema, in the files of one folder', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id\n1\n');
  await writeFile(join(dir, 'b.csv'), 'id,new\n2,x\n');
  const run = await begin(t, { file: dir, format: 'csv' });
  const [a, b] = await run.take(2);
  assert.deepEqual(
    a!.valueSchema!.fields!.map(({ name }) => name),
    ['id'],
  );
  assert.deepEqual(
    b!.valueSchema!.fields!.map(({ name }) => name),
    ['id', 'new'],
  );
});

test('JSON lines carry a schema that was learnt, wider with every new field, or the one that is given', async (t) => {
  const file = join(await folder(t), 'a.jsonl');
  await writeFile(file, '{"id":1,"at":{"x":1}}\n{"id":2}\n{"id":3,"at":{"x":1.5},"tags":["a"]}\n{"id":"four"}\n');
  const learnt = await (await begin(t, { file, format: 'jsonl', 'schema.infer': 'true' })).take(4);
  const [first, second, third, fourth] = learnt.map(({ valueSchema }) => valueSchema!);
  assert.equal(first, second);
  assert.equal(third, fourth, 'what has nothing in common keeps the schema, and is judged by it');
  assert.deepEqual(
    third!.fields!.map(({ name, schema }) => `${name} ${schema.type}`),
    ['id int64', 'at struct', 'tags array'],
  );
  assert.equal(third!.fields![1]!.schema.fields![0]!.schema.type, 'float64');
  const json = JSON.stringify({
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'integer' }, n: { type: 'number' } },
  });
  const given = await (await begin(t, { file, format: 'jsonl', 'schema.json': json })).take(1);
  assert.deepEqual(
    given[0]!.valueSchema!.fields!.map(({ name, schema }) => [name, schema.type, schema.optional ?? false]),
    [
      ['id', 'int64', false],
      ['n', 'float64', true],
    ],
  );
  const csv = join(await folder(t), 'a.csv');
  await writeFile(csv, 'id,n,s\n7,1.5,x\n');
  const typed = await begin(t, { file: csv, format: 'csv', 'schema.json': json });
  assert.deepEqual(values(await typed.take(1)), [{ id: 7, n: 1.5, s: 'x' }]);
});

test('Keys that do not fit together are refused by name', async () => {
  const connector = (await plugin.create())!;
  const refusal = async (raw: Record<string, string>) => {
    const { config } = parseConfig(plugin.config, { file: tmpdir(), topic: 't', ...raw });
    const problems = await connector.check!(config);
    return `${problems[0]?.key}: ${problems[0]?.message}`;
  };
  assert.match(await refusal({ format: 'parquet' }), /^read.mode: "format" parquet needs complete files/);
  assert.match(await refusal({ 'after.read': 'delete' }), /^after.read: .*set "read.mode" to once/);
  assert.match(await refusal({ 'after.read': 'move', 'read.mode': 'once' }), /^move.to: /);
  assert.match(await refusal({ 'schema.infer': 'true' }), /^schema.infer: "format" lines has no fields/);
  assert.match(await refusal({ encoding: 'utf-16le', 'value.format': 'bytes' }), /^value.format: /);
});

test('A learnt schema is registered by JsonSchemaConverter, a wider one as a further version', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id,name\n1,a\n2,b\n');
  const run = await begin(t, { file: dir, format: 'csv', 'schema.infer': 'true' });
  const converter = (await jsonSchemaPlugin.create()) as Converter;
  const registered: string[] = [];
  const refuse = async () => assert.fail('nothing is asked for');
  const register = async (subject: string, { schema }: { schema: string }) => {
    assert.equal(subject, 't-value');
    return registered.push(schema);
  };
  const byId = async (id: number) => ({ schemaType: 'JSON' as const, schema: registered[id - 1]! });
  const { config } = parseConfig(jsonSchemaPlugin.config, {});
  converter.configure(config, { isKey: false, registry: { register, lookup: refuse, latest: refuse, byId } });
  const write = async ({ valueSchema, value }: SourceRecord) =>
    Buffer.from((await converter.fromConnectData('t', valueSchema, value))!).toString('utf8', 5);
  const [first, second] = await run.take(2);
  assert.deepEqual([await write(first!), await write(second!)], ['{"id":1,"name":"a"}', '{"id":2,"name":"b"}']);
  await appendFile(join(dir, 'a.csv'), 'x,c\n');
  assert.equal(await write((await run.take(1, 60_000))[0]!), '{"id":"x","name":"c"}');
  const types = registered.map((schema) => JSON.stringify(JSON.parse(schema).properties.id));
  assert.equal(types.length, 2);
  assert.match(types[0]!, /"type":"integer"/);
  assert.match(types[1]!, /"type":"string"/);
});
