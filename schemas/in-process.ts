/**
 * The SchemaRegistry port of connectors/api kept by a registry in the same process: no HTTP, no copies.
 *
 * The worker hands it to its converters; step 3 of the record's journey meets it once per schema.
 */
import { DataError, type RegisteredSchema, RetriableError, type SchemaRegistry } from '../connectors/api/index.ts';
import { cachedRegistry } from './cache.ts';
import type { RegistryCore } from './core.ts';
import { RegistryError } from './errors.ts';
import type { SchemaVersion } from './model.ts';
import { matcherOf } from './regex/engine.ts';
import { contextOf } from './subject-name.ts';
import type { SchemaUsage } from './usage.ts';

/** Connectors of the same process, in the count of who uses which schema. */
const CLIENT = 'connectors of this process';

export function inProcessRegistry(core: RegistryCore, usage: SchemaUsage | null = null): SchemaRegistry {
  const registeredAs = ({ subject, id }: { readonly subject: string; readonly id: number }): number => {
    usage?.saw('registered', contextOf(subject), id, CLIENT, null);
    return id;
  };
  const latestOf = (version: SchemaVersion) => {
    registeredAs(version);
    return { ...registered(version), id: version.id, version: version.version };
  };
  return cachedRegistry({
    matcherOf,
    register: (subject, schema, options) =>
      asConnect(async () => registeredAs(await core.register(subject, request(schema), options))),
    lookup: (subject, schema, options) =>
      asConnect(async () => registeredAs(await core.lookup(subject, request(schema), options))),
    byGuid: (guid) => asConnect(async () => core.byGuid(guid)[0]!.entry.id),
    latest: (subject) => asConnect(async () => latestOf(core.version(subject, 'latest'))),
    latestWithMetadata: (subject, properties) =>
      asConnect(async () => latestOf(core.latestWithMetadata(subject, properties))),
    versionsOf: (id) =>
      asConnect(async () => [...core.byId(id).versions.values()].map(({ subject, version }) => ({ subject, version }))),
    byId: (id) =>
      asConnect(async () => {
        const [version] = core.byId(id).versions.values();
        if (version === undefined) throw new DataError(`Schema ${id} not found`);
        usage?.saw('fetched', contextOf(version.subject), id, CLIENT, null);
        return registered(version);
      }),
    version: (subject, version) => asConnect(async () => registered(core.version(subject, version, { deleted: true }))),
  });
}

function request({ schemaType, schema, references }: RegisteredSchema) {
  return { schemaType, schema, ...(references === undefined ? {} : { references }) };
}

function registered({ schemaType, schema, references, metadata, ruleSet, guid }: SchemaVersion): RegisteredSchema {
  if (schemaType === 'PROTOBUF') throw new DataError('The schema is a Protobuf schema, which no converter here reads.');
  return {
    schemaType,
    schema,
    guid,
    ...(references.length === 0 ? {} : { references }),
    ...(metadata === null ? {} : { metadata }),
    ...(ruleSet === null ? {} : { ruleSet }),
  };
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
