/**
 * A schema in the JSON of the spooldir connectors: `{"type":"STRUCT","name":…,"isOptional":…,"fieldSchemas":{…}}`.
 */
import { type Schema, struct } from '../../api/index.ts';

const simple = ['INT8', 'INT16', 'INT32', 'INT64', 'FLOAT32', 'FLOAT64', 'BOOLEAN', 'STRING', 'BYTES'];

/** Throws a plain Error with the rest of the sentence "The schema …". */
export function parseSchemaText(text: string): Schema {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`is no JSON: ${(error as Error).message}`);
  }
  const schema = schemaOf(json, '');
  if (schema.type !== 'struct') throw new Error('must be a STRUCT with fieldSchemas');
  return schema;
}

function schemaOf(json: unknown, path: string): Schema {
  const place = path === '' ? '' : ` at ${path}`;
  if (typeof json !== 'object' || json === null) throw new Error(`has no schema${place}`);
  const { type, name, isOptional, fieldSchemas, valueSchema } = json as Record<string, unknown>;
  const optional = isOptional === true;
  const named = typeof name === 'string' ? name : undefined;
  if (type === 'STRUCT') {
    const fields = Object.entries((fieldSchemas ?? {}) as Record<string, unknown>).map(([field, member]) => ({
      name: field,
      schema: schemaOf(member, path === '' ? field : `${path}.${field}`),
    }));
    return struct(named, fields, optional);
  }
  if (type === 'ARRAY') return { type: 'array', optional, valueSchema: schemaOf(valueSchema, `${path}[]`) };
  if (!simple.includes(type as string)) throw new Error(`has the unknown type ${JSON.stringify(type)}${place}`);
  if (named?.startsWith('org.apache.kafka.connect.data.')) {
    throw new Error(
      `has the type ${named}${place}, which files do not hold as such; make it a STRING and convert it with TimestampConverter or Cast`,
    );
  }
  return {
    type: (type as string).toLowerCase() as Schema['type'],
    optional,
    ...(named === undefined ? {} : { name: named }),
  };
}
