import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
/** Nothing listens there: the port is reserved by IANA and needs root. */
const NOBODY = '127.0.0.1:1';

function millrace(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(launcher, args, { encoding: 'utf8', timeout: 60_000 });
  return { code: status, out: stdout, err: stderr };
}

describe('a command line', () => {
  it('that asks for help or the version gets it on stdout, with exit code 0', () => {
    assert.match(millrace('--version').out, /^\d+\.\d+\.\d+\n$/);
    const help = millrace('topic', 'create', '--help');
    assert.equal(help.code, 0);
    assert.match(help.out, /--partitions <n>/);
    assert.equal(help.err, '');
  });

  it('that makes no sense ends in 2 and says what would', () => {
    const unknown = millrace('topc');
    assert.equal(unknown.code, 2);
    assert.equal(unknown.out, '');
    assert.match(unknown.err, /Did you mean topic/);
    assert.equal(millrace().code, 2);
    assert.equal(millrace('connector', 'get').code, 2);
    assert.equal(millrace('topic', 'ls', '--output', 'xml').code, 2);
    assert.equal(millrace('consume', 'x', '-o', 'yesterday').code, 2);
  });

  it('whose server is not there ends in 4 and says how to start one', () => {
    for (const args of [
      ['topic', 'ls', '-b', NOBODY],
      ['connector', 'ls', '--connect', `http://${NOBODY}`],
      ['schema', 'ls', '--registry', `http://${NOBODY}`],
    ]) {
      const { code, err } = millrace(...args);
      assert.equal(code, 4, args.join(' '));
      assert.match(err, /next: .*millrace up/);
    }
  });

  it('that wants JSON gets its errors as JSON on stderr', () => {
    const { code, out, err } = millrace('topic', 'ls', '-b', NOBODY, '--output', 'json');
    assert.equal(code, 4);
    assert.equal(out, '');
    assert.deepEqual(Object.keys(JSON.parse(err).error), ['code', 'message', 'cause', 'next']);
    assert.equal(JSON.parse(err).error.code, 'UNREACHABLE');
  });

  it('with a config that cannot work ends in 78 and names the file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'millrace-wrong-')), 'x.json');
    writeFileSync(file, '{oops');
    const { code, err } = millrace('apply', file);
    rmSync(dirname(file), { recursive: true });
    assert.equal(code, 78);
    assert.match(err, /x\.json:1:2: error: /);
  });

  it('that would listen beyond loopback with nobody who could log in is refused with 5', () => {
    const data = mkdtempSync(join(tmpdir(), 'millrace-open-'));
    const { code, err } = millrace('up', '--host', '0.0.0.0', '--kafka-port', '0', '--data', data);
    rmSync(data, { recursive: true });
    assert.equal(code, 5);
    assert.match(err, /no user who could log in.*millrace user add/s);
  });
});
