/** Users and ACLs from the command line, against a real Millrace: made on the loopback, then asked for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-users-'));
after(() => rmSync(folder, { recursive: true }));

function millrace(brokers: string, args: readonly string[], input = '') {
  const env = { ...process.env, MILLRACE_BROKERS: brokers };
  const { status, stdout, stderr } = spawnSync(launcher, [...args], { input, env, timeout: 60_000, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('users and ACLs', () => {
  it('are made without a login on the loopback, and then asked for', async () => {
    const data = join(folder, 'data');
    await using open = await startMillrace({ data });
    const admin = millrace(open.kafka, ['user', 'add', 'admin', '--admin', '-O', 'json']);
    assert.equal(admin.code, 0, admin.err);
    const { password } = JSON.parse(admin.out) as { password: string };
    assert.ok(password.length >= 20);
    const shop = millrace(open.kafka, ['user', 'add', 'shop', '--password-file', '-'], 'shop-secret\n');
    assert.ok(!shop.out.includes('shop-secret'));
    assert.match(millrace(open.kafka, ['user', 'ls']).out, /admin +SCRAM-SHA-256,SCRAM-SHA-512\nshop +SCRAM/);
    const grant = ['acl', 'add', '--principal', 'shop', '--topic', 'ord', '--prefixed', '--producer', '-O', 'json'];
    assert.equal(JSON.parse(millrace(open.kafka, grant).out).length, 3);
    assert.ok(!open.notices().includes(password));
    await open.stop();

    const config = fileOf('millrace.json', [JSON.stringify({ broker: { listeners: 'SASL_PLAINTEXT://127.0.0.1:0' } })]);
    await using closed = await startMillrace({ data, args: ['--config', config] });
    const asAdmin = ['-F', fileOf('admin.properties', ['sasl.username=admin', `sasl.password=${password}`])];
    const asShop = [
      '-X',
      'sasl.username=shop',
      '-X',
      'sasl.password=shop-secret',
      '-X',
      'sasl.mechanism=SCRAM-SHA-256',
    ];
    assert.equal(millrace(closed.kafka, ['topic', 'ls']).code === 0, false);
    assert.equal(millrace(closed.kafka, ['topic', 'create', 'orders', ...asShop]).code, 0);
    const produced = millrace(closed.kafka, ['produce', '-t', 'orders', ...asShop], 'one\n');
    assert.equal(produced.code, 0, produced.err);
    const refused = millrace(closed.kafka, ['consume', 'orders', '-e', ...asShop]);
    assert.deepEqual([refused.code, /TOPIC_AUTHORIZATION_FAILED/.test(refused.err)], [5, true], refused.err);
    assert.equal(millrace(closed.kafka, ['consume', 'orders', '-e', '-q', ...asAdmin]).out, 'one\n');
    const wrong = millrace(closed.kafka, ['topic', 'ls', '-X', 'sasl.username=shop', '-X', 'sasl.password=nonsense']);
    assert.deepEqual([wrong.code, wrong.err.includes('nonsense')], [5, false], wrong.err);
    assert.match(millrace(closed.kafka, ['acl', 'rm', '--principal', 'shop', ...asAdmin]).err, /take away 3 ACLs/);
    assert.equal(millrace(closed.kafka, ['acl', 'rm', '--principal', 'shop', '--yes', ...asAdmin]).code, 0);
    assert.ok(!millrace(closed.kafka, ['acl', 'ls', ...asAdmin]).out.includes('User:shop'));
    assert.equal(millrace(closed.kafka, ['user', 'rm', 'shop', ...asAdmin]).code, 0);
    assert.equal(millrace(closed.kafka, ['user', 'rm', 'shop', ...asAdmin]).code, 3);
    assert.equal(millrace(closed.kafka, ['topic', 'ls', ...asShop]).code, 5);
  });
});
