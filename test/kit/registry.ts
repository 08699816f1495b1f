/** A real registry on a free port and a client as small as curl, for tests; every option has a default. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Registry, type RegistryOptions, startRegistry } from '../../schemas/registry-server.ts';
import { memoryStore } from '../../schemas/store/memory.ts';

/** A response, with its body taken from JSON. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON body of any shape, looked at by the test.
  readonly body: any;
  readonly headers: Headers;
}

/** A client of one registry, as small as curl; `extra` headers go with every request. */
export function clientOf({ url }: Registry, extra: Record<string, string> = {}) {
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...extra, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      headers: response.headers,
    } as Answer;
  };
  return {
    get: (path: string, headers?: Record<string, string>) => ask('GET', path, undefined, headers),
    post: (path: string, body: unknown, headers?: Record<string, string>) => ask('POST', path, body, headers),
    put: (path: string, body: unknown) => ask('PUT', path, body),
    del: (path: string) => ask('DELETE', path),
    ask,
    register: (subject: string, schema: string, more: object = {}) =>
      ask('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schemaType: 'JSON', schema, ...more }),
  };
}

/** A registry that is stopped when the test ends; in memory unless told otherwise. */
export async function registryOf(test: TestContext, options: Partial<RegistryOptions> = {}): Promise<Registry> {
  const place = options.log === undefined ? { store: memoryStore() } : {};
  const registry = await startRegistry({ host: '127.0.0.1', port: 0, ...place, ...options });
  test.after(() => registry.stop());
  return registry;
}

/** A client of a registry of its own. */
export async function setUp(test: TestContext, options: Partial<RegistryOptions> = {}) {
  return clientOf(await registryOf(test, options));
}

/** An answer in Confluent's form for refusals. */
export function assertRefused(answer: Answer, status: number, errorCode: number, message: RegExp | string): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.body.error_code, errorCode);
  if (typeof message === 'string') assert.equal(answer.body.message, message);
  else assert.match(answer.body.message, message);
}
