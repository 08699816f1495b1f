/** The REST door as its clients meet it: Kafka Connect's paths, codes and bodies, by fetch. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventually, type Harness, harness, steeredSink, steeredSource } from '../worker/harness.ts';

const config = { 'connector.class': 'SteeredSource', topic: 'out' };

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON it was answered.
  readonly body: any;
  readonly headers: Headers;
}

async function open(t: TestContext) {
  const [source, sink] = [steeredSource(), steeredSink()];
  const house = await harness(t, [source.plugin, sink.plugin]);
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(house.running.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
  };
  return { source, sink, house, call };
}

async function running(house: Harness, name: string): Promise<void> {
  await eventually(() => assert.equal(house.running.worker.status(name).tasks[0]?.state, 'RUNNING'));
}

test('a client finds the worker, its version and its health', async (t) => {
  const { call } = await open(t);
  const root = await call('GET', '/');
  assert.deepEqual(Object.keys(root.body), ['version', 'commit', 'kafka_cluster_id']);
  const health = await call('GET', '/health');
  assert.equal(health.status, 200);
  assert.equal(health.body.status, 'healthy');
});

test('a connector is created, read, changed and deleted', async (t) => {
  const { call, house } = await open(t);
  const created = await call('POST', '/connectors', { name: 'c', config });
  assert.equal(created.status, 201);
  assert.equal(created.headers.get('location'), `${house.running.url}/connectors/c`);
  assert.deepEqual(created.body, { name: 'c', config: { ...config, name: 'c' }, tasks: [], type: 'source' });
  await running(house, 'c');
  assert.deepEqual((await call('GET', '/connectors')).body, ['c']);
  assert.deepEqual((await call('GET', '/connectors/c')).body.tasks, [{ connector: 'c', task: 0 }]);
  assert.deepEqual((await call('GET', '/connectors/c/config')).body, { ...config, name: 'c' });
  const expanded = (await call('GET', '/connectors?expand=status&expand=info')).body;
  assert.deepEqual(Object.keys(expanded.c), ['status', 'info']);
  const put = await call('PUT', '/connectors/c/config', { ...config, rows: '2' });
  assert.equal(put.status, 200);
  const patched = await call('PATCH', '/connectors/c/config', { rows: null, topic: 'elsewhere' });
  assert.deepEqual(patched.body.config, { 'connector.class': 'SteeredSource', topic: 'elsewhere', name: 'c' });
  assert.equal((await call('PUT', '/connectors/new/config', config)).status, 201);
  assert.equal((await call('DELETE', '/connectors/c')).status, 204);
  assert.equal((await call('GET', '/connectors/c')).status, 404);
  assert.equal((await call('DELETE', '/connectors/c')).status, 404);
});

test('what does not exist is 404, what exists already is 409, each with error_code and message', async (t) => {
  const { call } = await open(t);
  for (const [method, path] of [
    ['GET', '/connectors/x'],
    ['GET', '/connectors/x/status'],
    ['PUT', '/connectors/x/pause'],
    ['POST', '/connectors/x/restart'],
    ['GET', '/connectors/x/tasks'],
    ['GET', '/connectors/x/offsets'],
    ['PATCH', '/connectors/x/config'],
    ['GET', '/connector-plugins/Nobody/config'],
    ['GET', '/nowhere'],
  ] as const) {
    const answer = await call(method, path, method === 'PATCH' ? {} : undefined);
    assert.equal(answer.status, 404, `${method} ${path}`);
    assert.deepEqual(Object.keys(answer.body), ['error_code', 'message']);
    assert.equal(answer.body.error_code, 404);
  }
  await call('POST', '/connectors', { name: 'c', config });
  assert.equal((await call('POST', '/connectors', { name: 'c', config })).status, 409);
  await call('GET', '/connectors/c/topics');
  assert.deepEqual((await call('GET', '/connectors/x/topics')).body, { x: { topics: [] } });
});

test('a bad connector is 400 and the message says what to change', async (t) => {
  const { call } = await open(t);
  const refused = async (body: unknown, pattern: RegExp) => {
    const answer = await call('POST', '/connectors', body);
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.message, pattern);
  };
  await refused('{"name": ', /not JSON/);
  await refused(
    { name: 'c', config: { ...config, topci: 'x' } },
    /Unknown configuration "topci"\. Did you mean "topic"\?/,
  );
  await refused(
    { name: 'c', config: { ...config, rows: 'many' } },
    /Invalid value "many" for configuration "rows": it is no whole number/,
  );
  await refused({ name: 'c', config: { ...config, 'tasks.max': '0' } }, /"tasks\.max": it must be at least 1/);
  await refused(
    { name: 'c', config: { 'connector.class': 'StereedSource' } },
    /No plugin of class "StereedSource" is known\. Did you mean SteeredSource\?/,
  );
  await refused({ name: 'c', config: { topic: 'x' } }, /connector\.class/);
  await refused({ name: 'c', config, initial_state: 'ASLEEP' }, /RUNNING, PAUSED or STOPPED/);
  await refused({ name: 'c', config: { ...config, name: 'd' } }, /doesn't match/);
  await refused(
    { name: 'c', config: { ...config, transforms: 't', 'transforms.t.type': 'Nope' } },
    /No plugin of class "Nope"/,
  );
  await refused(
    {
      name: 'c',
      config: { ...config, transforms: 't', 'transforms.t.type': 'DropSome', 'transforms.t.predicate': 'p' },
    },
    /predicate "p" .* is not defined/,
  );
  await refused({ name: 'c', config: { 'connector.class': 'SteeredSink' } }, /needs "topics" or "topics\.regex"/);
  await refused(
    { name: 'c', config: { 'connector.class': 'SteeredSink', topics: 'a', 'errors.deadletterqueue.topic.name': 'a' } },
    /also an input/,
  );
  await refused({ name: 'c', config: { ...config, rows: null } }, /"rows" is null/);
  const lenient = await call('POST', '/connectors', {
    name: 'c',
    config: { ...config, topci: 'x', 'config.unknown.keys': 'warn' },
  });
  assert.equal(lenient.status, 201);
});

test('the Java class name, the short name and the alias without its kind word are one plugin', async (t) => {
  const { call } = await open(t);
  for (const [index, name] of [
    'org.example.SteeredSourceConnector',
    'SteeredSourceConnector',
    'SteeredSource',
  ].entries()) {
    const answer = await call('POST', '/connectors', { name: `c${index}`, config: { 'connector.class': name } });
    assert.equal(answer.status, 201, name);
  }
});

test('pause, resume, stop and restart answer as Kafka Connect does and show in the status', async (t) => {
  const { call, house } = await open(t);
  await call('POST', '/connectors', { name: 'c', config });
  await running(house, 'c');
  const state = async () => (await call('GET', '/connectors/c/status')).body.connector.state;
  assert.equal((await call('PUT', '/connectors/c/pause')).status, 202);
  await eventually(async () => assert.equal(await state(), 'PAUSED'));
  assert.equal((await call('PUT', '/connectors/c/resume')).status, 202);
  await eventually(async () => assert.equal(await state(), 'RUNNING'));
  assert.equal((await call('POST', '/connectors/c/restart')).status, 204);
  const both = await call('POST', '/connectors/c/restart?includeTasks=true');
  assert.equal(both.status, 202);
  assert.equal(both.body.connector.state, 'RESTARTING');
  assert.equal(both.body.tasks[0].state, 'RESTARTING');
  await running(house, 'c');
  assert.equal((await call('POST', '/connectors/c/tasks/0/restart')).status, 204);
  assert.equal((await call('POST', '/connectors/c/tasks/9/restart')).status, 404);
  await running(house, 'c');
  assert.equal((await call('GET', '/connectors/c/tasks/0/status')).body.state, 'RUNNING');
  assert.equal((await call('PUT', '/connectors/c/stop')).status, 204);
  const stopped = (await call('GET', '/connectors/c/status')).body;
  assert.deepEqual([stopped.connector.state, stopped.tasks], ['STOPPED', []]);
});

test('a connector may be born stopped, and a stopped one survives a restart of the worker', async (t) => {
  const { call, house } = await open(t);
  await call('POST', '/connectors', { name: 'c', config, initial_state: 'STOPPED' });
  await eventually(() => assert.equal(house.running.worker.status('c').connector.state, 'STOPPED'));
  await house.restart();
  await eventually(() => assert.equal(house.running.worker.status('c').connector.state, 'STOPPED'));
});

test('source offsets are read, altered and reset, only while the connector is stopped', async (t) => {
  const { call, house, source } = await open(t);
  source.values.push('a', 'b', 'c');
  await call('POST', '/connectors', { name: 'c', config });
  const partition = { list: 'values' };
  await eventually(async () =>
    assert.deepEqual((await call('GET', '/connectors/c/offsets')).body, {
      offsets: [{ partition, offset: { next: 3 } }],
    }),
  );
  const change = { offsets: [{ partition, offset: { next: 1 } }] };
  assert.equal((await call('PATCH', '/connectors/c/offsets', change)).status, 400);
  await call('PUT', '/connectors/c/stop');
  assert.equal((await call('PATCH', '/connectors/c/offsets', { offsets: [] })).status, 400);
  assert.equal((await call('PATCH', '/connectors/c/offsets', change)).status, 200);
  await call('PUT', '/connectors/c/resume');
  await eventually(() => assert.deepEqual(house.values('out'), ['a', 'b', 'c', 'b', 'c']));
  await call('PUT', '/connectors/c/stop');
  assert.equal((await call('DELETE', '/connectors/c/offsets')).status, 200);
  assert.deepEqual((await call('GET', '/connectors/c/offsets')).body, { offsets: [] });
});

test('sink offsets are those of its group, numbers or text', async (t) => {
  const { call, house, sink } = await open(t);
  await house.write('in', ['a', 'b', 'c']);
  await call('POST', '/connectors', { name: 's', config: { 'connector.class': 'SteeredSink', topics: 'in' } });
  const partition = { kafka_topic: 'in', kafka_partition: 0 };
  await eventually(async () =>
    assert.deepEqual((await call('GET', '/connectors/s/offsets')).body, {
      offsets: [{ partition, offset: { kafka_offset: 3 } }],
    }),
  );
  await call('PUT', '/connectors/s/stop');
  const change = { offsets: [{ partition: { ...partition, kafka_partition: '0' }, offset: { kafka_offset: '1' } }] };
  assert.equal((await call('PATCH', '/connectors/s/offsets', change)).status, 200);
  await call('PUT', '/connectors/s/resume');
  await eventually(() => assert.deepEqual(sink.received, ['a', 'b', 'c', 'b', 'c']));
});

test('plugins are listed with their keys, and validate answers 200 with the errors per key', async (t) => {
  const { call } = await open(t);
  const connectors = (await call('GET', '/connector-plugins')).body;
  assert.deepEqual(
    connectors.map((each: { class: string }) => each.class),
    ['SteeredSource', 'org.example.SteeredSourceConnector', 'SteeredSink'],
  );
  const all = (await call('GET', '/connector-plugins?connectorsOnly=false')).body;
  assert.ok(all.some((each: { type: string }) => each.type === 'converter'));
  const keys = (await call('GET', '/connector-plugins/SteeredSource/config')).body;
  const rows = keys.find((each: { name: string }) => each.name === 'rows');
  assert.equal(rows.type, 'INT');
  assert.equal(rows.default_value, '1');
  const validated = await call('PUT', '/connector-plugins/SteeredSource/config/validate', {
    name: 'c',
    'connector.class': 'SteeredSource',
    rows: 'x',
    password: 'hunter2',
  });
  assert.equal(validated.status, 200);
  assert.equal(validated.body.error_count, 1);
  const wrong = validated.body.configs.find((each: { value: { errors: string[] } }) => each.value.errors.length > 0);
  assert.equal(wrong.definition.name, 'rows');
  assert.ok(!JSON.stringify(validated.body).includes('hunter2'));
  const absent = await call('PUT', '/connector-plugins/Nobody/config/validate', { 'connector.class': 'Nobody' });
  assert.equal(absent.status, 400);
});

test('references are resolved for the task alone: REST shows them as written, also in errors', async (t) => {
  const { call, house } = await open(t);
  process.env.MILLRACE_TEST_TOPIC = 'resolved-topic';
  process.env.MILLRACE_TEST_ROWS = 'no-number-but-secret';
  t.after(() => {
    delete process.env.MILLRACE_TEST_TOPIC;
    delete process.env.MILLRACE_TEST_ROWS;
  });
  const reference = (name: string) => ['$', `{env:${name}}`].join('');
  await call('POST', '/connectors', { name: 'c', config: { ...config, topic: reference('MILLRACE_TEST_TOPIC') } });
  await running(house, 'c');
  const shown = JSON.stringify([
    (await call('GET', '/connectors/c')).body,
    (await call('GET', '/connectors/c/tasks')).body,
  ]);
  assert.ok(!shown.includes('resolved-topic'));
  const stored = house.values('connect-configs').join('\n');
  assert.ok(!stored.includes('resolved-topic'));
  const wrong = await call('POST', '/connectors', {
    name: 'd',
    config: { ...config, rows: reference('MILLRACE_TEST_ROWS') },
  });
  assert.equal(wrong.status, 400);
  assert.ok(!wrong.body.message.includes('no-number-but-secret'), wrong.body.message);
  const nowhere = await call('POST', '/connectors', {
    name: 'd',
    config: { ...config, rows: reference('MILLRACE_NOWHERE') },
  });
  assert.match(nowhere.body.message, /reference in configuration "rows" cannot be resolved/);
});

test('loggers have levels that can be changed', async (t) => {
  const { call } = await open(t);
  assert.ok('root' in (await call('GET', '/admin/loggers')).body);
  assert.deepEqual((await call('PUT', '/admin/loggers/connect', { level: 'DEBUG' })).body, ['connect', 'connect.rest']);
  assert.equal((await call('GET', '/admin/loggers/connect.rest')).body.level, 'DEBUG');
  assert.equal((await call('PUT', '/admin/loggers/root?scope=cluster', { level: 'INFO' })).status, 204);
  assert.equal((await call('PUT', '/admin/loggers/root', {})).status, 400);
  assert.equal((await call('PUT', '/admin/loggers/root', { level: 'LOUD' })).status, 404);
  assert.equal((await call('GET', '/admin/loggers/nobody')).status, 404);
});

test('the topics a connector used are shown and can be forgotten; metrics count its records', async (t) => {
  const { call, house, source } = await open(t);
  source.values.push('a', 'b');
  await call('POST', '/connectors', { name: 'c', config });
  await eventually(async () =>
    assert.deepEqual((await call('GET', '/connectors/c/topics')).body, { c: { topics: ['out'] } }),
  );
  assert.equal((await call('PUT', '/connectors/c/topics/reset')).status, 202);
  assert.deepEqual((await call('GET', '/connectors/c/topics')).body, { c: { topics: [] } });
  await eventually(() => {
    const metric = (name: string) => house.running.collect().find((each) => each.name === name)?.samples[0]?.value;
    assert.equal(metric('kafka_connect_source_task_source_record_write_total'), 2);
    assert.equal(metric('millrace_connect_task_ledger_mismatch'), 0);
  });
});

test('a signal reaches a running task; what it does not know, and who takes none, is answered with a reason', async (t) => {
  const { call, house, source } = await open(t);
  await call('POST', '/connectors', { name: 'c', config });
  await running(house, 'c');
  const path = '/connectors/c/tasks/0/signals';
  const taken = await call('POST', path, { id: 'one', type: 'known', data: { rows: 3 } });
  assert.deepEqual([taken.status, taken.body], [202, { id: 'one' }]);
  assert.ok(source.calls.includes('signal one {"rows":3}'));
  assert.match(
    (await call('POST', path, { type: 'known' })).body.id,
    /^[0-9a-f-]{36}$/,
    'an id is given where none came',
  );
  const unknown = await call('POST', path, { type: 'explode' });
  assert.deepEqual([unknown.status, unknown.body.message], [400, 'Nobody knows a signal of type "explode".']);
  assert.equal((await call('POST', path, { type: 'known', rows: 3 })).status, 400);
  assert.equal((await call('POST', path, {})).status, 400);
  assert.equal((await call('POST', '/connectors/c/tasks/9/signals', { type: 'known' })).status, 404);
  assert.equal((await call('POST', '/connectors/none/tasks/0/signals', { type: 'known' })).status, 404);
  await call('PUT', '/connectors/c/stop');
  const stopped = await call('POST', path, { type: 'known' });
  assert.ok(stopped.status === 404 || stopped.status === 409, `a stopped connector answers ${stopped.status}`);
  await call('POST', '/connectors', { name: 'k', config: { 'connector.class': 'SteeredSink', topics: 'out' } });
  await running(house, 'k');
  const sink = await call('POST', '/connectors/k/tasks/0/signals', { type: 'known' });
  assert.deepEqual([sink.status, sink.body.message], [400, 'A task of SteeredSink takes no signals.']);
});
