/**
 * Connect schemas to and from JSON Schema, by the conventions of Confluent's JsonSchemaConverter: `connect.type` tells
 * widths apart, `title` is the name, `oneOf` with null is optional, `connect.index` keeps the order of fields.
 */
import { type Field, LogicalNames, type Schema, type SchemaType } from '../api/index.ts';

type Json = Record<string, unknown>;

const jsonTypes: Record<SchemaType, string> = {
  int8: 'integer',
  int16: 'integer',
  int32: 'integer',
  int64: 'integer',
  float32: 'number',
  float64: 'number',
  boolean: 'boolean',
  string: 'string',
  bytes: 'string',
  array: 'array',
  map: 'object',
  struct: 'object',
};

/** Types that JSON Schema's own word says completely. */
const plainTypes = new Set<SchemaType>(['boolean', 'string', 'array', 'struct']);

/** How a value of the schema is written, which its JSON Schema must allow. */
export type DecimalFormat = 'BASE64' | 'NUMERIC';

/** JSON has no word for them; Kafka Connect's serializer and Debezium write these. */
const NOT_NUMBERS = '^(NaN|-?Infinity)$';

/** How a Connect schema is put into words, by the keys of Confluent's converter and serializer. */
export interface JsonSchemaStyle {
  readonly decimals: DecimalFormat;
  /** `json.oneof.for.nullables`: `oneOf` with null, or else null among the types. */
  readonly oneOfForNullables: boolean;
  /** `object.additional.properties`: structs are open. */
  readonly isOpen: boolean;
}

const DEFAULT_STYLE: JsonSchemaStyle = { decimals: 'BASE64', oneOfForNullables: true, isOpen: true };

export function toJsonSchema(schema: Schema, style: JsonSchemaStyle = DEFAULT_STYLE): Json {
  const json = required(schema, style);
  if (schema.optional !== true) return json;
  if (style.oneOfForNullables) return { oneOf: [{ type: 'null' }, json] };
  return { ...json, type: ['null', json.type].flat() };
}

function required(schema: Schema, style: JsonSchemaStyle): Json {
  const isNumber = schema.name === LogicalNames.decimal && style.decimals === 'NUMERIC';
  const isFloat = schema.type === 'float32' || schema.type === 'float64';
  const json: Json = { type: isNumber ? 'number' : jsonTypes[schema.type] };
  // `pattern` judges text only, so numbers pass and other text does not.
  if (isFloat) Object.assign(json, { type: ['number', 'string'], pattern: NOT_NUMBERS });
  if (schema.name !== undefined) json.title = schema.name;
  if (schema.version !== undefined) json['connect.version'] = schema.version;
  if (schema.doc !== undefined) json.description = schema.doc;
  if (schema.parameters !== undefined) json['connect.parameters'] = schema.parameters;
  if (schema.defaultValue != null && typeof schema.defaultValue !== 'object') json.default = schema.defaultValue;
  if (!plainTypes.has(schema.type)) json['connect.type'] = schema.type;
  if (schema.type === 'array') json.items = toJsonSchema(schema.valueSchema!, style);
  if (schema.type === 'struct') {
    json.properties = properties(schema.fields ?? [], style);
    if (!style.isOpen) json.additionalProperties = false;
  }
  if (schema.type !== 'map') return json;
  if (schema.keySchema?.type === 'string' && schema.keySchema.optional !== true) {
    return { ...json, additionalProperties: toJsonSchema(schema.valueSchema!, style) };
  }
  const pair = { key: toJsonSchema(schema.keySchema!, style), value: toJsonSchema(schema.valueSchema!, style) };
  return { ...json, type: 'array', items: { type: 'object', properties: pair } };
}

function properties(fields: readonly Field[], style: JsonSchemaStyle): Json {
  return Object.fromEntries(
    fields.map(({ name, schema }, index) => [name, { 'connect.index': index, ...toJsonSchema(schema, style) }]),
  );
}

/** Null where the JSON Schema says something Connect's types cannot: the value then stays JSON. */
export function fromJsonSchema(json: unknown): Schema | null {
  if (typeof json !== 'object' || json === null) return null;
  const fields = json as Json;
  if ('$ref' in fields || 'allOf' in fields || 'anyOf' in fields) return null;
  const optional = optionalOf(fields);
  if (optional !== undefined) return optional === null ? null : { ...optional, optional: true };
  const type = connectType(fields);
  if (type === null) return null;
  const parts = members(type, fields);
  if (parts === null) return null;
  return {
    type,
    ...(typeof fields.title === 'string' ? { name: fields.title } : {}),
    ...(typeof fields['connect.version'] === 'number' ? { version: fields['connect.version'] } : {}),
    ...(typeof fields.description === 'string' ? { doc: fields.description } : {}),
    ...(typeof fields['connect.parameters'] === 'object'
      ? { parameters: fields['connect.parameters'] as Record<string, string> }
      : {}),
    ...(fields.default != null && typeof fields.default !== 'object'
      ? { defaultValue: fields.default as string | number | boolean }
      : {}),
    ...parts,
  };
}

/** The other half of `oneOf [null, X]` or `type [null, X]`; undefined when the schema is not of that form. */
function optionalOf(json: Json): Schema | null | undefined {
  if (Array.isArray(json.oneOf)) {
    const others = json.oneOf.filter((each: Json) => each?.type !== 'null');
    return others.length === 1 && json.oneOf.length === 2 ? fromJsonSchema(others[0]) : null;
  }
  if (!Array.isArray(json.type) || !json.type.includes('null')) return undefined;
  const types = json.type.filter((each) => each !== 'null');
  return types.length === 1 && json.type.length === 2 ? fromJsonSchema({ ...json, type: types[0] }) : null;
}

function connectType(json: Json): SchemaType | null {
  const said = json['connect.type'];
  if (typeof said === 'string' && said in jsonTypes) return said as SchemaType;
  switch (json.type) {
    case 'integer':
      return 'int64';
    case 'number':
      return json.title === LogicalNames.decimal ? 'bytes' : 'float64';
    case 'string':
      return json.title === LogicalNames.decimal ? 'bytes' : 'string';
    case 'boolean':
    case 'array':
      return json.type;
    case 'object':
      return json.properties === undefined && typeof json.additionalProperties === 'object' ? 'map' : 'struct';
    default:
      return null;
  }
}

function members(type: SchemaType, json: Json): Partial<Schema> | null {
  if (type === 'array') {
    const valueSchema = fromJsonSchema(json.items);
    return valueSchema === null ? null : { valueSchema };
  }
  if (type === 'map') {
    const valueSchema = fromJsonSchema(json.additionalProperties);
    return valueSchema === null ? null : { keySchema: { type: 'string' }, valueSchema };
  }
  return type === 'struct' ? structMembers(json) : {};
}

/** A property that is not required is optional, as with `use.optional.for.nonrequired` in Confluent's converter. */
function structMembers(json: Json): Partial<Schema> | null {
  // Members nobody declared would be lost in a struct.
  if (json.additionalProperties !== false && json.additionalProperties !== undefined) return null;
  const needed = new Set(Array.isArray(json.required) ? json.required : []);
  const declared = Object.entries((json.properties ?? {}) as Record<string, Json>);
  if (declared.length === 0) return null;
  const isOurs = declared.every(([, property]) => typeof property?.['connect.index'] === 'number');
  if (!isOurs && json.additionalProperties !== false) return null;
  if (isOurs) declared.sort(([, a], [, b]) => Number(a['connect.index']) - Number(b['connect.index']));
  const fields: Field[] = [];
  for (const [name, property] of declared) {
    const schema = fromJsonSchema(property);
    if (schema === null) return null;
    fields.push({ name, schema: needed.has(name) || isOurs ? schema : { ...schema, optional: true } });
  }
  return { fields };
}
