/**
 * Remembers what a registry answered once and for all: the id of a schema, the schema of an id.
 *
 * `latest` changes and is asked every time; so is where a schema is registered. Questions under way are shared; failures are forgotten.
 */
import type { RegisteredSchema, RegistryOptions, SchemaRegistry } from '../connectors/api/index.ts';

/** Answers kept per question; a worker meets one per schema it writes or reads. */
const MAX_CACHED = 1000;

export function cachedRegistry(registry: SchemaRegistry): SchemaRegistry {
  const registered = new Map<string, Promise<number>>();
  const found = new Map<string, Promise<number>>();
  const byId = new Map<number, Promise<RegisteredSchema>>();
  const guids = new Map<string, Promise<number>>();
  const versions = new Map<string, Promise<RegisteredSchema>>();
  return {
    register: (subject, schema, options) =>
      once(registered, keyOf(subject, schema, options), () => registry.register(subject, schema, options)),
    lookup: (subject, schema, options) =>
      once(found, keyOf(subject, schema, options), () => registry.lookup(subject, schema, options)),
    latest: (subject) => registry.latest(subject),
    ...(registry.latestWithMetadata === undefined
      ? {}
      : { latestWithMetadata: (subject, properties) => registry.latestWithMetadata!(subject, properties) }),
    ...(registry.versionsOf === undefined ? {} : { versionsOf: (id: number) => registry.versionsOf!(id) }),
    byId: (id) => once(byId, id, () => registry.byId(id)),
    ...(registry.byGuid === undefined
      ? {}
      : { byGuid: (guid: string) => once(guids, guid, () => registry.byGuid!(guid)) }),
    ...(registry.matcherOf === undefined ? {} : { matcherOf: registry.matcherOf }),
    ...(registry.version === undefined
      ? {}
      : {
          version: (subject, version) =>
            once(versions, `${version}\0${subject}`, () => registry.version!(subject, version)),
        }),
  };
}

function once<Key, Value>(cache: Map<Key, Promise<Value>>, key: Key, ask: () => Promise<Value>): Promise<Value> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const answer = ask();
  cache.set(key, answer);
  answer.catch(() => cache.delete(key));
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value!);
  return answer;
}

function keyOf(
  subject: string,
  { schemaType, schema, references }: RegisteredSchema,
  { normalize = false }: RegistryOptions = {},
): string {
  return `${subject}\0${normalize}\0${schemaType}\0${JSON.stringify(references ?? [])}\0${schema}`;
}
