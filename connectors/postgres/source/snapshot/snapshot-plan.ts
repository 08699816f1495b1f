/**
 * Cuts tables into ranges of pages, so that several readers share one table and a crash loses no more than a range each.
 * Makes the statements that read them. No I/O.
 *
 * A range is `ctid >= (from,0) AND ctid < (to,0)`, which Postgres reads as a TID range scan (since 14); the last one is open.
 * After a crash the rows are seen as of a later moment. A row that was updated in between may have moved into a range that is
 * done, so those ranges are read once more for rows written since: an update tells the change, but not its large values.
 */

import { quoteIdentifier } from '../../wire/connection.ts';
import type { CatalogTable } from '../tables/catalog.ts';
import type { PartialTable } from '../tables/position.ts';

/** A table to read, with what the publication leaves out of it. */
export interface SnapshotTable {
  readonly table: CatalogTable;
  readonly columns: readonly string[] | null;
  readonly rowFilter: string | null;
  readonly pages: number;
  /** What the catalogue believes, for the progress. */
  readonly rows: number;
  /** A SELECT to read instead. */
  readonly select: string | null;
  /** No more rows than this, for a look at them. */
  readonly limit?: number;
}

/** A piece of work for one reader. */
export interface SnapshotRange {
  /** Its number within the table; null for a second look at what is done. */
  readonly number: number | null;
  /** Pages; null is the open end. Both null: the table as a whole. */
  readonly from: number | null;
  readonly to: number | null;
  /** Only rows written by this transaction or later ones. */
  readonly since: number | null;
}

/** 16 MiB: tens of thousands of rows, a fraction of a second. */
export const RANGE_PAGES_MIN = 2048;
/** An offset names the ranges that are done. */
const RANGES_MAX = 256;

/** Pages of a range of this table. */
export function rangePages(table: SnapshotTable, before: PartialTable | undefined): number {
  return before?.rangePages ?? Math.max(RANGE_PAGES_MIN, Math.ceil(table.pages / RANGES_MAX));
}

/** What is to be read of a table. */
export function rangesOf(table: SnapshotTable, before: PartialTable | undefined): SnapshotRange[] {
  const size = rangePages(table, before);
  const isWhole =
    table.select !== null || table.limit !== undefined || table.table.isPartitioned || table.pages <= size;
  if (isWhole && before === undefined) return [{ number: 0, from: null, to: null, since: null }];
  const count = Math.max(1, Math.ceil(table.pages / size), ...(before?.done ?? []).map((number) => number + 1));
  const ranges: SnapshotRange[] = [];
  for (let number = 0; number < count; number++) {
    const isDone = before?.done.includes(number) === true;
    const to = number === count - 1 && !isDone ? null : (number + 1) * size;
    ranges.push({ number: isDone ? null : number, from: number * size, to, since: isDone ? before.xmin : null });
  }
  // What was last is not any more where the table grew: rows beyond it belong to nobody yet.
  if (before?.done.includes(count - 1)) ranges.push({ number: count, from: count * size, to: null, since: null });
  return ranges;
}

/** COPY of the table itself is fastest; a range, a filter or a partitioned root needs a query. */
export function copyStatement(source: SnapshotTable, columns: readonly string[], range: SnapshotRange): string {
  const { table, rowFilter, select } = source;
  const list = columns.map(quoteIdentifier).join(', ');
  const limit = source.limit === undefined ? '' : ` LIMIT ${source.limit}`;
  if (select !== null) return `COPY (SELECT ${list} FROM (${select}) AS s${limit}) TO STDOUT`;
  const from = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const conditions = [
    ...(rowFilter === null ? [] : [`(${rowFilter})`]),
    ...(range.from === null ? [] : [`ctid >= '(${range.from},0)'::tid`]),
    ...(range.to === null ? [] : [`ctid < '(${range.to},0)'::tid`]),
    ...(range.since === null ? [] : [`age(xmin) <= age('${range.since}'::xid)`]),
  ];
  if (conditions.length === 0 && !table.isPartitioned && limit === '') {
    // A table may have no columns at all, and then a list of none is no SQL.
    return `COPY ${from}${columns.length === 0 ? '' : ` (${list})`} TO STDOUT`;
  }
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `COPY (SELECT ${list} FROM ${table.isPartitioned ? '' : 'ONLY '}${from}${where}${limit}) TO STDOUT`;
}
