/** `millrace up` where it is started again and again: ports that are taken, a signal too early, a folder of connectors. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-up-'));
after(() => rmSync(folder, { recursive: true }));
const freePorts = ['kafka', 'connect', 'registry', 'console'].flatMap((name) => [`--${name}-port`, '0']);

describe('up', () => {
  it('on a port that is taken is refused with 6 and names port and flag', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    for (const name of ['kafka', 'connect', 'registry', 'console']) {
      const { status, stderr } = spawnSync(launcher, [
        'up',
        '--data',
        join(folder, name),
        ...freePorts,
        `--${name}-port`,
        String(port),
      ]);
      assert.equal(status, 6, name);
      assert.match(String(stderr), new RegExp(`Port ${port} .*--${name}-port`, 's'));
    }
    server.close();
  });

  it('ends cleanly also when it is told to before it is ready', async () => {
    for (const waitMs of [120, 200, 300]) {
      const args = ['up', '--data', join(folder, `early-${waitMs}`), ...freePorts];
      const child = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      await sleep(waitMs);
      child.kill('SIGTERM');
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      // Before Node has come to our own first line, the signal ends it as it ends any program.
      assert.ok(code === 0 || signal === 'SIGTERM', `${waitMs} ms: ${code} ${signal}`);
    }
  });

  it('applies a folder of connectors, reports those whose file is gone, and deletes them with --prune', async () => {
    const data = join(folder, 'declared');
    const connectors = join(folder, 'connectors');
    mkdirSync(connectors);
    const config = { 'connector.class': 'FileSource', file: join(folder, 'in.txt'), topic: 'declared' };
    writeFileSync(join(connectors, 'declared.json'), JSON.stringify(config));
    const names = async (args: readonly string[]) => {
      await using other = await startMillrace({ data, args: ['--connectors', connectors, ...args] });
      const list = await (await fetch(`${other.connect}/connectors`)).json();
      await other.stop();
      return { list, notices: other.notices() };
    };
    assert.deepEqual((await names([])).list, ['declared']);
    rmSync(join(connectors, 'declared.json'));
    const kept = await names([]);
    assert.deepEqual(kept.list, ['declared']);
    assert.match(kept.notices, /declared/);
    assert.deepEqual((await names(['--prune'])).list, []);
  });
});
