/** Snapshots beside a real broker's log: a start from one, and a `_schemas` that was deleted and made anew. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { type Registry, startRegistry } from '../registry-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'schema-snapshot-'));
const snapshotFile = join(folder, 'schemas.snapshot');
let kafka: TestBroker;
before(async () => {
  kafka = await startTestBroker();
});
after(async () => {
  await kafka.remove();
  rmSync(folder, { recursive: true });
});

async function registry(): Promise<Registry & { readonly warnings: readonly string[]; end(): Promise<void> }> {
  const warnings: string[] = [];
  const warn = (_fields: object, message: string): void => void warnings.push(message);
  const logger = { debug() {}, info() {}, error() {}, warn };
  const log = inProcessLog(kafka.broker);
  const started = await startRegistry({ host: '127.0.0.1', port: 0, log, logger, snapshotFile });
  const end = async (): Promise<void> => {
    await started.stop();
    await log.close();
  };
  return { ...started, warnings, end };
}

test('A registry starts from its snapshot and the records behind it, and not from that of a topic that is gone', async () => {
  const first = await registry();
  for (let i = 0; i < 110; i++) await first.core.register(`s${i}`, { schemaType: 'JSON', schema: `{"title":"${i}"}` });
  await first.end();
  assert.ok((await stat(snapshotFile)).size > 0);

  const second = await registry();
  assert.deepEqual(second.warnings, []);
  assert.equal(second.core.subjects().length, 110);
  assert.equal(second.core.version('s7', 'latest').schema, '{"title":"7"}');
  assert.equal((await second.core.register('s0', { schemaType: 'JSON', schema: '{"title":"more"}' })).id, 111);
  await second.end();

  const third = await registry();
  assert.deepEqual(third.warnings, []);
  assert.deepEqual(
    third.core.versions('s0').map(({ id }) => id),
    [1, 111],
  );
  await third.end();

  await kafka.broker.topics.delete('_schemas');
  const fourth = await registry();
  assert.match(fourth.warnings.join(), /The snapshot of the schema registry is ignored: it is of another log/);
  assert.deepEqual(fourth.core.subjects(), []);
  await fourth.end();

  const fifth = await registry();
  assert.deepEqual(fifth.warnings, [], 'it is said once');
  await fifth.end();
});
