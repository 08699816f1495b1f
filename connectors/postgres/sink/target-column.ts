/**
 * How a JSON member becomes a value of a target column: the type to read it as, and the expression that makes the
 * column's type of it. The other way round, which column a field asks for, is column-wish.ts.
 */
import { LogicalNames, type Schema } from '../../api/index.ts';
import {
  INFINITY_DAYS,
  INFINITY_MICROS,
  LONG_MAX,
  LONG_MIN,
  MINUS_INFINITY_DAYS,
  MINUS_INFINITY_MICROS,
} from '../types/temporal.ts';
import { quoteIdentifier } from '../wire/connection.ts';
import type { FieldHints } from './sink-row.ts';
import { specialExpression } from './special-columns.ts';

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

const DAY_MS = 86_400_000;

/** A sum would make midnight at the end of the day that at its beginning. */
function timeOfDay(count: string, unit: string, day: number): string {
  return `CASE ${count} WHEN ${day} THEN time '24:00' ELSE time '00:00' + ${count} * interval '1 ${unit}' END`;
}

/** Names of our own for what a config says of fields: Debezium's timestamps count local time, these from one moment. */
export const COUNTED_INSTANTS = { microseconds: 'millrace.MicroInstant', nanoseconds: 'millrace.NanoInstant' } as const;

/** Infinite ones came with Postgres 17: a literal of one would be refused by others though no row asks for it. */
function interval(count: string): string {
  const infinite = `(CASE ${count} WHEN ${LONG_MAX} THEN 'infinity' ELSE '-infinity' END)::interval`;
  return `CASE WHEN ${count} IN (${LONG_MAX}, ${LONG_MIN}) THEN ${infinite} ELSE ${count} * interval '1 microsecond' END`;
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
  [COUNTED_INSTANTS.microseconds]: (column) => `timestamptz 'epoch' + ${column} * interval '1 microsecond'`,
  [COUNTED_INSTANTS.nanoseconds]: (column) => `timestamptz 'epoch' + (${column} / 1000) * interval '1 microsecond'`,
  'io.debezium.time.MicroTimestamp': (column) =>
    unlessInfinite(column, LONG_MAX, LONG_MIN, `timestamp 'epoch' + ${column} * interval '1 microsecond'`),
  'io.debezium.time.NanoTimestamp': (column) => `timestamp 'epoch' + (${column} / 1000) * interval '1 microsecond'`,
  'io.debezium.time.Date': (column) =>
    unlessInfinite(column, INFINITY_DAYS, MINUS_INFINITY_DAYS, `date 'epoch' + ${column}::int`, 'date'),
  [LogicalNames.date]: (column) => `date 'epoch' + ${column}::int`,
  'io.debezium.time.Time': (column) => timeOfDay(column, 'millisecond', DAY_MS),
  [LogicalNames.time]: (column) => timeOfDay(column, 'millisecond', DAY_MS),
  'io.debezium.time.MicroTime': (column) => timeOfDay(column, 'microsecond', DAY_MS * 1000),
  'io.debezium.time.NanoTime': (column) => timeOfDay(`(${column} / 1000)`, 'microsecond', DAY_MS * 1000),
  'io.debezium.time.MicroDuration': interval,
};

const INSTANTS: ReadonlySet<string | undefined> = new Set([LogicalNames.timestamp, 'io.debezium.time.ZonedTimestamp']);

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
      const isInstant = INSTANTS.has(schema?.name) && targetType.startsWith('timestamp');
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
  const sum = `SELECT sum(get_byte(b, i)::numeric * 256::numeric ^ (length(b) - 1 - i)) AS s FROM generate_series(0, length(b) - 1) AS i`;
  const sign = `CASE WHEN get_byte(b, 0) >= 128 THEN 256::numeric ^ length(b) ELSE 0 END`;
  return `(SELECT round((s - ${sign}) / 10::numeric ^ (${scale}), ${scale}) FROM (SELECT ${bytes} AS b) d, LATERAL (${sum}) t)`;
}

const CONNECT_LOGICAL = 'org.apache.kafka.connect.data.';
