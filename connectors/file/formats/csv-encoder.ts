/**
 * CSV files (RFC 4180, lines end in \n): a header, then a line per record. The columns are those of the configuration,
 * else those of the record's schema, else the members of the value; records of other columns go to a file of their own.
 *
 * Null is an empty field (or a text of one's own), an empty text is "", so that the two can be told apart again.
 */
import { type ConnectValue, isFields, plainValue, type SinkRecord } from '../../api/index.ts';
import { badValue } from '../errors.ts';
import type { FileFormat } from './encoder.ts';
import { jsonLine } from './json-line.ts';
import { PlainEncoder } from './text-encoder.ts';

/** How CSV is written. */
export interface CsvOutput {
  readonly separator: string;
  readonly quote: string;
  readonly hasHeader: boolean;
  /** Empty: as the records have them. */
  readonly columns: readonly string[];
  readonly nullText: string;
  /** Puts an apostrophe before text that a spreadsheet would take for a formula. */
  readonly escapesFormulas: boolean;
}

type Fields = { readonly [field: string]: ConnectValue };

/** Between names of columns in a layout; no column is called so. */
const UNIT_SEPARATOR = '\u001f';

export function csvFormat(output: CsvOutput): FileFormat {
  const toLine = lineWriter(output);
  const columnsOf = (record: SinkRecord): readonly string[] =>
    output.columns.length > 0
      ? output.columns
      : (record.valueSchema?.fields?.map(({ name }) => name) ?? Object.keys(fieldsOf(record)));
  return {
    extension: 'csv',
    layoutOf: output.columns.length > 0 ? null : (record) => columnsOf(record).join(UNIT_SEPARATOR),
    begin: (first) => {
      const columns = columnsOf(first);
      const encode = (records: readonly SinkRecord[]): Uint8Array => {
        const lines = records.map((record) => {
          const fields = fieldsOf(record);
          return toLine(columns.map((column) => fields[column] ?? null));
        });
        return Buffer.from(lines.join(''));
      };
      return new PlainEncoder(encode, output.hasHeader ? Buffer.from(toLine([...columns])) : null);
    },
  };
}

/** The members of a record's value; DataError when it has none. */
export function fieldsOf(record: SinkRecord): Fields {
  let value: ConnectValue;
  try {
    value = plainValue(record.value);
  } catch (cause) {
    throw badValue(`is no JSON: ${(cause as Error).message}`, cause);
  }
  if (isFields(value)) return value;
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  throw badValue(`is ${found}, but columns need a value with fields`);
}

function lineWriter({ separator, quote, nullText, escapesFormulas }: CsvOutput): (values: ConnectValue[]) => string {
  const isSpecial = (text: string): boolean =>
    text.includes(separator) || text.includes(quote) || text.includes('\n') || text.includes('\r');
  const doubled = quote + quote;
  const quoted = (text: string): string => quote + text.replaceAll(quote, doubled) + quote;
  const cell = (value: ConnectValue): string => {
    if (value === null) return nullText;
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
    let text = textOf(value);
    if (escapesFormulas && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return text === '' || text === nullText || isSpecial(text) ? quoted(text) : text;
  };
  return (values) => `${values.map(cell).join(separator)}\n`;
}

/** Text as it is, times as ISO 8601, bytes as base64, what has members as JSON. */
function textOf(value: Exclude<ConnectValue, null>): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return String(jsonLine(value));
}
