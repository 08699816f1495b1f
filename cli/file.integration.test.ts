/**
 * `millrace file verify` from the terminal: a folder a sink wrote, whole and then damaged.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SinkLog, SinkRun } from '../connectors/acceptance/index.ts';
import type { SinkConnectorPlugin } from '../connectors/api/index.ts';
import { filePlugins } from '../connectors/file/plugins.ts';

const run = promisify(execFile);
const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');

async function millrace(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(launcher, [...args], { timeout: 60_000 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

test('A whole folder is called whole, a damaged one fails with the offsets that are missing', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const missing = await millrace(['file', 'verify', directory]);
  assert.equal(missing.code, 3);
  assert.match(missing.stderr, /no directory that a file sink wrote/);
  const plugin = filePlugins.find((each) => each.class === 'FileSink') as SinkConnectorPlugin;
  const log = new SinkLog();
  for (let i = 0; i < 6; i++) log.append('orders', 0, `line ${i}`, null);
  const sink = await SinkRun.start(plugin, { directory, 'roll.records': '2' }, log, [
    { topic: 'orders', partition: 0 },
  ]);
  await sink.put();
  await sink.stop();
  const whole = await millrace(['file', 'verify', directory, '--output', 'json']);
  assert.equal(whole.code, 0, whole.stderr);
  const { partitions } = JSON.parse(whole.stdout) as { partitions: Record<string, unknown>[] };
  assert.deepEqual(partitions, [
    { topic: 'orders', partition: 0, from: 0, to: 5, commits: 3, files: 3, records: 6, skipped: 0, bytes: 42 },
  ]);
  const commits = join(directory, '_commits');
  const second = (await readdir(commits)).filter((name) => name.endsWith('.json')).sort()[1]!;
  await unlink(join(commits, second));
  const damaged = await millrace(['file', 'verify', directory]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /The offsets 2 to 3 of orders\+0 are in no commit/);
  assert.match(damaged.stderr, /2 faults were found/);
});
