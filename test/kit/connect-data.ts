/**
 * Connect data in the words of the recorded tables (test/compat/clients/connect/java/Data.java): to our values and back.
 *
 * {"$date": ms}, {"$bytes": base64}, {"$decimal": text}, {"$long": digits}, {"$float": word}, {"$map": [[key, value]]}
 * stand for what JSON has no word for.
 */
import {
  type ConnectValue,
  type Field,
  JsonText,
  LogicalNames,
  plainValue,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
} from '../../connectors/api/index.ts';

export interface WrittenData {
  readonly schema?: Schema;
  readonly value?: unknown;
}

export function readData(data: WrittenData | undefined): SchemaAndValue {
  if (data === undefined) return { schema: null, value: null };
  return { schema: data.schema === undefined ? null : readSchema(data.schema), value: readValue(data.value) };
}

function readSchema(schema: Schema): Schema {
  const { defaultValue, fields, keySchema, valueSchema, ...rest } = schema;
  return {
    ...rest,
    ...(defaultValue == null ? {} : { defaultValue: readValue(defaultValue) }),
    ...(keySchema === undefined ? {} : { keySchema: readSchema(keySchema) }),
    ...(valueSchema === undefined ? {} : { valueSchema: readSchema(valueSchema) }),
    ...(fields === undefined
      ? {}
      : { fields: fields.map(({ name, schema: each }) => ({ name, schema: readSchema(each) })) }),
  };
}

function readValue(value: unknown): ConnectValue {
  if (Array.isArray(value)) return value.map(readValue);
  if (typeof value !== 'object' || value === null) return (value ?? null) as ConnectValue;
  const word = value as Readonly<Record<string, unknown>>;
  if ('$date' in word) return new Date(Number(word.$date));
  if ('$bytes' in word) return Buffer.from(String(word.$bytes), 'base64');
  if ('$decimal' in word) return String(word.$decimal);
  if ('$float' in word) return Number(word.$float);
  if ('$long' in word) return BigInt(String(word.$long));
  if ('$map' in word)
    return new Map((word.$map as unknown[][]).map(([key, each]) => [readValue(key), readValue(each)]));
  return Object.fromEntries(Object.entries(word).map(([name, member]) => [name, readValue(member)]));
}

/** As Data.java writes it. */
export function writeData({
  schema,
  value,
}: {
  readonly schema: Schema | null;
  readonly value: RecordValue;
}): WrittenData {
  const written = writeValue(plainValue(value), schema);
  return schema === null ? { value: written } : { schema: writeSchema(schema), value: written };
}

function writeSchema(schema: Schema): Schema {
  const { type, optional, name, version, doc, parameters, defaultValue, keySchema, valueSchema, fields } = schema;
  const hasParameters = parameters !== undefined && Object.keys(parameters).length > 0;
  return {
    type,
    ...(optional === true ? { optional } : {}),
    ...(name == null ? {} : { name }),
    ...(version == null ? {} : { version }),
    ...(doc == null ? {} : { doc }),
    ...(hasParameters ? { parameters } : {}),
    ...(defaultValue == null ? {} : { defaultValue: writeValue(defaultValue, schema) as ConnectValue }),
    ...(keySchema === undefined ? {} : { keySchema: writeSchema(keySchema) }),
    ...(valueSchema === undefined ? {} : { valueSchema: writeSchema(valueSchema) }),
    ...(type === 'struct' ? { fields: (fields ?? []).map(writeField) } : {}),
  };
}

const writeField = ({ name, schema }: Field): Field => ({ name, schema: writeSchema(schema) });

function writeValue(value: ConnectValue | undefined, schema: Schema | null): unknown {
  if (value == null) return null;
  if (schema?.name === LogicalNames.decimal && typeof value === 'string') return { $decimal: value };
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : { $long: String(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? writeNumber(value, schema) : { $float: String(value) };
  if (Array.isArray(value)) return value.map((item) => writeValue(item, schema?.valueSchema ?? null));
  if (value instanceof Map) return writeMap(value, schema);
  if (typeof value !== 'object') return value;
  const members = value as { readonly [name: string]: ConnectValue };
  if (schema?.type === 'struct') {
    return Object.fromEntries(
      (schema.fields ?? []).map((field) => [field.name, writeValue(members[field.name], field.schema)]),
    );
  }
  return Object.fromEntries(
    Object.entries(members).map(([name, each]) => [name, writeValue(each, schema?.valueSchema ?? null)]),
  );
}

/** A whole number beyond 2^53 in a double is a Long in Java only where its schema says so. */
function writeNumber(value: number, schema: Schema | null): unknown {
  return schema?.type === 'int64' && !Number.isSafeInteger(value) ? { $long: String(BigInt(value)) } : value;
}

function writeMap(map: ReadonlyMap<ConnectValue, ConnectValue>, schema: Schema | null): unknown {
  const pairs = [...map].map(([key, each]) => [
    writeValue(key, schema?.keySchema ?? null),
    writeValue(each, schema?.valueSchema ?? null),
  ]);
  return pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs) : { $map: pairs };
}

/** A value without a schema as a source hands it over that works with JSON text; null where JSON cannot say it. */
export function asJsonText(data: WrittenData): JsonText | null {
  const text = JSON.stringify(data.value);
  return data.schema !== undefined || data.value == null || text.includes('"$')
    ? null
    : new JsonText(Buffer.from(text));
}
