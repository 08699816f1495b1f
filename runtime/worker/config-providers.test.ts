/** References in configs: files, directories, the environment, and what is not theirs. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigProviders, parseProperties } from './config-providers.ts';

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

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-providers-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'in'));
  await mkdir(join(folder, 'inside-not'));
  for (const each of ['in', 'inside-not', '.']) {
    await writeFile(join(folder, each, 'a.properties'), 'key=value\n');
    await writeFile(join(folder, each, 'token'), 'text');
  }
  return folder;
}

/** `DIR` stands for the folder; `in` is allowed. A string: what it resolves to. A pattern: the problem. */
const cases: readonly [string, string, string | RegExp][] = [
  ['a file inside allowed.paths', 'file:DIR/in/a.properties:key', 'value'],
  ['a file outside', 'file:DIR/a.properties:key', /is outside allowed\.paths/],
  ['a file in a folder whose name begins alike', 'file:DIR/inside-not/a.properties:key', /is outside allowed\.paths/],
  ['a file reached by climbing', 'file:DIR/in/../a.properties:key', /is outside allowed\.paths/],
  ['a file that is not there', 'file:DIR/in/b.properties:key', /no such file.*b\.properties/],
  ['a key the file has not', 'file:DIR/in/a.properties:other', /a\.properties has no property "other"/],
  ['a folder in place of a file', 'file:DIR/in:key', /EISDIR/],
  ['a file of a directory', 'directory:DIR/in:token', 'text'],
  ['a directory outside', 'directory:DIR:token', /is outside allowed\.paths/],
  ['a directory that is climbed out of', 'directory:DIR/in:../token', /"\.\.\/token" is not inside/],
  ['a file the directory has not', 'directory:DIR/in:other', /no such file.*other/],
  ['a directory that is not there', 'directory:DIR/in/no:token', /no such file/],
  ['a variable that the pattern allows', 'env:DB_HOST', 'db'],
  ['a variable that it hides', 'env:PATH', /no variable "PATH" \(or allowlist\.pattern hides it\)/],
  ['a variable that is not set', 'env:DB_NONE', /no variable "DB_NONE"/],
];
for (const [what, text, expected] of cases) {
  test(`${what} ${typeof expected === 'string' ? 'is resolved' : 'is a problem of its key, which shows the reference'}`, async (t) => {
    const folder = await folderOf(t);
    const worker = {
      'config.providers.file.param.allowed.paths': `${join(folder, 'in')}, ${join(folder, 'elsewhere')}`,
      'config.providers.directory.param.allowed.paths': join(folder, 'in'),
      'config.providers.env.param.allowlist.pattern': 'DB_.*',
    };
    const providers = new ConfigProviders(['file', 'directory', 'env'], worker, { DB_HOST: 'db', PATH: '/bin' });
    const key = reference(text.replace('DIR', folder));
    const { resolved, problems } = await providers.resolve({ key });
    if (typeof expected === 'string') assert.deepEqual([resolved.key, problems], [expected, []]);
    else {
      assert.equal(resolved.key, key);
      assert.deepEqual([problems[0]?.key, problems[0]?.value], ['key', key]);
      assert.match(problems[0]!.message, /^The reference in configuration "key" cannot be resolved: /);
      assert.match(problems[0]!.message, expected);
    }
  });
}

test('providers by their Java names and under other aliases; empty allowed.paths is no restriction', async (t) => {
  const folder = await folderOf(t);
  const java = 'org.apache.kafka.common.config.provider.';
  const worker = {
    'config.providers.f.class': `${java}FileConfigProvider`,
    'config.providers.f.param.allowed.paths': '',
    'config.providers.d.class': `${java}DirectoryConfigProvider`,
    'config.providers.e.class': `${java}EnvVarConfigProvider`,
  };
  const providers = new ConfigProviders(['f', 'd', 'e'], worker, { A: '1' });
  const text = `${reference(`f:${folder}/a.properties:key`)},${reference(`d:${folder}:token`)},${reference('e:A')}`;
  const { resolved } = await providers.resolve({ text, stays: reference('env:A') });
  assert.deepEqual(resolved, { text: 'value,text,1', stays: reference('env:A') });
});

const refused: readonly [string, Record<string, string>, RegExp][] = [
  ['a class that is none', { 'config.providers.x.class': 'com.example.Vault' }, /"x" is no provider\. Known are file/],
  ['a relative path', { 'config.providers.x.param.allowed.paths': 'etc' }, /allowed\.paths: "etc" is no absolute path/],
  ['a pattern that is none', { 'config.providers.x.param.allowlist.pattern': '(' }, /pattern: "\(" is no regular/],
];
for (const [what, keys, message] of refused) {
  test(`${what} is refused when the worker starts`, () => {
    const kind = 'config.providers.x.param.allowlist.pattern' in keys ? 'env' : 'file';
    assert.throws(() => new ConfigProviders(['x'], { 'config.providers.x.class': kind, ...keys }, {}), message);
  });
}

test('properties are read as Java reads them', () => {
  const lines = [
    'a=1',
    'b : 2',
    'c 3',
    '  d\t=\t4',
    '! no',
    '# no',
    'e=x\\ty\\u0041\\\\',
    'f\\:g=h',
    'i=1,\\',
    '   2',
    'j',
  ];
  assert.deepEqual(Object.fromEntries(parseProperties(lines.join('\n'))), {
    ...{ a: '1', b: '2', c: '3', d: '4', e: 'x\tyA\\', 'f:g': 'h', i: '1,2', j: '' },
  });
});

test('a TTL belongs to the references of its provider; the shortest counts', () => {
  const worker = { 'config.providers.file.param.ttl.ms': '500', 'config.providers.env.param.ttl.ms': '100' };
  const providers = new ConfigProviders(['file', 'directory', 'env'], worker, {});
  assert.equal(providers.ttlOf({ a: 'plain', b: reference('directory:/x:y') }), null);
  assert.equal(providers.ttlOf({ a: reference('file:/x:y') }), 500);
  assert.equal(providers.ttlOf({ a: `${reference('file:/x:y')} ${reference('env:Y')}` }), 100);
});
