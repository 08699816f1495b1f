/** `secret` as a person meets it: values on stdin, names and keys in the list, no value anywhere. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { type Millrace, startMillrace } from '../test/kit/millrace.ts';

const main = new URL('./main.ts', import.meta.url).pathname;
let server: Millrace;
before(async () => {
  server = await startMillrace();
});
after(() => server.remove());

function secret(args: readonly string[], input = '') {
  const command = [main, 'secret', ...args, '--connect', server.connect];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { input, timeout: 60_000 });
  return { code: status, out: stdout.toString(), err: stderr.toString() };
}

test('one value or several come from stdin; the list shows names and keys alone', () => {
  assert.equal(secret(['set', 'db', 'password'], 'hunter2\n').code, 0);
  assert.equal(secret(['set', 'db'], '# comment\nuser=app\nurl=a=b\n').code, 0);
  const list = secret(['ls', '--output', 'json']);
  const [{ name, keys }] = JSON.parse(list.out);
  assert.deepEqual([name, keys], ['db', 'password,url,user']);
  assert.ok(!list.out.includes('hunter2'));
});

test('a key is unset, all are encrypted anew, a secret is deleted', () => {
  assert.match(secret(['set', 'db', '--unset', 'url']).out, /password,user/);
  assert.match(secret(['rotate']).out, /ROTATED\s+0/);
  assert.equal(secret(['rm', 'db']).code, 0);
  assert.equal(secret(['rm', 'db']).code, 3);
});

test('a wrong line is named by its number, not quoted', () => {
  const wrong = secret(['set', 'db'], 'user=app\nhunter2\n');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Line 2 of stdin is no key=value/);
  assert.ok(!wrong.err.includes('hunter2'));
});
