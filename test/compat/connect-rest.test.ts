/**
 * The walk over Kafka Connect's REST API against Millrace: every answer as a real Kafka Connect worker gave it
 * (clients/connect/connect.golden.json), but for the deviations that docs/deviations.md names.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { MemoryLog } from '../../runtime/log/memory.ts';
import { silent } from '../../runtime/worker/harness.ts';
import { type RunningWorker, startWorker } from '../../runtime/worker-server.ts';
import { differences } from './clients/connect/compare.ts';
import { deviations, isExpected } from './clients/connect/deviations.ts';
import { type Document, OpenApiCheck } from './clients/connect/openapi-check.ts';
import { steps } from './clients/connect/walk.ts';
import { type Answer, walk } from './clients/connect/walker.ts';

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const golden: Answer[] = JSON.parse(file('clients/connect/connect.golden.json'));

/** As the recorded worker was configured. */
const config = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'header.converter': 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
  'exactly.once.source.support': 'disabled',
};

describe('the REST API of Kafka Connect', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-walk-'));
  let worker: RunningWorker;
  let answers: ReadonlyMap<string, Answer>;
  const met = new Set<string>();

  before(async () => {
    writeFileSync(join(folder, 'in.txt'), 'a\nbcd\n');
    worker = await startWorker({
      log: new MemoryLog(),
      plugins: catalogue,
      host: '127.0.0.1',
      port: 0,
      logger: silent,
      config,
    });
    const walked = await walk(steps, { url: worker.url, folder });
    answers = new Map(walked.map((answer) => [answer.name, answer]));
  });
  after(async () => {
    await worker.stop();
    rmSync(folder, { recursive: true });
  });

  test('the recording is of this walk', () => {
    assert.deepEqual(
      golden.map(({ name, call }) => `${name}: ${call}`),
      steps.map(({ name, call }) => `${name}: ${call}`),
    );
  });

  for (const theirs of golden) {
    test(`${theirs.name}: ${theirs.call}`, () => {
      const unexpected = differences(theirs, answers.get(theirs.name)!).filter((difference) => {
        const expected = deviations.filter((each) => isExpected(each, theirs.name, difference));
        for (const { line } of expected) met.add(line);
        return expected.length === 0;
      });
      assert.deepEqual(unexpected, []);
    });
  }

  test('every request and answer fits the OpenAPI document that the worker serves', async () => {
    const document = (await (await fetch(`${worker.url}/openapi.json`)).json()) as Document;
    const check = new OpenApiCheck(document);
    for (const step of steps) {
      const answer = answers.get(step.name)!;
      // The walk looks at odd Accept headers and methods too; those never reach an operation.
      if (answer.status === 406 || step.call.startsWith('HEAD')) continue;
      assert.deepEqual(check.problems(step, answer), [], step.name);
    }
  });

  test('the OpenAPI document in docs is the one that is served', async () => {
    const served = (await (await fetch(`${worker.url}/openapi.json`)).json()) as { info: { version: string } };
    const kept = JSON.parse(file('../../docs/connect.openapi.json'));
    kept.info.version = served.info.version;
    assert.deepEqual(kept, served, 'Fetch /openapi.json again and keep it as docs/connect.openapi.json.');
  });

  test('every deviation still is one, and has its line in docs/deviations.md', () => {
    const documented = file('../../docs/deviations.md');
    for (const { line } of deviations) {
      assert.ok(met.has(line), `"${line}" is no deviation any more. Remove it.`);
      assert.ok(documented.includes(line), `docs/deviations.md has no line with "${line}".`);
    }
  });
});
