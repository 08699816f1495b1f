/**
 * How an incremental snapshot cuts a table into chunks: by which columns, up to which key, and the statement of each. No state.
 */

import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import type { CatalogTable } from '../tables/catalog.ts';

/** How far a table is. */
export interface Current {
  /** The last key when reading began: rows behind it come with the stream. Null for a table without rows. */
  readonly maximum: readonly string[] | null;
  /** What the catalogue believed, or a count; null where neither told. */
  readonly totalRows: number | null;
  readonly chunks: number;
  readonly scanned: number;
}

/** Where a chunk begins, and which rows it wants. */
export interface ChunkPlace {
  readonly filter: string | undefined;
  /** The key of the last row of the chunk before, as text; null at the beginning. */
  readonly after: readonly string[] | null;
  readonly current: Current;
}

/** A table that is read, and the columns its chunks are cut by. */
export interface ChunkSource {
  readonly table: CatalogTable;
  readonly key: readonly string[];
}

/**
 * The columns that chunks are cut by: the one a signal names, the primary key, or the key of `message.key.columns`. Or why
 * there are none.
 */
export function chunkKey(
  table: CatalogTable,
  surrogate: string | undefined,
  settings: SourceSettings,
): readonly string[] | string {
  const own = settings.filters.keyColumns(table.schema, table.name);
  const names = surrogate !== undefined ? [surrogate] : table.primaryKey.length > 0 ? table.primaryKey : (own ?? []);
  if (names.length === 0) return 'has no primary key, and no signal names a surrogate-key or wants a blocking snapshot';
  for (const name of names) {
    const column = table.columns.find((it) => it.name === name);
    if (column === undefined) return `has no column "${name}" to cut chunks by`;
  }
  return names;
}

/** What is known of a table when its first chunk is read, in the same view. Null where a key is null. */
export async function firstLook(
  connection: WireConnection,
  { table, key }: ChunkSource,
  filter: string | undefined,
): Promise<Current | null> {
  const from = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const where = filter === undefined ? '' : ` WHERE (${filter})`;
  const nullable = key.filter((name) => table.columns.find((column) => column.name === name)?.isNullable !== false);
  const isNull = nullable.map((name) => `${quoteIdentifier(name)} IS NULL`).join(' OR ');
  const found = nullable.length > 0 ? await connection.query(`SELECT 1 FROM ${from} WHERE ${isNull} LIMIT 1`) : [];
  if (found.length > 0) return null;
  const list = key.map((name, index) => `${quoteIdentifier(name)}::text AS k${index}`).join(', ');
  const order = key.map((name) => `${quoteIdentifier(name)} DESC`).join(', ');
  const [row] = await connection.query(`SELECT ${list} FROM ${from}${where} ORDER BY ${order} LIMIT 1`);
  if (row === undefined) return { maximum: null, totalRows: null, chunks: 0, scanned: 0 };
  const maximum = key.map((_, index) => row[`k${index}`]!);
  const [known] = await connection.query(`SELECT reltuples::bigint AS rows FROM pg_class WHERE oid = ${table.oid}`);
  const isKnown = filter === undefined && Number(known?.rows ?? -1) >= 0;
  const [counted] = isKnown ? [known] : await connection.query(`SELECT count(*) AS rows FROM ${from}${where}`);
  return { maximum, totalRows: Number(counted!.rows), chunks: 0, scanned: 0 };
}

/** Rows of one key do not part: what the signal names may not be unique. */
export function chunkSql(
  { table, key }: ChunkSource,
  columns: readonly string[],
  { filter, after, current }: ChunkPlace,
  rows: number,
): string {
  const from = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const names = key.map(quoteIdentifier).join(', ');
  const conditions: string[] = [];
  if (filter !== undefined) conditions.push(`(${filter})`);
  // A literal without a type takes that of the column it is compared with.
  if (after !== null) conditions.push(`(${names}) > (${after.map(quoteLiteral).join(', ')})`);
  const { maximum } = current;
  if (maximum !== null) conditions.push(`(${names}) <= (${maximum.map(quoteLiteral).join(', ')})`);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const list = columns.map(quoteIdentifier).join(', ');
  return `COPY (SELECT ${list} FROM ${from}${where} ORDER BY ${names} FETCH FIRST ${rows} ROWS WITH TIES) TO STDOUT`;
}
