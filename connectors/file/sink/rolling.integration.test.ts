/**
 * The rolling sink on a real disk: its formats, its folders, its rules, and a judge that finds every planted fault.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { examineSink, SinkLog, SinkRun, SourceRun } from '../../acceptance/index.ts';
import {
  type ConnectValue,
  JsonText,
  LogicalNames,
  parseConfig,
  Schemas,
  type SinkConnectorPlugin,
  type SourceConnectorPlugin,
  struct,
} from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';
import { verifyFolder } from './verify.ts';

const plugin = filePlugins.find((each) => each.class === 'FileSink') as SinkConnectorPlugin;
const part = { topic: 'orders', partition: 0 };

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-roll-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Finished files, from the folder, in the order of their paths. */
async function finished(directory: string): Promise<string[]> {
  const paths = await readdir(directory, { recursive: true });
  return paths.filter((path) => /(^|\/)[a-z]+\+\d+\+\d+-/.test(path) && !path.startsWith('_commits')).sort();
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(path) });
}

const strict = { allowsMissing: false };
const json = (value: unknown) => new JsonText(Buffer.from(JSON.stringify(value)));

/** A log with these values, and all of them written by one run that stopped. */
async function wrote(directory: string, config: Record<string, string>, values: readonly ConnectValue[]) {
  const log = new SinkLog();
  for (const value of values) log.append(part.topic, part.partition, json(value), null);
  const run = await SinkRun.start(plugin, { directory, ...config }, log, [part]);
  await run.put();
  await run.stop();
  return log;
}

for (const format of ['parquet', 'csv'] as const) {
  examineSink({
    plugin: { ...plugin, class: `FileSink ${format} in folders` },
    lacks: { bad: 'any object has a row' },
    exactlyOnce: true,
    keepsOrder: false,
    prepare: async (t) => {
      const directory = await folder(t);
      const config = { directory, format, 'partition.by': 'field:group', 'roll.records': '60' };
      return {
        config,
        record: (text) => ({ value: { text, group: text.length % 3 }, schema: null }),
        read: async () => {
          const rows: { text: string }[] = [];
          for (const path of await finished(directory)) {
            const file = join(directory, path);
            rows.push(
              ...((format === 'csv'
                ? parse(await readFile(file), { columns: true })
                : await rowsOf(file)) as typeof rows),
            );
          }
          // An explanation writes nothing, so there is nothing to judge either.
          const isEmpty = (await readdir(directory)).length === 0;
          if (!isEmpty) assert.deepEqual((await verifyFolder(directory, strict)).faults, []);
          return rows.map(({ text }) => text);
        },
        snapshot: () => readdir(directory),
      };
    },
  });
}

test('Folders come from fields and times, and nothing in a value leads out of the directory', async (t) => {
  const directory = await folder(t);
  const values = [
    { country: 'DE', at: '2026-03-01T23:30:00Z' },
    { country: '../../etc', at: 1_772_407_800_000 },
    { country: null, at: '2026-03-02T12:00:00Z' },
  ];
  await wrote(
    directory,
    {
      format: 'jsonl',
      'partition.by': "field:country,time:'year'=yyyy/MM-dd",
      'partition.timestamp': 'field:at',
      'partition.timezone': 'Europe/Zurich',
    },
    values,
  );
  const name = 'orders+0+0000000000-0000000002.jsonl';
  assert.deepEqual(await finished(directory), [
    `country=%2E%2E%2F%2E%2E%2Fetc/year=2026/03-02/${name}`.replaceAll('%2E', '.'),
    `country=DE/year=2026/03-02/${name}`,
    `country=__HIVE_DEFAULT_PARTITION__/year=2026/03-02/${name}`,
  ]);
  const { partitions, faults } = await verifyFolder(directory, strict);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    [partitions[0]!.from, partitions[0]!.to, partitions[0]!.files, partitions[0]!.records],
    [0, 2, 3, 3],
  );
});

test('A record without the field it is to be filed by is refused alone', async (t) => {
  const directory = await folder(t);
  const log = new SinkLog();
  for (const value of [json({ country: 'DE' }), 'no fields', json({ country: 'CH' })])
    log.append('orders', 0, value, null);
  const run = await SinkRun.start(plugin, { directory, format: 'csv', 'partition.by': 'field:country' }, log, [part]);
  await assert.rejects(run.put(), /The value is a string, but columns need a value with fields/);
  const records = log.records(part);
  await run.task.put(records.slice(0, 1));
  await run.task.put(records.slice(2));
  await run.stop();
  const { partitions, faults } = await verifyFolder(directory, strict);
  assert.deepEqual(faults, []);
  assert.deepEqual([partitions[0]!.records, partitions[0]!.skipped], [2, 1]);
});

test('CSV tells null from an empty text, quotes what must be, and can disarm formulas', async (t) => {
  const directory = await folder(t);
  const values = [
    { id: 1, text: 'a "b", c\nd', none: null, more: { x: [1] } },
    { id: 2, text: '', none: '=1+1', more: true },
  ];
  await wrote(directory, { format: 'csv', 'csv.escape.formulas': 'true' }, values);
  const [path] = await finished(directory);
  assert.equal(
    await readFile(join(directory, path!), 'utf8'),
    'id,text,none,more\n1,"a ""b"", c\nd",,"{""x"":[1]}"\n2,"","\'=1+1",true\n'.replace('"\'=1+1"', "'=1+1"),
  );
});

test('CSV records of other columns have a file of their own, in the same commit', async (t) => {
  const directory = await folder(t);
  const values = [{ a: 1 }, { a: 2, b: 2 }, { a: 3 }];
  await wrote(directory, { format: 'csv' }, values);
  const contents = await Promise.all(
    (await finished(directory)).map((path) => readFile(join(directory, path), 'utf8')),
  );
  assert.deepEqual(contents.sort(), ['a\n1\n3\n', 'a,b\n2,2\n']);
  const chosen = await folder(t);
  await wrote(chosen, { format: 'csv', 'csv.columns': 'b,a', 'csv.separator': '\\t', 'csv.null': 'NULL' }, values);
  const [path] = await finished(chosen);
  assert.equal(await readFile(join(chosen, path!), 'utf8'), 'b\ta\nNULL\t1\n2\t2\nNULL\t3\n');
});

test('Parquet columns are learnt from the values; what does not fit a row group any more goes to another file', async (t) => {
  const directory = await folder(t);
  const values = [
    { id: 1, price: 1, tags: ['a'], at: { lat: 1.5 } },
    { id: 2, price: 2.5, tags: [], at: null },
    { id: 3, price: null, tags: ['b', 'c'], at: { lat: 2 }, extra: 'new' },
    { id: 'four', price: 4, tags: null, at: { lat: 3 } },
  ];
  await wrote(directory, { format: 'parquet' }, values);
  const [path, ...others] = await finished(directory);
  assert.deepEqual(others, []);
  const rows = await rowsOf(join(directory, path!));
  assert.deepEqual(rows, [
    { id: '1', price: 1, tags: ['a'], at: { lat: 1.5 }, extra: null },
    { id: '2', price: 2.5, tags: [], at: undefined, extra: null },
    { id: '3', price: null, tags: ['b', 'c'], at: { lat: 2 }, extra: 'new' },
    { id: '"four"', price: 4, tags: undefined, at: { lat: 3 }, extra: null },
  ]);

  const small = await folder(t);
  const log = new SinkLog();
  for (let id = 0; id < 30; id++) log.append('orders', 0, json({ id, pad: 'x'.repeat(100) }), null);
  const config = { directory: small, format: 'parquet', 'parquet.row.group.bytes': '1024', compression: 'zstd' };
  const run = await SinkRun.start(plugin, config, log, [part]);
  await run.put();
  log.append('orders', 0, json({ id: 'other', pad: 1 }), null);
  await run.put();
  await run.stop();
  assert.deepEqual(
    (await finished(small)).map((each) => each.slice(each.indexOf('+0+'))),
    ['+0+0000000000-0000000030+2.parquet', '+0+0000000000-0000000030.parquet'],
  );
  assert.deepEqual((await verifyFolder(small, strict)).faults, []);
});

test('Parquet columns come from the schema of the records, logical types included, or from a JSON Schema', async (t) => {
  const directory = await folder(t);
  const schema = struct('Order', [
    { name: 'id', schema: Schemas.int64 },
    { name: 'price', schema: { type: 'bytes', name: LogicalNames.decimal, parameters: { scale: '2' } } },
    { name: 'at', schema: { type: 'int64', name: LogicalNames.timestamp, optional: true } },
    { name: 'day', schema: { type: 'int32', name: LogicalNames.date } },
    { name: 'lines', schema: { type: 'map', keySchema: Schemas.string, valueSchema: Schemas.int32, optional: true } },
  ]);
  const log = new SinkLog();
  const at = new Date('2026-03-01T12:00:00Z');
  const value = { id: 2n ** 60n, price: '-12.5', at, day: new Date('2026-03-01'), lines: { a: 1 } };
  log.append('orders', 0, value, schema);
  log.append('orders', 0, { ...value, id: 1, at: null, lines: null }, schema);
  const run = await SinkRun.start(plugin, { directory, format: 'parquet' }, log, [part]);
  await run.put();
  log.append('orders', 0, { ...value, id: 'x' }, schema);
  await assert.rejects(run.put(), /The value has "x" in the field id, where the schema says int64/);
  await run.stop();
  const [path] = await finished(directory);
  const [first, second] = await rowsOf(join(directory, path!));
  assert.deepEqual(first, { id: 2n ** 60n, price: -12.5, at, day: new Date('2026-03-01'), lines: { a: 1 } });
  assert.deepEqual([second!.id, second!.at, second!.lines], [1n, null, undefined]);

  const given = await folder(t);
  const jsonSchema = JSON.stringify({
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'integer' }, name: { type: ['string', 'null'] } },
  });
  await wrote(given, { format: 'parquet', 'schema.json': jsonSchema }, [
    { id: 1, other: true },
    { id: 2, name: 'b' },
  ]);
  const [file] = await finished(given);
  assert.deepEqual(await rowsOf(join(given, file!)), [
    { id: 1n, name: null },
    { id: 2n, name: 'b' },
  ]);
});

test('Raw values stand one behind the other; gzip and zstd unpack to what was written', async (t) => {
  const directory = await folder(t);
  const log = new SinkLog();
  for (const value of [Buffer.from([0, 255]), 'text', null]) log.append('orders', 0, value, null);
  const run = await SinkRun.start(plugin, { directory, format: 'raw' }, log, [part]);
  await run.put();
  await run.stop();
  const [path] = await finished(directory);
  assert.deepEqual(await readFile(join(directory, path!)), Buffer.from([0, 255, ...Buffer.from('text')]));
  for (const [compression, unpack, suffix] of [
    ['gzip', gunzipSync, '.gz'],
    ['zstd', zstdDecompressSync, '.zst'],
  ] as const) {
    const packed = await folder(t);
    await wrote(packed, { format: 'jsonl', compression }, [{ a: 1 }, { a: 2 }]);
    const [name] = await finished(packed);
    assert.ok(name!.endsWith(`.jsonl${suffix}`));
    assert.equal(unpack(await readFile(join(packed, name!))).toString(), '{"a":1}\n{"a":2}\n');
    assert.deepEqual((await verifyFolder(packed, strict)).faults, []);
  }
});

test('A packed file of several frames is read again by the source, all of it', async (t) => {
  const directory = await folder(t);
  const values = Array.from({ length: 9_000 }, (_, id) => ({ id, pad: `${id * 7_919}`.repeat(9) }));
  await wrote(directory, { format: 'jsonl', compression: 'zstd' }, values);
  assert.deepEqual((await verifyFolder(directory, strict)).faults, []);
  const source = filePlugins.find((each) => each.class === 'FileSource') as SourceConnectorPlugin;
  const config = { file: directory, 'file.pattern': '*.zst', topic: 't', format: 'jsonl' };
  const run = await SourceRun.start(source, config);
  t.after(() => run.stop());
  assert.equal((await run.take(9_000, 60_000)).length, 9_000);
});

test('A file is finished when nothing more has come for roll.idle.ms', async (t) => {
  const directory = await folder(t);
  const log = new SinkLog();
  log.append('orders', 0, 'one', null);
  const run = await SinkRun.start(plugin, { directory, 'roll.idle.ms': '20' }, log, [part]);
  await run.put();
  for (const deadline = Date.now() + 60_000; (await finished(directory)).length === 0; ) {
    assert.ok(Date.now() < deadline, 'the file was never finished');
    await new Promise((resolve) => setTimeout(resolve, 10));
    await run.put();
  }
  await run.stop();
});

test('More folders than may be open at once are written all the same, in several commits', async (t) => {
  const directory = await folder(t);
  const values = Array.from({ length: 60 }, (_, id) => ({ id: id % 20, serial: id }));
  await wrote(directory, { format: 'jsonl', 'partition.by': 'field:id', 'max.open.files': '6' }, values);
  const { partitions, faults } = await verifyFolder(directory, strict);
  assert.deepEqual(faults, []);
  assert.deepEqual([partitions[0]!.to, partitions[0]!.records], [59, 60]);
  assert.ok(partitions[0]!.commits >= 10);
});

test('Killed while files were being named: all of them are taken back and written again', async (t) => {
  const directory = await folder(t);
  const config = { directory, format: 'jsonl', 'partition.by': 'field:id', 'roll.records': '2' };
  const log = new SinkLog();
  for (let id = 0; id < 4; id++) log.append('orders', 0, json({ id: id % 2 }), null);
  const first = await SinkRun.start(plugin, config, log, [part]);
  await first.put();
  await first.kill();
  // As if it had been killed one step earlier.
  const commits = join(directory, '_commits');
  const [commit] = (await readdir(commits)).filter((name) => name.endsWith('.json'));
  await rename(join(commits, commit!), join(commits, `.${commit}.tmp`));
  const before = await verifyFolder(directory, strict);
  assert.deepEqual(before.faults, []);
  assert.equal(before.notices.filter((notice) => /not committed yet/.test(notice)).length, 2);
  const second = await SinkRun.start(plugin, config, log, [part]);
  assert.equal(second.position(part), 0);
  assert.deepEqual(await finished(directory), []);
  await second.put();
  await second.stop();
  const { faults, partitions } = await verifyFolder(directory, strict);
  assert.deepEqual([faults, partitions[0]!.records], [[], 4]);
});

test('A task that was replaced but is still alive cannot commit beside its successor', async (t) => {
  const directory = await folder(t);
  const log = new SinkLog();
  for (let id = 0; id < 6; id++) log.append('orders', 0, json({ id }), null);
  const config = { directory, format: 'jsonl', 'roll.records': '100' };
  const zombie = await SinkRun.start(plugin, config, log, [part]);
  await zombie.put(4);
  const owner = await SinkRun.start(plugin, config, log, [part]);
  await assert.rejects(zombie.stop(), /was taken over by another task/);
  await owner.put();
  await owner.stop();
  const { faults, partitions } = await verifyFolder(directory, strict);
  assert.deepEqual([faults, partitions[0]!.records], [[], 6]);
});

test('The judge finds a gap, an overlap, a file that is missing, changed, cut, or in no commit, and a commit that lies', async (t) => {
  const names = (range: string) => `orders+0+${range}`;
  const third = '0000000004-0000000005';
  const cases: [RegExp, (directory: string) => Promise<unknown>][] = [
    [
      /The offsets 4 to 5 of orders\+0 are in no commit/,
      (dir) => unlink(join(dir, '_commits', `${names(third)}.json`)),
    ],
    [
      /The offsets 4 to 5 of orders\+0 are in two commits/,
      async (dir) => {
        const text = await readFile(join(dir, '_commits', `${names(third)}.json`), 'utf8');
        const doubled = text.replace('"from":4', '"from":2').replace('"records":2', '"records":4');
        await writeFile(join(dir, '_commits', `${names('0000000002-0000000005')}.json`), doubled);
      },
    ],
    [/The file orders.* is missing/, (dir) => unlink(join(dir, `${names(third)}.jsonl`))],
    [
      /is not what was written/,
      async (dir) => {
        const path = join(dir, `${names(third)}.jsonl`);
        await writeFile(path, (await readFile(path, 'utf8')).replace('4', '9'));
      },
    ],
    [/has 3 bytes, its commit says/, (dir) => writeFile(join(dir, `${names(third)}.jsonl`), '{}\n')],
    [
      /is in no commit/,
      (dir) => copyFile(join(dir, `${names(third)}.jsonl`), join(dir, `${names('0000000008-0000000009')}.jsonl`)),
    ],
    [
      /has 9 records, but its offsets make 2/,
      async (dir) => {
        const path = join(dir, '_commits', `${names(third)}.json`);
        await writeFile(path, (await readFile(path, 'utf8')).replace('"records":2', '"records":9'));
      },
    ],
    [/is no JSON/, (dir) => writeFile(join(dir, '_commits', `${names(third)}.json`), '{')],
    [
      /is about other offsets than its name/,
      (dir) =>
        rename(
          join(dir, '_commits', `${names(third)}.json`),
          join(dir, '_commits', `${names('0000000004-0000000006')}.json`),
        ),
    ],
  ];
  for (const [expected, plant] of cases) {
    const directory = await folder(t);
    const values = Array.from({ length: 8 }, (_, id) => ({ id }));
    await wrote(directory, { format: 'jsonl', 'roll.records': '2' }, values);
    assert.deepEqual((await verifyFolder(directory, strict)).faults, []);
    await plant(directory);
    const { faults } = await verifyFolder(directory, strict);
    assert.ok(
      faults.some((fault) => expected.test(fault)),
      `${expected}: ${faults.join(' ')}`,
    );
  }
});

test('Files that were taken away are no fault where that is allowed', async (t) => {
  const directory = await folder(t);
  await wrote(directory, { format: 'jsonl' }, [{ id: 1 }]);
  const [path] = await finished(directory);
  await unlink(join(directory, path!));
  const { faults, notices } = await verifyFolder(directory, { allowsMissing: true });
  assert.deepEqual([faults, notices], [[], [`The file ${path} was taken away.`]]);
});

test('What does not fit together is refused with the key, before anything is written', async () => {
  const connector = (await plugin.create())!;
  const problems = async (raw: Record<string, string>) => {
    const { config, problems } = parseConfig(plugin.config, raw);
    return [...problems, ...(problems.length > 0 ? [] : await connector.check!(config))].map(({ message }) => message);
  };
  const dir = tmpdir();
  assert.match(
    (await problems({ file: join(dir, 'a'), format: 'parquet' }))[0]!,
    /"format" parquet needs finished files/,
  );
  assert.match((await problems({ directory: dir, compression: 'snappy' }))[0]!, /snappy is for "format" parquet/);
  assert.match(
    (await problems({ directory: dir, 'partition.by': 'year' }))[0]!,
    /"year" is neither field:NAME nor time/,
  );
  assert.match((await problems({ directory: dir, 'partition.by': 'time:YY' }))[0]!, /has YY; known are yyyy, MM/);
  assert.match((await problems({ directory: dir, 'partition.by': 'time:../yyyy' }))[0]!, /makes no folder names/);
  assert.match((await problems({ directory: dir, 'partition.timezone': 'Mars' }))[0]!, /must be a time zone/);
  assert.match((await problems({ directory: dir, format: 'parquet', 'schema.json': '{}' }))[0]!, /needs one type/);
});
