/** References in configs: files, directories, the environment, and what is not theirs. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigProviders } from './config-providers.ts';

const reference = (text: string) => ['$', `{${text}}`].join('');

test('references are resolved where they stand; unknown ones stay; a dead end is a problem of its key', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'db.properties');
  await writeFile(file, '# secrets\nuser = ada\npassword=se=cret\\!\nlong = one \\\n  two\n');
  await writeFile(join(directory, 'token'), 'abc');
  const providers = new ConfigProviders(['file', 'directory', 'env'], {}, { HOST: 'db' });
  const { resolved, problems } = await providers.resolve({
    url: `postgres://${reference(`file:${file}:user`)}@${reference('env:HOST')}/shop`,
    password: reference(`file:${file}:password`),
    long: reference(`file:${file}:long`),
    token: reference(`directory:${directory}:token`),
    template: `${reference('topic')}-${reference('vault:a:b')}`,
    missing: reference('env:NOWHERE'),
  });
  assert.equal(resolved.url, 'postgres://ada@db/shop');
  assert.equal(resolved.password, 'se=cret!');
  assert.equal(resolved.long, 'one two');
  assert.equal(resolved.token, 'abc');
  assert.equal(resolved.template, `${reference('topic')}-${reference('vault:a:b')}`);
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['missing'],
  );
});

test('allowed.paths and allowlist.pattern keep what they should; a path cannot climb out', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const worker = {
    'config.providers.file.param.allowed.paths': join(directory, 'allowed'),
    'config.providers.env.param.allowlist.pattern': 'DB_.*',
  };
  const providers = new ConfigProviders(['file', 'directory', 'env'], worker, { DB_HOST: 'db', PATH: '/bin' });
  const { resolved, problems } = await providers.resolve({
    host: reference('env:DB_HOST'),
    path: reference('env:PATH'),
    file: reference(`file:${join(directory, 'other.properties')}:x`),
    climb: reference(`directory:${directory}:../x`),
  });
  assert.equal(resolved.host, 'db');
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['path', 'file', 'climb'],
  );
});
