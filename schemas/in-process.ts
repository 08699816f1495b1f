/**
 * The SchemaRegistry port of connectors/api kept by a registry in the same process: no HTTP, no copies.
 *
 * The worker hands it to its converters; step 3 of the record's journey meets it once per schema.
 */
import { DataError, type RegisteredSchema, RetriableError, type SchemaRegistry } from '../connectors/api/index.ts';
import { cachedRegistry } from './cache.ts';
import type { RegistryCore } from './core.ts';
import { RegistryError } from './errors.ts';
import type { SchemaContent } from './model.ts';
import { matcherOf } from './regex/engine.ts';

export function inProcessRegistry(core: RegistryCore): SchemaRegistry {
  return cachedRegistry({
    matcherOf,
    register: (subject, schema) => asConnect(async () => (await core.register(subject, request(schema))).id),
    lookup: (subject, schema) => asConnect(async () => (await core.lookup(subject, request(schema))).id),
    latest: (subject) =>
      asConnect(async () => {
        const version = core.version(subject, 'latest');
        return { ...registered(version), id: version.id };
      }),
    byId: (id) =>
      asConnect(async () => {
        const [version] = core.byId(id).versions.values();
        if (version === undefined) throw new DataError(`Schema ${id} not found`);
        return registered(version);
      }),
    version: (subject, version) => asConnect(async () => registered(core.version(subject, version, { deleted: true }))),
  });
}

function request({ schemaType, schema, references }: RegisteredSchema) {
  return { schemaType, schema, ...(references === undefined ? {} : { references }) };
}

function registered({ schemaType, schema, references }: SchemaContent): RegisteredSchema {
  if (schemaType === 'PROTOBUF') throw new DataError('The schema is a Protobuf schema, which no converter here reads.');
  return { schemaType, schema, ...(references.length === 0 ? {} : { references }) };
}

async function asConnect<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const options = { code: error.code, cause: error };
    throw error.retriable ? new RetriableError(error.message, options) : new DataError(error.message, options);
  }
}
