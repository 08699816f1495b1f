/**
 * The file connectors in the real worker, over a log in memory: a folder of CSV into a topic, the topic into a file of
 * JSON Lines, a bad line into the dead letter topic, and the worker ended and started again in between.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryLog } from '../../runtime/log/memory.ts';
import { type RunningWorker, startWorker } from '../../runtime/worker-server.ts';
import { catalogue } from '../catalogue.ts';

const silent = {
  level: 'silent',
  fatal() {},
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silent,
};

async function begin(t: TestContext, log: MemoryLog, configs: Record<string, Record<string, string>>) {
  const worker = await startWorker({
    log,
    plugins: catalogue,
    host: '127.0.0.1',
    port: 0,
    logger: silent,
    config: { 'offset.flush.interval.ms': '100' },
  });
  t.after(() => worker.stop());
  for (const [name, config] of Object.entries(configs)) {
    const answer = await fetch(`${worker.url}/connectors/${name}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    });
    assert.ok(answer.ok, await answer.text());
  }
  return worker;
}

/** Waits until the file has this many lines. */
async function linesOf(worker: RunningWorker, file: string, count: number): Promise<string[]> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    if (lines.length >= count) return lines;
  }
  const status = await (await fetch(`${worker.url}/connectors?expand=status`)).text();
  throw new Error(`${file} never had ${count} lines: ${status}`);
}

test('CSV files become records and JSON Lines, a bad line becomes a dead letter, a restart repeats nothing', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-worker-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const input = join(dir, 'in');
  await mkdir(input);
  await writeFile(join(input, 'a.csv'), 'id,amount\n1,10\n2\n3,30\n');
  const output = join(dir, 'out.jsonl');
  const log = new MemoryLog();
  const configs = {
    orders: {
      'connector.class': 'FileSource',
      file: input,
      format: 'csv',
      'csv.types': 'amount:int',
      'key.column': 'id',
      topic: 'orders',
      'scan.interval.ms': '20',
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'orders-bad',
      'errors.deadletterqueue.context.headers.enable': 'true',
    },
    archive: { 'connector.class': 'FileStreamSink', topics: 'orders', file: output, format: 'jsonl' },
  };
  const first = await begin(t, log, configs);
  assert.deepEqual(await linesOf(first, output, 2), ['{"id":"1","amount":10}', '{"id":"3","amount":30}']);
  await first.stop();
  await writeFile(join(input, 'b.csv'), 'id,amount\n4,40\n');
  const second = await begin(t, log, {});
  assert.deepEqual((await linesOf(second, output, 3)).slice(2), ['{"id":"4","amount":40}']);
  const [letter, ...others] = log.records({ topic: 'orders-bad', partition: 0 });
  assert.equal(letter!.value!.toString(), '2\n');
  assert.ok(letter!.headers.some((header) => /have 1 column, the header has 2/.test(String(header.value))));
  assert.equal(others.length, 0);
});
