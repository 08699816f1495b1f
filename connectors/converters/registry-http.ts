/**
 * A Confluent-compatible schema registry over HTTP: one request at a time for the commands (`askRegistry`), and the
 * converter's questions (`httpRegistry`) for a worker that has no registry beside it.
 *
 * One address after the other is tried; whether a failure may pass decides between RetriableError and DataError.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import {
  ConnectError,
  DataError,
  type RegisteredSchema,
  type RegistryOptions,
  RetriableError,
  type SchemaRegistry,
} from '../api/index.ts';
import type { RegistryAccess } from './registry-access.ts';

/** A registry that does not answer by then is treated as away. */
const TIMEOUT_MS = 10_000;
/** More is no answer of a registry. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

export interface RegistryAnswer {
  readonly status: number;
  readonly text: string;
  /** Which of the addresses answered. */
  readonly url: string;
}

/** One request, whatever its answer. Rejects with RetriableError when no address answers. */
export type AskRegistry = (method: string, path: string, body?: object) => Promise<RegistryAnswer>;

export function askRegistry(access: RegistryAccess): AskRegistry {
  if (access.urls.length === 0) {
    throw new ConnectError('schema.registry.url names no registry.', { code: 'BAD_CONFIG' });
  }
  const agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true, ...access.tls }),
  };
  return async (method, path, body) => {
    let last: unknown = null;
    for (const url of access.urls) {
      try {
        const headers = await headersFor(access, url, body);
        const agent = url.startsWith('https:') ? agents.https : agents.http;
        const answer = await askOne(new URL(url + path), { method, headers, agent }, body);
        if (answer.status < 500 || url === access.urls.at(-1)) return { ...answer, url };
      } catch (cause) {
        if (cause instanceof RetriableError && cause.code === 'REGISTRY_TOKEN') throw cause;
        last = unreachable(url, cause);
      }
    }
    throw last;
  };
}

async function headersFor(access: RegistryAccess, url: string, body: object | undefined) {
  const authorization = await access.authorization(url);
  return {
    // Who uses a schema is told by this.
    'user-agent': 'millrace converter',
    ...access.headers,
    accept: CONTENT_TYPE,
    // Newer members are welcome: the GUID.
    'Confluent-Accept-Unknown-Properties': 'true',
    ...(body === undefined ? {} : { 'content-type': CONTENT_TYPE }),
    ...(authorization === null ? {} : { authorization }),
  };
}

interface Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: HttpAgent | HttpsAgent;
}

function askOne(url: URL, options: Request, body: object | undefined): Promise<{ status: number; text: string }> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`it answered with more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(url: string, cause: unknown): RetriableError {
  const { message, code } = cause as NodeJS.ErrnoException;
  const reason = (cause as Error).name === 'AbortError' ? `nothing within ${TIMEOUT_MS / 1000} s` : message || code;
  return new RetriableError(`The schema registry at ${url} did not answer: ${reason}.`, {
    code: 'REGISTRY_UNREACHABLE',
    cause,
  });
}

/** The port of connectors/api; answers are immutable and kept by the converter. Throws ConnectError without an address. */
export function httpRegistry(access: RegistryAccess): SchemaRegistry {
  const ask = askRegistry(access);
  const at = (subject: string) => `/subjects/${encodeURIComponent(subject)}`;
  const call = async (method: string, path: string, body?: object) => accepted(await ask(method, path, body));
  return {
    register: async (subject, schema, options) =>
      (await call('POST', `${at(subject)}/versions${queryOf(options)}`, schema)).id as number,
    lookup: async (subject, schema, options) =>
      (await call('POST', `${at(subject)}${queryOf(options)}`, schema)).id as number,
    latest: async (subject) => latestOf(await call('GET', `${at(subject)}/versions/latest`)),
    latestWithMetadata: async (subject, properties) => {
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(properties)) {
        query.append('key', key);
        query.append('value', value);
      }
      return latestOf(await call('GET', `${at(subject)}/metadata?${query}`));
    },
    versionsOf: async (id) =>
      (await call('GET', `/schemas/ids/${id}/versions?deleted=true`)) as unknown as readonly {
        subject: string;
        version: number;
      }[],
    byId: async (id) => registered(await call('GET', `/schemas/ids/${id}`)),
    byGuid: async (guid) => {
      const ids = (await call('GET', `/schemas/guids/${guid}/ids`)) as unknown as readonly { id: number }[];
      return ids[0]!.id;
    },
    // A reference may point to a version that was deleted since: it still means the same.
    version: async (subject, version) =>
      registered(await call('GET', `${at(subject)}/versions/${version}?deleted=true`)),
  };
}

function latestOf(answer: Record<string, unknown>) {
  return { ...registered(answer), id: answer.id as number, version: answer.version as number };
}

function queryOf(options: RegistryOptions | undefined): string {
  return options?.normalize === true ? '?normalize=true' : '';
}

/** The registry leaves `schemaType` out where it is AVRO, its oldest type. */
function registered(answer: Record<string, unknown>): RegisteredSchema {
  const references = answer.references as RegisteredSchema['references'] | null;
  const schemaType = answer.schemaType ?? 'AVRO';
  if (schemaType !== 'JSON' && schemaType !== 'AVRO') {
    throw new DataError(`The schema is of type ${String(schemaType)}, which no converter here reads.`);
  }
  return {
    schemaType,
    schema: String(answer.schema),
    ...(references == null || references.length === 0 ? {} : { references }),
    ...(typeof answer.guid === 'string' ? { guid: answer.guid } : {}),
    ...(answer.metadata == null ? {} : { metadata: answer.metadata as NonNullable<RegisteredSchema['metadata']> }),
    ...(answer.ruleSet == null ? {} : { ruleSet: answer.ruleSet as NonNullable<RegisteredSchema['ruleSet']> }),
  };
}

function accepted({ status, text, url }: RegistryAnswer): Record<string, unknown> {
  if (status >= 200 && status < 300) return JSON.parse(text) as Record<string, unknown>;
  const message = `The schema registry at ${url} refused with ${status}: ${messageOf(text)}`;
  if (status >= 500 || status === 429) throw new RetriableError(message, { code: 'REGISTRY_UNAVAILABLE' });
  if (status === 401 || status === 403) throw new ConnectError(message, { code: 'REGISTRY_DENIED' });
  // By the code of the registry in process, so that whoever meets it does the same.
  if (status === 409) throw new DataError(message, { code: 'INCOMPATIBLE_SCHEMA' });
  throw new DataError(message, { code: 'REGISTRY_REFUSED' });
}

function messageOf(text: string): string {
  try {
    const { message, error_code: code } = JSON.parse(text) as { message?: string; error_code?: number };
    return message === undefined ? text.slice(0, 500) : `${message} (error code ${code})`;
  } catch {
    return text.slice(0, 500);
  }
}
