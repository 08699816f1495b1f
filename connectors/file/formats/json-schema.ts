/**
 * A JSON Schema as Connect's: what the source types fields by and the sink makes columns of, where a config gives one.
 * The plain part of JSON Schema only: objects, lists, the simple types and null; anything else is refused by its place.
 */
import { type Field, type Schema, Schemas, struct } from '../../api/index.ts';

type Json = Readonly<Record<string, unknown>>;

const simple: Readonly<Record<string, Schema>> = {
  integer: Schemas.int64,
  number: Schemas.float64,
  boolean: Schemas.boolean,
  string: Schemas.string,
};

/** Throws a plain Error with the rest of the sentence "The JSON Schema …". */
export function parseJsonSchema(text: string): Schema {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`is no JSON: ${(error as Error).message}`);
  }
  const schema = schemaOf(json, '#');
  if (schema.type !== 'struct') throw new Error('must describe an object with properties, because fields are typed');
  return schema;
}

/** For `validate` of a config key. */
export function judgeJsonSchema(value: unknown): string | null {
  try {
    parseJsonSchema(String(value));
    return null;
  } catch (error) {
    return `must be a JSON Schema: it ${(error as Error).message}`;
  }
}

function schemaOf(json: unknown, place: string): Schema {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`has no schema at ${place}`);
  const fields = json as Json;
  const alternatives = fields.oneOf ?? fields.anyOf;
  if (Array.isArray(alternatives)) return optionalOf(alternatives as Json[], place);
  const types = Array.isArray(fields.type) ? (fields.type as string[]) : [fields.type as string];
  const [type, ...others] = types.filter((each) => each !== 'null');
  if (type === undefined || others.length > 0) throw new Error(`needs one type (beside null) at ${place}`);
  const schema = typed(type, fields, place);
  return types.includes('null') ? { ...schema, optional: true } : schema;
}

function optionalOf(alternatives: readonly Json[], place: string): Schema {
  const [one, ...others] = alternatives.filter(({ type }) => type !== 'null');
  if (one === undefined || others.length > 0) throw new Error(`needs one alternative (beside null) at ${place}`);
  return { ...schemaOf(one, place), optional: true };
}

function typed(type: string, fields: Json, place: string): Schema {
  if (type === 'array') {
    const valueSchema = schemaOf(fields.items, `${place}/items`);
    return { type: 'array', valueSchema };
  }
  if (type !== 'object') {
    const schema = simple[type];
    if (schema === undefined) throw new Error(`has the unknown type ${JSON.stringify(type)} at ${place}`);
    return schema;
  }
  const name = typeof fields.title === 'string' ? fields.title : undefined;
  if (typeof fields.properties !== 'object' || fields.properties === null) {
    if (typeof fields.additionalProperties !== 'object') throw new Error(`has no properties at ${place}`);
    const valueSchema = schemaOf(fields.additionalProperties, `${place}/additionalProperties`);
    return { type: 'map', keySchema: Schemas.string, valueSchema };
  }
  const required = new Set(Array.isArray(fields.required) ? fields.required : []);
  const members = Object.entries(fields.properties as Json).map(([field, json]): Field => {
    const schema = schemaOf(json, `${place}/properties/${field}`);
    return { name: field, schema: required.has(field) ? schema : { ...schema, optional: true } };
  });
  return struct(name, members);
}
