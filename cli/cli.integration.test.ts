/** The commands against a real Millrace process: what a person at a terminal sees, exit codes included. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Millrace, startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
/** For records of 1970, which the broker's first look for what is too old (after half a minute) would take away. */
const forEver = ['-c', 'retention.ms=-1'];
let house: Millrace;

before(async () => {
  house = await startMillrace();
});
after(async () => {
  await house.remove();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function millrace(args: readonly string[], input: string | Buffer = ''): Outcome {
  const env = {
    ...process.env,
    MILLRACE_BROKERS: house.kafka,
    MILLRACE_CONNECT: house.connect,
    MILLRACE_REGISTRY: house.registry,
  };
  const { status, stdout, stderr } = spawnSync(launcher, [...args], { input, env, timeout: 60_000 });
  return { code: status, out: stdout.toString('latin1'), err: stderr.toString() };
}

function ok(args: readonly string[], input: string | Buffer = ''): string {
  const { code, out, err } = millrace(args, input);
  assert.equal(code, 0, `millrace ${args.join(' ')}: ${err}`);
  return out;
}

describe('topics', () => {
  it('are created, listed, described and deleted', () => {
    assert.deepEqual(JSON.parse(ok(['topic', 'create', 'shelf', '-p', '3', '-c', 'retention.ms=1000', '-O', 'json'])), {
      topic: 'shelf',
      result: 'created',
      partitions: 3,
    });
    assert.match(ok(['topic', 'ls']), /^TOPIC +PARTITIONS\n(.*\n)*shelf +3\n/);
    assert.equal(JSON.parse(ok(['topic', 'describe', 'shelf', '-O', 'json'])).partitions.length, 3);
    const asked = millrace(['topic', 'rm', 'shelf']);
    assert.equal(asked.code, 2);
    assert.match(asked.err, /shelf \(0 records\)/);
    ok(['topic', 'rm', 'shelf', '--yes']);
    assert.equal(millrace(['topic', 'describe', 'shelf']).code, 3);
  });

  it('that exist already are a conflict, unless that is fine', () => {
    ok(['topic', 'create', 'twice']);
    assert.equal(millrace(['topic', 'create', 'twice']).code, 6);
    assert.match(ok(['topic', 'create', 'twice', '--if-not-exists']), /exists/);
  });
});

describe('records', () => {
  it('go in as lines and come out as lines, with keys where asked', () => {
    ok(['topic', 'create', 'lines', '-p', '2']);
    ok(['produce', '-t', 'lines', '-K', ':', '-H', 'from=test'], 'a:one\nb:two\nc:three\n');
    const lines = ok(['consume', 'lines', '-e', '-K', '=']).trimEnd().split('\n').sort();
    assert.deepEqual(lines, ['a=one', 'b=two', 'c=three']);
    assert.equal(ok(['consume', 'lines', '-e', '-c', '1', '-f', '%h']), 'from=test');
  });

  it('make the round trip through jsonl without loss', () => {
    ok(['topic', 'create', 'from', '-p', '2', ...forEver]);
    ok(['topic', 'create', 'to', '-p', '2', ...forEver]);
    const records = [
      { key: 'k', value: 'text', headers: [], timestamp: 1_700_000_000_001 },
      {
        key: { base64: '/wA=' },
        value: { base64: '/v8=' },
        headers: [{ key: 'h', value: { base64: '/w==' } }],
        timestamp: 1,
      },
      {
        key: 'gone',
        value: null,
        headers: [
          { key: 'b', value: '1' },
          { key: 'a', value: null },
          { key: 'b', value: '' },
        ],
        timestamp: 2,
      },
      { key: '', value: '', headers: [], timestamp: 3 },
    ];
    ok(['produce', '-t', 'from', '--from', 'jsonl'], records.map((record) => JSON.stringify(record)).join('\n'));
    const dump = ok(['consume', 'from', '-e', '-O', 'jsonl']);
    ok(['produce', '-t', 'to', '--from', 'jsonl', '--keep-partition'], dump);
    const parsed = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
    const again = parsed(ok(['consume', 'to', '-e', '-O', 'jsonl']));
    assert.deepEqual(
      again,
      parsed(dump).map((record) => ({ ...record, topic: 'to' })),
    );
    assert.equal(again.length, records.length);
  });

  it('are found by offset, from the end and by time', () => {
    ok(['topic', 'create', 'places', ...forEver]);
    const records = Array.from({ length: 10 }, (_, i) => JSON.stringify({ value: `v${i}`, timestamp: 1000 + i }));
    ok(['produce', '-t', 'places', '--from', 'jsonl', '-z', 'gzip'], records.join('\n'));
    const read = (...args: string[]) =>
      ok(['consume', 'places', '-e', ...args])
        .trimEnd()
        .split('\n')
        .join(' ');
    assert.equal(read('-o', '8'), 'v8 v9');
    assert.equal(read('-o', '-3'), 'v7 v8 v9');
    assert.equal(read('-o', 's@1008'), 'v8 v9');
    assert.equal(read('-o', 's@1002', '-o', 'e@1004'), 'v2 v3');
    assert.equal(read('-o', 'end'), '');
    assert.equal(millrace(['consume', 'places', '-o', '99', '-e']).code, 0);
  });

  it('before a line that cannot be read are written, and the line is named', () => {
    ok(['topic', 'create', 'half']);
    const { code, err } = millrace(['produce', '-t', 'half', '--from', 'jsonl'], '{"value":"good"}\n{"valeu":"bad"}\n');
    assert.equal(code, 1);
    assert.match(err, /stdin:2 is no record/);
    assert.match(err, /1 records written/);
    assert.equal(ok(['consume', 'half', '-e']), 'good\n');
  });

  it('to a reader that goes away end quietly', async () => {
    ok(['topic', 'create', 'long']);
    ok(['produce', '-t', 'long', '-q'], 'x'.repeat(200).concat('\n').repeat(5000));
    const shell = spawn('sh', ['-c', `'${launcher}' consume long -e -b ${house.kafka} | head -1; echo done`]);
    const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
    assert.equal(out, `${'x'.repeat(200)}\ndone\n`);
    assert.equal(err, '');
  });
});

describe('schemas', () => {
  it('are registered, read back and checked', () => {
    const file = join(folder, 'schema.json');
    writeFileSync(
      file,
      JSON.stringify({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false }),
    );
    const { id } = JSON.parse(ok(['schema', 'register', 'things-value', file, '-O', 'json']));
    assert.equal(typeof id, 'number');
    assert.equal(JSON.parse(ok(['schema', 'get', 'things-value'])).type, 'object');
    assert.match(ok(['schema', 'ls']), /things-value +1 /);
    writeFileSync(
      file,
      JSON.stringify({ type: 'object', properties: { a: { type: 'number' } }, additionalProperties: false }),
    );
    assert.equal(millrace(['schema', 'check', 'things-value', file]).code, 1);
    assert.equal(millrace(['schema', 'register', 'things-value', file]).code, 6);
    writeFileSync(file, '{');
    assert.equal(millrace(['schema', 'register', 'things-value', file]).code, 78);
    assert.equal(millrace(['schema', 'get', 'nothing']).code, 3);
  });
});

describe('connectors', () => {
  it('are applied, shown, paused, resumed, restarted and deleted', () => {
    const input = join(folder, 'people.csv');
    writeFileSync(input, 'id,name\n1,Ada\n2,Emre\n');
    const file = join(folder, 'people.json');
    const config = { 'connector.class': 'FileSource', file: input, format: 'csv', topic: 'people' };
    writeFileSync(file, JSON.stringify(config));
    assert.match(ok(['apply', file, '--wait']), /^\+ create people/);
    assert.equal(ok(['connector', 'apply', file]), '', 'the second time there is nothing to do');
    assert.match(ok(['connector', 'ls']), /people +source +RUNNING +1\/1 +FileSource/);
    assert.equal(JSON.parse(ok(['connector', 'get', 'people'])).config.topic, 'people');
    assert.match(ok(['consume', 'people', '-c', '2']), /"name":"Ada"/);
    ok(['connector', 'pause', 'people', '--wait']);
    assert.match(ok(['connector', 'status', 'people']), /connector +PAUSED/);
    ok(['connector', 'resume', 'people', '--wait']);
    ok(['connector', 'restart', 'people', '--wait']);
    ok(['connector', 'rm', 'people']);
    assert.equal(millrace(['connector', 'status', 'people']).code, 3);
  });

  it('with a misspelled key or an unknown class are refused with 78, the key and the nearest one', () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, JSON.stringify({ 'connector.class': 'FileSource', file: '/x', topic: 't', fromat: 'csv' }));
    const misspelled = millrace(['apply', file]);
    assert.equal(misspelled.code, 78);
    assert.match(misspelled.err, /"fromat".*"format"/s);
    writeFileSync(file, JSON.stringify({ 'connector.class': 'FileSoruce', topic: 't' }));
    const unknown = millrace(['apply', file]);
    assert.equal(unknown.code, 78);
    assert.match(unknown.err, /FileSoruce/);
  });
});

describe('up', () => {
  it('prints one ready line, and answers on every surface', async () => {
    for (const url of [
      `${house.connect}/`,
      `${house.registry}/subjects`,
      `${house.console}/livez`,
      `${house.console}/readyz`,
      `${house.console}/metrics`,
    ]) {
      assert.equal((await fetch(url)).status, 200, url);
    }
    assert.equal(typeof house.startMs, 'number');
  });

  it('on a data directory that is held is refused with 6 and names the holder', () => {
    const { code, err } = millrace(['up', '--data', house.data, '--kafka-port', '0', '--connect-port', '0']);
    assert.equal(code, 6);
    assert.match(err, new RegExp(`${house.pid}`));
  });

  it('stops with exit code 0 within ten seconds of SIGTERM, and starts again with what it had', async () => {
    ok(['topic', 'create', 'kept']);
    ok(['produce', '-t', 'kept', '-q'], 'still here\n');
    // Beyond its ten seconds it ends with another code.
    assert.equal(await house.stop(), 0);
    await house.restart();
    assert.equal(ok(['consume', 'kept', '-e']), 'still here\n');
  });
});
