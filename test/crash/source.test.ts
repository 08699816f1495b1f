/**
 * A source killed with SIGKILL in each window between reading a record and telling its origin, over and over.
 *
 * Promised with exactly once (KIP-618): whoever reads committed data sees every line once, in order, wherever the kill
 * came. Promised without: every line at least once, in order once repetitions are left out.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';

const program = join(fileURLToPath(new URL('.', import.meta.url)), 'source-process.ts');
/** Enough that the last kill still finds something to read. */
const LINES = 800;
const expected = Array.from({ length: LINES }, (_, index) => `line ${index}`);
const ARRIVAL_DEADLINE_MS = 60_000;
/** Long enough for something to be delivered a second time, were it going to be. */
const AFTERMATH_MS = 150;

interface Case {
  readonly support: 'enabled' | 'disabled';
  readonly windows: readonly string[];
  readonly check: (lines: readonly string[]) => void;
}

const cases: readonly Case[] = [
  {
    support: 'enabled',
    windows: [
      'after poll',
      'while appending',
      'after append',
      'between records and offsets',
      'before commit',
      'while committing',
      'after commit',
      'before the source is told',
    ],
    check: (lines) => assert.deepEqual(lines, expected),
  },
  {
    support: 'disabled',
    windows: [
      'after poll',
      'while appending',
      'after append',
      'between records and offsets',
      'before the source is told',
    ],
    check: (lines) => assert.deepEqual([...new Set(lines)], expected),
  },
];

for (const { support, windows, check } of cases) {
  const promise = support === 'enabled' ? 'exactly once' : 'at least once';
  it(`a source that is killed in one window after the other delivers ${promise}`, { timeout: 240_000 }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-kill-'));
    const file = join(dir, 'in.txt');
    await writeFile(file, expected.map((line) => `${line}\n`).join(''));
    try {
      for (const window of windows) await killedIn(dir, file, window, support);
      check(await survivor(dir, file, support));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
}

/** Goes on from what the last kill left, and dies when it reaches the window for the second time. */
async function killedIn(dir: string, file: string, window: string, support: string): Promise<void> {
  const child = start(dir, file, window, 2, support);
  const tooLate = setTimeout(() => child.kill('SIGTERM'), ARRIVAL_DEADLINE_MS);
  const [, signal] = await once(child, 'exit');
  clearTimeout(tooLate);
  assert.equal(signal, 'SIGKILL', `the window "${window}" was not reached`);
}

function start(dir: string, file: string, window: string, nth: number, support: string): ChildProcess {
  const config = { 'connector.class': 'FileSource', file, topic: 'lines', 'batch.size': '20' };
  const args = [program, join(dir, 'data'), JSON.stringify(config), window, String(nth), support];
  return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Runs it to the end and answers what a reader of committed data has then seen. */
async function survivor(dir: string, file: string, support: string): Promise<string[]> {
  const child = start(dir, file, 'none', 1, support);
  try {
    const [port] = await once(child.stdout!, 'data');
    const broker = `127.0.0.1:${String(port).trim()}`;
    const deadline = Date.now() + ARRIVAL_DEADLINE_MS;
    while (new Set(await committedLines(broker)).size < LINES) {
      assert.ok(Date.now() < deadline, 'not all lines arrived');
      await sleep(20);
    }
    await sleep(AFTERMATH_MS);
    return await committedLines(broker);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function committedLines(brokers: string): Promise<string[]> {
  const lines: string[] = [];
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic('lines');
    const from = await cluster.offsetsAt(topic, [0], -2);
    const until = await cluster.offsetsAt(topic, [0], -1);
    for await (const records of readTopic(cluster, { topic, from, until })) {
      for (const { value } of records) lines.push(value!.toString());
    }
  });
  return lines;
}
