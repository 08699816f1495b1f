/**
 * Configurations of Kafka's spooldir connectors, as their users have them.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OffsetStore, SourceRun } from '../../acceptance/index.ts';
import {
  parseConfig,
  plainValue,
  type SourceConnectorPlugin,
  type SourceRecord,
  unknownKeys,
} from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';

const java = 'com.github.jcustenborder.kafka.connect.spooldir.';

function pluginOf(name: string): SourceConnectorPlugin {
  return filePlugins.find((each) => each.aliases?.includes(java + name)) as SourceConnectorPlugin;
}

async function folders(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-spool-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const paths = { input: join(dir, 'in'), finished: join(dir, 'finished'), error: join(dir, 'error') };
  for (const path of Object.values(paths)) await mkdir(path);
  const keys = { topic: 't', 'input.path': paths.input, 'finished.path': paths.finished, 'error.path': paths.error };
  return { ...paths, keys: { ...keys, 'empty.poll.wait.ms': '20' } };
}

async function begin(t: TestContext, name: string, raw: Record<string, string>): Promise<SourceRun> {
  const plugin = pluginOf(`SpoolDir${name}SourceConnector`);
  assert.deepEqual(unknownKeys([plugin.config], raw), []);
  const run = await SourceRun.start(plugin, raw, { offsets: new OffsetStore() });
  t.after(() => run.stop());
  return run;
}

async function until(run: SourceRun, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await isSo()); await run.poll()) {
    assert.ok(Date.now() < deadline, 'it never was so');
  }
}

const headersOf = (record: SourceRecord) =>
  Object.fromEntries(record.headers.map(({ key, value }) => [key, plainValue(value)]));

test('A CSV configuration with schemas: keys of fields, types, headers, and files moved when they are committed', async (t) => {
  const { input, finished, error, keys } = await folders(t);
  const path = join(input, 'users-1.csv');
  await writeFile(path, 'id;name;score\n7;Jo;1.5\n');
  await writeFile(join(input, 'other.txt'), 'not mine');
  await writeFile(join(input, 'users-1.csv.PROCESSING'), '');
  await utimes(path, 1_700_000_000, 1_700_000_000);
  const field = (type: string) => ({ type, isOptional: false });
  const run = await begin(t, 'Csv', {
    ...keys,
    'input.file.pattern': '^users-.*\\.csv(\\.PROCESSING)?$',
    'csv.first.row.as.header': 'true',
    'csv.separator.char': '59',
    'halt.on.error': 'false',
    'timestamp.mode': 'FILE_TIME',
    'key.schema': JSON.stringify({ name: 'Key', type: 'STRUCT', fieldSchemas: { id: field('INT64') } }),
    'value.schema': JSON.stringify({
      name: 'User',
      type: 'STRUCT',
      isOptional: false,
      fieldSchemas: { id: field('INT64'), name: { type: 'STRING', isOptional: true }, score: field('FLOAT64') },
    }),
  });
  const [record] = await run.take(1);
  assert.deepEqual(
    [record!.key, record!.value, record!.timestamp],
    [{ id: 7 }, { id: 7, name: 'Jo', score: 1.5 }, 1_700_000_000_000],
  );
  assert.deepEqual([record!.keySchema!.name, record!.valueSchema!.name], ['Key', 'User']);
  assert.equal(record!.valueSchema!.fields![0]!.schema.optional, false);
  const headers = headersOf(record!);
  assert.deepEqual(
    [headers['file.name'], headers['file.relative.path'], headers['file.length'], headers['file.offset']],
    ['users-1.csv', 'users-1.csv', 23, 1],
  );
  assert.deepEqual(await readdir(finished), []);
  await run.commit([record!]);
  await until(run, async () => (await readdir(finished)).includes('users-1.csv'));
  await writeFile(join(input, 'users-2.csv'), 'id;id\n1;2\n');
  await until(run, async () => (await readdir(error)).includes('users-2.csv'));
  assert.deepEqual((await readdir(input)).sort(), ['other.txt', 'users-1.csv.PROCESSING']);
});

test('Columns of value.schema where there is no header, learnt types where schemas are generated', async (t) => {
  const { input, keys } = await folders(t);
  await writeFile(join(input, 'a.csv'), 'remark\n1,x\n');
  const value = { type: 'STRUCT', name: 'V', fieldSchemas: { n: { type: 'INT32' }, s: { type: 'STRING' } } };
  const base = { ...keys, 'input.file.pattern': '.*', 'cleanup.policy': 'DELETE', 'metadata.location': 'NONE' };
  const run = await begin(t, 'Csv', { ...base, 'csv.skip.lines': '1', 'value.schema': JSON.stringify(value) });
  const [first] = await run.take(1);
  assert.deepEqual([first!.value, first!.headers], [{ n: 1, s: 'x' }, []]);
  await run.stop();
  const generated = await begin(t, 'Csv', {
    ...base,
    'csv.first.row.as.header': 'true',
    'csv.skip.lines': '0',
    'schema.generation.enabled': 'true',
    'schema.generation.key.fields': 'n',
    'input.file.pattern': 'b\\.csv',
  });
  await writeFile(join(input, 'b.csv'), 'n,s\n2,y\n');
  const [second] = await generated.take(1, 60_000);
  assert.deepEqual([second!.key, second!.value], [{ n: 2 }, { n: 2, s: 'y' }]);
  await generated.commit([second!]);
  await until(generated, async () => !(await readdir(input)).includes('b.csv'));
});

test('JSON, lines, logs and binary files', async (t) => {
  const cases: [string, string, string, unknown][] = [
    ['Json', '[{"id": 1}]', 'true', { id: 1 }],
    ['SchemaLessJson', '{"id":1}\n', '', '{"id":1}'],
    ['LineDelimited', 'a line', '', 'a line'],
    ['ELF', '#Fields: a b\n1 -\n', '', { a: '1', b: null }],
    ['BinaryFile', 'bytes', '', Buffer.from('bytes')],
  ];
  for (const [name, content, generates, expected] of cases) {
    const { input, keys } = await folders(t);
    await writeFile(join(input, 'f'), content);
    const schema = generates === '' ? {} : { 'schema.generation.enabled': generates };
    const run = await begin(t, name, { ...keys, 'input.file.pattern': 'f', ...schema });
    const [record] = await run.take(1);
    assert.deepEqual(plainValue(record!.value), expected, name);
  }
});

test('Keys that mean nothing here are refused by name, those that do not fit together with what to do', async () => {
  const plugin = pluginOf('SpoolDirCsvSourceConnector');
  const unknown = unknownKeys([plugin.config], { 'csv.strict.quotes': 'true', 'csv.keep.carriage.return': 'true' });
  assert.deepEqual(
    unknown.map(({ key }) => key),
    ['csv.strict.quotes', 'csv.keep.carriage.return'],
  );
  const connector = (await plugin.create())!;
  const refusal = async (raw: Record<string, string>) => {
    const all = { topic: 't', 'input.path': tmpdir(), 'input.file.pattern': 'x', ...raw };
    const { config, problems } = parseConfig(plugin.config, all);
    return [...problems, ...(problems.length > 0 ? [] : await connector.check!(config))][0]!.message;
  };
  assert.match(await refusal({}), /"cleanup.policy" MOVE, say where: set "finished.path"/);
  assert.match(await refusal({ 'cleanup.policy': 'NONE' }), /the columns need names: set "value.schema"/);
  assert.match(await refusal({ 'csv.null.field.indicator': 'BOTH' }), /must be one of NEITHER/);
  assert.match(await refusal({ 'csv.file.charset': 'EBCDIC' }), /convert the files to UTF-8/);
  assert.match(await refusal({ 'input.file.pattern': '(' }), /is no regular expression/);
  const dated = { type: 'STRUCT', fieldSchemas: { d: { type: 'INT32', name: 'org.apache.kafka.connect.data.Date' } } };
  assert.match(await refusal({ 'cleanup.policy': 'NONE', 'value.schema': JSON.stringify(dated) }), /make it a STRING/);
});
