/**
 * The file sink on a real disk: the examination in both modes, and crashes at each place where one hurts.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examineSink, SinkLog, SinkRun } from '../../acceptance/index.ts';
import { JsonText, parseConfig, Schemas, type SinkConnectorPlugin } from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';
import { notePath } from './append-target.ts';

const plugin = filePlugins[1] as SinkConnectorPlugin;
const part = { topic: 'orders', partition: 0 };

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-sink-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const linesOf = async (file: string) => (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);

/** The lines of all finished files, in the order of their names. */
async function rolledLines(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => /^[^._]/.test(name)).sort();
  return (await Promise.all(names.map((name) => linesOf(join(directory, name))))).flat();
}

examineSink({
  plugin: { ...plugin, class: 'FileSink appending' },
  lacks: { bad: 'any value has a line' },
  exactlyOnce: true,
  prepare: async (t) => {
    const dir = await folder(t);
    const file = join(dir, 'out.txt');
    return {
      config: { file },
      record: (text) => ({ value: text, schema: Schemas.string }),
      read: () => linesOf(file),
      snapshot: () => readdir(dir),
    };
  },
});

examineSink({
  plugin: { ...plugin, class: 'FileSink rolling' },
  lacks: { bad: 'any value has a line' },
  exactlyOnce: true,
  prepare: async (t) => {
    const directory = await folder(t);
    return {
      config: { directory, format: 'jsonl', 'roll.records': '3' },
      record: (text) => ({ value: { text }, schema: null }),
      read: async () =>
        (await rolledLines(directory)).map((line) => (JSON.parse(line) as { text: string } | null)?.text ?? line),
      snapshot: () => readdir(directory),
    };
  },
});

function filled(count: number): SinkLog {
  const log = new SinkLog();
  for (let i = 0; i < count; i++) log.append(part.topic, part.partition, `v${i}`, Schemas.string);
  return log;
}
const expected = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`);

test('Text is written as it is, bytes too, anything else as JSON on one line', async (t) => {
  const file = join(await folder(t), 'out.txt');
  const log = new SinkLog();
  const put = (value: Parameters<SinkLog['append']>[2]) => log.append(part.topic, part.partition, value, null);
  put('grün');
  put(Buffer.from('raw'));
  put({ id: 1n, at: new Date(0), bytes: new Uint8Array([1, 2]), map: new Map([['a', 2n ** 60n]]) });
  put(new JsonText(Buffer.from('{\n  "a": 1\n}')));
  put(new JsonText(Buffer.from('{ "kept": "as is" }')));
  put(new JsonText(Buffer.from('"a line\\twith a tab"')));
  put(null);
  const run = await SinkRun.start(plugin, { file }, log, [part]);
  await run.put();
  await run.stop();
  assert.deepEqual(await linesOf(file), [
    'grün',
    'raw',
    '{"id":1,"at":"1970-01-01T00:00:00.000Z","bytes":"AQI=","map":{"a":1152921504606846976}}',
    '{"a":1}',
    '{ "kept": "as is" }',
    'a line\twith a tab',
    'null',
  ]);
});

test('A line written but not committed when we were killed is cut off and written once more', async (t) => {
  const file = join(await folder(t), 'out.txt');
  const log = filled(10);
  const first = await SinkRun.start(plugin, { file }, log, [part]);
  await first.put(4);
  await first.flush();
  await first.put(3);
  await first.kill();
  assert.equal((await linesOf(file)).length, 7);
  // Half a line, as a torn write leaves it.
  await writeFile(file, `${await readFile(file, 'utf8')}v`);
  const second = await SinkRun.start(plugin, { file }, log, [part]);
  assert.equal(second.position(part), 4);
  await second.put();
  await second.stop();
  assert.deepEqual(await linesOf(file), expected(10));
});

test('The note wins over the group: killed between the note and the commit, nothing is doubled', async (t) => {
  const file = join(await folder(t), 'out.txt');
  const log = filled(6);
  const first = await SinkRun.start(plugin, { file }, log, [part]);
  await first.put();
  await first.flush();
  await first.kill();
  log.commit({ ...part, offset: 2 });
  const second = await SinkRun.start(plugin, { file }, log, [part]);
  await second.put();
  await second.stop();
  assert.deepEqual(await linesOf(file), expected(6));
});

test('A file somebody else shortened is gone on with, and said so', async (t) => {
  const file = join(await folder(t), 'out.txt');
  const log = filled(4);
  const first = await SinkRun.start(plugin, { file }, log, [part]);
  await first.put(2);
  await first.stop();
  await unlink(file);
  const second = await SinkRun.start(plugin, { file }, log, [part]);
  await second.put();
  await second.stop();
  assert.deepEqual(await linesOf(file), ['v2', 'v3']);
  assert.ok(second.logLines.some((line) => line.level === 'warn' && /shorter than we left it/.test(line.message)));
});

test('A note that cannot be read stops the task with the next step, instead of guessing', async (t) => {
  const file = join(await folder(t), 'out.txt');
  await writeFile(notePath(file), '{"by');
  await assert.rejects(SinkRun.start(plugin, { file }, filled(1), [part]), /does not say how far .* Move it away/);
});

test('A value that is no JSON fails alone: the batch leaves no trace, its parts can be put again', async (t) => {
  const file = join(await folder(t), 'out.txt');
  const log = filled(2);
  log.append(part.topic, part.partition, new JsonText(Buffer.from('{\n')), null);
  log.append(part.topic, part.partition, 'last', null);
  const run = await SinkRun.start(plugin, { file }, log, [part]);
  await assert.rejects(run.put(), /The value is no JSON/);
  const records = log.records(part);
  await run.task.put(records.slice(0, 2));
  await run.task.put(records.slice(3));
  await run.stop();
  assert.deepEqual(await linesOf(file), ['v0', 'v1', 'last']);
});

test('Finished files carry their offsets in the name, and a commit with count and hash', async (t) => {
  const directory = await folder(t);
  const run = await SinkRun.start(plugin, { directory, 'roll.records': '4' }, filled(10), [part]);
  await run.put();
  await run.flush();
  assert.deepEqual((await readdir(directory)).sort(), [
    '.orders+0+0000000008.tmp',
    '_commits',
    'orders+0+0000000000-0000000003.txt',
    'orders+0+0000000004-0000000007.txt',
  ]);
  const commit = JSON.parse(await readFile(join(directory, '_commits', 'orders+0+0000000004-0000000007.json'), 'utf8'));
  const [file] = commit.files;
  assert.deepEqual([commit.from, commit.to, commit.records, commit.skipped], [4, 7, 4, []]);
  assert.deepEqual([file.path, file.records, file.bytes], ['orders+0+0000000004-0000000007.txt', 4, 12]);
  assert.match(file.sha256, /^[0-9a-f]{64}$/);
  await run.kill();
});

test('Killed after the rename and before the commit: the file without a commit is removed and written again', async (t) => {
  const directory = await folder(t);
  const log = filled(6);
  const first = await SinkRun.start(plugin, { directory, 'roll.records': '3' }, log, [part]);
  await first.put();
  await first.kill();
  await unlink(join(directory, '_commits', 'orders+0+0000000003-0000000005.json'));
  const second = await SinkRun.start(plugin, { directory, 'roll.records': '100' }, log, [part]);
  assert.equal(second.position(part), 3);
  assert.deepEqual(await rolledLines(directory), expected(3));
  await second.put();
  await second.stop();
  assert.deepEqual(await rolledLines(directory), expected(6));
});

test('Killed while a file was being written: it is removed and written again', async (t) => {
  const directory = await folder(t);
  const log = filled(5);
  const first = await SinkRun.start(plugin, { directory }, log, [part]);
  await first.put();
  await first.kill();
  const second = await SinkRun.start(plugin, { directory }, log, [part]);
  assert.equal(second.position(part), 0);
  assert.deepEqual(await readdir(directory), ['_commits']);
  await second.put();
  await second.stop();
  assert.deepEqual(await rolledLines(directory), expected(5));
});

test('Finished files may be taken away: the commits remember', async (t) => {
  const directory = await folder(t);
  const log = filled(4);
  const first = await SinkRun.start(plugin, { directory, 'roll.records': '2' }, log, [part]);
  await first.put();
  await first.stop();
  for (const name of await readdir(directory)) if (name.endsWith('.txt')) await unlink(join(directory, name));
  const second = await SinkRun.start(plugin, { directory }, log, [part]);
  assert.equal(second.position(part), 4);
  await second.stop();
});

test('A file is finished by time even when nothing more comes', async (t) => {
  const directory = await folder(t);
  const run = await SinkRun.start(plugin, { directory, 'roll.interval.ms': '30' }, filled(2), [part]);
  await run.put();
  assert.deepEqual(await rolledLines(directory), []);
  await sleep(40);
  await run.put();
  assert.deepEqual(await rolledLines(directory), expected(2));
  await run.stop();
});

test('One of file and directory must be set, and check names a folder that is not there', async (t) => {
  const connector = (await plugin.create())!;
  const problems = async (raw: Record<string, string>) =>
    (await connector.check!(parseConfig(plugin.config, raw).config)).map((problem) => problem.message);
  assert.match((await problems({}))[0]!, /Set one of "file" .* and "directory"/);
  const dir = await folder(t);
  assert.deepEqual(await problems({ file: join(dir, 'a.txt') }), []);
  assert.match((await problems({ file: join(dir, 'missing', 'a.txt') }))[0]!, /cannot be written: ENOENT/);
});
