/**
 * The SchemaRegistry port of connectors/api kept by any Confluent-compatible registry over HTTP.
 *
 * Answers that never change are remembered; one address after the other is tried; whether a failure may pass decides
 * between RetriableError and DataError.
 */
import {
  ConnectError,
  DataError,
  type RegisteredSchema,
  RetriableError,
  type SchemaRegistry,
} from '../../connectors/api/index.ts';
import { cachedRegistry } from '../cache.ts';
import { SCHEMA_REGISTRY_V1 } from './negotiate.ts';

export interface HttpRegistryOptions {
  /** Base URLs, tried in turn; credentials in a URL (`http://user:password@…`) are sent as Basic. */
  readonly urls: readonly string[];
  readonly basicAuth?: { readonly user: string; readonly password: string };
  readonly bearerToken?: string;
  /** Milliseconds one attempt may take, 10000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

interface Address {
  readonly base: string;
  readonly authorization: string | null;
}

/** Throws ConnectError for options that name no registry. */
export function httpRegistry(options: HttpRegistryOptions): SchemaRegistry {
  const addresses = options.urls.map((url) => addressOf(url, options));
  if (addresses.length === 0) throw new ConnectError('schema.registry.url names no registry.', { code: 'BAD_CONFIG' });
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const ask = <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> =>
    askAnyOf<T>(addresses, { method, path, body, timeoutMs });
  return cachedRegistry({
    async register(subject, schema) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      return (await ask<{ id: number }>('POST', path, schema)).id;
    },
    async lookup(subject, schema) {
      return (await ask<{ id: number }>('POST', `/subjects/${encodeURIComponent(subject)}`, schema)).id;
    },
    async latest(subject) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions/latest`;
      const version = await ask<SchemaAnswer & { id: number }>('GET', path);
      return { ...registered(version), id: version.id };
    },
    async byId(id) {
      return registered(await ask<SchemaAnswer>('GET', `/schemas/ids/${id}`));
    },
    async version(subject, version) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}?deleted=true`;
      return registered(await ask<SchemaAnswer>('GET', path));
    },
  });
}

interface SchemaAnswer {
  readonly schemaType?: string;
  readonly schema: string;
  readonly references?: RegisteredSchema['references'] | null;
}

function registered({ schemaType, schema, references }: SchemaAnswer): RegisteredSchema {
  if (schemaType !== undefined && schemaType !== 'JSON' && schemaType !== 'AVRO') {
    throw new DataError(`The schema is of type ${schemaType}, which no converter here reads.`);
  }
  return { schemaType: schemaType ?? 'AVRO', schema, ...(references == null ? {} : { references }) };
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: unknown;
  readonly timeoutMs: number;
}

async function askAnyOf<T>(addresses: readonly Address[], question: Question): Promise<T> {
  let last: RetriableError | null = null;
  for (const address of addresses) {
    try {
      return await askOne<T>(address, question);
    } catch (error) {
      if (!(error instanceof RetriableError)) throw error;
      last = error;
    }
  }
  throw last ?? new RetriableError('No schema registry was asked.');
}

async function askOne<T>(address: Address, { method, path, body, timeoutMs }: Question): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address.base + path, {
      method,
      headers: {
        accept: SCHEMA_REGISTRY_V1,
        ...(body === undefined ? {} : { 'content-type': SCHEMA_REGISTRY_V1 }),
        ...(address.authorization === null ? {} : { authorization: address.authorization }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await response.text();
  } catch (error) {
    throw new RetriableError(`The schema registry at ${address.base} did not answer: ${reasonOf(error)}`, {
      code: 'REGISTRY_UNREACHABLE',
      cause: error,
    });
  }
  if (response.ok) return JSON.parse(text) as T;
  throw refusal(address, response.status, text);
}

function refusal(address: Address, status: number, text: string): ConnectError {
  const message = `The schema registry at ${address.base} refused with ${status}: ${messageOf(text)}`;
  if (status >= 500 || status === 429) return new RetriableError(message, { code: 'REGISTRY_UNAVAILABLE' });
  if (status === 401 || status === 403) return new ConnectError(message, { code: 'REGISTRY_DENIED' });
  return new DataError(message, { code: 'REGISTRY_REFUSED' });
}

function messageOf(text: string): string {
  try {
    const { message, error_code: code } = JSON.parse(text) as { message?: string; error_code?: number };
    return message === undefined ? text.slice(0, 500) : `${message} (error code ${code})`;
  } catch {
    return text.slice(0, 500);
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

function addressOf(url: string, options: HttpRegistryOptions): Address {
  if (!URL.canParse(url)) {
    throw new ConnectError(`schema.registry.url is '${url}', not a URL.`, { code: 'BAD_CONFIG' });
  }
  const parsed = new URL(url);
  const user = options.basicAuth?.user ?? decodeURIComponent(parsed.username);
  const password = options.basicAuth?.password ?? decodeURIComponent(parsed.password);
  parsed.username = '';
  parsed.password = '';
  const base = parsed.href.replace(/\/+$/, '');
  if (options.bearerToken !== undefined) return { base, authorization: `Bearer ${options.bearerToken}` };
  if (user === '') return { base, authorization: null };
  return { base, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
