/** What references resolve to is said nowhere, however short it is and in whatever form a library quotes it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SourceConnectorPlugin } from '../../connectors/api/index.ts';
import { restRoutes } from '../rest/server.ts';
import { eventually, harness, silent, steeredSink, steeredSource } from './harness.ts';
import type { WorkerLogger } from './loggers.ts';
import { Redaction } from './redaction.ts';

const redactionOf = (...values: string[]) => {
  const redaction = new Redaction();
  for (const value of values) redaction.remember(value);
  return redaction;
};

const said: readonly [string, readonly string[], string, string][] = [
  ['a long one anywhere', ['hunter2'], 'xhunter2x', 'x[hidden]x'],
  ['a short one as a word', ['abc'], 'login abc, "abc": abcd abc1 _abc', 'login [hidden], "[hidden]": abcd abc1 _abc'],
  ['one letter as a word', ['q'], 'q is a q? quite', '[hidden] is a [hidden]? quite'],
  ['one of signs', ['$.*'], 'the pass $.* was wrong', 'the pass [hidden] was wrong'],
  ['one without letters around it', ['a$b'], 'user:a$b@host', 'user:[hidden]@host'],
  ['one with a line end, without it', ['hunter2\n'], 'password hunter2 refused', 'password [hidden] refused'],
  ['as JSON writes it', ['pa"ss\\word'], 'bad {"p":"pa\\"ss\\\\word"}', 'bad {"p":"[hidden]"}'],
  ['as a URL writes it', ['p@ss/word'], 'amqp://u:p%40ss%2Fword@h', 'amqp://u:[hidden]@h'],
  ['in base64', ['hunter2!'], `key ${Buffer.from('hunter2!').toString('base64')}`, 'key [hidden]'],
  ['in base64 with more behind it', ['hunter2!'], Buffer.from('hunter2!:x').toString('base64'), '[hidden]E6eA=='],
  ['in Basic authentication', ['hunter2!'], Buffer.from('al:hunter2!').toString('base64'), 'YWw6[hidden]'],
  [
    'in Basic authentication, between groups',
    ['hunter2!'],
    Buffer.from('a:hunter2!').toString('base64'),
    'YTp[hidden]Q==',
  ],
  ['the longer of two', ['secret', 'secret-long'], 'a secret-long one', 'a [hidden] one'],
  [
    'a line of several',
    ['-----BEGIN KEY-----\nMIIabcdefgh\n-----END KEY-----\n'],
    'cannot read MIIabcdefgh',
    'cannot read [hidden]',
  ],
  ['in other letters', ['пароль'], 'вот пароль!', 'вот [hidden]!'],
  ['a short one beside other letters', ['äb'], 'äb näb äbn', '[hidden] näb äbn'],
  ['half a letter', ['ab\ud83d'], 'no', 'no'],
];
for (const [what, values, text, expected] of said) {
  test(`hidden: ${what}`, () => assert.equal(redactionOf(...values).hide(text), expected));
}

test('booleans and nothing are no secrets', () => {
  assert.equal(
    redactionOf('true', 'false', '', ' ').hide('it is true or false, or nothing'),
    'it is true or false, or nothing',
  );
});

test('an error is hidden with its causes, its stack and what a library hangs on it; one without a secret is itself', () => {
  const redaction = redactionOf('abc');
  const error = Object.assign(new Error('login', { cause: new Error('with abc') }), {
    detail: { sent: ['abc'] },
    port: 1,
  });
  const cleaned = redaction.clean({ err: error, n: 1 }) as { err: typeof error };
  assert.equal(cleaned.err.name, 'Error');
  assert.equal((cleaned.err.cause as Error).message, 'with [hidden]');
  assert.deepEqual(cleaned.err.detail, { sent: ['[hidden]'] });
  assert.equal(cleaned.err.port, 1);
  const harmless = { err: new Error('no'), list: [1, { a: 'b' }] };
  assert.equal(redaction.clean(harmless), harmless);
});

const reference = (text: string) => ['$', `{${text}}`].join('');
/** Three letters: what was shown in errors and logs. */
const SHORT = 'z7q';
const LONG = 'hunter2-"quoted"';

/** A source that says its password wherever a plugin can say something. */
function talkativeSource() {
  const steered = steeredSource();
  const plugin = steered.plugin as SourceConnectorPlugin;
  const words = (password: string, token: string) => `cannot log in with ${password} and ${token}`;
  let text = '';
  steered.onPoll = (context) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      context.logger[level]({ text, err: new Error(text), deep: { list: [text] } }, text);
    }
    if (steered.values.includes('fail'))
      throw Object.assign(new Error(text, { cause: new Error(text) }), { detail: text });
  };
  steered.onRecords = (records, context) => {
    if (records.some(({ value }) => value === 'fail')) throw new Error(`${context.connector}: ${text}`);
  };
  const talkative: SourceConnectorPlugin = {
    ...plugin,
    config: { ...plugin.config, token: { type: 'password', default: null, doc: 'Another.' } },
    create: async () => {
      const connector = await plugin.create();
      return {
        ...connector,
        check: async (config) => {
          const found = words(config.secret('password').reveal(), config.secret('token').reveal());
          return [{ key: 'password', value: '[hidden]', message: found }];
        },
        start: (_, config) => {
          text = words(config.secret('password').reveal(), config.secret('token').reveal());
        },
        taskConfigs: () => [{ url: `db://${text}@host` }],
      };
    },
  };
  return { steered, plugin: talkative };
}

test('every REST route, log line, topic, status and metric: references are shown, what they resolve to never', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'short'), `${SHORT}\n`);
  await writeFile(join(folder, 'db.properties'), `password=${LONG.replaceAll('\\', '\\\\')}\n`);
  const heard: unknown[] = [];
  const words = (...line: unknown[]) => void heard.push(line.map((each) => inspectable(each)));
  const listening: WorkerLogger = {
    ...silent,
    debug: words,
    info: words,
    warn: words,
    error: words,
    child: () => listening,
  };
  const { steered, plugin } = talkativeSource();
  const sink = steeredSink();
  sink.onPut = () => {
    throw new Error(`cannot write with ${LONG} or ${SHORT}`);
  };
  const { running, log, write } = await harness(t, [plugin, sink.plugin], { logger: listening });
  const password = reference(`directory:${folder}:short`);
  const token = reference(`file:${join(folder, 'db.properties')}:password`);
  const config = { 'connector.class': 'SteeredSource', password, token, 'restart.on.failure': 'never' };

  await running.worker.create('c', config);
  const inVain = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };
  await write('in', ['a']);
  await running.worker.create('k', { 'connector.class': 'SteeredSink', topics: 'in', ...inVain });
  await eventually(() => assert.equal(log.partitionCount('dead'), 1));
  steered.values.push('fail');
  await eventually(() => assert.equal(running.worker.status('c').tasks[0]?.state, 'FAILED'));

  const [task] = running.worker.taskInfos('c');
  assert.equal(task!.config.password, password);
  assert.match(task!.config.url!, /and \$\{file:/, 'made of the secret: the reference stands in its place');
  const { trace } = running.worker.status('c').tasks[0]!;
  assert.match(trace!, /cannot log in with \[hidden\] and \[hidden\]/);

  const params: Record<string, string> = {
    name: 'c',
    connector: 'c',
    task: '0',
    id: '0',
    plugin: 'SteeredSource',
    logger: 'root',
  };
  for (const { method, path } of restRoutes(running.worker, {
    version: '1',
    clusterId: 'x',
    health: () => running.health(),
  })) {
    if (method === 'DELETE') continue;
    const url = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'c');
    const isValidate = path.endsWith('/validate');
    const body =
      method === 'GET' ? {} : { body: JSON.stringify(isValidate ? { ...config, name: 'c' } : { no: 'thing' }) };
    const answer = await fetch(running.url + url, { method, ...body });
    const text = await answer.text();
    heard.push([method, path, text]);
    if (isValidate) assert.match(text, /cannot log in with \[hidden\] and \[hidden\]/);
  }
  heard.push(JSON.stringify(running.collect()));
  for (const topic of ['connect-configs', 'connect-status', 'connect-offsets', 'dead']) {
    for (const { key, value, headers } of log.records({ topic, partition: 0 })) {
      heard.push([key?.toString(), value?.toString(), headers.map((header) => [header.key, header.value?.toString()])]);
    }
  }
  const everything = JSON.stringify(heard);
  assert.ok(everything.includes('cannot log in with [hidden]') && everything.includes('cannot write with [hidden] or'));
  assert.ok(!everything.includes('hunter2'), near(everything, 'hunter2'));
  assert.ok(!new RegExp(`\\b${SHORT}\\b`).test(everything), near(everything, SHORT));
});

function near(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 200), at + 100);
}

/** An error with all that a logger writes of it. */
function inspectable(value: unknown): unknown {
  if (value instanceof Error) {
    return { ...value, message: value.message, stack: value.stack, cause: inspectable(value.cause) };
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inspectable(each)]));
}
