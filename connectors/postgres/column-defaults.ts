/**
 * A column's DEFAULT as the default of its schema, as Debezium reads it: literals are themselves, a function (now(),
 * nextval) is the type's zero, any other expression is nothing.
 */
import { type ConnectValue, JsonText, LogicalNames, type Schema } from '../api/index.ts';
import { JsonWriter } from './types/json-writer.ts';
import type { ColumnMapping } from './types/mapping.ts';

const QUOTED = /^'((?:[^']|'')*)'(?:::[^()']+(?:\([\d,]+\))?[^()']*)?$/;
const BARE = /^\(?(-?[\d.]+|true|false)\)?(?:::.*)?$/;
const FUNCTION = /^[(]?[A-Za-z0-9_."]+\(.*\)/;
const KEYWORDS = /^(CURRENT_|LOCAL)/;

/** Writes one default; no rows go through it. */
const out = new JsonWriter();

/**
 * The mapping with the default in its schema, where `expression` (as `pg_get_expr` writes it) has one. A NOT NULL column
 * that the server did not send then stands as its default.
 */
export function withDefault(mapping: ColumnMapping, expression: string | null): ColumnMapping {
  if (expression === null || !isSimple(mapping.schema)) return mapping;
  const json = defaultJson(mapping, expression);
  if (json === null || json === 'null') return mapping;
  return {
    ...mapping,
    schema: { ...mapping.schema, defaultValue: toValue(json, mapping.schema) },
    zero: json,
  };
}

/** Bytes, lists and structs get no default, except decimals and bits. */
function isSimple(schema: Schema): boolean {
  if (schema.name === LogicalNames.decimal || schema.name === 'io.debezium.data.Bits') return true;
  return !['bytes', 'array', 'map', 'struct'].includes(schema.type);
}

function defaultJson(mapping: ColumnMapping, expression: string): string | null {
  const literal = literalOf(expression);
  if (literal !== null) {
    const source = Buffer.from(literal === 'true' ? 't' : literal === 'false' ? 'f' : literal);
    mapping.write(out, source, 0, source.length);
    return out.take().toString();
  }
  if (!FUNCTION.test(expression) && !KEYWORDS.test(expression)) return null;
  return mapping.schema.name === 'io.debezium.data.Uuid' ? '"00000000-0000-0000-0000-000000000000"' : mapping.zero;
}

function literalOf(expression: string): string | null {
  const quoted = QUOTED.exec(expression);
  if (quoted !== null) return quoted[1]!.replaceAll("''", "'");
  return BARE.exec(expression)?.[1] ?? null;
}

/** The value in the form that the schema's type has outside of JSON. */
function toValue(json: string, schema: Schema): ConnectValue {
  const value = new JsonText(Buffer.from(json)).parse();
  switch (schema.name) {
    case LogicalNames.decimal:
      return toDecimal(Buffer.from(String(value), 'base64'), Number(schema.parameters?.scale ?? 0));
    case 'io.debezium.data.Bits':
      return Buffer.from(String(value), 'base64');
    case LogicalNames.date:
      return new Date(Number(value) * MILLIS_PER_DAY);
    case LogicalNames.time:
    case LogicalNames.timestamp:
      return new Date(Number(value));
    default:
      return isFloat(schema) ? Number(value) : value;
  }
}

/** NaN and the infinities are words in JSON. */
function isFloat({ type }: Schema): boolean {
  return type === 'float32' || type === 'float64';
}

const MILLIS_PER_DAY = 86_400_000;

/** The exact decimal of an unscaled value, with as many digits behind the point as the column has. */
function toDecimal(bytes: Buffer, scale: number): string {
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = `${unscaled < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}`;
  return scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
}
