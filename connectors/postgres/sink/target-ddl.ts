/**
 * The statements that make and widen target tables, for what records ask of them. Looks at the target for which types it has
 * and for how it writes defaults; changes nothing. Part of target-tables.ts.
 */
import type { Client } from 'pg';
import { ConnectError, type Schema } from '../../api/index.ts';
import { quoteIdentifier } from '../wire/connection.ts';
import { type ColumnWish, wishForSchema, wishForValue } from './column-wish.ts';
import { toJson } from './json-slices.ts';
import type { SinkChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { readColumn } from './target-column.ts';

/** Bytes; Postgres cuts longer names (NAMEDATALEN), and two that begin alike become one. */
const NAME_BYTES_MAX = 63;

/** A column as it is written down. */
interface Column {
  readonly type: string;
  readonly constraint: string;
}

/** What a change asks of a column; null: its value tells no type yet, and without the column nothing is lost. */
export function wishOf(change: SinkChange, name: string): ColumnWish | null {
  const schema = change.fields.schema(name);
  if (schema !== undefined) return wishForSchema(schema);
  return wishForValue(change.fields.value(name), change.keyColumns.includes(name));
}

/** The columns of a table to be made for these changes. */
export function wishesOf(changes: readonly SinkChange[], evolves: boolean): Map<string, ColumnWish> {
  const wishes = new Map<string, ColumnWish>();
  for (const name of new Set(changes.flatMap((change) => change.columns))) {
    const told = changes.map((change) => (change.columns.includes(name) ? wishOf(change, name) : null));
    const wish = told.find((candidate) => candidate !== null);
    // A column that was null throughout can be added once a value tells its type; without evolution, text holds all.
    if (wish != null) wishes.set(name, wish);
    else if (!evolves) wishes.set(name, { types: ['text'], isRequired: false });
  }
  return wishes;
}

/** Throws ConnectError where a name is too long to be one. */
export async function createStatement(
  client: Client,
  sql: string,
  name: string,
  wishes: ReadonlyMap<string, ColumnWish>,
  keyColumns: readonly string[],
  settings: SinkSettings,
): Promise<string> {
  checkName('table', name);
  const columns = await columnsOf(client, wishes, settings);
  const lines = [...columns].map(([column, { type, constraint }]) => {
    const isKey = keyColumns.includes(column);
    return `${quoteIdentifier(column)} ${type}${isKey ? `${withoutNull(constraint)} NOT NULL` : constraint}`;
  });
  if (keyColumns.length > 0) lines.push(`PRIMARY KEY (${keyColumns.map(quoteIdentifier).join(', ')})`);
  return `CREATE TABLE IF NOT EXISTS ${sql} (${lines.join(', ')})`;
}

/** A column that must have a value and has no default is added without that: the rows that are there have none. */
export async function widenStatement(
  client: Client,
  sql: string,
  wishes: ReadonlyMap<string, ColumnWish>,
  settings: SinkSettings,
): Promise<string> {
  const columns = await columnsOf(client, wishes, settings);
  const added = [...columns].map(([name, { type, constraint }]) => {
    const kept = constraint.includes('DEFAULT') ? constraint : withoutNull(constraint);
    return `ADD COLUMN IF NOT EXISTS ${quoteIdentifier(name)} ${type}${kept}`;
  });
  return `ALTER TABLE ${sql} ${added.join(', ')}`;
}

const withoutNull = (constraint: string) => constraint.replace(' NOT NULL', '');

async function columnsOf(
  client: Client,
  wishes: ReadonlyMap<string, ColumnWish>,
  settings: SinkSettings,
): Promise<Map<string, Column>> {
  for (const name of wishes.keys()) checkName('column', name);
  const types = await chosenTypes(client, wishes, settings);
  const defaults = await defaultTexts(client, wishes, types);
  return new Map(
    [...wishes].map(([name, { isRequired }]) => {
      const text = defaults.get(name);
      const value = text === undefined ? '' : ` DEFAULT ${text}`;
      const constraint = `${isRequired && settings.declaresRequired ? ' NOT NULL' : ''}${value}`;
      return [name, { type: types.get(name)!, constraint }];
    }),
  );
}

function checkName(what: string, name: string): void {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return;
  throw new ConnectError(
    `A ${what} cannot be named "${name}": Postgres cuts names after ${NAME_BYTES_MAX} bytes. Give it another with a transform (ReplaceField) or a format (collection.name.format, table.name.format).`,
    { code: 'PG_TARGET' },
  );
}

/** Of each column's types the first that the target has. PostGIS may live in a schema that is not searched. */
async function chosenTypes(
  client: Client,
  wishes: ReadonlyMap<string, ColumnWish>,
  { postgisSchema }: SinkSettings,
): Promise<Map<string, string>> {
  const located = (type: string) => {
    return /^geo(metry|graphy)/.test(type) ? `${quoteIdentifier(postgisSchema)}.${type}` : type;
  };
  const chosen = new Map<string, string>();
  const open = new Set([...wishes.values()].flatMap(({ types }) => types.slice(0, -1)).map(located));
  const { rows } =
    open.size === 0
      ? { rows: [] }
      : await client.query<{ type: string }>(
          'SELECT type FROM unnest($1::text[]) AS type WHERE to_regtype(type) IS NOT NULL',
          [[...open]],
        );
  const known = new Set(rows.map(({ type }) => type));
  for (const [name, { types }] of wishes) {
    chosen.set(name, types.map(located).find((type) => known.has(type)) ?? types.at(-1)!);
  }
  return chosen;
}

/** Defaults as literals: read by Postgres as the values of rows are, and written back by it. */
async function defaultTexts(
  client: Client,
  wishes: ReadonlyMap<string, ColumnWish>,
  types: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const names = [...wishes].filter(([, wish]) => wish.default !== undefined).map(([name]) => name);
  if (names.length === 0) return new Map();
  const schemas = new Map<string, Schema>(names.map((name) => [name, wishes.get(name)!.default!.schema]));
  const fields = { schema: (name: string) => schemas.get(name), value: () => undefined, isRaw: false };
  const readings = names.map((name) => readColumn(name, types.get(name)!, fields));
  const declared = names.map((name, index) => `${quoteIdentifier(name)} ${readings[index]!.declared}`);
  const literals = names.map(
    (name, index) => `quote_literal(((${readings[index]!.expression})::${types.get(name)})::text)`,
  );
  const row = names.map((name) => `${JSON.stringify(name)}:${toJson(wishes.get(name)!.default!.value)}`);
  const { rows } = await client.query<{ literals: (string | null)[] }>(
    `SELECT ARRAY[${literals.join(', ')}] AS literals FROM json_to_recordset($1::json) AS x(${declared.join(', ')})`,
    [`[{${row.join()}}]`],
  );
  const texts = rows[0]!.literals;
  return new Map(names.flatMap((name, index) => (texts[index] == null ? [] : [[name, texts[index]]])));
}
