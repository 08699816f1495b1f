/** diff, apply, preview and check against a real Millrace process, with the exit codes a CI job reads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Millrace, startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-declarative-'));
const connectors = join(folder, 'connectors');
let house: Millrace;

before(async () => {
  mkdirSync(connectors);
  house = await startMillrace();
});
after(async () => {
  await house.remove();
  rmSync(folder, { recursive: true });
});

function millrace(args: readonly string[], addresses = true) {
  const env = addresses
    ? {
        ...process.env,
        MILLRACE_BROKERS: house.kafka,
        MILLRACE_CONNECT: house.connect,
        MILLRACE_REGISTRY: house.registry,
      }
    : { ...process.env, MILLRACE_BROKERS: '127.0.0.1:1', MILLRACE_CONNECT: 'http://127.0.0.1:1' };
  const { status, stdout, stderr } = spawnSync(launcher, [...args], { cwd: folder, env, timeout: 60_000 });
  return { code: status, out: stdout.toString(), err: stderr.toString() };
}

function write(name: string, config: object): void {
  writeFileSync(join(connectors, `${name}.json`), JSON.stringify(config, null, 2));
}

const lines = { 'connector.class': 'FileSource', file: join(folder, 'in.txt'), topic: 'lines' };
const copy = {
  'connector.class': 'FileSink',
  file: join(folder, 'out.txt'),
  topics: 'lines',
};

describe('a folder of connectors', () => {
  it('is compared, applied once, and then nothing is left to do', () => {
    writeFileSync(join(folder, 'in.txt'), 'one\ntwo\n');
    write('lines', lines);
    const planned = millrace(['diff']);
    assert.equal(planned.code, 6, planned.err);
    assert.match(planned.out, /^\+ create lines {2}\(connectors\/lines\.json\)$/m);
    const applied = millrace(['apply', '--wait']);
    assert.equal(applied.code, 0, applied.err);
    assert.match(applied.err, /Done: create lines\./);
    const nothing = millrace(['diff']);
    assert.deepEqual([nothing.code, nothing.out], [0, '']);
    assert.equal(millrace(['apply']).code, 0);
    assert.equal(millrace(['consume', 'lines', '-c', '2']).out, '"one"\n"two"\n');
  });

  it('shows what a sink would send from real records, and sends nothing', () => {
    write('copy', copy);
    const { code, out, err } = millrace(['preview', 'connectors/copy.json', '-c', '1']);
    assert.equal(code, 0, err);
    assert.match(out, /"topic":"lines","partition":0,"offset":1/, err);
    assert.match(out, /would send:\n {2}append to .*out\.txt: two$/m);
    assert.throws(() => readFileSync(join(folder, 'out.txt')));
    const groups = millrace(['preview', 'connectors/copy.json', '-O', 'json']);
    assert.equal(JSON.parse(groups.out).records.length, 2);
  });

  it('changes, names the keys, and asks before it deletes', () => {
    write('lines', { ...lines, 'batch.size': 10 });
    assert.equal(millrace(['apply', '--wait']).code, 0);
    const config = JSON.parse(millrace(['connector', 'get', 'lines', '-O', 'json']).out);
    assert.equal(config.config['batch.size'], '10');
    rmSync(join(connectors, 'copy.json'));
    assert.match(millrace(['diff']).out, /^\? unmanaged copy$/m);
    const asked = millrace(['apply', '--prune']);
    assert.equal(asked.code, 2);
    assert.match(asked.err, /would delete copy; nothing was done/);
    assert.equal(millrace(['apply', '--prune', '--yes']).code, 0);
    assert.doesNotMatch(millrace(['connector', 'ls']).out, /copy/);
  });

  it('is not applied with a fault in it, and what is missing out there is found by check', () => {
    write('wrong', { ...lines, 'batch.size': 0 });
    const refused = millrace(['apply']);
    assert.equal(refused.code, 78);
    assert.match(refused.err, /wrong\.json:5:17: error: Invalid value "0"/);
    write('wrong', { ...lines, file: join(folder, 'no-such-folder', 'in.txt') });
    assert.equal(millrace(['lint']).code, 0);
    const missing = millrace(['check']);
    assert.equal(missing.code, 78);
    assert.match(missing.out, /wrong\.json:3:11: error: .*no-such-folder.*Correct "file"/);
    rmSync(join(connectors, 'wrong.json'));
    assert.equal(millrace(['check']).code, 0);
  });

  it('says that nothing answers, where nothing does', () => {
    for (const args of [['diff'], ['apply']]) assert.equal(millrace(args, false).code, 4);
    write('copy', copy);
    assert.equal(millrace(['preview', 'connectors/copy.json'], false).code, 4);
    rmSync(join(connectors, 'copy.json'));
  });

  it('is tested with no server at all, and renews its tests when asked to', () => {
    const file = join(connectors, 'lines.test.json');
    const input = [{ value: 'x' }];
    writeFileSync(file, JSON.stringify({ tests: [{ name: 'quotes', input, output: [{ value: 'y' }] }] }));
    const failed = millrace(['test'], false);
    assert.equal(failed.code, 1);
    assert.match(
      failed.out,
      /failed {2}connectors\/lines\.test\.json: quotes\n[\s\S]*- +"value": "y"\n +\+ +"value": "x"/,
    );
    assert.equal(millrace(['test', '--update'], false).code, 0);
    assert.equal(millrace(['test'], false).code, 0);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).tests[0].output[0].topic, 'lines');
  });
});
