/**
 * Files that end: read once when they have stopped changing, put away when what was read is committed, shared by tasks.
 * And what names a file. On a real disk.
 */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { OffsetStore, SourceRun } from '../../acceptance/index.ts';
import { recordingLogger } from '../../acceptance/logger.ts';
import { parseConfig, plainValue, type SourceConnectorPlugin, type SourceRecord } from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';
import { fileSourceSettings } from '../source-config.ts';
import { identityKey } from './identity.ts';
import { moveAway } from './put-away.ts';
import { FileSelection, shareOf } from './selection.ts';

const plugin = filePlugins.find((each) => each.class === 'FileSource') as SourceConnectorPlugin;

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-once-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const once = { topic: 't', 'read.mode': 'once', 'scan.interval.ms': '20', 'stable.ms': '0' };
const values = (records: readonly SourceRecord[]) => records.map((record) => String(plainValue(record.value)));

async function begin(t: TestContext, config: Record<string, string>, offsets = new OffsetStore()): Promise<SourceRun> {
  const run = await SourceRun.start(plugin, { ...once, ...config }, { offsets });
  t.after(() => run.stop());
  return run;
}

/** Polls until it is so. */
async function until(run: SourceRun, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await isSo()); ) {
    assert.ok(Date.now() < deadline, 'it never was so');
    assert.deepEqual(await run.poll(), []);
  }
}

test('A file that is read once gives its last line too, and nothing twice', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.txt'), 'one\ntwo\nthree');
  await writeFile(join(dir, 'b.csv'), 'x');
  const offsets = new OffsetStore();
  const run = await begin(t, { file: dir, 'file.pattern': '*.txt' }, offsets);
  const records = await run.take(3);
  assert.deepEqual(values(records), ['one', 'two', 'three']);
  await run.commit(records);
  assert.deepEqual(await run.takeFor(100), []);
  const again = await begin(t, { file: dir, 'file.pattern': '*.txt' }, offsets);
  assert.deepEqual(await again.takeFor(100), []);
  await writeFile(join(dir, 'c.txt'), 'four');
  assert.deepEqual(values(await again.take(1)), ['four']);
});

test('A last CSV record without a line end is read, an open quote at the end costs its line', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id,x\n1,"a"');
  await writeFile(join(dir, 'b.csv'), 'id,x\n2,"open');
  await writeFile(join(dir, 'c.csv'), 'id,x');
  const run = await begin(t, { file: dir, format: 'csv', 'csv.unclosed.quote.ms': '20' });
  const [record] = await run.take(1);
  assert.deepEqual(record!.value, { id: '1', x: 'a' });
  await until(run, async () => run.badInput.length === 1);
  assert.match(run.badInput[0]!.error.message, /b\.csv" hold a quoted field that is never closed/);
});

test('A file that still changes is left alone until it has been the same for stable.ms', async (t) => {
  const file = join(await folder(t), 'a.txt');
  await writeFile(file, 'half');
  const raw = { ...once, file, 'stable.ms': '400' };
  const selection = new FileSelection(fileSourceSettings(parseConfig(plugin.config, raw).config));
  const ready = async (now: number) => (await selection.look(now)).ready.length;
  assert.equal(await ready(1_000), 0);
  await appendFile(file, ' more');
  assert.equal(await ready(1_400), 0, 'it has grown');
  await utimes(file, 5, 5);
  assert.equal(await ready(1_799), 0, 'it was touched');
  assert.equal(await ready(2_198), 0);
  assert.equal(await ready(2_199), 1);
});

test('An archive among files that grow is waited for until it is whole', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'app.log'), 'one\n');
  await writeFile(join(dir, 'app.log.1.gz'), 'half');
  const raw = { topic: 't', file: dir, 'stable.ms': '400' };
  const selection = new FileSelection(fileSourceSettings(parseConfig(plugin.config, raw).config));
  const ready = async (now: number) => (await selection.look(now)).ready.map(({ path }) => path.slice(dir.length + 1));
  assert.deepEqual(await ready(1_000), ['app.log']);
  await appendFile(join(dir, 'app.log.1.gz'), ' more');
  assert.deepEqual(await ready(1_400), ['app.log']);
  assert.deepEqual(await ready(1_800), ['app.log', 'app.log.1.gz']);
});

test('A marker beside a file says that it is complete', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.txt'), 'one');
  const run = await begin(t, { file: dir, 'done.marker': '.done', 'after.read': 'delete' });
  assert.deepEqual(await run.takeFor(80), []);
  await writeFile(join(dir, 'a.txt.done'), '');
  const records = await run.take(1);
  assert.deepEqual(values(records), ['one']);
  await run.commit(records);
  await until(run, async () => (await readdir(dir)).length === 0);
});

test('A file is moved only when the offset behind its last record is committed, and also after a restart', async (t) => {
  const dir = await folder(t);
  const moved = join(dir, 'done');
  await mkdir(join(dir, 'sub'));
  await writeFile(join(dir, 'sub', 'a.txt'), 'one\ntwo\n');
  await writeFile(join(dir, 'empty.txt'), '');
  const offsets = new OffsetStore();
  const config = { file: dir, 'file.pattern': '**/*', 'after.read': 'move', 'move.to': moved };
  const first = await SourceRun.start(plugin, { ...once, ...config }, { offsets });
  const records = await first.take(2);
  await first.commit(records.slice(0, 1));
  await first.takeFor(100);
  assert.deepEqual(await readdir(join(dir, 'sub')), ['a.txt']);
  // Committed, and ended before anything could be moved.
  offsets.set(records[1]!.sourcePartition, records[1]!.sourceOffset);
  await first.stop();
  const second = await begin(t, config, offsets);
  await until(second, async () => (await readdir(join(dir, 'sub'))).length === 0);
  assert.equal(await readFile(join(moved, 'sub', 'a.txt'), 'utf8'), 'one\ntwo\n');
  await until(second, async () => (await readdir(moved)).includes('empty.txt'));
  await writeFile(join(dir, 'sub', 'a.txt'), 'three\n');
  const third = await second.take(1);
  assert.deepEqual(values(third), ['three']);
  await second.commit(third);
  await until(second, async () => (await readdir(join(moved, 'sub'))).includes('a.2.txt'));
  assert.deepEqual(await second.takeFor(100), []);
});

test('A file that was moved before a crash, and one whose copy is there already, are no trouble', async (t) => {
  const dir = await folder(t);
  const path = join(dir, 'a.txt');
  await writeFile(path, 'same');
  await mkdir(join(dir, 'done'));
  await writeFile(join(dir, 'done', 'a.txt'), 'same');
  await moveAway(path, dir, join(dir, 'done'));
  assert.deepEqual([await readdir(dir), await readdir(join(dir, 'done'))], [['done'], ['a.txt']]);
  await moveAway(path, dir, join(dir, 'done'));
});

test('A file that cannot be read goes to its own folder where one is named', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id,id\n1,2\n');
  const run = await begin(t, { file: dir, format: 'csv', 'move.bad.to': join(dir, 'bad') });
  await until(run, async () => (await readdir(join(dir, 'bad')).catch(() => [])).length === 1);
  assert.deepEqual([run.badInput.length, await readdir(dir)], [1, ['bad']]);
});

test('A file that turns out to be damaged is put away only when what it gave before is committed', async (t) => {
  const dir = await folder(t);
  const bad = join(dir, 'bad');
  const whole = gzipSync(Array.from({ length: 50_000 }, (_, index) => `line ${index}\n`).join(''));
  await writeFile(join(dir, 'a.gz'), whole.subarray(0, whole.length - 20));
  const run = await begin(t, { file: dir, 'move.bad.to': bad, 'batch.size': '100000' });
  const records = [...(await run.take(1))];
  for (const deadline = Date.now() + 60_000; run.badInput.length === 0; ) {
    assert.ok(Date.now() < deadline, 'the damage was never reported');
    records.push(...(await run.poll()));
  }
  assert.deepEqual(await run.takeFor(100), []);
  assert.deepEqual(await readdir(dir), ['a.gz']);
  await run.commit(records);
  await until(run, async () => (await readdir(bad).catch((): string[] => [])).includes('a.gz'));
});

test('Empty and blank files of every format are done with, one without a whole header is no such file', async (t) => {
  const dir = await folder(t);
  for (const format of ['csv', 'json', 'jsonl', 'lines', 'elf', 'whole']) {
    await writeFile(join(dir, 'empty'), '');
    await writeFile(join(dir, 'blank'), format === 'json' || format === 'csv' ? '\n' : '');
    const run = await SourceRun.start(plugin, { ...once, file: dir, format, 'after.read': 'delete' });
    await until(run, async () => (await readdir(dir)).length === 0);
    assert.deepEqual(run.badInput, [], format);
    await run.stop();
  }
  await writeFile(join(dir, 'open'), '"id,x');
  const run = await begin(t, { file: dir, format: 'csv', 'after.read': 'delete' });
  await until(run, async () => run.badInput.length === 1);
  assert.deepEqual(await readdir(dir), ['open']);
});

test('A preview shows records and leaves every file where it is', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id\n1\n');
  await writeFile(join(dir, 'bad.csv'), 'id,id\n');
  await writeFile(join(dir, 'empty.csv'), '');
  const raw = {
    ...once,
    file: dir,
    format: 'csv',
    'after.read': 'delete',
    'move.bad.to': join(dir, 'bad'),
    'stable.ms': '60000',
  };
  const { logger } = recordingLogger();
  const connector = await plugin.create();
  const request = { logger, signal: new AbortController().signal };
  const records = await connector.sample!(parseConfig(plugin.config, raw).config, 5, request);
  assert.deepEqual(
    records.map(({ value }) => value),
    [{ id: '1' }],
  );
  assert.deepEqual((await readdir(dir)).sort(), ['a.csv', 'bad.csv', 'empty.csv']);
});

test('A JSON value that does not end is reported when its file is complete', async (t) => {
  const file = join(await folder(t), 'a.json');
  await writeFile(file, '[1, {"a": [2, 3');
  const run = await begin(t, { file, format: 'json', 'csv.unclosed.quote.ms': '0' });
  assert.deepEqual(values(await run.take(1)), ['1']);
  await until(run, async () => run.badInput.length === 1);
  assert.match(run.badInput[0]!.error.message, /are a value that does not end/);
});

test('Files come oldest first where that is asked for', async (t) => {
  const dir = await folder(t);
  for (const [index, name] of ['b', 'a', 'c'].entries()) {
    await writeFile(join(dir, name), name);
    await utimes(join(dir, name), 1_000 + index, 1_000 + index);
  }
  const run = await begin(t, { file: dir, 'file.order': 'mtime' });
  assert.deepEqual(values(await run.take(3)), ['b', 'a', 'c']);
});

test('Several tasks share the files of a folder: each file is read by one, also when it is renamed', async (t) => {
  const dir = await folder(t);
  const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
  for (const name of names) await writeFile(join(dir, name), `${name}\n`);
  const offsets = new OffsetStore();
  const config = { topic: 't', 'scan.interval.ms': '20', file: dir };
  const runs: SourceRun[] = [];
  for (const task of [0, 1, 2]) {
    const run = await SourceRun.start(plugin, config, { offsets, task, maxTasks: 3 });
    t.after(() => run.stop());
    runs.push(run);
  }
  /** What all of them read until there is so much, and a while longer. */
  const collect = async (count: number): Promise<string[]> => {
    const seen: string[] = [];
    for (const deadline = Date.now() + 60_000; seen.length < count; ) {
      assert.ok(Date.now() < deadline, `only ${seen.join(' ')} came`);
      for (const records of await Promise.all(runs.map((run) => run.poll()))) {
        await runs[0]!.commit(records);
        seen.push(...values(records));
      }
    }
    const more = await Promise.all(runs.map((run) => run.takeFor(60)));
    return [...seen, ...more.flatMap(values)];
  };
  assert.deepEqual((await collect(12)).sort(), names.toSorted());
  await rename(join(dir, 'f0'), join(dir, 'g0'));
  await appendFile(join(dir, 'g0'), 'more\n');
  assert.deepEqual(await collect(1), ['more']);
  await assert.rejects(
    SourceRun.start(plugin, { ...config, file: join(dir, 'f1') }, { task: 1, maxTasks: 3 }),
    /1 tasks, not 2/,
  );
});

test('Shares are even and the same everywhere', () => {
  const counts = [0, 0, 0, 0];
  for (let inode = 0; inode < 4000; inode++) counts[shareOf(`${inode}-1700000000000000000`, 4)]!++;
  assert.ok(
    counts.every((count) => count > 800 && count < 1200),
    counts.join(' '),
  );
  assert.equal(shareOf('12-34', 1000), 434);
});

test('An inode that is used again names another file by its birth time; without one, the content tells', async (t) => {
  const dir = await folder(t);
  assert.notEqual(identityKey({ ino: 7n, birthtimeNs: 1n }), identityKey({ ino: 7n, birthtimeNs: 2n }));
  // File systems without birth times (NFS, SMB, older ext) have the inode alone.
  assert.equal(identityKey({ ino: 7n, birthtimeNs: 0n }), '7');
  const tail = { topic: 't', 'scan.interval.ms': '20' };
  const offsets = new OffsetStore();
  await writeFile(join(dir, 'old.log'), 'old 1\nold 2\n');
  const first = await SourceRun.start(plugin, { ...tail, file: join(dir, 'old.log') }, { offsets });
  await first.commit(await first.take(2));
  await first.stop();
  const [[, offset]] = offsets.entries() as [[unknown, Record<string, unknown>]];
  await writeFile(join(dir, 'new.log'), 'new 1\nnew 2\nnew 3\n');
  // As if the new file had been given the old one's inode, on a file system that keeps no birth time.
  offsets.set({ file: identityKey(await stat(join(dir, 'new.log'), { bigint: true })) }, offset);
  const second = await SourceRun.start(plugin, { ...tail, file: join(dir, 'new.log') }, { offsets });
  t.after(() => second.stop());
  assert.deepEqual(values(await second.take(3)), ['new 1', 'new 2', 'new 3']);
});

test('An empty file has no identity yet; the same one is known again when it has grown beyond its fingerprint', async (t) => {
  const file = join(await folder(t), 'a.log');
  await writeFile(file, '');
  const offsets = new OffsetStore();
  const tail = { topic: 't', 'scan.interval.ms': '20', file };
  const first = await SourceRun.start(plugin, tail, { offsets });
  assert.deepEqual(await first.takeFor(40), []);
  for (const size of [10, 500, 3000]) {
    await appendFile(file, `${'x'.repeat(size)}\n`);
    await first.commit(await first.take(1, 60_000));
  }
  await first.stop();
  await appendFile(file, 'last\n');
  const second = await SourceRun.start(plugin, tail, { offsets });
  t.after(() => second.stop());
  assert.deepEqual(values(await second.take(1)), ['last']);
  const [[, offset]] = offsets.entries() as [[unknown, { file: { head: { length: number } } }]];
  assert.equal(offset.file.head.length, 1024);
});

test('A file rewritten in place at the same length is noticed when it grows again', async (t) => {
  const file = join(await folder(t), 'a.log');
  await writeFile(file, 'one\ntwo\n');
  const run = await SourceRun.start(plugin, { topic: 't', 'scan.interval.ms': '20', file });
  t.after(() => run.stop());
  await run.commit(await run.take(2));
  await run.takeFor(40);
  await writeFile(file, 'uno\ndue\ntre\n');
  assert.deepEqual(values(await run.take(3, 60_000)), ['uno', 'due', 'tre']);
});
