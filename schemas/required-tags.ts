/**
 * A subject that wants every field classified: `requiredTags` in its config, ours. A version whose fields do not all carry
 * one of them (inline, or by a path pattern of its metadata) is not registered. Pure.
 */
import { tagPathPattern } from '../connectors/api/index.ts';
import { errors } from './errors.ts';
import type { SchemaContent } from './model.ts';
import { isObject, type JsonObject, type JsonValue } from './parse/json-text.ts';
import { tagsOf } from './tags.ts';

/** Fields named in a refusal; the rest is counted. */
const SHOWN_MAX = 10;

/** Throws 42201 with the fields that carry none of the tags. */
export function assertTagged(content: SchemaContent, required: readonly string[]): void {
  if (required.length === 0) return;
  const patterns = Object.entries(content.metadata?.tags ?? {})
    .filter(([, tags]) => tags.some((tag) => required.includes(tag)))
    .map(([path]) => tagPathPattern(path));
  const bare: string[] = [];
  eachField(JSON.parse(content.schema) as JsonValue, '', (field, path) => {
    const isTagged = tagsOf(field).some((tag) => required.includes(tag)) || patterns.some((isOf) => isOf(path));
    if (!isTagged) bare.push(path);
  });
  if (bare.length === 0) return;
  const more = bare.length > SHOWN_MAX ? ` and ${bare.length - SHOWN_MAX} more` : '';
  throw errors.invalidSchema(
    `Invalid schema: each field needs one of the tags ${required.join(', ')}, which these have not: ` +
      `${bare.slice(0, SHOWN_MAX).join(', ')}${more}. Write "confluent:tags" beside their type.`,
  );
}

/** Every place that holds a text, number or boolean: JSON Schema's properties, Avro's fields. Depth is the text's. */
function eachField(
  schema: JsonValue | undefined,
  path: string,
  visit: (field: JsonObject, path: string) => void,
): void {
  if (Array.isArray(schema)) for (const each of schema) eachField(each, path, visit);
  if (!isObject(schema)) return;
  const named = [
    ...(isObject(schema.properties) ? Object.entries(schema.properties) : []),
    ...(Array.isArray(schema.fields)
      ? schema.fields.filter(isObject).map((each) => [String(each.name), each] as const)
      : []),
  ];
  for (const [name, field] of named) {
    const inside = path === '' ? name : `${path}.${name}`;
    if (isObject(field) && isLeaf(field)) visit(field, inside);
    eachField(field, inside, visit);
  }
  for (const inner of [schema.items, schema.values, schema.type, schema.allOf, schema.anyOf, schema.oneOf]) {
    if (inner !== undefined) eachField(inner, path, visit);
  }
  for (const definitions of [schema.definitions, schema.$defs]) {
    if (isObject(definitions)) for (const each of Object.values(definitions)) eachField(each, path, visit);
  }
}

const CONTAINERS = ['object', 'array', 'record', 'map'];

/** What refers or holds further fields is classified by those. */
function isLeaf(field: JsonObject): boolean {
  if (field.$ref !== undefined || field.properties !== undefined || field.items !== undefined) return false;
  const types = Array.isArray(field.type) ? field.type : [field.type];
  return !types.some((type) => isObject(type) || CONTAINERS.includes(String(type)));
}
