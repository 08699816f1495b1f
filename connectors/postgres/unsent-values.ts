/**
 * Large values that an update did not send, of a row that comes under a new key: nobody knows them under that key, so they are
 * asked of the table. What the table holds now may be newer; then the change that made it so follows in the stream.
 */
import { ServerError } from './errors.ts';
import { Tuple, TupleKind } from './pgoutput.ts';
import { qualified } from './preflight.ts';
import type { TableEncoder } from './table-encoder.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from './wire/connection.ts';

export interface UnsentRow {
  readonly table: TableEncoder;
  readonly columns: readonly { readonly index: number; readonly name: string }[];
  readonly key: readonly { readonly name: string; readonly text: string }[];
}

/** What is to be asked for this row, or null where it is whole. */
export function unsentOf(table: TableEncoder | null | undefined, row: Tuple): UnsentRow | null {
  if (table == null) return null;
  const columns = table.unsent(row);
  return columns.length === 0 ? null : { table, columns, key: table.identityTexts(row) };
}

/** A tuple that holds those columns; null where there is no such row, table or column any more. */
export async function readUnsent(
  connection: WireConnection,
  { table, columns, key }: UnsentRow,
): Promise<Tuple | null> {
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const matches = key.map(({ name, text }) => `${quoteIdentifier(name)} = ${quoteLiteral(text)}`).join(' AND ');
  const sql = `SELECT ${list} FROM ${qualified(table)} WHERE ${matches}`;
  const rows = await connection.query(sql).catch((error: unknown) => {
    if (error instanceof ServerError && UNDEFINED_STATE.test(error.sqlState)) return [];
    throw error;
  });
  const [row] = rows;
  return row === undefined ? null : tupleOf(columns.map(({ index, name }) => [index, row[name] ?? null]));
}

/** Undefined table, column, schema. */
const UNDEFINED_STATE = /^(42P01|42703|3F000)$/;

function tupleOf(values: readonly (readonly [index: number, text: string | null])[]): Tuple {
  const tuple = new Tuple();
  const pieces: Buffer[] = [];
  let position = 0;
  for (const [index, text] of values) {
    const bytes = Buffer.from(text ?? '');
    tuple.kinds[index] = text === null ? TupleKind.null : TupleKind.text;
    tuple.starts[index] = position;
    position += bytes.length;
    tuple.ends[index] = position;
    pieces.push(bytes);
  }
  tuple.buffer = Buffer.concat(pieces);
  return tuple;
}
