/** What `millrace worker` makes of a Kafka Connect worker's properties file, before anything is connected. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseProperties } from '../runtime/worker/config-providers.ts';
import { workerSettings } from './worker-settings.ts';

async function settingsOf(t: TestContext, more: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-worker-settings-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'worker.properties');
  await writeFile(config, ['bootstrap.servers=k1:9092, k2:9092', 'group.id=g', ...more].join('\n'));
  return () => workerSettings({ config }, parseProperties);
}

test('a properties file gives brokers, group and listener', async (t) => {
  const { log, host, port, worker } = (await settingsOf(t, ['listeners=http://:8085']))();
  assert.deepEqual([log.bootstrapServers, host, port], [['k1:9092', 'k2:9092'], '0.0.0.0', 8085]);
  assert.equal(worker['group.id'], 'g');
});

test('a REST API that was guarded by an extension is not opened without a word', async (t) => {
  const login = 'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension';
  const open = await settingsOf(t, [`rest.extension.classes=${login}`]);
  assert.throws(open, { code: 'BAD_CONFIGURATION', message: new RegExp(`rest.extension.classes.*${login}`) });
  (await settingsOf(t, ['rest.extension.classes=']))();
});
