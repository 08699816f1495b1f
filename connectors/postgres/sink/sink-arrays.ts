/**
 * Rows as one array per column, for `unnest`: Postgres reads them in two thirds of the time that JSON takes. Only for columns
 * of plain types, whose input functions read the same text from an array as from JSON; everything else goes as JSON. No I/O.
 */

import { quoteIdentifier } from '../wire/connection.ts';
import type { SinkChange } from './sink-change.ts';
import type { ColumnReading } from './target-column.ts';

export interface ColumnArrays {
  /** The rows, as `x`. */
  readonly from: string;
  /** What of them goes into the columns. */
  readonly expressions: readonly string[];
  readonly parameters: readonly string[];
}

/**
 * Types as `format_type` writes them, with length or precision. Those are left to the assignment, which refuses what is too
 * long where a cast would cut it. Types of arrays are not among them: `unnest` would take them apart.
 */
export const PLAIN_TYPE =
  /^(smallint|integer|bigint|real|double precision|boolean|uuid|text|date|interval|numeric(?=$|\()|character varying(?=$|\()|timestamp(?:\(\d\))? with(?:out)? time zone|timestamptz|time(?:\(\d\))? with(?:out)? time zone)(?:\([\d,]+\))?$/;
const PRECISION = /\([\d,]+\)/;

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const SPACE = 0x20;

/** Null where a column's type is not plain, or a value is better left to Postgres' own reading of JSON. */
export function arraysOf(
  names: readonly string[],
  readings: readonly ColumnReading[],
  changes: readonly SinkChange[],
): ColumnArrays | null {
  const { columns } = changes[0]!;
  if (!readings.every(({ declared }) => PLAIN_TYPE.test(declared))) return null;
  if (changes.some(({ values }) => values === null)) return null;
  const parameters: string[] = [];
  for (const name of names) {
    const literal = arrayOf(changes, columns.indexOf(name));
    if (literal === null) return null;
    parameters.push(literal);
  }
  const types = readings.map(({ declared }, index) => `$${index + 1}::${declared.replace(PRECISION, '')}[]`);
  return {
    from: `unnest(${types.join(', ')}) AS x(${names.map(quoteIdentifier).join(', ')})`,
    expressions: readings.map(({ expression }) => expression),
    parameters,
  };
}

/** One column of all rows as an array literal (manual, 8.15.2), or null. */
function arrayOf(changes: readonly SinkChange[], column: number): string | null {
  const elements = new Array<string>(changes.length);
  for (let index = 0; index < changes.length; index++) {
    const element = elementOf(changes[index]!.values![column]!);
    if (element === null) return null;
    elements[index] = element;
  }
  return `{${elements.join(',')}}`;
}

/**
 * A JSON value as an element. Numbers, booleans, null and strings without a backslash are written alike in both. Escapes by
 * number may stand for what is no text at all; Postgres' reader of JSON refuses that, where our own would replace it.
 */
function elementOf(json: string): string | null {
  const first = json.charCodeAt(0);
  if (first <= SPACE) return elementOf(json.trim());
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return quoted(json);
  if (first !== QUOTE || !json.includes('\\')) return json;
  return json.includes('\\u') ? null : quoted(JSON.parse(json) as string);
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
