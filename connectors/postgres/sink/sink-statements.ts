/**
 * The statements of a batch: rows travel as one array per column, or as one JSON parameter, so that their number never
 * changes the statement.
 */

import { quoteIdentifier } from '../wire/connection.ts';
import { memberSlices } from './json-slices.ts';
import { arraysOf, type ColumnArrays } from './sink-arrays.ts';
import type { SinkChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { type ColumnReading, readColumn } from './target-column.ts';
import { sameList, type TargetTable } from './target-tables.ts';

/** Text whose parameters are arrays of a column's values each, or one JSON array of rows. */
export interface Statement {
  /** The table it changes; null where it changes none. */
  readonly table: string | null;
  readonly text: string;
  readonly parameters: readonly string[];
  readonly isDelete: boolean;
  /** It empties the table, before the rows that follow. */
  readonly isTruncate?: boolean;
}

/** What is left to do of a table's changes: nothing that a truncate takes away, and per key what its last change asks. */
export function reduced(changes: readonly SinkChange[], settings: SinkSettings): readonly SinkChange[] {
  const last = changes.findLastIndex(({ kind }) => kind === 'truncate');
  if (last >= 0) return [changes[last]!, ...reduced(changes.slice(last + 1), settings)];
  return settings.insertMode !== 'insert' || settings.deletes ? foldByKey(changes, settings) : changes;
}

/**
 * The last change of each key, in the order of those last changes. Without keys nothing is folded.
 * An upsert that names a key twice is refused by Postgres (21000), and an earlier version is of no use to anybody,
 * except where a column decides which version is newer: then the statement chooses.
 */
function foldByKey(changes: readonly SinkChange[], settings: SinkSettings): readonly SinkChange[] {
  if (changes[0]?.identity == null) return changes;
  if (areDistinct(changes)) return changes;
  const last = new Map<string, readonly SinkChange[]>();
  for (const change of changes) {
    const before = last.get(change.identity!);
    if (before !== undefined) last.delete(change.identity!);
    const keeps = settings.newerBy !== null && change.kind === 'write';
    if (before === undefined) last.set(change.identity!, [change]);
    else last.set(change.identity!, keeps ? [...before, change] : [merged(before.at(-1)!, change)]);
  }
  return [...last.values()].flat();
}

/** What a batch mostly is. */
function areDistinct(changes: readonly SinkChange[]): boolean {
  const seen = new Set<string>();
  for (const { identity } of changes) seen.add(identity!);
  return seen.size === changes.length;
}

/** A later row that lacks columns (unchanged large values) does not undo those of the earlier one. */
function merged(before: SinkChange, change: SinkChange): SinkChange {
  if (before.kind === 'delete' || change.kind === 'delete' || sameList(before.columns, change.columns)) return change;
  const kept = before.columns.filter((name) => !change.columns.includes(name));
  if (kept.length === 0) return change;
  const text = mergeTexts(before.text, change.text, kept);
  return { ...change, text, columns: [...change.columns, ...kept], values: null };
}

/** The later object with the named members of the earlier one put behind its own, where the last of a name counts. */
function mergeTexts(before: string, after: string, names: readonly string[]): string {
  const slices = memberSlices(before);
  const added = names.map((name) => `${JSON.stringify(name)}:${slices.get(name)}`);
  return `${after.slice(0, after.lastIndexOf('}'))},${added.join()}}`;
}

/** A truncate, then deletes, so that a key's unique values are free again for the rows that follow. */
export function statementsFor(table: TargetTable, changes: readonly SinkChange[], settings: SinkSettings): Statement[] {
  const deletes = changes.filter((change) => change.kind === 'delete');
  const writes = changes.filter((change) => change.kind === 'write');
  return [
    ...(changes[0]?.kind === 'truncate' ? [emptying(table)] : []),
    ...chunks(deletes, settings.batchRows).map((rows) => deleteStatement(table, rows)),
    ...chunks(writes, settings.batchRows).flatMap((rows) => writeStatements(table, rows, settings)),
  ];
}

/** Postgres truncates no table that others point to, not even where they are empty. */
function emptying(table: TargetTable): Statement {
  const text = table.isReferenced ? `DELETE FROM ${table.sql}` : `TRUNCATE ${table.sql}`;
  return { table: table.sql, text, parameters: [], isDelete: true, isTruncate: true };
}

/** Runs of changes with the same members, cut at the batch size. */
function chunks(changes: readonly SinkChange[], size: number): SinkChange[][] {
  const runs: SinkChange[][] = [];
  for (const change of changes) {
    const run = runs.at(-1);
    if (run === undefined || run.length >= size || !sameList(run[0]!.columns, change.columns)) runs.push([change]);
    else run.push(change);
  }
  return runs;
}

function rowsOf(changes: readonly SinkChange[]): string {
  return `[${changes.map((change) => change.text).join(',')}]`;
}

function readingsOf(table: TargetTable, names: readonly string[], change: SinkChange): readonly ColumnReading[] {
  return names.map((name) => readColumn(name, table.columns.get(name)!, change.fields));
}

function recordset(names: readonly string[], readings: readonly ColumnReading[]) {
  const declared = names.map((name, index) => `${quoteIdentifier(name)} ${readings[index]!.declared}`);
  return {
    declared: declared.join(', '),
    from: `json_to_recordset($1::json) AS x(${declared.join(', ')})`,
    expressions: readings.map((reading) => reading.expression),
  };
}

function deleteStatement(table: TargetTable, changes: readonly SinkChange[]): Statement {
  const names = changes[0]!.keyColumns;
  const { from, expressions } = recordset(names, readingsOf(table, names, changes[0]!));
  const matches = names.map((name, index) => `t.${quoteIdentifier(name)} = ${expressions[index]}`);
  return {
    table: table.sql,
    text: `DELETE FROM ${table.sql} t USING ${from} WHERE ${matches.join(' AND ')}`,
    parameters: [rowsOf(changes)],
    isDelete: true,
  };
}

/** Statements for rows of the same members, in which no key stands twice. */
function writeStatements(table: TargetTable, changes: readonly SinkChange[], settings: SinkSettings): Statement[] {
  const first = changes[0]!;
  // A column whose values told no type yet was not added; its nulls are nothing to write.
  const names = first.columns.filter((name) => table.columns.has(name));
  const readings = readingsOf(table, names, first);
  if (settings.insertMode === 'update') return updateStatements(table, changes, names, readings);
  const lacks = table.required.some((name) => !names.includes(name));
  if (lacks && settings.insertMode === 'upsert' && settings.newerBy === null) {
    // Postgres looks whether a row lacks a value before it looks whether the row is there to be updated.
    const absent = insertStatement(
      table,
      changes,
      names,
      readings,
      settings,
      absentOnly(table, first, names, readings),
    );
    return [...updateStatements(table, changes, names, readings), absent];
  }
  const arrays = settings.newerBy !== null ? null : arraysOf(names, readings, changes);
  if (arrays !== null) return [arraysStatement(table, names, arrays, first, settings)];
  return [insertStatement(table, changes, names, readings, settings)];
}

/** None where there is nothing but the key. */
function updateStatements(
  table: TargetTable,
  changes: readonly SinkChange[],
  names: readonly string[],
  readings: readonly ColumnReading[],
): Statement[] {
  const { keyColumns } = changes[0]!;
  const { from, expressions } = recordset(names, readings);
  const values = names.filter((name) => !keyColumns.includes(name) && !table.identities.has(name));
  if (values.length === 0) return [];
  const assigned = values.map((name) => `${quoteIdentifier(name)} = ${expressions[names.indexOf(name)]}`);
  const text = `UPDATE ${table.sql} t SET ${assigned.join(', ')} FROM ${from} WHERE ${matching(keyColumns, names, expressions)}`;
  return [{ table: table.sql, text, parameters: [rowsOf(changes)], isDelete: false }];
}

function matching(key: readonly string[], names: readonly string[], expressions: readonly string[]): string {
  return key.map((name) => `t.${quoteIdentifier(name)} = ${expressions[names.indexOf(name)]}`).join(' AND ');
}

function absentOnly(
  table: TargetTable,
  { keyColumns }: SinkChange,
  names: readonly string[],
  readings: readonly ColumnReading[],
): string {
  const expressions = readings.map(({ expression }) => expression);
  return ` WHERE NOT EXISTS (SELECT FROM ${table.sql} t WHERE ${matching(keyColumns, names, expressions)})`;
}

function insertStatement(
  table: TargetTable,
  changes: readonly SinkChange[],
  names: readonly string[],
  readings: readonly ColumnReading[],
  settings: SinkSettings,
  where = '',
): Statement {
  const { keyColumns } = changes[0]!;
  const { from, expressions, declared } = recordset(names, readings);
  const values = names.filter((name) => !keyColumns.includes(name) && !table.identities.has(name));
  const columns = names.map(quoteIdentifier).join(', ');
  const newer = names.indexOf(settings.newerBy ?? '');
  const select =
    newer < 0
      ? `SELECT ${expressions.join(', ')} FROM ${from}${where}`
      : newestSql(keyColumns.map(quoteIdentifier), columns, expressions, declared, quoteIdentifier(names[newer]!));
  const onConflict = conflict(keyColumns, values, settings);
  const text = `INSERT INTO ${table.sql} AS t (${columns})${overriding(table)} ${select}${onConflict}`;
  return { table: table.sql, text, parameters: [rowsOf(changes)], isDelete: false };
}

/** Rows as arrays, which Postgres takes in for two thirds of what JSON costs it. */
function arraysStatement(
  table: TargetTable,
  names: readonly string[],
  { from, expressions, parameters }: ColumnArrays,
  { keyColumns }: SinkChange,
  settings: SinkSettings,
): Statement {
  const values = names.filter((name) => !keyColumns.includes(name) && !table.identities.has(name));
  const columns = names.map(quoteIdentifier).join(', ');
  const onConflict = conflict(keyColumns, values, settings);
  const into = `INSERT INTO ${table.sql} AS t (${columns})${overriding(table)}`;
  const text = `${into} SELECT ${expressions.join(', ')} FROM ${from}${onConflict}`;
  return { table: table.sql, text, parameters, isDelete: false };
}

/** A replica has the numbers of its source. */
function overriding({ identities }: TargetTable): string {
  return identities.size === 0 ? '' : ' OVERRIDING SYSTEM VALUE';
}

/** Of each key the newest row, of equally new ones the last. */
function newestSql(
  key: readonly string[],
  columns: string,
  expressions: readonly string[],
  declared: string,
  newer: string,
): string {
  const numbered = `ROWS FROM (json_to_recordset($1::json) AS (${declared})) WITH ORDINALITY AS x(${columns}, "#")`;
  const typed = `SELECT ${expressions.join(', ')}, x."#" FROM ${numbered}`;
  const keys = key.join(', ');
  return `SELECT DISTINCT ON (${keys}) ${columns} FROM (${typed}) AS y(${columns}, "#") ORDER BY ${keys}, ${newer} DESC NULLS LAST, "#" DESC`;
}

function conflict(key: readonly string[], values: readonly string[], settings: SinkSettings): string {
  if (settings.insertMode === 'insert') return '';
  const target = `(${key.map(quoteIdentifier).join(', ')})`;
  if (settings.insertMode === 'ignore') return ' ON CONFLICT DO NOTHING';
  // A table of nothing but its key has nothing to set.
  if (values.length === 0) return ` ON CONFLICT ${target} DO NOTHING`;
  const assigned = values.map((name) => `${quoteIdentifier(name)} = EXCLUDED.${quoteIdentifier(name)}`);
  const update = ` ON CONFLICT ${target} DO UPDATE SET ${assigned.join(', ')}`;
  if (settings.newerBy === null) return update;
  const column = quoteIdentifier(settings.newerBy);
  return `${update} WHERE t.${column} IS NULL OR EXCLUDED.${column} >= t.${column}`;
}
