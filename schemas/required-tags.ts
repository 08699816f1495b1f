/**
 * A subject that wants every field classified: `requiredTags` in its config, ours. A version whose fields do not all carry
 * one of them (inline, or by a path pattern of its metadata) is not registered. Pure.
 */
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
    .map(([path]) => pathPattern(path));
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

/**
 * Whether a path fits a pattern: `**` is any number of names, `*` any part of one. In time that the two lengths bound,
 * because whoever registers a schema writes the pattern.
 */
function pathPattern(pattern: string): (path: string) => boolean {
  const wanted = pattern.replace(/^\$\./, '').split('.');
  const withSkips = (places: Set<number>): Set<number> => {
    for (const place of places) if (wanted[place] === '**') places.add(place + 1);
    return places;
  };
  return (path) => {
    let places = withSkips(new Set([0]));
    for (const name of path.replace(/^\$\./, '').split('.')) {
      const next = new Set<number>();
      for (const place of places) {
        if (wanted[place] === '**') next.add(place);
        else if (wanted[place] !== undefined && fits(wanted[place], name)) next.add(place + 1);
      }
      places = withSkips(next);
    }
    return places.has(wanted.length);
  };
}

function fits(wanted: string, name: string): boolean {
  const [first = '', ...parts] = wanted.split('*');
  if (parts.length === 0) return wanted === name;
  const last = parts.pop()!;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts) {
    const at = name.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= name.length - last.length;
}
