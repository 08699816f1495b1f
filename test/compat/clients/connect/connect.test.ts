/**
 * A real Kafka Connect worker, with our broker as its Kafka: the recordings are what it answers, and `millrace import
 * connect` takes its connectors over where they stand.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Millrace, startMillrace } from '../../../kit/millrace.ts';
import { skipUnlessInstalled } from '../installed.ts';
import { converterCases } from './converter-cases.ts';
import { connectHome, type JavaConnect, javaAnswers, startJavaConnect } from './java-connect.ts';
import { transformCases } from './transform-cases.ts';
import { steps } from './walk.ts';
import { type Answer, walk } from './walker.ts';

const skip = skipUnlessInstalled('java', join(connectHome, 'classes', 'Answers.class'));
const root = new URL('../../../../', import.meta.url);
const table = (path: string) => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const run = promisify(execFile);

describe('Kafka Connect itself', { skip }, () => {
  let millrace: Millrace;
  let java: JavaConnect;
  let folder: string;

  before(async () => {
    millrace = await startMillrace();
    java = await startJavaConnect(millrace.kafka, 'java');
    folder = await mkdtemp(join(tmpdir(), 'millrace-take-over-'));
  });
  after(async () => {
    await java?.stop();
    await millrace?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  test('its transforms and converters answer as recorded', () => {
    for (const [cases, path] of [
      [transformCases, 'connectors/transforms/stock.golden.json'],
      [converterCases, 'connectors/converters/stock.golden.json'],
    ] as const) {
      const answers = javaAnswers(cases);
      const now = cases.map((each, index) => ({ ...each, result: answers[index] }));
      assert.deepEqual(JSON.parse(JSON.stringify(now)), table(path), `Run record-plugins.ts again: ${path}.`);
    }
  });

  test('its connectors are taken over where they stand: nothing is lost, nothing is read twice', async () => {
    const input = join(folder, 'in.txt');
    const output = join(folder, 'out.txt');
    const text = 'org.apache.kafka.connect.storage.StringConverter';
    const converters = { 'key.converter': text, 'value.converter': text };
    await writeFile(input, 'one\ntwo\n');
    const source = 'org.apache.kafka.connect.file.FileStreamSourceConnector';
    await create('origin', { 'connector.class': source, topic: 'moved', file: input, ...converters });
    await create('target', { 'connector.class': 'FileStreamSink', topics: 'moved', file: output, ...converters });
    await until(async () => assert.equal(await readFile(output, 'utf8'), 'one\ntwo\n'));
    await appendFile(input, 'three\n');

    const taken = await importConnect('--from-url', java.url, '--start');
    assert.deepEqual(
      taken.map(({ name, result }) => `${name}: ${result}`),
      ['origin: taken over, running', 'target: taken over, running'],
    );
    assert.equal((await status(java.url, 'origin')).connector.state, 'STOPPED');
    await appendFile(input, 'four\n');
    await until(async () => assert.equal(await readFile(output, 'utf8'), 'one\ntwo\nthree\nfour\n'));

    const again = await importConnect();
    assert.match(again[0]!.result, /is here already/);
  });

  test('the walk over its REST API ends as recorded', async () => {
    await rm(folder, { recursive: true });
    await java.stop();
    java = await startJavaConnect(millrace.kafka, 'walked');
    folder = await mkdtemp(join(tmpdir(), 'millrace-walk-'));
    await writeFile(join(folder, 'in.txt'), 'a\nbcd\n');
    const answers = await walk(steps, { url: java.url, folder });
    const golden: Answer[] = table('test/compat/clients/connect/connect.golden.json');
    for (const [index, answer] of answers.entries()) {
      // Which loggers there are is up to the logging library beside the worker.
      if (answer.call.includes('/admin/loggers')) continue;
      assert.deepEqual(JSON.parse(JSON.stringify(answer)), golden[index], answer.name);
    }
  });

  async function create(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    const answer = await fetch(`${java.url}/connectors`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, config }),
    });
    assert.equal(answer.status, 201, await answer.text());
  }

  async function importConnect(...more: string[]): Promise<{ name: string; result: string }[]> {
    const main = new URL('cli/main.ts', root).pathname;
    const where = ['--bootstrap', millrace.kafka, '--connect', millrace.connect, '--output', 'json'];
    const topics = ['--config-topic', 'java-configs', '--offset-topic', 'java-offsets'];
    const { stdout } = await run(process.execPath, [main, 'import', 'connect', ...where, ...topics, ...more]);
    return JSON.parse(stdout);
  }
});

async function status(url: string, name: string): Promise<{ connector: { state: string } }> {
  return (await (await fetch(`${url}/connectors/${name}/status`)).json()) as { connector: { state: string } };
}

async function until(check: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
