/**
 * The simulated fleet from the terminal: into a topic and out again, and a judge that finds what is missing.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startMillrace } from '../test/kit/millrace.ts';

const run = promisify(execFile);
const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');

async function millrace(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(launcher, [...args], { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

import { startMqtt } from '../test/kit/mqtt.ts';

const fleet = ['sim', 'fleet', '--trucks', '12', '--reports', '30', '--speed', 'max'];

test('A fleet in a topic is whole, faults and all, and its judge says so', async (t) => {
  const house = await startMillrace();
  t.after(() => house.remove());
  const brokers = ['-b', house.kafka];
  assert.equal((await millrace(['topic', 'create', 'gps', '--partitions', '10', ...brokers])).code, 0);
  const faults = ['--faults', 'tunnel=0.1,duplicate=0.1,late=0.1,bad=0.1,skew=0.5,new-field=10'];
  const sent = await millrace([...fleet, ...faults, '-t', 'gps', ...brokers, '--output', 'json']);
  assert.equal(sent.code, 0, sent.stderr);
  const verify = ['sim', 'verify', '-t', 'gps', '--trucks', '12', '--reports', '30', ...brokers, '--output', 'json'];
  const found = await millrace([...verify, '--allow', 'duplicates,disorder']);
  assert.equal(found.code, 0, found.stderr);
  const verdict = JSON.parse(found.stdout) as Record<string, number>;
  assert.deepEqual([verdict.reports, verdict.missing, verdict.unreadable], [360, 0, 0]);
  assert.equal((JSON.parse(sent.stdout) as { reports: number }).reports, 360 + verdict.duplicates!);
  const strict = await millrace(verify);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /are there twice/);
});

test('A missing report in a file is named with its truck', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sim-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await millrace([...fleet, '--start', '2026-01-01T00:00:00Z']);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 360);
  assert.equal(
    (await millrace([...fleet, '--start', '2026-01-01T00:00:00Z'])).stdout,
    stdout,
    'the same seed, the same fleet',
  );
  await writeFile(
    join(folder, 'gps.jsonl'),
    lines.filter((line) => !/"id":"T0003","seq":(7|8|9),/.test(line)).join('\n'),
  );
  const found = await millrace(['sim', 'verify', '--files', join(folder, '*.jsonl')]);
  assert.equal(found.code, 1);
  assert.match(found.stdout, /T0003 +27 +30 +7-9 +0 +0/);
  assert.match(found.stderr, /3 reports are missing/);
});

test('A fleet reports over MQTT, each truck on its topic', async (t) => {
  const broker = await startMqtt();
  t.after(() => broker.stop());
  const { default: mqtt } = await import('mqtt');
  const client = await mqtt.connectAsync(broker.url);
  t.after(() => client.endAsync(true));
  const topics = new Map<string, number>();
  client.on('message', (topic) => topics.set(topic, (topics.get(topic) ?? 0) + 1));
  await client.subscribeAsync('trucks/+/gps', { qos: 1 });
  const sent = await millrace([...fleet, '--mqtt', broker.url, '--connections', '3', '--output', 'json']);
  assert.equal(sent.code, 0, sent.stderr);
  for (let i = 0; i < 3000 && [...topics.values()].reduce((a, b) => a + b, 0) < 360; i++) await sleep(20);
  assert.deepEqual([...topics.values()], new Array(12).fill(30));
});

test('What is wrong on the command line is said with what would be right', async () => {
  for (const [words, sentence] of [
    [['sim', 'fleet', '--faults', 'rain=1'], /"rain=1" is no fault/],
    [['sim', 'fleet', '--speed', 'fast'], /Give a factor such as 60, or max/],
    [['sim', 'verify'], /Nothing was named to verify/],
    [['sim', 'fleet', '--mqtt', 'mqtt://x', '-t', 'y'], /Keep --mqtt or --topic/],
  ] as const) {
    const { code, stderr } = await millrace([...words]);
    assert.equal(code, 2);
    assert.match(stderr, sentence);
  }
});
