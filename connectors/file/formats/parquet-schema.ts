/**
 * Connect's types as Parquet's: one schema element per field, groups for structs, lists and maps, and for each schema the
 * function that makes of a value what the Parquet library writes. Pure.
 *
 * | Connect | Parquet |
 * |---|---|
 * | int8, int16, int32 · int64 | INT32 (INT_8, INT_16) · INT64 |
 * | float32 · float64 · boolean · bytes · string | FLOAT · DOUBLE · BOOLEAN · BYTE_ARRAY · UTF8 |
 * | Date · Time · Timestamp | DATE · TIME_MILLIS · TIMESTAMP_MILLIS |
 * | Decimal | DECIMAL(38, scale) in 16 bytes |
 * | struct · array · map | group · LIST · MAP |
 */
import type { SchemaElement } from 'hyparquet';
import { type ConnectValue, isFields, LogicalNames, type Schema } from '../../api/index.ts';
import { badValue } from '../errors.ts';
import { anyJson } from './inferred-schema.ts';
import { jsonLine } from './json-line.ts';

/** Digits of 16 bytes. */
const decimalPrecision = 38;
const decimalBytes = 16;

/** The elements of a field, its children behind it. */
export function elementsOf(name: string, schema: Schema): SchemaElement[] {
  const repetition_type = schema.optional === true ? 'OPTIONAL' : 'REQUIRED';
  switch (schema.type) {
    case 'struct': {
      const fields = schema.fields ?? [];
      const children = fields.flatMap((field) => elementsOf(field.name, field.schema));
      return [{ name, repetition_type, num_children: fields.length }, ...children];
    }
    case 'array': {
      const list: SchemaElement = { name: 'list', repetition_type: 'REPEATED', num_children: 1 };
      const outer: SchemaElement = { name, repetition_type, num_children: 1, converted_type: 'LIST' };
      return [outer, list, ...elementsOf('element', schema.valueSchema!)];
    }
    case 'map': {
      const entry: SchemaElement = { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 };
      const key = elementsOf('key', { ...schema.keySchema!, optional: false });
      const outer: SchemaElement = { name, repetition_type, num_children: 1, converted_type: 'MAP' };
      return [outer, entry, ...key, ...elementsOf('value', schema.valueSchema!)];
    }
    default:
      return [{ name, repetition_type, ...leafOf(schema) }];
  }
}

function leafOf({ type, name, parameters }: Schema): Omit<SchemaElement, 'name'> {
  switch (name) {
    case LogicalNames.date:
      return { type: 'INT32', converted_type: 'DATE' };
    case LogicalNames.time:
      return { type: 'INT32', converted_type: 'TIME_MILLIS' };
    case LogicalNames.timestamp:
      return { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' };
    case LogicalNames.decimal: {
      const scale = Number(parameters?.scale ?? 0);
      const precision = decimalPrecision;
      return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: decimalBytes, converted_type: 'DECIMAL', precision, scale };
    }
  }
  return leaves[type]!;
}

const leaves: Readonly<Record<string, Omit<SchemaElement, 'name'>>> = {
  int8: { type: 'INT32', converted_type: 'INT_8' },
  int16: { type: 'INT32', converted_type: 'INT_16' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  float32: { type: 'FLOAT' },
  float64: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  bytes: { type: 'BYTE_ARRAY' },
};

/** Makes a value writable; throws DataError when it is none of the schema's. `path` names it in the sentence. */
export type Convert = (value: ConnectValue | undefined, path: string) => unknown;

/** Compiled once per schema. */
export function converterOf(schema: Schema): Convert {
  const convert = convertPresent(schema);
  return (value, path) => {
    if (value !== null && value !== undefined) return convert(value, path);
    if (schema.optional === true) return null;
    throw badValue(`lacks the field ${path}, which the schema requires`);
  };
}

type ConvertPresent = (value: Exclude<ConnectValue, null>, path: string) => unknown;

function convertPresent(schema: Schema): ConvertPresent {
  switch (schema.type) {
    case 'struct':
      return convertStruct(schema);
    case 'array': {
      const element = converterOf(schema.valueSchema!);
      return (value, path) =>
        Array.isArray(value)
          ? value.map((each, index) => element(each, `${path}[${index}]`))
          : wrong(path, schema, value);
    }
    case 'map': {
      const member = converterOf(schema.valueSchema!);
      return (value, path) => {
        const entries = value instanceof Map ? [...value] : isFields(value) ? Object.entries(value) : null;
        if (entries === null) return wrong(path, schema, value);
        return entries.map(([key, each]) => ({ key, value: member(each as ConnectValue, `${path}.${String(key)}`) }));
      };
    }
    default:
      return convertLeaf(schema);
  }
}

function convertStruct(schema: Schema): ConvertPresent {
  const fields = (schema.fields ?? []).map(({ name, schema }) => ({ name, convert: converterOf(schema) }));
  return (value, path) => {
    if (!isFields(value)) return wrong(path, schema, value);
    const out: Record<string, unknown> = {};
    for (const { name, convert } of fields) out[name] = convert(value[name], path === '' ? name : `${path}.${name}`);
    return out;
  };
}

function convertLeaf(schema: Schema): ConvertPresent {
  const { name, parameters, type } = schema;
  if (schema === anyJson)
    return (value) => (typeof value === 'string' ? JSON.stringify(value) : String(jsonLine(value)));
  if (name === LogicalNames.decimal) return decimalOf(schema, Number(parameters?.scale ?? 0));
  if (name === LogicalNames.date || name === LogicalNames.timestamp || name === LogicalNames.time) {
    const isTime = name === LogicalNames.time;
    return (value, path) => {
      if (!(value instanceof Date)) return wrong(path, schema, value);
      return isTime ? value.getTime() : value;
    };
  }
  const accepts = acceptances[type]!;
  if (type === 'int64') return (value, path) => (accepts(value) ? BigInt(value as number) : wrong(path, schema, value));
  if (type === 'float64') return (value, path) => (accepts(value) ? Number(value) : wrong(path, schema, value));
  return (value, path) => (accepts(value) ? value : wrong(path, schema, value));
}

const isInt =
  (bits: number) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && BigInt.asIntN(bits, BigInt(value as number)) === BigInt(value as number);

const acceptances: Readonly<Record<string, (value: unknown) => boolean>> = {
  int8: isInt(8),
  int16: isInt(16),
  int32: isInt(32),
  int64: (value) => Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value),
  float32: (value) => typeof value === 'number',
  float64: (value) => typeof value === 'number' || typeof value === 'bigint',
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  bytes: (value) => value instanceof Uint8Array,
};

/** A decimal is its exact text in Connect and a scaled whole number in Parquet. */
function decimalOf(schema: Schema, scale: number): ConvertPresent {
  return (value, path) => {
    const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value));
    if (match === null) return wrong(path, schema, value);
    const [, sign, whole, fraction = ''] = match;
    const digits = whole! + fraction.padEnd(Math.max(scale, 0), '0');
    if (fraction.length > scale || digits.replace(/^0+/, '').length > decimalPrecision)
      return wrong(path, schema, value);
    return BigInt(digits) * (sign === '-' ? -1n : 1n);
  };
}

function wrong(path: string, schema: Schema, value: unknown): never {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : `a ${typeof value}`;
  throw badValue(
    `has ${shown} in the field ${path === '' ? '(root)' : path}, where the schema says ${schema.name ?? schema.type}`,
  );
}
