/**
 * JSON Schema from the declarations of config keys, for editors: completion, documentation and red lines while typing.
 *
 * The same declaration parses the config, so an editor and the worker cannot disagree on a key. Draft 7, the one editors
 * know best. A value may be a reference (`${env:…}`) wherever a value may stand; what is behind it is judged later.
 */
import type { ConfigDef, ConfigKey } from './config.ts';

/** A piece of a JSON Schema document. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** `${env:PORT}`, `${file:/run/secrets/db:password}`: resolved when the connector starts. */
const reference: JsonSchema = { type: 'string', pattern: '\\$\\{[^}]+\\}' };

const scalar: JsonSchema = { type: ['string', 'number', 'boolean'] };

/**
 * The members of a flat config as keywords of an object schema: `properties`, `patternProperties` for families
 * (`topic.creation.*`), `required`, and one `anyOf` or `not` per relation between keys. `prefix` stands before each key.
 */
export function configSchema(def: ConfigDef, prefix = ''): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const patternProperties: Record<string, JsonSchema> = {};
  const relations: JsonSchema[] = [];
  for (const [key, declared] of Object.entries(def)) {
    if (key.endsWith('.*')) patternProperties[`^${escaped(prefix + key.slice(0, -1))}`] = scalar;
    else properties[prefix + key] = keySchema(declared);
    if (declared.requiredUnless !== undefined) {
      const alternatives = [key, ...declared.requiredUnless];
      relations.push({ anyOf: alternatives.map((each) => ({ required: [prefix + each] })) });
    }
    for (const other of declared.excludes ?? []) relations.push({ not: { required: [prefix + key, prefix + other] } });
  }
  const required = Object.keys(def).filter((key) => def[key]!.default === undefined && !key.endsWith('.*'));
  return {
    properties,
    ...(Object.keys(patternProperties).length === 0 ? {} : { patternProperties }),
    ...(required.length === 0 ? {} : { required: required.map((key) => prefix + key) }),
    ...(relations.length === 0 ? {} : { allOf: relations }),
  };
}

function keySchema(declared: ConfigKey): JsonSchema {
  const { default: value, displayName } = declared;
  return {
    ...(displayName === undefined ? {} : { title: displayName }),
    description: declared.doc,
    ...(value == null || declared.type === 'password'
      ? {}
      : { default: Array.isArray(value) ? value.join(',') : value }),
    ...(declared.type === 'password' ? { writeOnly: true } : {}),
    ...valueSchema(declared),
  };
}

/** Kafka Connect's values are text; numbers and booleans are taken as people write them. */
function valueSchema(declared: ConfigKey): JsonSchema {
  const { min: minimum, max: maximum } = declared;
  const bounds = { ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) };
  switch (declared.type) {
    case 'int':
    case 'long':
      return { anyOf: [{ type: 'integer', ...bounds }, { type: 'string', pattern: '^\\s*[+-]?\\d+\\s*$' }, reference] };
    case 'double':
      return { anyOf: [{ type: 'number', ...bounds }, { type: 'string', pattern: '^\\s*[+-]?[\\d.]' }, reference] };
    case 'boolean':
      return { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: '^\\s*([Tt]rue|[Ff]alse)\\s*$' }, reference] };
    case 'list':
      return { type: 'string' };
    default:
      return declared.oneOf === undefined ? { type: 'string' } : { anyOf: [{ enum: declared.oneOf }, reference] };
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
