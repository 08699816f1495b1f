/**
 * Requests through a process that is killed with SIGKILL over and over: a sender that repeats what was not answered →
 * HttpSource → topic → HttpSink → a server. What was answered with 200 is in the topic once, because its name became durable
 * with its record; it arrives at the server, in order, and what arrives twice carries the idempotency key it had before.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { lastingPort } from '../kit/lasting-port.ts';
import { type Millrace, putConnector, startMillrace } from '../kit/millrace.ts';

const KILLS = 3;
const REQUESTS_PER_ROUND = 60;
const DEADLINE_MS = 60_000;
const ANSWER_MS = 5_000;

interface Arrived {
  readonly n: number;
  readonly key: string;
}

it(
  'what a webhook has answered is delivered, though the process is killed in the middle',
  { timeout: 240_000 },
  async (t) => {
    const { url, arrived } = await target(t);
    await using house = await startMillrace();
    const port = await lastingPort();
    await put(house, 'in', { 'connector.class': 'HttpSource', 'http.port': String(port), topic: 'hooks' });
    await put(house, 'out', { 'connector.class': 'HttpSink', 'http.url': url, topics: 'hooks' });

    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      const end = next + REQUESTS_PER_ROUND;
      const sending = (async () => {
        for (; next < end; next++) await sendUntilAnswered(port, next);
      })();
      await sleep(Math.random() * 300);
      await house.kill();
      await house.restart();
      await sending;
    }
    const expected = Array.from({ length: next }, (_, n) => n);
    const distinct = () => [...new Set(arrived.map(({ n }) => n))];
    for (const deadline = Date.now() + DEADLINE_MS; distinct().length < next; await sleep(50)) {
      assert.ok(Date.now() < deadline, `${distinct().length} of ${next} requests arrived.\n${house.notices()}`);
    }
    assert.deepEqual(await committed(house), expected, 'once in the topic');
    assert.deepEqual(distinct(), expected, 'in order, repetitions left out');
    const keys = new Map<string, number>();
    for (const { n, key } of arrived) {
      assert.equal(keys.get(key) ?? n, n, 'a key names one record, whenever it comes');
      keys.set(key, n);
    }
  },
);

/** A server that takes every request. */
async function target(t: TestContext): Promise<{ url: string; arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    arrived.push({ n: (JSON.parse(body) as { n: number }).n, key: String(request.headers['idempotency-key']) });
    response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, arrived };
}

/** As webhooks are sent: again, under the same name, until somebody says 200. */
async function sendUntilAnswered(port: number, n: number): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; ; await sleep(20)) {
    const status = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      body: JSON.stringify({ n }),
      headers: { 'idempotency-key': `request-${n}`, connection: 'close' },
      signal: AbortSignal.timeout(ANSWER_MS),
    }).then(
      ({ status }) => status,
      () => 0,
    );
    if (status === 200) return;
    assert.ok(Date.now() < deadline, `request ${n} was never answered with 200, last with ${status}`);
  }
}

/** What a reader of committed data sees in the topic. */
async function committed(house: Millrace): Promise<number[]> {
  const found: number[] = [];
  await withCluster({ brokers: house.kafka }, async (cluster) => {
    const topic = await cluster.topic('hooks');
    const [from, until] = [await cluster.offsetsAt(topic, [0], -2), await cluster.offsetsAt(topic, [0], -1)];
    for await (const records of readTopic(cluster, { topic, from, until })) {
      for (const { value } of records) found.push((JSON.parse(value!.toString()) as { n: number }).n);
    }
  });
  return found;
}

function put(house: Millrace, name: string, config: Readonly<Record<string, string>>): Promise<void> {
  const json = { 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'false' };
  return putConnector(house, name, { ...json, 'restart.backoff.ms': '100', ...config });
}
