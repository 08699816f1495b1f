/** A folder of connector files: both forms, one bad file, a file that is gone. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyFolder } from './apply-folder.ts';
import { harness, silent, steeredSource } from './harness.ts';

test('files are applied, a bad one stops no other, and a file that is gone is reported or pruned', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-folder-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const { running } = await harness(t, [steeredSource().plugin]);
  const { worker } = running;
  const write = (file: string, content: object | string) =>
    writeFile(join(directory, file), typeof content === 'string' ? content : JSON.stringify(content));
  await worker.create('by-hand', { 'connector.class': 'SteeredSource' });
  await write('a.json', { name: 'wrapped', config: { 'connector.class': 'SteeredSource', rows: 2 } });
  await write('flat.json', { 'connector.class': 'SteeredSource' });
  await write('broken.json', '{ "name": ');
  await write('wrong.json', { name: 'wrong', 'connector.class': 'SteeredSource', rows: 'x' });
  await write('notes.txt', 'no connector');
  const first = await applyFolder(worker, directory, { prune: true, logger: silent });
  assert.deepEqual(first.applied, ['wrapped', 'flat']);
  assert.deepEqual(
    first.failed.map(({ file }) => file),
    ['broken.json', 'wrong.json'],
  );
  assert.match(first.failed[1]!.message, /rows/);
  assert.equal(worker.config('wrapped').rows, '2');

  for (const file of ['a.json', 'broken.json', 'wrong.json']) await rm(join(directory, file));
  const reported = await applyFolder(worker, directory, { prune: false, logger: silent });
  assert.deepEqual(reported.gone, ['wrapped']);
  assert.ok(worker.names().includes('wrapped'));
  const pruned = await applyFolder(worker, directory, { prune: true, logger: silent });
  assert.deepEqual(pruned.gone, ['wrapped']);
  assert.deepEqual([...worker.names()].sort(), ['by-hand', 'flat']);
});
