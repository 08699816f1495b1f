/**
 * The converter's questions to a schema registry over HTTP, for a worker that has none beside it
 * (`schema.registry.url`). Confluent's REST API; answers are immutable and kept by the converter.
 */
import { DataError, type RegisteredSchema, RetriableError, type SchemaRegistry, type Secret } from '../api/index.ts';

/** A registry that does not answer by then is treated as away. */
const TIMEOUT_MS = 10_000;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

export interface RegistryAccess {
  /** Tried in order. */
  readonly urls: readonly string[];
  /** `user:password` for basic authentication. */
  readonly userInfo: Secret | null;
}

export function httpRegistry(access: RegistryAccess): SchemaRegistry {
  const at = (subject: string) => `/subjects/${encodeURIComponent(subject)}`;
  return {
    register: async (subject, schema) => (await call(access, 'POST', `${at(subject)}/versions`, schema)).id as number,
    lookup: async (subject, schema) => (await call(access, 'POST', at(subject), schema)).id as number,
    latest: async (subject) => {
      const answer = await call(access, 'GET', `${at(subject)}/versions/latest`);
      return { ...registered(answer), id: answer.id as number };
    },
    byId: async (id) => registered(await call(access, 'GET', `/schemas/ids/${id}`)),
    // A reference may point to a version that was deleted since: it still means the same.
    version: async (subject, version) =>
      registered(await call(access, 'GET', `${at(subject)}/versions/${version}?deleted=true`)),
  };
}

/** The registry leaves `schemaType` out where it is AVRO, its oldest type. */
function registered(answer: Record<string, unknown>): RegisteredSchema {
  const references = answer.references as RegisteredSchema['references'];
  return {
    schemaType: (answer.schemaType ?? 'AVRO') as RegisteredSchema['schemaType'],
    schema: String(answer.schema),
    ...(references === undefined || references.length === 0 ? {} : { references }),
  };
}

async function call(
  access: RegistryAccess,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  let lastError: unknown;
  for (const url of access.urls) {
    try {
      return await callOne(url.replace(/\/+$/, ''), access.userInfo, method, path, body);
    } catch (error) {
      if (error instanceof DataError) throw error;
      lastError = error;
    }
  }
  throw new RetriableError(`The schema registry at ${access.urls.join(', ')} did not answer.`, {
    code: 'REGISTRY_UNREACHABLE',
    cause: lastError,
  });
}

async function callOne(url: string, userInfo: Secret | null, method: string, path: string, body?: object) {
  const response = await fetch(url + path, {
    method,
    headers: {
      accept: CONTENT_TYPE,
      'content-type': CONTENT_TYPE,
      ...(userInfo === null ? {} : { authorization: `Basic ${Buffer.from(userInfo.reveal()).toString('base64')}` }),
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer;
  const message = `The schema registry refused ${method} ${path}: ${answer.message ?? response.statusText} (${response.status}).`;
  throw response.status >= 500 ? new RetriableError(message) : new DataError(message, { code: 'REGISTRY_REFUSED' });
}
