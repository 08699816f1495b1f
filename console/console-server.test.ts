/** The console over real HTTP: health, metrics, who may ask, the page and its stream. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { type Console, type ConsoleOptions, startConsole } from './console-server.ts';
import type { RatedOverview } from './overview.ts';

async function consoleOf(test: TestContext, options: Partial<ConsoleOptions> = {}): Promise<Console> {
  const server = await startConsole({
    host: '127.0.0.1',
    port: 0,
    overview: () => ({ topics: [] }),
    health: () => [{ name: 'broker', status: 'up' }],
    metrics: [],
    ...options,
  });
  test.after(() => server.stop());
  return server;
}

/** fetch does not let a caller choose the Host header. */
async function statusWithHost(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
}

describe('the console', () => {
  it('is alive while a connector has failed, and says so in detail', async (test) => {
    const { url } = await consoleOf(test, {
      version: '1.2.3',
      health: () => [
        { name: 'broker', status: 'up' },
        { name: 'connect', status: 'down', detail: 'The connector shop failed.', isRequired: false },
      ],
    });
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    const health = await fetch(`${url}/health`);
    assert.equal(health.status, 200);
    const body = (await health.json()) as { status: string; version: string; checks: unknown[] };
    assert.equal(body.status, 'degraded');
    assert.equal(body.version, '1.2.3');
    assert.deepEqual(body.checks[1], {
      name: 'connect',
      status: 'down',
      detail: 'The connector shop failed.',
      isRequired: false,
    });
  });

  it('is not ready while a part that must be there is starting, and names it', async (test) => {
    const starting = { name: 'registry', status: 'starting' } as const;
    const { url } = await consoleOf(test, { health: () => [starting] });
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { ready: false, waitingFor: [starting] });
    assert.equal((await fetch(`${url}/livez`)).status, 200);
  });

  it('is not ready when the health of the process cannot be told', async (test) => {
    const { url } = await consoleOf(test, {
      health: () => {
        throw new Error('The worker is gone.');
      },
    });
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /The worker is gone/);
  });

  it('answers the metrics of every part that gives them, and counts the one that fails', async (test) => {
    const { url } = await consoleOf(test, {
      metrics: [
        {
          collect: () => [
            {
              name: 'millrace_x_total',
              help: 'X.',
              type: 'counter',
              samples: [{ labels: { topic: 'a"b\\' }, value: 2 }],
            },
          ],
        },
        {
          collect: () => {
            throw new Error('no metrics today');
          },
        },
      ],
    });
    const response = await fetch(`${url}/metrics`);
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /version=0\.0\.4/);
    assert.ok(text.includes('# TYPE millrace_x_total counter\nmillrace_x_total{topic="a\\"b\\\\"} 2\n'));
    assert.ok(text.includes('millrace_console_metric_source_failures_total 1\n'));
    assert.match(text, /^nodejs_eventloop_lag_seconds /m);
  });

  it('refuses a name that is not loopback, so that a web site cannot read along', async (test) => {
    const { url } = await consoleOf(test, { allowedHosts: ['millrace.internal'] });
    const { port } = new URL(url);
    assert.equal(await statusWithHost(`${url}/api/overview`, 'attacker.example'), 421);
    assert.equal(await statusWithHost(`${url}/api/overview`, `localhost:${port}`), 200);
    assert.equal(await statusWithHost(`${url}/api/overview`, `[::1]:${port}`), 200);
    assert.equal(await statusWithHost(`${url}/api/overview`, `millrace.internal:${port}`), 200);
    assert.equal(await statusWithHost(`${url}/api/overview`, '127.0.0.1.attacker.example'), 421);
  });

  it('serves the page with a policy that allows its own files alone', async (test) => {
    const { url } = await consoleOf(test);
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/app.js', 'text/javascript'],
      ['/schemas', 'text/html'],
      ['/schemas.js', 'text/javascript'],
      ['/schema-cards.js', 'text/javascript'],
      ['/schema-diff.js', 'text/javascript'],
      ['/style.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
    ] as const) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.ok(response.headers.get('content-type')?.startsWith(type), path);
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/);
      await response.arrayBuffer();
    }
    for (const page of ['/', '/schemas']) {
      const html = await (await fetch(url + page)).text();
      assert.doesNotMatch(html, /<script>|style="|onclick|https?:\/\//, page);
    }
  });

  it('is read-only and says where it has no page', async (test) => {
    const { url } = await consoleOf(test);
    assert.equal((await fetch(`${url}/api/overview`, { method: 'POST' })).status, 405);
    assert.equal((await fetch(`${url}/../../package.json`)).status, 404);
  });

  it('streams the overview with rates to everyone who looks', async (test) => {
    let logEndOffset = 100;
    const { url } = await consoleOf(test, {
      overview: () => {
        logEndOffset += 500;
        return { topics: [{ topic: 'a', partitions: 1, isInternal: false, logEndOffset, records: logEndOffset }] };
      },
    });
    const controller = new AbortController();
    const stream = await fetch(`${url}/api/events`, { signal: controller.signal });
    assert.match(stream.headers.get('content-type') ?? '', /^text\/event-stream/);
    const samples: RatedOverview[] = [];
    for await (const chunk of stream.body!) {
      for (const [, data] of Buffer.from(chunk)
        .toString()
        .matchAll(/^data: (.*)$/gm))
        samples.push(JSON.parse(data!));
      if (samples.length >= 2) break;
    }
    controller.abort();
    assert.equal(samples[0]?.topics?.[0]?.recordsPerSecond, null);
    const rate = samples[1]?.topics?.[0]?.recordsPerSecond ?? 0;
    assert.ok(rate > 100 && rate < 600, `500 records in about a second, but the rate is ${rate}`);
  });

  it('shows a problem when the overview fails, and goes on', async (test) => {
    const { url } = await consoleOf(test, {
      overview: async () => {
        throw new Error('The broker did not answer.');
      },
    });
    const overview = (await (await fetch(`${url}/api/overview`)).json()) as RatedOverview;
    assert.deepEqual(overview.problems, ['The broker did not answer.']);
    assert.equal(overview.topics, undefined);
  });

  it('stops while a tab is looking', async () => {
    const server = await startConsole({
      host: '127.0.0.1',
      port: 0,
      overview: () => ({}),
      health: () => [],
      metrics: [],
    });
    const stream = await fetch(`${server.url}/api/events`);
    await server.stop();
    await stream.text().catch(() => '');
    await assert.rejects(fetch(`${server.url}/livez`));
  });

  it('says which port is taken', async (test) => {
    const { url } = await consoleOf(test);
    const port = Number(new URL(url).port);
    await assert.rejects(
      startConsole({ host: '127.0.0.1', port, overview: () => ({}), health: () => [], metrics: [] }),
      /EADDRINUSE/,
    );
  });
});
