/**
 * Tags inside a schema's text (`confluent:tags`), by Confluent's paths to what they tag. Pure.
 *
 *     JSON   object.place.array.object.zip      a property in an object, in the items of an array, in allof.0 …
 *     Avro   ns.Truck.plate                     a field of a record; ns.Truck is the record
 */
import { errors, RegistryError } from './errors.ts';
import type { SchemaType } from './model.ts';
import { isObject, type JsonObject, type JsonValue } from './parse/json-text.ts';

/** What a client wants tagged, or no longer tagged. */
export interface TagChange {
  readonly entityPath: string;
  readonly entityType: 'sr_field' | 'sr_record';
  readonly tags: readonly string[];
}

const TAGS = 'confluent:tags';

/** The text with the tags added and removed. Throws 42201 for a path that leads nowhere. */
export function withTags(
  schemaType: SchemaType,
  text: string,
  added: readonly TagChange[],
  removed: readonly TagChange[],
): string {
  const root = JSON.parse(text) as JsonValue;
  const find = schemaType === 'AVRO' ? inAvro : inJson;
  for (const change of removed) {
    const target = find(root, change);
    const left = tagsOf(target).filter((tag) => !change.tags.includes(tag));
    if (left.length > 0) target[TAGS] = left;
    else delete target[TAGS];
  }
  for (const change of added) {
    const target = find(root, change);
    target[TAGS] = [...new Set([...tagsOf(target), ...change.tags])].sort();
  }
  return JSON.stringify(root);
}

/** What is tagged in a text, as `findTags` and propagation have it: each place once, in the order of the text. */
export function taggedEntities(schemaType: SchemaType, text: string): TagChange[] {
  const found: TagChange[] = [];
  const note = (entityType: TagChange['entityType'], entityPath: string, schema: JsonObject): void => {
    const tags = tagsOf(schema);
    if (tags.length > 0) found.push({ entityPath, entityType, tags });
  };
  const root = JSON.parse(text) as JsonValue;
  if (schemaType === 'AVRO') eachAvroEntity(root, '', new Set(), note);
  else eachJsonEntity(root, '', false, note);
  return found;
}

/** The text with the tags of an earlier version, wherever it still has what they tag. */
export function withTagsOf({ schemaType, schema }: { schemaType: SchemaType; schema: string }, text: string): string {
  let tagged = text;
  for (const entity of taggedEntities(schemaType, schema)) {
    try {
      tagged = withTags(schemaType, tagged, [entity], []);
    } catch (error) {
      // The place is gone, and its tags with it.
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return tagged;
}

type Note = (entityType: TagChange['entityType'], entityPath: string, schema: JsonObject) => void;

/** A property is tagged as a field; the object it may be, not once more as a record. */
function eachJsonEntity(schema: JsonValue | undefined, scope: string, isField: boolean, note: Note): void {
  if (!isObject(schema)) return;
  for (const [word, keyword] of Object.entries(COMBINED)) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [i, each] of list.entries()) eachJsonEntity(each, `${scope}${word}.${i}.`, false, note);
  }
  if (isObject(schema.items)) eachJsonEntity(schema.items, `${scope}array.`, false, note);
  if (isObject(schema.not)) eachJsonEntity(schema.not, `${scope}not.`, false, note);
  if (!isObject(schema.properties) && schema.type !== 'object') return;
  if (!isField) note('sr_record', `${scope}object`, schema);
  for (const [name, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
    if (!isObject(property)) continue;
    note('sr_field', `${scope}object.${name}`, property);
    eachJsonEntity(property, `${scope}object.${name}.`, true, note);
  }
}

function eachAvroEntity(schema: JsonValue | undefined, space: string, seen: Set<string>, note: Note): void {
  if (Array.isArray(schema)) for (const branch of schema) eachAvroEntity(branch, space, seen, note);
  if (!isObject(schema)) return;
  for (const member of [schema.items, schema.values]) eachAvroEntity(member, space, seen, note);
  if (!Array.isArray(schema.fields) || typeof schema.name !== 'string') {
    if (typeof schema.type === 'object') eachAvroEntity(schema.type, space, seen, note);
    return;
  }
  const inner = typeof schema.namespace === 'string' ? schema.namespace : space;
  const full = schema.name.includes('.') || inner === '' ? schema.name : `${inner}.${schema.name}`;
  if (seen.has(full)) return;
  seen.add(full);
  note('sr_record', full, schema);
  for (const field of schema.fields) {
    if (!isObject(field)) continue;
    note('sr_field', `${full}.${field.name}`, field);
    eachAvroEntity(field.type, full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '', seen, note);
  }
}

/** The tags written at one place of a schema. */
export function tagsOf(schema: JsonObject): string[] {
  const tags = schema[TAGS];
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
}

const COMBINED: Readonly<Record<string, string>> = { allof: 'allOf', anyof: 'anyOf', oneof: 'oneOf' };

function inJson(root: JsonValue, { entityPath }: TagChange): JsonObject {
  let place: JsonValue | undefined = root;
  let isInObject = false;
  const parts = entityPath.split('.');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (!isObject(place)) throw nowhere(entityPath);
    if (isInObject) {
      place = isObject(place.properties) && Object.hasOwn(place.properties, part) ? place.properties[part] : undefined;
      isInObject = false;
    } else if (part === 'object') isInObject = true;
    else if (part === 'array') place = place.items;
    else if (part === 'not') place = place.not;
    else if (COMBINED[part] !== undefined) {
      const list: JsonValue | undefined = place[COMBINED[part]];
      place = Array.isArray(list) ? list[Number(parts[++i])] : undefined;
    } else throw nowhere(entityPath);
  }
  if (isObject(place)) return place;
  throw nowhere(entityPath);
}

function inAvro(root: JsonValue, { entityPath, entityType }: TagChange): JsonObject {
  const dot = entityPath.lastIndexOf('.');
  const record = entityType === 'sr_record' ? entityPath : entityPath.slice(0, dot);
  const found = avroRecord(root, record, '');
  if (entityType === 'sr_record' && found !== null) return found;
  const fields = found !== null && Array.isArray(found.fields) ? found.fields : [];
  const field = fields.find((each) => isObject(each) && each.name === entityPath.slice(dot + 1));
  if (isObject(field)) return field;
  throw nowhere(entityPath);
}

/** Depth is bounded by the limit on a text's nesting. */
function avroRecord(schema: JsonValue | undefined, name: string, space: string): JsonObject | null {
  const parts = Array.isArray(schema) ? schema : isObject(schema) ? [] : null;
  if (parts === null) return null;
  let inner = space;
  if (isObject(schema)) {
    if (typeof schema.name === 'string' && Array.isArray(schema.fields)) {
      inner = typeof schema.namespace === 'string' ? schema.namespace : space;
      const full = schema.name.includes('.') || inner === '' ? schema.name : `${inner}.${schema.name}`;
      if (full === name) return schema;
      parts.push(
        ...schema.fields.flatMap((field) => (isObject(field) && field.type !== undefined ? [field.type] : [])),
      );
    }
    for (const member of [schema.items, schema.values, schema.type]) if (member !== undefined) parts.push(member);
  }
  for (const part of parts) {
    const found = avroRecord(part, name, inner);
    if (found !== null) return found;
  }
  return null;
}

function nowhere(path: string) {
  return errors.invalidSchema(`Invalid schema: the tag's path "${path.slice(0, 200)}" leads nowhere in it.`);
}
