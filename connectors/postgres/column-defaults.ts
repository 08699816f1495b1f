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
    schema: { ...mapping.schema, defaultValue: toValue(json, mapping.schema, expression) },
    zero: json,
  };
}

/** Bytes, lists and structs get no default, except decimals. */
function isSimple(schema: Schema): boolean {
  if (schema.name === LogicalNames.decimal) return true;
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
function toValue(json: string, schema: Schema, expression: string): ConnectValue {
  const value = new JsonText(Buffer.from(json)).parse();
  switch (schema.name) {
    case LogicalNames.decimal:
      return toScale(literalOf(expression) ?? '0', Number(schema.parameters?.scale ?? 0));
    case LogicalNames.date:
      return new Date(Number(value) * MILLIS_PER_DAY);
    case LogicalNames.time:
    case LogicalNames.timestamp:
      return new Date(Number(value));
    default:
      return value;
  }
}

const MILLIS_PER_DAY = 86_400_000;

/** The exact decimal with as many digits behind the point as the column has. */
function toScale(text: string, scale: number): string {
  const [whole, fraction = ''] = text.split('.');
  return scale === 0 ? whole! : `${whole}.${fraction.padEnd(scale, '0').slice(0, scale)}`;
}
