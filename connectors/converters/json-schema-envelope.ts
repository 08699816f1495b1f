/**
 * Connect schemas to and from the `schema` half of JsonConverter's envelope.
 *
 * Kafka Connect's words: types int8 … int64, float, double, boolean, string, bytes, array (`items`), map (`keys`,
 * `values`), struct (`fields`, each with `field`); `optional`, `name`, `version`, `doc`, `parameters`, `default`.
 */
import { type Field, type Schema, type SchemaType, schemaTypes } from '../api/index.ts';
import { badData, shown } from './errors.ts';
import type { JsonValues } from './json-values.ts';

interface JsonSchema {
  type?: string;
  optional?: boolean;
  name?: string;
  version?: number;
  doc?: string;
  parameters?: Readonly<Record<string, string>>;
  default?: unknown;
  fields?: (JsonSchema & { field?: string })[];
  items?: JsonSchema;
  keys?: JsonSchema;
  values?: JsonSchema;
  field?: string;
}

const typeWords: Partial<Record<SchemaType, string>> = { float32: 'float', float64: 'double' };

/** The order of members is Kafka Connect's. */
export function schemaToJson(schema: Schema, values: JsonValues): JsonSchema {
  const json: JsonSchema = { type: typeWords[schema.type] ?? schema.type };
  if (schema.type === 'array') json.items = schemaToJson(schema.valueSchema!, values);
  if (schema.type === 'map') {
    json.keys = schemaToJson(schema.keySchema!, values);
    json.values = schemaToJson(schema.valueSchema!, values);
  }
  if (schema.type === 'struct') {
    json.fields = (schema.fields ?? []).map(({ name, schema: each }) => ({
      ...schemaToJson(each, values),
      field: name,
    }));
  }
  json.optional = schema.optional === true;
  if (schema.name !== undefined) json.name = schema.name;
  if (schema.version !== undefined) json.version = schema.version;
  if (schema.doc !== undefined) json.doc = schema.doc;
  if (schema.parameters !== undefined) json.parameters = schema.parameters;
  if (schema.defaultValue != null) json.default = values.toJson(schema, schema.defaultValue);
  return json;
}

/** Throws a DataError that names the part it does not understand. */
export function schemaFromJson(json: unknown, values: JsonValues): Schema | null {
  if (json == null) return null;
  if (typeof json !== 'object' || Array.isArray(json))
    throw badData(`A schema must be an object, this is ${shown(json)}.`);
  const { type: word, optional, name, version, doc, parameters, default: fallback, ...rest } = json as JsonSchema;
  const type = typeOf(word);
  const schema: Schema = {
    type,
    ...(optional === true ? { optional: true } : {}),
    ...(name == null ? {} : { name }),
    ...(version == null ? {} : { version }),
    ...(doc == null ? {} : { doc }),
    ...(parameters == null ? {} : { parameters }),
    ...members(type, rest, values),
  };
  return fallback == null ? schema : { ...schema, defaultValue: values.fromJson(schema, fallback) };
}

function typeOf(word: string | undefined): SchemaType {
  const type = word === 'float' ? 'float32' : word === 'double' ? 'float64' : word;
  if (schemaTypes.includes(type as SchemaType)) return type as SchemaType;
  throw badData(
    `A schema has the unknown type ${shown(word)}. Types are int8 … int64, float, double, boolean, string, bytes, array, map, struct.`,
  );
}

function members(type: SchemaType, json: JsonSchema, values: JsonValues): Partial<Schema> {
  if (type === 'array') return { valueSchema: part(json.items, 'items', type, values) };
  if (type === 'map') {
    return { keySchema: part(json.keys, 'keys', type, values), valueSchema: part(json.values, 'values', type, values) };
  }
  if (type !== 'struct') return {};
  if (!Array.isArray(json.fields)) throw badData('A struct schema needs "fields", a list.');
  const fields = json.fields.map((each): Field => {
    if (typeof each?.field !== 'string') throw badData('A member of "fields" has no name in "field".');
    const { field, ...schema } = each;
    return { name: field, schema: part(schema, field, type, values) };
  });
  return { fields };
}

function part(json: unknown, name: string, type: SchemaType, values: JsonValues): Schema {
  const schema = schemaFromJson(json, values);
  if (schema === null) throw badData(`A schema of type ${type} has no "${name}".`);
  return schema;
}
