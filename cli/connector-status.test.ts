/** What a person is told of a connector beside its states. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');

/** What the command prints of a status, as a worker's REST API would tell it. */
async function shown(t: TestContext, status: object): Promise<{ stdout: string; stderr: string }> {
  const server = createServer((_, response) => response.end(JSON.stringify(status))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const args = ['connector', 'status', 'c', '--connect', `http://127.0.0.1:${port}`];
  return promisify(execFile)(launcher, args, { timeout: 60_000 });
}

const state = { state: 'RUNNING', worker_id: 'w' };

test('What a plugin does wrong without failing is said below the states', async (t) => {
  const warnings = ['Plugin X, task 0 of connector c, blocked the event loop for 3000 ms.'];
  const tasks = [{ id: 0, ...state, warnings }];
  const { stdout, stderr } = await shown(t, { name: 'c', type: 'source', connector: state, tasks });
  assert.match(stdout, /task 0 +RUNNING/);
  assert.equal(stderr.trim(), warnings[0]);
});

test('How far a snapshot is, how fast and how long it will take is said in a line', async (t) => {
  const figures = {
    snapshot_running: 1,
    snapshot_rows: 1250,
    snapshot_rows_expected: 10_000,
    snapshot_rows_per_second: 500,
    snapshot_seconds_left: 18,
    wal_retained_bytes: 4096,
  };
  const tasks = [{ id: 0, ...state, figures }];
  const { stdout } = await shown(t, { name: 'c', type: 'source', connector: state, tasks });
  assert.match(stdout, /task 0 +wal_retained_bytes +4096\n/);
  assert.match(stdout, /\nTask 0 reads a snapshot: 1250 of about 10000 rows \(12 %\), 500 rows\/s, 18 s left\.\n/);
});
