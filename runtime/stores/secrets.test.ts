/** Secrets: encrypted in the log, resolved for tasks alone, never shown by any surface. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, silent, steeredSource } from '../worker/harness.ts';
import type { WorkerLogger } from '../worker/loggers.ts';
import { SecretStore } from './secret-store.ts';

const VALUE = 'hunter2-very-secret';
const reference = (name: string, key: string) => ['$', `{secrets:${name}:${key}}`].join('');
const topic = { topic: 'connect-secrets', partitions: 1, replicationFactor: 1, clientId: 'test' };
const newKey = () => randomBytes(32).toString('base64');

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Everything the worker says to anybody while it works with a secret. */
async function everySurface(t: TestContext) {
  const said: unknown[] = [];
  const listening: WorkerLogger = {
    ...silent,
    debug: (...words) => said.push(words),
    info: (...words) => said.push(words),
    warn: (...words) => said.push(words),
    error: (...words) => said.push(words),
    child: () => listening,
  };
  const source = steeredSource();
  const keyFile = join(await folderOf(t), 'secrets.key');
  const house = await harness(t, [source.plugin], { logger: listening, config: { 'secrets.key.file': keyFile } });
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${house.running.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    said.push(text);
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  };
  return { house, source, call, said, keyFile };
}

test('a secret is resolved for the task, and shown nowhere: REST, status, errors, logs, topics, metrics', async (t) => {
  const { house, source, call, said, keyFile } = await everySurface(t);
  assert.equal((await call('PUT', '/secrets/db', { password: VALUE, user: 'app' })).status, 200);
  assert.deepEqual((await call('GET', '/secrets')).body[0].keys, ['password', 'user']);
  const config = { 'connector.class': 'SteeredSource', topic: 'out', password: reference('db', 'password') };
  source.values.push('a');
  await call('POST', '/connectors', { name: 'c', config });
  await eventually(() => assert.deepEqual(house.values('out'), ['a']));

  // In a key where it is wrong, in one that nobody knows, as a topic, and in a reference that leads nowhere.
  for (const [key, text] of [
    ['rows', reference('db', 'password')],
    ['topci', reference('db', 'password')],
    ['password', reference('db', 'nowhere')],
    ['password', reference('nobody', 'password')],
  ] as const) {
    const refused = await call('POST', '/connectors', { name: 'd', config: { ...config, [key]: text } });
    assert.equal(refused.status, 400, `${key}: ${text}`);
    await call('PUT', '/connector-plugins/SteeredSource/config/validate', { ...config, name: 'd', [key]: text });
  }
  source.onPoll = () => {
    throw new Error(`The task fails: login as app with ${VALUE} was refused.`);
  };
  source.values.push('b');
  for (const path of ['', '/config', '/status', '/tasks', '/offsets', '/topics'])
    await call('GET', `/connectors/c${path}`);
  await eventually(async () =>
    assert.match(JSON.stringify((await call('GET', '/connectors/c/status')).body), /The task fails/),
  );
  await call('GET', '/connectors?expand=info&expand=status');
  await call('PUT', '/secrets/db', { password: 5 });
  said.push(JSON.stringify(house.running.collect()));
  for (const name of ['connect-configs', 'connect-status', 'connect-offsets', 'connect-secrets'])
    said.push(house.values(name));

  const everything = JSON.stringify(said);
  assert.ok(!everything.includes(VALUE));
  assert.ok(!everything.includes(Buffer.from(VALUE).toString('base64')));
  assert.ok(!everything.includes((await readFile(keyFile, 'utf8')).trim()), 'the key itself is nowhere either');
  assert.equal((await stat(keyFile)).mode & 0o777, 0o600);
});

test('a secret that changes restarts the connectors that refer to it, and no other', async (t) => {
  const { source, call } = await everySurface(t);
  await call('PUT', '/secrets/db', { topic: 'first' });
  const config = { 'connector.class': 'SteeredSource' };
  await call('POST', '/connectors', { name: 'refers', config: { ...config, topic: reference('db', 'topic') } });
  await call('POST', '/connectors', { name: 'other', config });
  await eventually(() => assert.equal(source.started.length, 2));
  await call('PUT', '/secrets/db', { topic: 'second' });
  await eventually(() => assert.equal(source.started.length, 3));
  source.values.push('x');
  await eventually(async () =>
    assert.deepEqual((await call('GET', '/connectors/refers/topics')).body.refers.topics, ['second']),
  );
});

test('secrets survive a restart, lose keys that are unset, and are gone when deleted', async (t) => {
  const { house, call } = await everySurface(t);
  await call('PUT', '/secrets/db', { a: '1', b: '2' });
  await call('PUT', '/secrets/db', { a: null, c: '3' });
  await house.restart();
  assert.deepEqual((await call('GET', '/secrets')).body[0].keys, ['b', 'c']);
  assert.equal((await call('DELETE', '/secrets/db')).status, 204);
  assert.deepEqual((await call('GET', '/secrets')).body, []);
  assert.equal((await call('DELETE', '/secrets/db')).status, 404);
  assert.equal((await call('PUT', '/secrets/a:b', { x: 'y' })).status, 400);
});

test('a key is replaced: the new one in front, rotate, the old one away', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  const keyFile = join(await folderOf(t), 'secrets.key');
  const open = () => new SecretStore({ log, topic, keyText: undefined, keyFile });
  const store = open();
  await store.put('db', { password: VALUE });
  const old = (await readFile(keyFile, 'utf8')).trim();
  const fresh = newKey();
  await writeFile(keyFile, `${fresh}\n${old}\n`);
  assert.equal(await store.rotate(), 1);
  assert.equal(await store.rotate(), 0);
  await writeFile(keyFile, `${fresh}\n`);
  assert.equal(await store.get('db', 'password'), VALUE);
  await writeFile(keyFile, `${old}\n`);
  await assert.rejects(
    open().get('db', 'password'),
    /was encrypted with the key [0-9a-f]{8}, which is not among the 1 given/,
  );
});

test('a key that is gone is not replaced by a new one while there are secrets', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  const keyFile = join(await folderOf(t), 'secrets.key');
  const store = new SecretStore({ log, topic, keyText: undefined, keyFile });
  await store.put('db', { password: VALUE });
  await rm(keyFile);
  await assert.rejects(store.put('other', { a: 'b' }), /is not there/);
});

test('without a key, or with a bad one, the message says what to set', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  const none = new SecretStore({ log, topic, keyText: undefined, keyFile: null });
  await assert.rejects(none.put('a', { b: 'c' }), /secrets\.key\.file.*MILLRACE_SECRETS_KEY/);
  const bad = new SecretStore({ log, topic, keyText: 'c2hvcnQ=', keyFile: null });
  await assert.rejects(bad.put('a', { b: 'c' }), /keys of 32 bytes in base64 or hex/);
});

test('a record that was moved to another name, or changed, does not open', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  const options = { log, topic, keyText: newKey(), keyFile: null };
  const store = new SecretStore(options);
  await store.put('mine', { password: VALUE });
  const record = log.records({ topic: topic.topic, partition: 0 })[0]!;
  await log.producer().send([
    {
      topic: topic.topic,
      partition: 0,
      key: Buffer.from('secret-theirs'),
      value: record.value,
      headers: [],
      timestamp: null,
    },
  ]);
  await assert.rejects(new SecretStore(options).get('theirs', 'password'), /was changed by somebody else/);
});
