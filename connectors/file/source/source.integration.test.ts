/**
 * The file source on a real disk: the examination, and every way a file can be rotated, truncated or replaced.
 */
import assert from 'node:assert/strict';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examineSource, OffsetStore, SourceRun } from '../../acceptance/index.ts';
import {
  type JsonText,
  parseConfig,
  plainValue,
  type SourceConnectorPlugin,
  type SourceRecord,
} from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';

const plugin = filePlugins[0] as SourceConnectorPlugin;

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-file-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const quick = { topic: 'lines', 'scan.interval.ms': '20', 'rotate.wait.ms': '50' };
const texts = (records: readonly SourceRecord[]) => records.map((record) => String(plainValue(record.value)));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);
const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join('');

examineSource({
  plugin,
  lacks: { tombstones: 'a line is a value' },
  prepare: async (t) => {
    const dir = await folder(t);
    const file = join(dir, 'app.log');
    await writeFile(file, '');
    return {
      config: { ...quick, file, format: 'jsonl' },
      write: (values) => appendFile(file, lines(values.map((value) => JSON.stringify(value)))),
      writeBad: () => appendFile(file, '{"cut off\n'),
      read: (record) => plainValue(record.value) as string,
      snapshot: () => readdir(dir),
    };
  },
});

/** Starts a run that ends with the test. */
async function begin(t: TestContext, config: Record<string, string>, offsets = new OffsetStore()): Promise<SourceRun> {
  const run = await SourceRun.start(plugin, { ...quick, ...config }, { offsets });
  t.after(() => run.stop());
  return run;
}

/** Takes and commits. */
async function consume(run: SourceRun, count: number): Promise<string[]> {
  const records = await run.take(count, 60_000);
  await run.commit(records);
  return texts(records);
}

test("A config of Kafka's FileStreamSource runs as it is: one string per complete line, CRLF and empty lines too", async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.txt');
  await writeFile(file, '\ufeffone\r\n\ntwo\nthree');
  const run = await begin(t, { file, topic: 'plain', 'batch.size': '2' });
  const first = await run.poll();
  assert.deepEqual(texts(first), ['one', '']);
  assert.deepEqual([first[0]!.topic, first[0]!.key, first[0]!.valueSchema?.type], ['plain', null, 'string']);
  assert.deepEqual(texts(await run.take(1)), ['two']);
  await appendFile(file, ' and a half\n');
  assert.deepEqual(texts(await run.take(1)), ['three and a half']);
});

test('A file that is not there yet is waited for', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'later.log');
  const run = await begin(t, { file });
  assert.deepEqual(await run.poll(), []);
  await writeFile(file, 'here\n');
  assert.deepEqual(texts(await run.take(1)), ['here']);
});

test('An offset that Kafka Connect kept for FileStreamSource is continued', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.log');
  await writeFile(file, 'one\ntwo\n');
  const offsets = new OffsetStore();
  offsets.set({ filename: file }, { position: 4 });
  const run = await begin(t, { file }, offsets);
  assert.deepEqual(await consume(run, 1), ['two']);
});

test('Renamed away while it is read: the old file is read to its end, then the new one', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, lines(numbers(0, 3)));
  const run = await begin(t, { file });
  assert.deepEqual(await consume(run, 3), numbers(0, 3));
  await rename(file, `${file}.1`);
  await appendFile(`${file}.1`, lines(numbers(3, 5)));
  await writeFile(file, lines(numbers(5, 8)));
  assert.deepEqual((await consume(run, 5)).sort(), numbers(3, 8));
});

test('Renamed away while we were down: the rest of the old file comes first', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const offsets = new OffsetStore();
  await writeFile(file, lines(numbers(0, 10)));
  const first = await SourceRun.start(plugin, { ...quick, file, 'batch.size': '4' }, { offsets });
  await consume(first, 4);
  await first.stop();
  await rename(file, `${file}.1`);
  await writeFile(file, lines(numbers(10, 13)));
  const second = await begin(t, { file }, offsets);
  assert.deepEqual(await consume(second, 9), numbers(4, 13));
});

test('Renamed inside the glob: nothing is read twice, nothing is lost', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, lines(numbers(0, 3)));
  const run = await begin(t, { file: `${file}*` });
  await consume(run, 3);
  await rename(file, `${file}.1`);
  await writeFile(file, lines(numbers(3, 5)));
  assert.deepEqual(await consume(run, 2), numbers(3, 5));
  assert.deepEqual(await run.takeFor(100), []);
});

test('Copied and truncated: what was not read yet is read from the copy, and the file from its start', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const offsets = new OffsetStore();
  await writeFile(file, lines(numbers(0, 10)));
  const first = await SourceRun.start(plugin, { ...quick, file, 'batch.size': '4' }, { offsets });
  await consume(first, 4);
  await first.stop();
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
  await appendFile(file, lines(numbers(10, 12)));
  const second = await begin(t, { file }, offsets);
  assert.deepEqual((await consume(second, 8)).sort(), [...numbers(4, 12)].sort());
});

test('Truncated and grown beyond our place at once: noticed by the content, not by the size', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, lines(numbers(0, 3)));
  const run = await begin(t, { file });
  await consume(run, 3);
  await writeFile(file, lines(numbers(100, 120)));
  assert.deepEqual(await consume(run, 20), numbers(100, 120));
  const [[, offset]] = run.offsets.entries() as [[unknown, { file: { generation: number } }]];
  assert.equal(offset.file.generation, 1);
});

test('Truncated and written anew to the very length that was read: noticed by the content', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, 'line 0\n');
  const run = await begin(t, { file });
  await consume(run, 1);
  assert.deepEqual(await run.poll(), [], 'it was seen at its end');
  // Times of files are compared in milliseconds.
  await sleep(10);
  await writeFile(file, 'line 1\n');
  assert.deepEqual(await consume(run, 1), ['line 1']);
});

test('Same head, other middle: a file rewritten while we were down is read anew', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const head = 'h'.repeat(2000);
  const offsets = new OffsetStore();
  await writeFile(file, lines([head, 'old 1', 'old 2']));
  const first = await SourceRun.start(plugin, { ...quick, file }, { offsets });
  await consume(first, 3);
  await first.stop();
  await writeFile(file, lines([head, 'new 1', 'new 2', 'new 3']));
  const second = await begin(t, { file }, offsets);
  assert.deepEqual(await consume(second, 4), [head, 'new 1', 'new 2', 'new 3']);
});

test('Deleted and created again: the new file is read from its start, whatever inode it got', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const offsets = new OffsetStore();
  await writeFile(file, lines(numbers(0, 5)));
  const first = await SourceRun.start(plugin, { ...quick, file }, { offsets });
  await consume(first, 5);
  await first.stop();
  await unlink(file);
  await writeFile(file, lines(numbers(5, 15)));
  const second = await begin(t, { file }, offsets);
  assert.deepEqual(await consume(second, 10), numbers(5, 15));
});

test('Files that begin alike are different files', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a-1.csv'), 'id\n1\n');
  await writeFile(join(dir, 'a-2.csv'), 'id\n1\n');
  const run = await begin(t, { file: dir, format: 'csv' });
  assert.equal((await run.take(2)).length, 2);
});

test('A folder is read in natural order, new files join, temporary ones do not', async (t) => {
  const dir = await folder(t);
  for (const name of ['b10.txt', 'b2.txt', '.hidden', 'b3.tmp']) await writeFile(join(dir, name), `${name}\n`);
  await mkdir(join(dir, 'sub'));
  await writeFile(join(dir, 'sub', 'deep.txt'), 'deep\n');
  const run = await begin(t, { file: dir, 'file.headers': 'true' });
  const records = await run.take(2);
  assert.deepEqual(texts(records), ['b2.txt', 'b10.txt']);
  assert.deepEqual(
    records[0]!.headers.map((header) => [header.key, header.value]),
    [['file.path', join(dir, 'b2.txt')]],
  );
  await writeFile(join(dir, 'c.txt'), 'c\n');
  assert.deepEqual(texts(await run.take(1)), ['c']);
});

test('A CSV line with too few columns is a dead letter with file, range and bytes; the next line goes on', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'orders.csv');
  await writeFile(file, 'id,amount\n1,10\n2\n3,30\n');
  const run = await begin(t, { file, format: 'csv', 'csv.types': 'amount:int', 'key.column': 'id' });
  const records = await run.take(2);
  assert.deepEqual(
    records.map((record) => [record.key, record.value]),
    [
      ['1', { id: '1', amount: 10 }],
      ['3', { id: '3', amount: 30 }],
    ],
  );
  const [bad] = run.badInput;
  assert.equal(bad!.error.message, `Bytes 15 to 17 of "${file}" have 1 column, the header has 2.`);
  assert.deepEqual([bad!.source.path, bad!.source.from, bad!.source.to], [file, 15, 17]);
  assert.equal(Buffer.from(bad!.bytes!).toString(), '2\n');
});

test('A CSV file is resumed in the middle with its header, byte for byte', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.csv');
  await writeFile(file, '\ufeffid,text\n1,"a\nb"\n2,"ü"\n3,c\n');
  const offsets = new OffsetStore();
  const seen: unknown[] = [];
  for (let round = 0; round < 3; round++) {
    const run = await SourceRun.start(plugin, { ...quick, file, format: 'csv' }, { offsets });
    const [record] = await run.take(1);
    await run.commit([record!]);
    seen.push(record!.value);
    await run.stop();
  }
  assert.deepEqual(seen, [
    { id: '1', text: 'a\nb' },
    { id: '2', text: 'ü' },
    { id: '3', text: 'c' },
  ]);
});

test('A CSV quote that is never closed costs one line, after a while', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.csv');
  await writeFile(file, 'id,text\n1,"open\n2,b\n');
  const run = await begin(t, { file, format: 'csv', 'csv.unclosed.quote.ms': '50' });
  assert.deepEqual(
    (await run.take(1)).map((record) => record.value),
    [{ id: '2', text: 'b' }],
  );
  assert.match(run.badInput[0]!.error.message, /never closed/);
});

test('A file whose header does not fit is reported and left alone; its neighbours are read', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a.csv'), 'id,id\n1,2\n');
  await writeFile(join(dir, 'b.csv'), 'id,x\n1,2\n');
  const run = await begin(t, { file: dir, format: 'csv' });
  assert.deepEqual(
    (await run.take(1)).map((record) => record.value),
    [{ id: '1', x: '2' }],
  );
  assert.deepEqual(await run.takeFor(100), []);
  assert.equal(run.badInput.length, 1);
  assert.match(run.badInput[0]!.error.message, /hold no header for this configuration.*names the column "id" twice/);
});

test('A giant line is skipped and reported by its range, in bounded memory', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.log');
  const giant = 'x'.repeat(3_000_000);
  await writeFile(file, `before\n${giant}\nafter\n`);
  const run = await begin(t, { file, 'max.record.bytes': '100000' });
  assert.deepEqual(texts(await run.take(2)), ['before', 'after']);
  assert.deepEqual([run.badInput[0]!.source.from, run.badInput[0]!.source.to], [7, 7 + giant.length + 1]);
});

test('A line longer than a chunk but within the bound is one record', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.log');
  const long = 'x'.repeat(3_000_000);
  await writeFile(file, `before\n${long}\nafter\n`);
  const run = await begin(t, { file });
  assert.deepEqual(texts(await run.take(3)), ['before', long, 'after']);
});

test('JSON Lines are handed over as text and checked; lines as bytes and Latin-1 work too', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.jsonl');
  await writeFile(file, '{"a":1}\r\n\n[1\n{"a":"ü"}\n');
  const json = await begin(t, { file, format: 'jsonl' });
  const records = await json.take(2);
  assert.deepEqual(
    records.map((record) => Buffer.from((record.value as JsonText).bytes).toString()),
    ['{"a":1}', '{"a":"ü"}'],
  );
  assert.equal(Buffer.from(json.badInput[0]!.bytes!).toString(), '[1\n');

  await writeFile(join(dir, 'b.txt'), Buffer.from([0x67, 0xfc, 0x6e, 10]));
  const bytes = await begin(t, { file: join(dir, 'b.txt'), 'value.format': 'bytes' });
  assert.deepEqual((await bytes.take(1))[0]!.value, Buffer.from([0x67, 0xfc, 0x6e]));
  const latin = await begin(t, { file: join(dir, 'b.txt'), encoding: 'latin1' });
  assert.deepEqual(texts(await latin.take(1)), ['gün']);
});

test('Text that is not in its encoding is bad input, not silently changed', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'a.txt');
  await writeFile(file, Buffer.concat([Buffer.from('güt\n'), Buffer.from([0xff, 10]), Buffer.from('gut\n')]));
  const run = await begin(t, { file });
  assert.deepEqual(texts(await run.take(2)), ['güt', 'gut']);
  assert.match(run.badInput[0]!.error.message, /are not UTF-8/);
});

test('check names a folder that is not there, and accepts a file that is yet to come', async (t) => {
  const dir = await folder(t);
  const connector = (await plugin.create())!;
  const problems = async (file: string) =>
    (await connector.check!(parseConfig(plugin.config, { file, topic: 't' }).config)).map((problem) => problem.message);
  assert.deepEqual(await problems(join(dir, 'later.log')), []);
  assert.match(
    (await problems(join(dir, 'missing', 'a.log')))[0]!,
    /missing.* cannot be read: ENOENT.* Correct "file"/,
  );
});

test('A file that is renamed after a start, before it is read from, is read to its end first', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const offsets = new OffsetStore();
  await writeFile(file, lines(numbers(0, 4)));
  const first = await SourceRun.start(plugin, { ...quick, file }, { offsets });
  await first.commit((await first.take(4)).slice(0, 2));
  await first.stop();
  const run = await SourceRun.start(plugin, { ...quick, file }, { offsets });
  t.after(() => run.stop());
  await rename(file, `${file}.1`);
  await writeFile(file, lines(numbers(4, 6)));
  assert.deepEqual(texts(await run.take(4)), numbers(2, 6));
});

test('What was copied away and truncated right behind a read is read from the copy, though the file is longer again', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  await writeFile(file, lines(numbers(0, 4)));
  const run = await begin(t, { file });
  assert.deepEqual(texts(await run.take(4)), numbers(0, 4));
  await appendFile(file, lines(numbers(4, 6)));
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
  await appendFile(file, lines(numbers(6, 12)));
  assert.deepEqual(texts(await run.take(8)), numbers(4, 12));
});

test('A random script of writing, rotating, truncating and restarting loses no line', async (t) => {
  const seed = Number(process.env.SEED ?? 20_261_122);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const dir = await folder(t);
  const file = join(dir, 'app.log');
  const offsets = new OffsetStore();
  const seen = new Set<string>();
  let written = 0;
  let rotations = 0;
  let run = await SourceRun.start(plugin, { ...quick, file, 'batch.size': '7' }, { offsets });
  const write = async () => {
    const count = 1 + random(20);
    await appendFile(file, lines(numbers(written, written + count)));
    written += count;
  };
  const read = async () => {
    const records = await run.poll();
    const kept = records.slice(0, random(records.length + 1) || records.length);
    await run.commit(kept);
    for (const text of texts(kept)) seen.add(text);
    if (kept.length < records.length) await restart();
  };
  const restart = async () => {
    await run.stop();
    run = await SourceRun.start(plugin, { ...quick, file, 'batch.size': '7' }, { offsets });
  };
  // One rotation at a time is what a tail can promise, so each is seen before the next (the README says so).
  const settle = async () => {
    const deadline = Date.now() + 60_000;
    while (seen.size < written) {
      assert.ok(Date.now() < deadline, `seed ${seed}: ${seen.size} of ${written} lines after ${rotations} rotations`);
      await read();
    }
  };
  const rotate = async (how: number) => {
    // A file nobody has ever read from is unknown to us once its name is gone (the README says so too).
    if (seen.size === 0) await settle();
    rotations++;
    if (how === 0) await rename(file, `${file}.${rotations}`);
    else {
      await copyFile(file, `${file}.${rotations}`);
      await truncate(file, 0);
    }
    await write();
    if (random(2) === 0) await restart();
    await settle();
  };
  await write();
  for (let step = 0; step < 40; step++) {
    const action = random(6);
    if (action <= 1) await write();
    else if (action <= 3) await read();
    else if (action === 4) await restart();
    else if (random(2) === 0) await rotate(random(2));
  }
  await settle();
  await run.stop();
  await sleep(0);
  assert.equal(seen.size, written, `seed ${seed}`);
});
