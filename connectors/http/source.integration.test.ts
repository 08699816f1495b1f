/**
 * The webhook source on a real socket: the examination, with a sender that repeats what was not answered, and what is
 * special about HTTP.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect as open, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastingPort } from '../../test/kit/lasting-port.ts';
import { examineSource, OffsetStore, SourceRun } from '../acceptance/index.ts';
import { parseConfig, plainValue, type SourceConnectorPlugin } from '../api/index.ts';
import { sourceSettings } from './config.ts';
import { httpPlugins } from './plugins.ts';

const plugin = httpPlugins[0] as SourceConnectorPlugin;

/**
 * A sender that keeps an order: all bodies in a row on one connection (HTTP/1.1 pipelining), and what was not answered
 * with 200 again, in that order, on the next.
 */
class Sender {
  readonly #port: number;
  #pending: string[] = [];
  #isEnded = false;

  constructor(t: TestContext, port: number) {
    this.#port = port;
    t.after(() => {
      this.#isEnded = true;
    });
  }

  send(bodies: readonly string[]): void {
    const isIdle = this.#pending.length === 0;
    this.#pending.push(...bodies);
    if (isIdle) void this.#work();
  }

  async #work(): Promise<void> {
    while (this.#pending.length > 0 && !this.#isEnded) {
      await this.#session().catch(() => undefined);
      await sleep(20);
    }
  }

  async #session(): Promise<void> {
    const socket: Socket = open(this.#port, '127.0.0.1');
    await once(socket, 'connect');
    for (const body of this.#pending) {
      socket.write(`POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    }
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      for (let answer = /HTTP\/1\.1 (\d+) [\s\S]*?\r\n\r\n/.exec(text); answer !== null; ) {
        if (answer[1] === '200') this.#pending.shift();
        text = text.slice(answer.index + answer[0].length);
        answer = /HTTP\/1\.1 (\d+) [\s\S]*?\r\n\r\n/.exec(text);
        if (this.#pending.length === 0 || answer?.[1] === '503') socket.end();
      }
    });
    await once(socket, 'close');
  }
}

examineSource({
  plugin,
  lacks: { badInput: 'what is wrong with a request is answered to its sender', tombstones: 'a request has a body' },
  prepare: async (t) => {
    const port = await lastingPort();
    const sender = new Sender(t, port);
    return {
      config: { 'http.port': String(port), 'http.path': '/hook', topic: 'hooks', 'value.format': 'string' },
      write: async (values) => sender.send(values),
      read: (record) => String(record.value),
    };
  },
});

async function begin(t: TestContext, keys: Record<string, string> = {}, offsets = new OffsetStore()) {
  const port = await lastingPort();
  const config = { 'http.port': String(port), 'http.path': '/hook', topic: 'hooks', ...keys };
  const run = await SourceRun.start(plugin, config, { offsets });
  t.after(() => run.stop());
  const post = (body: string, headers: Record<string, string> = {}, path = '/hook') =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      body,
      // A kept connection would not survive the restarts below.
      headers: { ...headers, connection: 'close' },
    });
  return { run, post, port, config };
}

test('A request is answered with the place of its record, and not before that is durable', async (t) => {
  const { run, post } = await begin(t, { 'http.key': '/order/id', 'http.headers': 'x-event' });
  let status = 0;
  const answered = post('{"order":{"id":7}}', { 'x-event': 'paid' }).then(async (response) => {
    status = response.status;
    return response.json();
  });
  const [record] = await run.take(1);
  await sleep(50);
  assert.equal(status, 0);
  assert.equal(record!.key, '7');
  assert.deepEqual(plainValue(record!.value), { order: { id: 7 } });
  assert.deepEqual(
    record!.headers.map(({ key, value }) => [key, value]),
    [['x-event', 'paid']],
  );
  await run.commit([record!]);
  const body = (await answered) as { topic: string; offset: number };
  assert.equal(body.topic, 'hooks');
  assert.equal(status, 200);
});

test('A request of a name that was taken is answered as the first, also after a restart', async (t) => {
  const offsets = new OffsetStore();
  const { run, post, config } = await begin(t, {}, offsets);
  const named = { 'idempotency-key': 'abc' };
  const first = post('{"n":1}', named);
  const [record] = await run.take(1);
  assert.equal((await post('{"n":1}', named)).status, 409, 'while the first is on its way');
  await run.commit([record!]);
  const original = (await (await first).json()) as object;
  assert.deepEqual(await (await post('{"n":1}', named)).json(), { ...original, repeated: true });
  await run.stop();
  const again = await SourceRun.start(plugin, config, { offsets });
  t.after(() => again.stop());
  assert.deepEqual(await (await post('{"n":1}', named)).json(), { repeated: true });
  assert.deepEqual(await again.takeFor(100), []);
});

test('A request whose record was not durable when the task stopped may come again under its name', async (t) => {
  const offsets = new OffsetStore();
  const { run, post, config } = await begin(t, {}, offsets);
  const first = post('{"n":1}', { 'idempotency-key': 'abc' });
  await run.take(1);
  await run.stop();
  assert.equal((await first).status, 503);
  const again = await SourceRun.start(plugin, config, { offsets });
  t.after(() => again.stop());
  const second = post('{"n":1}', { 'idempotency-key': 'abc' });
  await again.commit(await again.take(1));
  assert.equal((await second).status, 200);
});

test('Only requests with the right signature are taken', async (t) => {
  const { run, post } = await begin(t, { 'http.hmac.secret': 's3cret' });
  const body = '{"n":1}';
  const signature = createHmac('sha256', 's3cret').update(body).digest('hex');
  assert.equal((await post(body)).status, 401);
  assert.equal((await post(`${body} `, { 'x-hub-signature-256': `sha256=${signature}` })).status, 401);
  assert.deepEqual(await run.takeFor(50), []);
  for (const given of [`sha256=${signature}`, signature.toUpperCase()]) {
    const taken = post(body, { 'x-hub-signature-256': given });
    await run.commit(await run.take(1));
    assert.equal((await taken).status, 200);
  }
});

test('A token is asked for where one is set', async (t) => {
  const { run, post } = await begin(t, { 'http.bearer.token': 't0ken' });
  assert.equal((await post('1', { authorization: 'Bearer wrong' })).status, 401);
  const taken = post('1', { authorization: 'Bearer t0ken' });
  await run.commit(await run.take(1));
  assert.equal((await taken).status, 200);
});

test('What cannot be taken is answered with the reason', async (t) => {
  const { run, post, port } = await begin(t, {
    'http.key': '/id',
    'http.max.body.bytes': '100',
    'http.max.in.flight': '1',
  });
  assert.match(await (await post('{oops')).text(), /The body is no JSON/);
  assert.match(await (await post('{"no":1}')).text(), /no text or number at \/id/);
  assert.equal((await post(`{"id":"${'x'.repeat(100)}"}`)).status, 413);
  assert.equal((await post('{"id":1}', {}, '/elsewhere')).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${port}/hook`)).status, 405);
  const held = post('{"id":1}');
  const [record] = await run.take(1);
  const busy = await post('{"id":2}');
  assert.equal(busy.status, 503);
  assert.equal(busy.headers.get('retry-after'), '1');
  await run.commit([record!]);
  assert.equal((await held).status, 200);
});

test('Connectors share a port by their paths; the same path twice is refused', async (t) => {
  const { port, post, run } = await begin(t);
  const other = await SourceRun.start(plugin, { 'http.port': String(port), 'http.path': '/other', topic: 'other' });
  t.after(() => other.stop());
  const taken = post('1', {}, '/other');
  const records = await other.take(1);
  assert.equal(records[0]!.topic, 'other');
  await other.commit(records);
  assert.equal((await taken).status, 200);
  await assert.rejects(
    SourceRun.start(plugin, { 'http.port': String(port), 'http.path': '/other', topic: 'x' }),
    /belongs to another connector/,
  );
  await run.stop();
  const still = post('2', {}, '/other');
  await other.commit(await other.take(1));
  assert.equal((await still).status, 200, 'the port stays open for the other');
});

test('A port that is taken is named', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  t.after(() => squatter.close());
  const { port } = squatter.address() as { port: number };
  await assert.rejects(SourceRun.start(plugin, { 'http.port': String(port), topic: 'x' }), { code: 'HTTP_PORT_TAKEN' });
});

test('Another address than loopback needs a secret', () => {
  const settingsOf = (keys: Record<string, string>) =>
    sourceSettings(parseConfig(plugin.config, { 'http.port': '1', topic: 'x', ...keys }).config);
  assert.throws(() => settingsOf({ 'http.host': '0.0.0.0' }), /set "http.hmac.secret" or "http.bearer.token"/);
  assert.equal(settingsOf({ 'http.host': '0.0.0.0', 'http.bearer.token': 't' }).host, '0.0.0.0');
});
