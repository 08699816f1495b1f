/** The dead-letter workbench against a real Millrace: from a sink's bad records back to the sink. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Millrace, startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-dlq-'));
let house: Millrace;

before(async () => {
  house = await startMillrace();
});
after(async () => {
  await house.remove();
  rmSync(folder, { recursive: true });
});

const env = () => ({
  ...process.env,
  MILLRACE_BROKERS: house.kafka,
  MILLRACE_CONNECT: house.connect,
});

function millrace(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(launcher, [...args], {
    input,
    cwd: folder,
    env: env(),
    timeout: 60_000,
  });
  return { code: status, out: stdout.toString(), err: stderr.toString() };
}

function ok(args: readonly string[], input = ''): string {
  const { code, out, err } = millrace(args, input);
  assert.equal(code, 0, `millrace ${args.join(' ')}: ${err}`);
  return out;
}

const json = (args: readonly string[]) => JSON.parse(ok([...args, '-O', 'json']));

describe('dead letters', () => {
  it('are nowhere where no connector has a queue', () => {
    const { code, err } = millrace(['dlq', 'ls']);
    assert.equal(code, 3);
    assert.match(err, /No connector of the worker has a dead letter queue/);
    assert.equal(millrace(['dlq', 'ls', 'no-such-topic']).code, 3);
  });

  it('of a sink are grouped by cause, corrected by an expression, and delivered once', async () => {
    const out = join(folder, 'out.txt');
    ok(['topic', 'create', 'people', '-p', '2']);
    const config = {
      'connector.class': 'FileSink',
      file: out,
      format: 'jsonl',
      topics: 'people',
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'people-dlq',
    };
    writeFileSync(join(folder, 'sink.json'), JSON.stringify(config));
    ok(['produce', '-t', 'people', '-K', '|'], '"1"|{"n":1}\n"2"|{oops 2}\n"3"|{"n":3}\n"4"|{oops 4}\n');
    ok(['apply', 'sink.json', '--wait']);
    let groups: { group: string; open: number; stage: string; cause: string }[] = [];
    for (let tries = 0; tries < 100 && groups[0]?.open !== 2; tries++) {
      groups = json(['dlq', 'ls']);
      await sleep(50);
    }
    assert.equal(groups.length, 1, JSON.stringify(groups));
    assert.equal(groups[0]!.stage, 'VALUE_CONVERTER');
    const { group } = groups[0]!;
    assert.match(
      ok(['dlq', 'show', '--group', group]),
      /from +people-\d@\d+\n +connector +sink, task 0\n[\s\S]*value +"\{oops \d\}"/,
    );

    const fix = `value = {"n": int(value.substring(6, 7))}`;
    const tried = ok(['dlq', 'replay', '--group', group, '--set', fix, '--dry-run']);
    assert.match(tried, /people-dlq-0@\d → people\n {2}- value "\{oops 2\}"\n {2}\+ value "\{\\"n\\":2\}"/);
    assert.equal(json(['dlq', 'ls'])[0].open, 2, 'a dry run resolves nothing');

    assert.equal(json(['dlq', 'replay', '--group', group, '--set', fix]).length, 2);
    assert.deepEqual(json(['dlq', 'ls']), []);
    assert.equal(json(['dlq', 'ls', '--resolved'])[0].resolved, 2);
    assert.deepEqual(json(['dlq', 'replay', '--group', group]), [], 'a second replay finds nothing');
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      if (readFileSync(out, 'utf8').trim().split('\n').length >= 4) break;
      await sleep(50);
    }
    assert.deepEqual(readFileSync(out, 'utf8').trim().split('\n').sort(), ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);
  });

  it('of a source go through the rest of its chain, or past it to a topic that is named', async () => {
    const config = {
      'connector.class': 'FileSource',
      file: join(folder, 'in.jsonl'),
      format: 'jsonl',
      topic: 'orders',
      transforms: 'by',
      'transforms.by.type': 'InsertField',
      'transforms.by.static.field': 'by',
      'transforms.by.static.value': 'us',
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'orders-dlq',
    };
    writeFileSync(join(folder, 'in.jsonl'), '{"n":1}\n"oops"\n{"n":3}\n"again"\n');
    writeFileSync(join(folder, 'orders.json'), JSON.stringify(config));
    ok(['apply', 'orders.json', '--wait']);
    for (let tries = 0; tries < 100; tries++) {
      const { code, out } = millrace(['dlq', 'ls', 'orders-dlq', '-O', 'json']);
      if (code === 0 && JSON.parse(out)[0]?.open === 2) break;
      await sleep(50);
    }
    const again = millrace(['dlq', 'replay', 'orders-dlq', '--all']);
    assert.equal(again.code, 1);
    assert.match(again.err, /orders-dlq-0@\d fails again: Only structs/);
    const one = ['--where', 'value == "oops"'];
    const fix = ['--set', 'value = {"n": 2}'];
    const tried = ok(['dlq', 'replay', 'orders-dlq', ...one, ...fix, '--dry-run']);
    assert.match(tried, /→ orders\n {2}- value .*oops.*\n {2}\+ value .*\\"by\\":\\"us\\"/);
    ok(['dlq', 'replay', 'orders-dlq', ...one, ...fix]);
    const values = ok(['consume', 'orders', '-e']).trim().split('\n');
    assert.deepEqual(values.sort(), ['{"n":1,"by":"us"}', '{"n":2,"by":"us"}', '{"n":3,"by":"us"}']);
    ok(['topic', 'create', 'aside']);
    ok(['dlq', 'replay', 'orders-dlq', '--all', '--to', 'aside']);
    assert.equal(ok(['consume', 'aside', '-e']), '"again"\n');
    assert.deepEqual(json(['dlq', 'ls', 'orders-dlq']), []);
  });

  it('are not sent by mistake: usage, unknown groups, edits that do not fit', () => {
    assert.equal(millrace(['dlq', 'replay']).code, 2);
    assert.equal(millrace(['dlq', 'replay', '--group', 'nothing1']).code, 3);
    assert.equal(millrace(['dlq', 'replay', '--all', '--set', 'value.x']).code, 2);
    assert.equal(millrace(['dlq', 'replay', '--all', '--where', '(']).code, 2);
    letters('odd-dlq', 1, 'people');
    const { code, err } = millrace(['dlq', 'replay', 'odd-dlq', '--all', '--set', 'value.x = value.nothing']);
    assert.equal(code, 1);
    assert.match(err, /odd-dlq-0@0 cannot be edited like that: No such key: nothing/);
    assert.equal(millrace(['dlq', 'replay', 'odd-dlq', '--all', '--to', 'no-such-topic']).code, 3);
    assert.equal(json(['dlq', 'ls', 'odd-dlq'])[0].open, 1);
  });
});

/** Writes letters as the runtime does: the value is the number, three partitions in turn. */
function letters(dlq: string, count: number, topic: string): void {
  const lines = Array.from({ length: count }, (_, index) => {
    const context = {
      topic,
      partition: index % 3,
      offset: index,
      'connector.name': 'c',
      stage: 'TASK_PUT',
      'exception.message': `no ${index}`,
    };
    const headers = Object.entries(context).map(([name, value]) => ({
      key: `__connect.errors.${name}`,
      value: String(value),
    }));
    return JSON.stringify({ key: `k${index % 7}`, value: String(index), headers });
  });
  ok(['topic', 'create', dlq]);
  ok(['produce', '-t', dlq, '--from', 'jsonl'], lines.join('\n'));
}
