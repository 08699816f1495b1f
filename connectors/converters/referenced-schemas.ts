/**
 * Fetches what a schema refers to (`references` of the registry), and what that refers to, so that it can be compiled.
 */
import { DataError, type RegisteredSchema, type SchemaRegistry } from '../api/index.ts';

type References = NonNullable<RegisteredSchema['references']>;

/** More is no schema but a mistake. */
const MAX_SCHEMAS = 500;

/** The texts by the names that `$ref` uses. Each subject and version is fetched once, so circles end. */
export async function referencedSchemas(
  registry: SchemaRegistry,
  references: References,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const waiting = [...references];
  const fetched = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name, subject, version } = next;
    const place = `${subject} version ${version}`;
    if (fetched.has(`${name} ${place}`)) continue;
    fetched.add(`${name} ${place}`);
    if (fetched.size > MAX_SCHEMAS) throw new DataError(`A schema refers to more than ${MAX_SCHEMAS} others.`);
    if (registry.version === undefined) {
      throw new DataError(
        `The schema refers to ${place} as "${name}", and this registry cannot be asked for versions.`,
      );
    }
    const { schemaType, schema, references: more = [] } = await registry.version(subject, version);
    if (schemaType !== 'JSON')
      throw new DataError(`The schema refers to ${place}, which is ${schemaType}, not JSON Schema.`);
    texts.set(name, schema);
    waiting.push(...more);
  }
  return texts;
}
