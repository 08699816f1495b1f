/**
 * How a JSON member becomes a value of a target column: the type to read it as, and the expression that makes the
 * column's type of it. And the other way round: which column a field asks for when a table is created.
 */
import { LogicalNames, type Schema } from '../api/index.ts';
import type { FieldHints } from './sink-row.ts';
import { specialExpression } from './special-columns.ts';
import {
  INFINITY_DAYS,
  INFINITY_MICROS,
  LONG_MAX,
  LONG_MIN,
  MINUS_INFINITY_DAYS,
  MINUS_INFINITY_MICROS,
} from './types/temporal.ts';
import { quoteIdentifier } from './wire/connection.ts';

/** In `json_to_recordset($1) AS x(<name> <declared>)`, and `<expression>` in the select list. */
export interface ColumnReading {
  readonly declared: string;
  readonly expression: string;
}

/** The expression, or infinity where the number is the one that stands for it. */
function unlessInfinite(
  column: string,
  most: bigint | number,
  least: bigint | number,
  finite: string,
  type = 'timestamp',
): string {
  return `CASE ${column} WHEN ${most} THEN ${type} 'infinity' WHEN ${least} THEN ${type} '-infinity' ELSE ${finite} END`;
}

/** What a semantic name means for a number: the expression for a timestamp, by the unit it counts. */
const EPOCH_UNITS: Readonly<Record<string, (column: string) => string>> = {
  'io.debezium.time.Timestamp': (column) =>
    unlessInfinite(
      column,
      INFINITY_MICROS,
      MINUS_INFINITY_MICROS,
      `timestamp 'epoch' + ${column} * interval '1 millisecond'`,
    ),
  // An instant, which a column without a zone gets in the session's.
  [LogicalNames.timestamp]: (column) => `timestamptz 'epoch' + ${column} * interval '1 millisecond'`,
  'io.debezium.time.MicroTimestamp': (column) =>
    unlessInfinite(column, LONG_MAX, LONG_MIN, `timestamp 'epoch' + ${column} * interval '1 microsecond'`),
  'io.debezium.time.NanoTimestamp': (column) => `timestamp 'epoch' + (${column} / 1000) * interval '1 microsecond'`,
  'io.debezium.time.Date': (column) =>
    unlessInfinite(column, INFINITY_DAYS, MINUS_INFINITY_DAYS, `date 'epoch' + ${column}::int`, 'date'),
  [LogicalNames.date]: (column) => `date 'epoch' + ${column}::int`,
  'io.debezium.time.Time': (column) => `time '00:00' + ${column} * interval '1 millisecond'`,
  [LogicalNames.time]: (column) => `time '00:00' + ${column} * interval '1 millisecond'`,
  'io.debezium.time.MicroTime': (column) => `time '00:00' + ${column} * interval '1 microsecond'`,
  'io.debezium.time.NanoTime': (column) => `time '00:00' + (${column} / 1000) * interval '1 microsecond'`,
  'io.debezium.time.MicroDuration': (column) => `${column} * interval '1 microsecond'`,
};

/** Reads a member for a column of this type (as `format_type` writes it). */
export function readColumn(name: string, targetType: string, fields: FieldHints): ColumnReading {
  const column = `x.${quoteIdentifier(name)}`;
  const schema = fields.schema(name);
  const converted = schema === undefined ? null : convert(schema, column, fields.isRaw);
  if (converted !== null) return { declared: 'json', expression: converted };
  const special = specialExpression(targetType);
  if (special !== null) return { declared: 'json', expression: special(column) };
  switch (targetType) {
    case 'json':
    case 'jsonb':
      return { declared: 'text', expression: `${column}::${targetType}` };
    case 'bytea':
      return {
        declared: 'text',
        expression: `CASE WHEN ${column} LIKE '\\\\x%' THEN ${column}::bytea ELSE decode(${column}, 'base64') END`,
      };
    case 'point':
      return { declared: 'json', expression: `point((${column}->>'x')::float8, (${column}->>'y')::float8)` };
    default: {
      // An instant written as text: read as such, it gets the session's zone in a column that has none.
      const isInstant = schema?.name === LogicalNames.timestamp && targetType.startsWith('timestamp');
      return { declared: isInstant ? 'timestamptz' : targetType, expression: column };
    }
  }
}

/** The expression that makes a value of JSON in a form that only its schema explains, or null where JSON says it all. */
function convert(schema: Schema, json: string, isRaw: boolean): string | null {
  if (schema.type === 'array' && schema.valueSchema !== undefined) {
    const element = convert(schema.valueSchema, 'e.v', isRaw);
    if (element === null) return null;
    const elements = `SELECT ${element} FROM json_array_elements(${json}) WITH ORDINALITY AS e(v, o) ORDER BY o`;
    return `CASE WHEN ${json} IS NULL THEN NULL ELSE ARRAY(${elements}) END`;
  }
  // Connect's own times and decimals are numbers and bytes in JSON only; as values they stand as text here.
  const isText = !isRaw && schema.name?.startsWith(CONNECT_LOGICAL) === true;
  if (isText && schema.name === LogicalNames.time) return `(${json} #>> '{}')::timestamp::time`;
  const unit = schema.name === undefined || isText ? undefined : EPOCH_UNITS[schema.name];
  if (unit !== undefined && (schema.type === 'int32' || schema.type === 'int64')) {
    return unit(`(${json} #>> '{}')::bigint`);
  }
  if (schema.name === LogicalNames.decimal && isRaw) {
    return decimalSql(`decode(${json} #>> '{}', 'base64')`, String(Number(schema.parameters?.scale ?? 0)));
  }
  if (schema.name !== 'io.debezium.data.VariableScaleDecimal') return null;
  return decimalSql(`decode(${json}->>'value', 'base64')`, `(${json}->>'scale')::int`);
}

/** The number behind Connect's Decimal: big-endian two's complement, byte by byte, so that any width fits. */
function decimalSql(bytes: string, scale: string): string {
  const sum = `sum(get_byte(b, i)::numeric * 256::numeric ^ (length(b) - 1 - i))`;
  const sign = `CASE WHEN get_byte(min(b), 0) >= 128 THEN 256::numeric ^ max(length(b)) ELSE 0 END`;
  return `(SELECT round((${sum} - ${sign}) / 10::numeric ^ (${scale}), ${scale}) FROM (SELECT ${bytes} AS b) d, generate_series(0, length(b) - 1) AS i)`;
}

const CONNECT_LOGICAL = 'org.apache.kafka.connect.data.';

const NAMED_TYPES: Readonly<Record<string, string>> = {
  [LogicalNames.decimal]: 'numeric',
  [LogicalNames.date]: 'date',
  [LogicalNames.time]: 'time',
  [LogicalNames.timestamp]: 'timestamp',
  'io.debezium.data.Json': 'jsonb',
  'io.debezium.data.Uuid': 'uuid',
  'io.debezium.data.VariableScaleDecimal': 'numeric',
  'io.debezium.data.Xml': 'xml',
  'io.debezium.data.geometry.Point': 'point',
  'io.debezium.time.Date': 'date',
  'io.debezium.time.Interval': 'interval',
  'io.debezium.time.IsoDate': 'date',
  'io.debezium.time.IsoTime': 'time',
  'io.debezium.time.IsoTimestamp': 'timestamp',
  'io.debezium.time.MicroDuration': 'interval',
  'io.debezium.time.MicroTime': 'time',
  'io.debezium.time.MicroTimestamp': 'timestamp',
  'io.debezium.time.NanoTime': 'time',
  'io.debezium.time.NanoTimestamp': 'timestamp',
  'io.debezium.time.Time': 'time',
  'io.debezium.time.Timestamp': 'timestamp',
  'io.debezium.time.ZonedTime': 'timetz',
  'io.debezium.time.ZonedTimestamp': 'timestamptz',
};

const PLAIN_TYPES: Readonly<Record<Schema['type'], string>> = {
  int8: 'smallint',
  int16: 'smallint',
  int32: 'integer',
  int64: 'bigint',
  float32: 'real',
  float64: 'double precision',
  boolean: 'boolean',
  string: 'text',
  bytes: 'bytea',
  array: 'jsonb',
  map: 'jsonb',
  struct: 'jsonb',
};

/** The column type for a field with a schema. */
export function typeForSchema(schema: Schema): string {
  const named = schema.name === undefined ? undefined : NAMED_TYPES[schema.name];
  if (named !== undefined) return named;
  if (schema.parameters?.['__debezium.source.column.type'] === 'NUMERIC') return numericType(schema.parameters);
  const element = schema.type === 'array' ? schema.valueSchema : undefined;
  // Arrays of arrays have no declared depth in a schema; jsonb holds any.
  if (element !== undefined && element.type !== 'array') return `${typeForSchema(element)}[]`;
  return PLAIN_TYPES[schema.type];
}

/** A decimal that travelled as text. */
function numericType(parameters: Readonly<Record<string, string>>): string {
  const { '__debezium.source.column.length': precision, '__debezium.source.column.scale': scale } = parameters;
  return precision === undefined ? 'numeric' : `numeric(${precision},${scale ?? 0})`;
}

/**
 * The column type for a field without a schema, from one value: wide enough for what may come later. Null where the
 * value tells nothing.
 */
export function typeForValue(value: unknown, isKey: boolean): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint') return 'numeric';
  // The next value may have a fraction, except in a key.
  if (typeof value === 'number') return isKey && Number.isInteger(value) ? 'bigint' : 'numeric';
  if (typeof value === 'string') return 'text';
  if (value instanceof Uint8Array) return 'bytea';
  if (value instanceof Date) return 'timestamptz';
  return 'jsonb';
}
