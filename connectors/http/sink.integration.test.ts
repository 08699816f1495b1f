/**
 * The HTTP sink against a real server: the examination, and what status codes, batches and tombstones mean.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type TestContext, test } from 'node:test';
import { examineSink, SinkLog, SinkRun } from '../acceptance/index.ts';
import { JsonText, parseConfig, type SinkConnectorPlugin } from '../api/index.ts';
import { sinkSettings } from './config.ts';
import { httpPlugins } from './plugins.ts';
import { RateLimit } from './rate-limit.ts';

const plugin = httpPlugins[1] as SinkConnectorPlugin;
const part = { topic: 'orders', partition: 0 };

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that keeps every request and answers by `judge` (default: 204). */
async function endpoint(t: TestContext, judge: (seen: Seen) => number | [number, Record<string, string>] = () => 204) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const one = { method: request.method!, url: request.url!, headers: request.headers, body };
    const verdict = judge(one);
    const [status, headers] = Array.isArray(verdict) ? verdict : [verdict, {}];
    if (status < 300) seen.push(one);
    response.writeHead(status, headers);
    response.end(status < 300 ? '' : `no: ${body.slice(0, 20)}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, seen };
}

for (const [name, keys] of [
  ['one by one', {}],
  ['in batches', { 'http.batch.max.records': '3' }],
] as const) {
  examineSink({
    plugin: { ...plugin, class: `HttpSink ${name}` },
    exactlyOnce: false,
    prepare: async (t) => {
      // The other side heeds the idempotency key, as a good one does.
      const { url, seen } = await endpoint(t, ({ body }) => (body.includes('unwelcome') ? 400 : 204));
      return {
        config: { 'http.url': `${url}/in`, ...keys },
        record: (text) => ({ value: { text }, schema: null }),
        bad: () => ({ value: { text: 'unwelcome' }, schema: null }),
        read: async () =>
          seen.flatMap(({ body }) => [JSON.parse(body)].flat().map((one) => (one as { text: string }).text)),
        snapshot: async () => seen.length,
      };
    },
  });
}

async function deliver(t: TestContext, url: string, keys: Record<string, string>, fill: (log: SinkLog) => void) {
  const log = new SinkLog();
  fill(log);
  const run = await SinkRun.start(plugin, { 'http.url': url, ...keys }, log, [part]);
  t.after(() => run.stop());
  return { run, log };
}

test('URL, headers, content type and idempotency key come from the record', async (t) => {
  const { url, seen } = await endpoint(t);
  const { run } = await deliver(
    t,
    `${url}/trucks/{key}?o={offset}`,
    { 'http.method': 'PUT', 'http.headers.x-topic': '{topic}', 'http.bearer.token': 't0ken' },
    (log) => {
      log.append('orders', 0, { n: 1 }, null, 'a/b');
      log.append('orders', 0, 'plain', null, 'c');
      log.append('orders', 0, new JsonText(Buffer.from('{"n": 12345678901234567890}')), null, 'd');
    },
  );
  await run.put();
  assert.deepEqual(
    seen.map(({ method, url, body, headers }) => [method, url, body, headers['content-type']]),
    [
      ['PUT', '/trucks/a%2Fb?o=0', '{"n":1}', 'application/json'],
      ['PUT', '/trucks/c?o=1', 'plain', 'text/plain; charset=utf-8'],
      ['PUT', '/trucks/d?o=2', '{"n": 12345678901234567890}', 'application/json'],
    ],
  );
  assert.equal(seen[0]!.headers['x-topic'], 'orders');
  assert.equal(seen[0]!.headers.authorization, 'Bearer t0ken');
  assert.equal(seen[1]!.headers['idempotency-key'], 'orders-0-1');
});

test('A batch is one JSON array or lines, never longer than allowed', async (t) => {
  const { url, seen } = await endpoint(t);
  const fill = (log: SinkLog) => {
    for (let n = 0; n < 5; n++) log.append('orders', 0, { n }, null);
  };
  const array = await deliver(t, url, { 'http.batch.max.records': '2' }, fill);
  await array.run.put();
  assert.deepEqual(
    seen.map(({ body }) => body),
    ['[{"n":0},{"n":1}]', '[{"n":2},{"n":3}]', '[{"n":4}]'],
  );
  assert.equal(seen[0]!.headers['idempotency-key'], 'orders-0-0-1');
  seen.length = 0;
  const lines = await deliver(
    t,
    url,
    { 'http.batch.max.records': '100', 'http.batch.max.bytes': '16', 'http.batch.format': 'ndjson' },
    fill,
  );
  await lines.run.put();
  assert.deepEqual(
    seen.map(({ body }) => body),
    ['{"n":0}\n{"n":1}\n', '{"n":2}\n{"n":3}\n', '{"n":4}\n'],
  );
});

test('An answer that says later is tried again, and only what was not taken', async (t) => {
  let refusals = 1;
  const { url, seen } = await endpoint(t, ({ body }) =>
    body === '{"n":1}' && refusals-- > 0 ? [429, { 'retry-after': '0' }] : 200,
  );
  const { run, log } = await deliver(t, url, {}, (log) => {
    for (let n = 0; n < 3; n++) log.append('orders', 0, { n }, null);
  });
  await assert.rejects(run.put(), { code: 'HTTP_UNAVAILABLE', retriable: true });
  await run.task.put(log.records(part));
  assert.deepEqual(
    seen.map(({ body }) => body),
    ['{"n":0}', '{"n":1}', '{"n":2}'],
  );
});

test('A record that is refused is bad, its neighbours are not, also inside a batch', async (t) => {
  for (const size of ['1', '10']) {
    const { url, seen } = await endpoint(t, ({ body }) => (body.includes('3') ? 422 : 200));
    const { run } = await deliver(t, url, { 'http.batch.max.records': size }, (log) => {
      for (let n = 0; n < 6; n++) log.append('orders', 0, { n }, null);
    });
    await run.put();
    const taken = seen.flatMap(({ body }) => [JSON.parse(body)].flat()).map(({ n }) => n);
    assert.deepEqual(taken, [0, 1, 2, 4, 5]);
    assert.deepEqual(
      run.badRecords.map(({ record, error }) => [record.offset, (error as { code?: string }).code]),
      [[3, 'HTTP_REFUSED']],
    );
  }
});

test('Refused credentials fail the task, a silent endpoint is tried again', async (t) => {
  const { url } = await endpoint(t, () => 401);
  const forbidden = await deliver(t, url, {}, (log) => void log.append('orders', 0, { n: 0 }, null));
  await assert.rejects(forbidden.run.put(), { code: 'HTTP_FORBIDDEN', retriable: false });
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const { port } = silent.address() as { port: number };
  const waiting = await deliver(
    t,
    `http://127.0.0.1:${port}`,
    { 'http.timeout.ms': '100' },
    (log) => void log.append('orders', 0, { n: 0 }, null),
  );
  await assert.rejects(waiting.run.put(), /gave no answer within 100 ms/);
  const nobody = await deliver(t, 'http://127.0.0.1:1', {}, (log) => void log.append('orders', 0, { n: 0 }, null));
  await assert.rejects(nobody.run.put(), { code: 'HTTP_UNAVAILABLE' });
});

test('A tombstone is ignored, or deletes, or is bad', async (t) => {
  const { url, seen } = await endpoint(t);
  const fill = (log: SinkLog) => void log.append('orders', 0, null, null, 'a');
  await (await deliver(t, `${url}/{key}`, {}, fill)).run.put();
  assert.deepEqual(seen, []);
  await (await deliver(t, `${url}/{key}`, { 'behavior.on.null.values': 'delete' }, fill)).run.put();
  assert.deepEqual(
    seen.map(({ method, url }) => [method, url]),
    [['DELETE', '/a']],
  );
  const failing = await deliver(t, `${url}/{key}`, { 'behavior.on.null.values': 'fail' }, fill);
  await failing.run.put();
  assert.equal(failing.run.badRecords.length, 1);
});

test('Keys that contradict each other are refused, with both named', () => {
  const settingsOf = (keys: Record<string, string>) =>
    sinkSettings(parseConfig(plugin.config, { 'http.url': 'http://x/', ...keys }).config);
  assert.throws(
    () => settingsOf({ 'http.url': 'http://x/{key}', 'http.batch.max.records': '5' }),
    /differs from record to record/,
  );
  assert.throws(() => settingsOf({ 'http.bearer.token': 't', 'http.username': 'u' }), /Keep one/);
  assert.throws(() => settingsOf({ 'http.headers.x': '{topik}' }), /"http.headers.x" must be a template/);
  const { problems } = parseConfig(plugin.config, { 'http.url': 'https://{key}.example.com/' });
  assert.match(problems[0]!.message, /names its host without a placeholder/);
});

test('Check reaches for the endpoint without sending it anything', async (t) => {
  const { url, seen } = await endpoint(t);
  const connector = await plugin.create();
  const check = (keys: Record<string, string>) => connector.check!(parseConfig(plugin.config, keys).config);
  assert.deepEqual(await check({ 'http.url': url }), []);
  assert.deepEqual(seen, []);
  assert.match((await check({ 'http.url': 'http://127.0.0.1:1' }))[0]!.message, /cannot be reached/);
  assert.match(
    (await check({ 'http.url': url, 'http.tls.ca.file': '/nowhere.pem' }))[0]!.message,
    /"http.tls.ca.file" cannot be read/,
  );
});

test('Requests are spaced by the rate, with no more than a second saved up', async () => {
  const limit = new RateLimit(20);
  const { signal } = new AbortController();
  const began = performance.now();
  let now = began;
  for (let i = 0; i < 25; i++) {
    await limit.turn(signal, now);
    now = performance.now();
  }
  const tookMs = performance.now() - began;
  assert(tookMs > 200, `${tookMs}`);
});
