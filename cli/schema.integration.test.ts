/** The `schema` commands against a real Millrace process, with the exit codes a script would see. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Millrace, startMillrace } from '../test/kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-schema-cli-'));
const PASSWORD = 'correct-horse';
const asOps = file('ops.properties', `# who we are\nbasic.auth.user.info=ops:${PASSWORD}\n`);
let house: Millrace;

before(async () => {
  const config = join(folder, 'millrace.json');
  const roles = join(folder, 'roles.json');
  const grants = [
    { principal: 'User:ops', role: 'admin', subject: '*' },
    { principal: 'User:ci', role: 'read', subject: '*' },
  ];
  writeFileSync(roles, JSON.stringify({ roles: grants }));
  writeFileSync(
    config,
    JSON.stringify({ registry: { 'authentication.method': 'BASIC', 'authorization.roles.file': roles } }),
  );
  house = await startMillrace({ args: ['--config', config] });
  for (const user of ['ops', 'ci']) await ok(['user', 'add', user, '--password-file', '-'], `${PASSWORD}\n`);
});
after(async () => {
  await house.remove();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function millrace(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Outcome> {
  const addresses = {
    MILLRACE_BROKERS: house.kafka,
    MILLRACE_REGISTRY: house.registry,
    MILLRACE_REGISTRY_CONFIG: asOps,
  };
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...addresses, ...env }, timeout: 60_000 };
    const child = execFile(launcher, [...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
    child.stdin?.end(input);
  });
}

async function ok(args: readonly string[], input = ''): Promise<string> {
  const { code, out, err } = await millrace(args, input);
  assert.equal(code, 0, `millrace ${args.join(' ')}: ${err}`);
  return out;
}

function file(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const truck = (properties: object) => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Truck',
  type: 'object',
  properties: { id: { type: 'string' }, ...properties },
  required: ['id'],
  additionalProperties: false,
});

describe('a schema from real records and back', () => {
  it('is inferred, registered, tried on the records, generated as types', async () => {
    await ok(['topic', 'create', 'trucks']);
    const lines = ['{"id":"a","lat":1}', '{"id":"b","lat":2.5}', '{"id":"c"}'];
    await ok(['produce', '-t', 'trucks'], `${lines.join('\n')}\n`);
    const inferred = JSON.parse(await ok(['schema', 'infer', 'trucks', '--last', '2']));
    assert.deepEqual(
      [inferred.title, Object.keys(inferred.properties), inferred.required],
      ['trucks', ['id', 'lat'], ['id']],
    );
    const path = file('inferred.json', inferred);
    assert.equal(JSON.parse(await ok(['schema', 'register', 'trucks-value', path, '-O', 'json'])).id, 1);

    const fits = JSON.parse(await ok(['schema', 'check', 'trucks-value', path, '-t', 'trucks', '-O', 'json']));
    assert.deepEqual([fits.compatible, fits.records, fits.refused], [true, 3, 0]);
    const strict = file('strict.json', { ...inferred, required: ['id', 'lat'] });
    const { code, out } = await millrace(['schema', 'check', 'new', strict, '-t', 'trucks', '-O', 'json']);
    assert.equal(code, 1);
    const { compatible, refused, examples } = JSON.parse(out);
    assert.deepEqual([compatible, refused], [true, 1]);
    assert.match(examples[0], /^trucks-0@2: .*must have required property 'lat'/);

    const types = join(folder, 'types.ts');
    await ok(['schema', 'types', '--clients', '-o', types]);
    assert.match(readFileSync(types, 'utf8'), /export type Trucks = \{\n {2}id: string;\n {2}lat\?: number;/);
    await ok(['schema', 'types', '--clients', '-o', types, '--check']);
    writeFileSync(types, '');
    assert.equal((await millrace(['schema', 'types', '--clients', '-o', types, '--check'])).code, 1);
  });

  it('is refused in sentences, and deleted again by whoever only registered it here', async () => {
    const [old, next] = [file('first.json', truck({})), file('second.json', truck({ id: { type: 'integer' } }))];
    await ok(['schema', 'register', 'mine-value', old]);
    const refused = await millrace(['schema', 'register', 'mine-value', next]);
    assert.equal(refused.code, 6);
    assert.match(refused.err, /Against version 1:\n +TYPE_CHANGED: The type at '#\/properties\/id'/);
    assert.doesNotMatch(refused.err, /errorType|oldSchema/);
    const checked = await millrace(['schema', 'check', 'mine-value', next]);
    assert.equal(checked.code, 1);
    assert.match(checked.out, /TYPE_CHANGED: The type[\s\S]*This record is valid by version 1/);
    assert.doesNotMatch(checked.out, /errorType|oldSchema/);
    await ok(['schema', 'rm', 'mine-value']);
  });

  it('is checked and compared without any registry', async () => {
    const [old, next] = [file('old.json', truck({})), file('next.json', truck({ id: { type: 'integer' } }))];
    const nowhere = { MILLRACE_REGISTRY: 'http://127.0.0.1:1' };
    const refused = await millrace(['schema', 'check', 'trucks-value', next, '--against', old], '', nowhere);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /TYPE_CHANGED/);
    assert.match(refused.out, /sound .*"id":/);
    const taken = await millrace(['schema', 'check', 's', next, '--against', old, '--level', 'none'], '', nowhere);
    assert.equal(taken.code, 0);
    assert.equal(
      (await millrace(['schema', 'check', 's', next, '--against', old, '--level', 'x'], '', nowhere)).code,
      2,
    );
    assert.equal((await millrace(['schema', 'check', 's', next], '', nowhere)).code, 4);
    const { code, out, err } = await millrace(['schema', 'diff', old, next], '', nowhere);
    assert.equal(code, 0);
    assert.match(out, /#\/properties\/id +TYPE_CHANGED +new readers/);
    assert.match(err, /under NONE\./);
  });

  it('is linted with 78 for faults and 0 for warnings', async () => {
    assert.equal((await millrace(['schema', 'lint', file('fine.json', truck({}))])).code, 0);
    const open = file('open.json', { type: 'object', properties: {} });
    const warned = await millrace(['schema', 'lint', open]);
    assert.equal(warned.code, 0);
    assert.match(warned.out, /open-object/);
    assert.equal((await millrace(['schema', 'lint', open, '--strict'])).code, 78);
    const wrong = await millrace(['schema', 'lint', file('wrong.json', { type: 'strng' }), '-O', 'json']);
    assert.equal(wrong.code, 78);
    assert.match(JSON.parse(wrong.out)[0].message, /does not keep to draft-07/);
    assert.equal((await millrace(['schema', 'lint', join(folder, 'none.json')])).code, 78);
  });

  it('refers to files beside it', async () => {
    file('common.json', { definitions: { id: { type: 'string' } } });
    const referring = file('referring.json', {
      ...truck({}),
      properties: { id: { $ref: 'common.json#/definitions/id' } },
    });
    await ok(['schema', 'lint', '--strict', referring]);
    assert.match(await ok(['schema', 'types', referring]), /id: Id;/);
  });
});

describe('a delete', () => {
  it('says what it would break, and does it only when told', async () => {
    await ok(['schema', 'register', 'doomed-value', file('doomed.json', truck({}))]);
    const authorization = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;
    const { id } = (await (
      await fetch(`${house.registry}/subjects/doomed-value/versions/latest`, { headers: { authorization } })
    ).json()) as { id: number };
    await fetch(`${house.registry}/schemas/ids/${id}`, { headers: { authorization } });
    const refused = await millrace(['schema', 'rm', 'doomed-value']);
    assert.equal(refused.code, 6);
    assert.match(refused.out, /fetched/);
    assert.match(refused.err, /doomed-value is in use; nothing was deleted/);
    assert.deepEqual(JSON.parse(await ok(['schema', 'rm', 'doomed-value', '--yes', '-O', 'json'])).versions, [1]);
    assert.equal((await millrace(['schema', 'usage', 'doomed-value'])).code, 3);
  });
});

describe('a registry that knows its users', () => {
  it('takes the credentials of --registry-config, keeps to their role, and never shows them', async () => {
    const asCi = file('ci.json', { 'basic.auth.user.info': `ci:${PASSWORD}` });
    await ok(['schema', 'ls', '--registry-config', asCi]);
    const refused = await millrace(['schema', 'register', 's', file('s.json', truck({})), '--registry-config', asCi]);
    assert.equal(refused.code, 5);
    assert.match(refused.err, /User is denied operation Write on Subject: s/);
    const wrong = file('wrong.properties', `basic.auth.user.info=ci:${PASSWORD}x`);
    assert.equal((await millrace(['schema', 'ls', '--registry-config', wrong])).code, 5);
    const none = file('none.properties', 'basic.auth.credentials.source=USER_INFO');
    assert.equal((await millrace(['schema', 'ls', '--registry-config', none])).code, 78);
    const typo = await millrace(['schema', 'ls', '--registry-config', file('typo.properties', PASSWORD)]);
    assert.equal(typo.code, 78);
    assert.ok(!typo.err.includes(PASSWORD));
  });
});
