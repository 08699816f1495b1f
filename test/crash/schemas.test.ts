/**
 * A registry that is killed while it writes its snapshot, again and again: every start finds the old snapshot or the new one,
 * whole, and with it every version that was acknowledged.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('schema-process.ts', import.meta.url));
const KILLS = 8;
/** Versions acknowledged before a kill: another number each time, so that it falls into another step. */
const LIVES = Array.from({ length: KILLS }, (_, index) => 40 + ((index * 37) % 60));

interface Life {
  readonly known: number;
  readonly warnings: readonly string[];
  readonly acknowledged: number;
}

async function lifeOf(dir: string, versions: number): Promise<Life> {
  const child = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let [known, acknowledged, warnings] = [-1, -1, [] as readonly string[]];
  for await (const line of createInterface(child.stdout)) {
    const told = JSON.parse(line) as Partial<Life>;
    if (told.known !== undefined) [known, warnings] = [told.known, told.warnings ?? []];
    acknowledged = told.acknowledged ?? acknowledged;
    if (acknowledged >= known + versions) child.kill('SIGKILL');
  }
  await exited;
  return { known, warnings, acknowledged };
}

it('a registry killed while it writes snapshots has every version it acknowledged', { timeout: 240_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-kill-schemas-'));
  try {
    let acknowledged = 0;
    for (const versions of LIVES) {
      const life = await lifeOf(dir, versions);
      assert.deepEqual(life.warnings, [], 'the snapshot is sound, the old one or the new one');
      assert.ok(life.known >= acknowledged, `${life.known} versions are known, ${acknowledged} were acknowledged`);
      acknowledged = life.acknowledged;
    }
    assert.ok((await stat(join(dir, 'schemas.snapshot'))).size > 0);
    // And without it, by the log alone.
    await rm(join(dir, 'schemas.snapshot'));
    const life = await lifeOf(dir, 1);
    assert.ok(life.known >= acknowledged);
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  }
});
