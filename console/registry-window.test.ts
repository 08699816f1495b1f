/** The schema page's window to the registry: what goes through it, as whom, and what never does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { startConsole } from './console-server.ts';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** A console beside a registry that answers everything with what it was asked. */
async function setUp(test: TestContext, registry?: string): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const needsLogin = url.startsWith('/locked') && headers.authorization === undefined;
    response.writeHead(needsLogin ? 401 : url.startsWith('/missing') ? 404 : 200, {
      'content-type': 'application/vnd.schemaregistry.v1+json',
      ...(needsLogin ? { 'www-authenticate': 'Basic realm="SchemaRegistry"' } : {}),
    });
    response.end(JSON.stringify({ error_code: 40401, url }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = registry ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const console = await startConsole({
    host: '127.0.0.1',
    port: 0,
    overview: () => ({}),
    health: () => [],
    metrics: [],
    addresses: () => (registry === '' ? {} : { registry: address }),
  });
  test.after(async () => {
    await console.stop();
    server.close();
    server.closeAllConnections();
  });
  return { url: `${console.url}/api/registry`, asked };
}

const JSON_BODY = { 'content-type': 'application/json' };

describe("the console's window to the registry", () => {
  it('passes questions on, with every encoding and query, and the answer back', async (test) => {
    const { url, asked } = await setUp(test);
    const response = await fetch(`${url}/subjects/a%2Fb/versions?deleted=true`);
    assert.equal(response.status, 200);
    assert.equal(((await response.json()) as { url: string }).url, '/subjects/a%2Fb/versions?deleted=true');
    assert.equal(asked[0]!.headers['confluent-accept-unknown-properties'], 'true');
    assert.equal(asked[0]!.headers['user-agent'], 'millrace-console');
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal((await fetch(`${url}/missing`)).status, 404);
  });

  it('lets a schema be tried and compared, and nothing be changed', async (test) => {
    const { url, asked } = await setUp(test);
    const post = (path: string, headers: Record<string, string> = JSON_BODY) =>
      fetch(url + path, { method: 'POST', headers, body: '{"schema":"{}"}' });
    assert.equal((await post('/subjects/a-value/try?last=10')).status, 200);
    assert.equal((await post('/compatibility/subjects/a/versions?verbose=true')).status, 200);
    assert.deepEqual(
      asked.map(({ method, body }) => [method, body]),
      [
        ['POST', '{"schema":"{}"}'],
        ['POST', '{"schema":"{}"}'],
      ],
    );
    for (const path of [
      '/subjects/a/versions',
      '/subjects/a',
      '/subjects/a/b/try',
      '/config',
      '/mode/compatibility/a',
    ]) {
      assert.equal((await post(path)).status, 405, path);
    }
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      assert.equal((await fetch(`${url}/subjects/a/try`, { method })).status, 405, method);
    }
    assert.equal(asked.length, 2);
  });

  it('takes no body that a form of another site could send', async (test) => {
    const { url, asked } = await setUp(test);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const options = { method: 'POST', headers: { 'content-type': type }, body: '{}' };
      assert.equal((await fetch(`${url}/subjects/a/try`, options)).status, 405, type);
    }
    assert.equal(asked.length, 0);
  });

  it('leads to the registry and nowhere else', async (test) => {
    const { url, asked } = await setUp(test);
    for (const path of ['/http://127.0.0.1:1/', '//127.0.0.1:1/x', '/\\\\127.0.0.1:1/x']) await fetch(url + path);
    assert.deepEqual(asked.filter(({ headers }) => !headers.host?.startsWith('127.0.0.1:')).length, 0);
    assert.equal((await fetch(`${url}/http://127.0.0.1:1/`)).status, 404);
  });

  it('asks for a login where the registry does, and logs in as whoever answers', async (test) => {
    const { url, asked } = await setUp(test);
    const refused = await fetch(`${url}/locked`);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="SchemaRegistry"');
    const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    assert.equal((await fetch(`${url}/locked`, { headers: { authorization } })).status, 200);
    assert.equal(asked.at(-1)!.headers.authorization, authorization);
  });

  it('says so where there is no registry, none answers, or a schema is too long', async (test) => {
    const none = await setUp(test, '');
    assert.equal((await fetch(`${none.url}/subjects`)).status, 404);
    const gone = await setUp(test, 'http://127.0.0.1:1');
    const response = await fetch(`${gone.url}/subjects`);
    assert.equal(response.status, 502);
    assert.match(
      ((await response.json()) as { message: string }).message,
      /The registry at http:\/\/127\.0\.0\.1:1 does not answer/,
    );
    const { url, asked } = await setUp(test);
    const long = { method: 'POST', headers: JSON_BODY, body: 'x'.repeat(5 * 1024 * 1024) };
    const status = await fetch(`${url}/subjects/a/try`, long).then(
      (answer) => answer.status,
      () => 413,
    );
    assert.equal(status, 413);
    assert.equal(asked.length, 0);
  });
});
