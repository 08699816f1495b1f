/**
 * A worker on a cluster stands still (SIGSTOP, as a machine that sleeps or a hypervisor that forgets it), another of its
 * group takes over, and then the first one wakes up.
 *
 * Promised: who woke up says that it was taken over and writes nothing more; the successor goes on, undisturbed. What is
 * written after the waking is there once, whatever the guarantee; exactly once, everything is.
 */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { startTestBroker } from '../kit/broker.ts';
import { startWorkerProcess, type WorkerProcess } from '../kit/worker.ts';

const DEADLINE_MS = 60_000;
/** Longer than the lease that the workers below hold, and than their transactions' timeout. */
const STALL_MS = 2_500;
/** What a worker that still wrote would take to do so; it polls every few milliseconds. */
const QUIET_MS = 3_000;

for (const guarantee of ['exactly once', 'at least once'] as const) {
  test(`${guarantee}: a worker that wakes up after it was taken over writes nothing more`, async (t) => {
    const { file, start, seen } = await house(t, guarantee);
    const stalled = await start();
    await putSource(stalled, file, 'files');
    await appendFile(file, lines('before', 50));
    await until(seen, (all) => all.length === 50);

    stalled.stall();
    const began = Date.now();
    const successor = await start();
    await appendFile(file, lines('meanwhile', 50));
    await until(seen, (all) => new Set(all).size === 100);
    await sleep(Math.max(0, STALL_MS - (Date.now() - began)));
    stalled.wake();
    await appendFile(file, lines('after', 50));
    await until(seen, (all) => new Set(all).size === 150);
    await until(
      () => health(stalled),
      ({ status, message }) => status === 500 && /taken over/.test(message),
    );
    await appendFile(file, lines('later', 50));
    await until(seen, (all) => new Set(all).size === 200);
    await sleep(QUIET_MS);

    const all = await seen();
    const once = guarantee === 'exactly once' ? all : all.filter((line) => /^(after|later)/.test(line));
    assert.equal(new Set(once).size, once.length, `twice: ${once.filter((line, at) => once.indexOf(line) < at)}`);
    const status = (await (await fetch(`${successor.connect}/connectors/files/status`)).json()) as Status;
    assert.deepEqual([status.connector.state, ...status.tasks.map(({ state }) => state)], ['RUNNING', 'RUNNING']);
    const refused = await fetch(`${stalled.connect}/connectors/files/pause`, { method: 'PUT' });
    assert.equal(refused.status, 409);
    assert.match(((await refused.json()) as { message: string }).message, /taken over/);
  });
}

interface Status {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string }[];
}

const lines = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}\n`).join('');

async function house(t: TestContext, guarantee: 'exactly once' | 'at least once') {
  const { broker, bootstrap } = await startTestBroker(t);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-stalled-'));
  const log = inProcessLog(broker);
  await log.createTopics([{ topic: 'lines', partitions: 1, replicationFactor: 1 }]);
  const workers: WorkerProcess[] = [];
  t.after(async () => {
    await Promise.all(workers.map((worker) => worker.remove()));
    await log.close();
    await rm(folder, { recursive: true, force: true });
  });
  const keys = {
    'bootstrap.servers': bootstrap,
    'group.id': 'stalled',
    'session.timeout.ms': '1500',
    'heartbeat.interval.ms': '300',
    'producer.transaction.timeout.ms': '2000',
    'exactly.once.source.support': guarantee === 'exactly once' ? 'enabled' : 'disabled',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  };
  return {
    file: join(folder, 'in.txt'),
    async start() {
      const worker = await startWorkerProcess(keys);
      workers.push(worker);
      return worker;
    },
    async seen(): Promise<readonly string[]> {
      const found: string[] = [];
      const { logEndOffset } = await log.offsets({ topic: 'lines', partition: 0 });
      const consumer = log.consumer({ clientId: 'look', group: `look-${Math.random()}`, autoOffsetReset: 'earliest' });
      consumer.subscribe(['lines'], { onAssigned: async () => {}, onRevoked: async () => {} });
      const deadline = Date.now() + DEADLINE_MS;
      while ((consumer.position({ topic: 'lines', partition: 0 }) ?? 0) < logEndOffset && Date.now() < deadline) {
        for (const { value } of await consumer.poll(50)) found.push(String(value));
        if (logEndOffset === 0) break;
      }
      await consumer.close();
      return found;
    },
  };
}

async function putSource(worker: WorkerProcess, file: string, name: string): Promise<void> {
  const response = await fetch(`${worker.connect}/connectors/${name}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ 'connector.class': 'FileStreamSource', file, topic: 'lines' }),
  });
  assert.equal(response.status, 201, await response.text());
}

async function health({ connect }: WorkerProcess): Promise<{ status: number; message: string }> {
  const response = await fetch(`${connect}/health`);
  const { message } = (await response.json()) as { message: string };
  return { status: response.status, message };
}

async function until<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; ; await sleep(50)) {
    const found = await look();
    if (isSo(found)) return;
    assert.ok(Date.now() < deadline, `It never came to this: ${JSON.stringify(found)}`);
  }
}
