/**
 * Which schemas, tables and columns are captured, and which columns make a key: Debezium's include and exclude lists.
 *
 * The expressions are anchored and ignore case. System schemas are never captured.
 */
import { javaRegex } from '../../../api/index.ts';

export interface Filters {
  table(schema: string, table: string): boolean;
  /** Whether the column appears in values; keys always hold their columns. */
  column(schema: string, table: string, column: string): boolean;
  /** Whether the snapshot reads this table, where {@link Filters.table} already holds. */
  snapshot(schema: string, table: string): boolean;
  /** Where a table stands among the expressions of `table.include.list`: snapshots follow that order. */
  rank(schema: string, table: string): number;
  /** The columns of `message.key.columns` for this table, or null. */
  keyColumns(schema: string, table: string): readonly string[] | null;
}

export interface FilterLists {
  /** The expressions of a key; empty where the key is not set. */
  list(key: string): readonly string[];
  readonly keyColumns: string | null;
  /** `schema.table` of the signal table, which is captured whatever the lists say, as in Debezium; null without one. */
  readonly signalTable: string | null;
}

const SYSTEM_SCHEMA = /^(pg_catalog|information_schema|pg_toast.*|pg_temp.*)$/;

export function compileFilters(lists: FilterLists): Filters {
  const schemas = includes(lists.list('schema.include.list'), lists.list('schema.exclude.list'));
  const tables = includes(lists.list('table.include.list'), lists.list('table.exclude.list'));
  const columns = includes(lists.list('column.include.list'), lists.list('column.exclude.list'));
  const snapshots = includes(lists.list('snapshot.include.collection.list'), []);
  const ranks = lists.list('table.include.list').map(anchored);
  const keys = compileKeys(lists.keyColumns ?? '');
  return {
    table: (schema, table) => {
      const name = `${schema}.${table}`;
      return !SYSTEM_SCHEMA.test(schema) && (name === lists.signalTable || (schemas(schema) && tables(name)));
    },
    column: (schema, table, column) => columns(`${schema}.${table}.${column}`),
    snapshot: (schema, table) => snapshots(`${schema}.${table}`),
    rank: (schema, table) => ranks.findIndex((pattern) => pattern.test(`${schema}.${table}`)),
    keyColumns: (schema, table) => keys.find(([pattern]) => pattern.test(`${schema}.${table}`))?.[1] ?? null,
  };
}

function includes(include: readonly string[], exclude: readonly string[]): (name: string) => boolean {
  if (include.length > 0) return matcher(include);
  if (exclude.length === 0) return () => true;
  const excluded = matcher(exclude);
  return (name) => !excluded(name);
}

function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(anchored);
  return (name) => expressions.some((expression) => expression.test(name));
}

/** A regular expression that must match the whole name, in any case of letters. */
export function anchored(pattern: string): RegExp {
  return javaRegex(pattern, 'i');
}

function compileKeys(text: string): [RegExp, readonly string[]][] {
  return text
    .split(';')
    .filter((entry) => entry.trim() !== '')
    .map((entry) => {
      const colon = entry.lastIndexOf(':');
      const columns = entry.slice(colon + 1).split(',');
      return [anchored(entry.slice(0, colon).trim()), columns.map((column) => column.trim())];
    });
}
