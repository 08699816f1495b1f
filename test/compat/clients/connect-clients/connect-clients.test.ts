/** Clients of Kafka Connect's REST API from PyPI against our worker. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../../../connectors/catalogue.ts';
import { MemoryLog } from '../../../../runtime/log/memory.ts';
import { silent } from '../../../../runtime/worker/harness.ts';
import { startWorker } from '../../../../runtime/worker-server.ts';
import { cache, python, skipUnlessInstalled } from '../installed.ts';
import { run } from '../outside-client.ts';

const skip = skipUnlessInstalled('connect-clients', join(cache, 'python/connect-clients.installed'));

test(
  'kafka-connect-py and kafka-connect-api create, change, steer, look at and delete a connector',
  { skip },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-clients-'));
    const file = join(folder, 'in.txt');
    await writeFile(file, 'a\nb\n');
    const worker = await startWorker({
      log: new MemoryLog(),
      plugins: catalogue,
      host: '127.0.0.1',
      port: 0,
      logger: silent,
    });
    t.after(async () => {
      await worker.stop();
      await rm(folder, { recursive: true, force: true });
    });
    const { code, output } = await run([python, join(import.meta.dirname, 'client.py'), worker.url, file]);
    assert.equal(code, 0, output);
  },
);
