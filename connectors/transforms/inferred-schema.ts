/**
 * The schema a value has by itself, for values that a transform made or found in JSON. All that is inside is optional.
 */
import { type ConnectValue, DataError, isFields, LogicalNames, type Schema, Schemas } from '../api/index.ts';

/** The same schema for a value that may be null; text where nothing is known. */
export const optional = (schema: Schema | null): Schema => ({ ...(schema ?? Schemas.string), optional: true });

/** Null where the value is null. `isDouble`: whole numbers are doubles that happen to have no fraction. */
export function inferredSchema(
  value: ConnectValue,
  { isDouble }: { readonly isDouble: boolean } = { isDouble: false },
): Schema | null {
  if (value === null) return null;
  if (typeof value === 'string') return Schemas.string;
  if (typeof value === 'boolean') return Schemas.boolean;
  if (typeof value === 'bigint') return Schemas.int64;
  if (typeof value === 'number') return Number.isInteger(value) && !isDouble ? Schemas.int64 : Schemas.float64;
  if (value instanceof Uint8Array) return Schemas.bytes;
  if (value instanceof Date) return timestampSchema;
  if (Array.isArray(value)) return { type: 'array', valueSchema: optional(inferredSchema(value[0] ?? null)) };
  if (!isFields(value)) throw new DataError('There is no schema to give a schema to a map whose keys are no text.');
  return {
    type: 'struct',
    fields: Object.entries(value).map(([name, member]) => ({ name, schema: optional(inferredSchema(member)) })),
  };
}

const timestampSchema: Schema = { type: 'int64', name: LogicalNames.timestamp, version: 1 };
