/**
 * Where schemas sit inside a schema: the keywords that hold one, a list of them, or a map of them.
 *
 * Pure data and one walk. Anything else (enum, const, default, examples, unknown keywords) is a value, not a schema.
 */
import { isObject, type JsonObject, type JsonValue } from './json-text.ts';

const ONE = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const LIST = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'];
const MAP = ['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'];

/** Calls `visit` with each schema directly inside `schema` that is an object, and where it is. */
export function eachSubschema(schema: JsonObject, visit: (subschema: JsonObject, pointer: string) => void): void {
  for (const keyword of ONE) visitObject(schema[keyword], keyword, visit);
  for (const keyword of LIST) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [index, item] of list.entries()) visitObject(item, `${keyword}/${index}`, visit);
  }
  for (const keyword of MAP) {
    const map = schema[keyword];
    if (!isObject(map)) continue;
    for (const [name, item] of Object.entries(map)) visitObject(item, `${keyword}/${escapePointer(name)}`, visit);
  }
}

function visitObject(value: JsonValue | undefined, pointer: string, visit: (s: JsonObject, p: string) => void): void {
  if (isObject(value)) visit(value, pointer);
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
