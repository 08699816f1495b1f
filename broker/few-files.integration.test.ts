/**
 * Many partitions and few file descriptors: a limit of the system that a broker must live with.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

const program = join(import.meta.dirname, '../test/kit/few-files-process.ts');
const partitions = 300;
const openFiles = 120;
/** What a broker says whose machine was too busy to close all in time; it loses nothing by that. */
const SLOW_DISK = /^\d+ logs were left to the next start, .*\n/;

it('Three hundred partitions are written, read and opened again with 120 open files', (test) => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-files-'));
  test.after(() => rmSync(dir, { recursive: true }));
  // The second stops while the logs are still being opened in the background; nothing else keeps the process alive.
  for (const run of [1, 2]) {
    const command = `ulimit -n ${openFiles} && exec "$0" "$@"`;
    const args = ['-c', command, process.execPath, program, dir, String(partitions)];
    const child = spawnSync('bash', args, { encoding: 'utf8', timeout: 110_000 });
    assert.equal(child.stderr.replace(SLOW_DISK, ''), '');
    assert.equal(child.stdout, `${run * partitions}\n`);
    assert.equal(child.status, 0);
  }
});
