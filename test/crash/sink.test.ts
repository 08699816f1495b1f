/**
 * A sink killed with SIGKILL in each window between reading a record and committing its offset: the file it writes has
 * every line once, in order, because its place in the log stands beside the lines.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = join(fileURLToPath(new URL('.', import.meta.url)), 'sink-process.ts');
const LINES = 2_000;
const DEADLINE_MS = 60_000;
const windows = [
  'after poll',
  'before put',
  'after put',
  'while flushing',
  'after flush',
  'before commit',
  'while committing',
  'after commit',
];

it(
  'a file sink that is killed in one window after the other writes every line once',
  { timeout: 240_000 },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-kill-sink-'));
    const out = join(dir, 'out.txt');
    const start = (window: string): ChildProcess =>
      spawn(process.execPath, [program, join(dir, 'data'), out, String(LINES), window, '2'], {
        stdio: ['pipe', 'ignore', 'inherit'],
      });
    try {
      for (const window of windows) {
        const child = start(window);
        const tooLate = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
        const [, signal] = await once(child, 'exit');
        clearTimeout(tooLate);
        assert.equal(signal, 'SIGKILL', `the window "${window}" was not reached`);
      }
      const survivor = start('none');
      const seen = async () => (await readFile(out, 'utf8').catch(() => '')).split('\n').slice(0, -1);
      for (const deadline = Date.now() + DEADLINE_MS; (await seen()).length < LINES; await sleep(20)) {
        assert.ok(Date.now() < deadline, `only ${(await seen()).length} lines arrived`);
      }
      await sleep(100);
      survivor.kill('SIGKILL');
      await once(survivor, 'exit');
      assert.deepEqual(
        await seen(),
        Array.from({ length: LINES }, (_, index) => `line ${index}`),
      );
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
);
