/**
 * The schema that values have in common, learnt from the values: fields are optional, whole numbers and others meet as
 * numbers, lists by their elements, objects by their members. Pure; the same object until something new is seen, so that
 * converters and writers recognise it.
 */
import {
  type ConnectValue,
  type Field,
  isFields,
  LogicalNames,
  type Schema,
  Schemas,
  struct,
} from '../../api/index.ts';

/** Deeper values are not told apart any more. */
const depthMax = 16;

/** Stands for any JSON, as text, where values have nothing in common and the writer can make text of them. */
export const anyJson: Schema = { type: 'string', optional: true, name: 'json' };

const timestamp: Schema = { type: 'int64', optional: true, name: LogicalNames.timestamp, version: 1 };

/**
 * What a value alone says; null for null and for what says nothing (an empty list, an object without members). What has no
 * schema at all is `orElse`'s.
 */
export function schemaOfValue(value: ConnectValue, orElse: Schema | null = null, depth = 0): Schema | null {
  if (value === null) return null;
  if (depth > depthMax) return orElse;
  switch (typeof value) {
    case 'boolean':
      return Schemas.optionalBoolean;
    case 'bigint':
      return Schemas.optionalInt64;
    case 'number':
      return Number.isSafeInteger(value) ? Schemas.optionalInt64 : Schemas.optionalFloat64;
    case 'string':
      return Schemas.optionalString;
  }
  if (value instanceof Uint8Array) return Schemas.optionalBytes;
  if (value instanceof Date) return timestamp;
  if (Array.isArray(value)) return listSchema(value as readonly ConnectValue[], orElse, depth);
  if (!isFields(value)) return orElse;
  const fields = Object.entries(value).flatMap(([name, member]): Field[] => {
    const schema = schemaOfValue(member, orElse, depth + 1);
    return schema === null ? [] : [{ name, schema }];
  });
  return fields.length === 0 && depth > 0 ? null : struct(undefined, fields, true);
}

function listSchema(values: readonly ConnectValue[], orElse: Schema | null, depth: number): Schema | null {
  let element: Schema | null = null;
  for (const value of values) {
    const next = schemaOfValue(value, orElse, depth + 1);
    if (next === null) continue;
    element = element === null ? next : merged(element, next, orElse);
    if (element === null) return null;
  }
  return element === null ? null : { type: 'array', optional: true, valueSchema: element };
}

/**
 * The schema of both; null when they have nothing in common. `orElse` is what members are that disagree; without it
 * they make the whole disagree.
 */
export function merged(a: Schema, b: Schema, orElse: Schema | null = null): Schema | null {
  if (a === b) return a;
  if (a.type === b.type && a.name === b.name) {
    if (a.type === 'array') {
      const element = merged(a.valueSchema!, b.valueSchema!, orElse);
      return element === null ? null : { ...a, valueSchema: element };
    }
    if (a.type === 'struct') return mergedFields(a, b, orElse);
    return a;
  }
  const isNumeric = ({ type, name }: Schema): boolean => name === undefined && (type === 'int64' || type === 'float64');
  return isNumeric(a) && isNumeric(b) ? Schemas.optionalFloat64 : null;
}

function mergedFields(a: Schema, b: Schema, orElse: Schema | null): Schema | null {
  const fields = new Map(a.fields!.map(({ name, schema }) => [name, schema]));
  for (const { name, schema } of b.fields!) {
    const known = fields.get(name);
    const both = known === undefined ? schema : (merged(known, schema, orElse) ?? orElse);
    if (both === null) return null;
    fields.set(name, both);
  }
  return struct(
    a.name,
    [...fields].map(([name, schema]) => ({ name, schema })),
    true,
  );
}

/** Whether the schema says all there is to say about the value. */
export function fits(schema: Schema, value: ConnectValue): boolean {
  if (value === null || schema === anyJson) return true;
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'int64':
      if (schema === timestamp) return value instanceof Date;
      return typeof value === 'bigint' || Number.isSafeInteger(value);
    case 'float64':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'array':
      return Array.isArray(value) && value.every((element) => fits(schema.valueSchema!, element));
    case 'struct':
      return isFields(value) && fieldsFit(schema, value);
    default:
      return false;
  }
}

/** Members come in the order of the schema nearly always; only where they do not are they looked up. */
function fieldsFit(schema: Schema, value: { readonly [field: string]: ConnectValue }): boolean {
  const fields = schema.fields!;
  let at = 0;
  for (const name in value) {
    const member = value[name]!;
    if (fields[at]?.name !== name) at = fields.findIndex((field) => field.name === name);
    if (at < 0) {
      if (member !== null) return false;
      at = 0;
      continue;
    }
    if (!fits(fields[at]!.schema, member)) return false;
    at++;
  }
  return true;
}
