/**
 * A column's DEFAULT as the default of its schema: literals are themselves, a function (now(), nextval) is the type's zero, any
 * other expression is nothing. Under Debezium's class name it is what Debezium takes for it (compatible-defaults.ts).
 */
import { type ConnectValue, JsonText, LogicalNames, type Schema } from '../../../api/index.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import type { ColumnMapping } from '../../types/mapping.ts';
import { compatibleDefault, type DefaultText, toScale } from '../config/compatible-defaults.ts';

const QUOTED = /^'((?:[^']|'')*)'(?:::[^()']+(?:\([\d,]+\))?[^()']*)?$/;
const BARE = /^\(?(-?[\d.]+|true|false)\)?(?:::.*)?$/;
const FUNCTION = /^[(]?[A-Za-z0-9_."]+\(.*\)/;
const KEYWORDS = /^(CURRENT_|LOCAL)/;

/** Writes one default; no rows go through it. */
const out = new JsonWriter();

/**
 * The mapping with the default in its schema, where `expression` (as `pg_get_expr` writes it) has one. A NOT NULL column
 * that the server did not send then stands as its default. `debeziumType` is the type by whose rules Debezium would read it.
 */
export function withDefault(
  mapping: ColumnMapping,
  expression: string | null,
  debeziumType: string | null,
): ColumnMapping {
  if (expression === null || !isSimple(mapping.schema)) return mapping;
  const found = debeziumType === null ? defaultText(expression) : compatibleDefault(debeziumType, expression);
  const json = defaultJson(mapping, found);
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

function defaultJson(mapping: ColumnMapping, found: DefaultText): string | null {
  if (found === null) return null;
  if (found === 'zero') return ZEROS[mapping.schema.name ?? ''] ?? mapping.zero;
  const text = mapping.scale === undefined ? found.text : toScale(found.text, mapping.scale);
  if (text === null) return null;
  const source = Buffer.from(text);
  try {
    mapping.write(out, source, 0, source.length);
  } catch {
    // What the type's writer does not understand is no value of it.
    out.discard();
    return null;
  }
  return out.take().toString();
}

/** What stands for the value of a function, where an empty text would be none. */
const ZEROS: Readonly<Record<string, string>> = {
  'io.debezium.data.Uuid': '"00000000-0000-0000-0000-000000000000"',
  'io.debezium.data.Json': '"{}"',
};

function defaultText(expression: string): DefaultText {
  const text = literalOf(expression);
  if (text !== null) return { text: text === 'true' ? 't' : text === 'false' ? 'f' : text };
  return FUNCTION.test(expression) || KEYWORDS.test(expression) ? 'zero' : null;
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
