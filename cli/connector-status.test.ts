/** What a person is told of a connector beside its states. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');

test('What a plugin does wrong without failing is said below the states', async (t) => {
  const state = { state: 'RUNNING', worker_id: 'w' };
  const warnings = ['Plugin X, task 0 of connector c, blocked the event loop for 3000 ms.'];
  const status = { name: 'c', type: 'source', connector: state, tasks: [{ id: 0, ...state, warnings }] };
  const server = createServer((_, response) => response.end(JSON.stringify(status))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const args = ['connector', 'status', 'c', '--connect', `http://127.0.0.1:${port}`];
  const { stdout, stderr } = await promisify(execFile)(launcher, args, { timeout: 60_000 });
  assert.match(stdout, /task 0 +RUNNING/);
  assert.equal(stderr.trim(), warnings[0]);
});
