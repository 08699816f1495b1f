/** The demo as a person runs it: three live flows, then Ctrl-C, and nothing left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const demo = join(dirname(fileURLToPath(import.meta.url)), 'demo.ts');

it(
  'moves records in all three flows until Ctrl-C, and leaves no process and no folder behind',
  { timeout: 90_000 },
  async () => {
    // Everything the demo makes has this folder in its path: what is left of it afterwards was forgotten.
    const home = mkdtempSync(join(tmpdir(), 'millrace-demo-test-'));
    // As root the demo runs Postgres as another user, who must be able to come here.
    chmodSync(home, 0o777);
    const child = spawn(process.execPath, [demo, '--free-ports', '--trucks', '20'], {
      // Node's own compile cache is no leftover: it stays where it is for the next start.
      env: { ...process.env, TMPDIR: home, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
      // A process group of its own: a terminal's Ctrl-C reaches all of it, and so does ours.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = once(child, 'exit');
    let output = '';
    const moving = new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const flows = ['shop → replica', 'trucks → positions', 'CSV → JSON Lines'];
        if (flows.every((flow) => new RegExp(`${flow}.* [1-9][0-9,]* records`).test(output))) resolve();
      });
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    try {
      await Promise.race([
        moving,
        end.then(() => {
          throw new Error(`The demo ended by itself:\n${output}`);
        }),
      ]);
      process.kill(-child.pid!, 'SIGINT');
      const [code] = await end;
      assert.equal(code, 0, output);
      assert.match(output, /kcat -b /);
      assert.deepEqual(readdirSync(home), []);
      assert.deepEqual(processesWith(home), []);
    } finally {
      if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
      rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    }
  },
);

/** Command lines of living processes that mention the folder; ourselves aside. */
function processesWith(folder: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(folder));
}
