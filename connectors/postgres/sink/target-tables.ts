/**
 * The tables the sink writes to: looked up in the catalogue, created and widened where the config allows it.
 */
import type { Client } from 'pg';
import { ConnectError, DataError } from '../../api/index.ts';
import { quoteIdentifier } from '../wire/connection.ts';
import type { ColumnWish } from './column-wish.ts';
import { type SinkChange, type TargetName, targetOfTopic } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { createStatement, widenStatement, wishesOf, wishOf } from './target-ddl.ts';

export interface TargetTable {
  readonly sql: string;
  /** Column name to type, as `format_type` writes it; generated columns are not among them. */
  readonly columns: ReadonlyMap<string, string>;
  /** Generated columns: Postgres computes them, so what records say of them is not written. */
  readonly generated: ReadonlySet<string>;
  /** Columns GENERATED ALWAYS AS IDENTITY: the source's numbers are written all the same, and never updated. */
  readonly identities: ReadonlySet<string>;
  /** Columns that must be given a value: NOT NULL, and nothing fills them. */
  readonly required: readonly string[];
  /** Column lists of the unique indexes that an upsert can name; null for a view, whose table has them. */
  readonly uniques: readonly (readonly string[])[] | null;
  readonly oid: number;
  /** The tables its foreign keys point to. */
  readonly parents: readonly number[];
  /** Whether foreign keys of other tables, or its own, point to it. */
  readonly isReferenced: boolean;
}

/** A table as it would be, and the statement (null: none) that would make it so. */
export interface Foreseen {
  readonly table: TargetTable;
  readonly ddl: string | null;
}

export function targetSql({ schema, name }: TargetName): string {
  return schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

export class TargetTables {
  readonly #settings: SinkSettings;
  readonly #tables = new Map<string, TargetTable>();

  constructor(settings: SinkSettings) {
    this.#settings = settings;
  }

  /** Looks every known table up again; true where one is no longer what it was. */
  async refresh(client: Client): Promise<boolean> {
    const before = new Map(this.#tables);
    this.#tables.clear();
    let isChanged = false;
    for (const [sql, table] of before) {
      const now = await this.#lookUp(client, sql);
      if (now === null || JSON.stringify([...now.columns]) !== JSON.stringify([...table.columns])) isChanged = true;
    }
    return isChanged;
  }

  /** Whether a table is still what is known of it. */
  isKnown(table: TargetTable): boolean {
    return this.#tables.get(table.sql) === table;
  }

  /** The table for these changes where it is known and has all they need; null where {@link prepare} must look. */
  ready(target: TargetName, changes: readonly SinkChange[]): TargetTable | null {
    const table = this.#tables.get(targetSql(target));
    if (table === undefined || missingColumns(table, changes).size > 0) return null;
    this.#checkKey(table, keyColumnsOf(changes));
    return table;
  }

  /**
   * The table for these changes, with a column for each of their members; null where they only empty a table that is not
   * there. Throws ConnectError where there is no such
   * table or key, DataError where a column is missing, unless the settings let us add them.
   */
  async prepare(client: Client, target: TargetName, changes: readonly SinkChange[]): Promise<TargetTable | null> {
    const sql = targetSql(target);
    let table = this.#tables.get(sql) ?? (await this.#lookUp(client, sql));
    if (table === null) {
      if (keyColumnsOf(changes) === null) return null;
      await client.query(await this.#creation(client, target, changes));
      table = (await this.#lookUp(client, sql))!;
    }
    const missing = missingColumns(table, changes);
    if (missing.size > 0) {
      await client.query(await this.#widening(client, table, missing));
      table = (await this.#lookUp(client, sql))!;
    }
    this.#checkKey(table, keyColumnsOf(changes));
    return table;
  }

  /** Throws ConnectError where a topic's table is not there. */
  async mustExist(client: Client, topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      const target = targetOfTopic(topic, this.#settings);
      if (target === null || (await this.#lookUp(client, targetSql(target))) !== null) continue;
      throw new ConnectError(
        `Table ${targetSql(target)} for topic ${topic} does not exist in the target, and schema.evolution is validate-only. Create it, or set schema.evolution=basic.`,
        { code: 'PG_TARGET' },
      );
    }
  }

  /** As {@link prepare}, but the statement that would create or widen the table is answered, not sent. */
  async foresee(client: Client, target: TargetName, changes: readonly SinkChange[]): Promise<Foreseen> {
    const sql = targetSql(target);
    const found = await this.#lookUp(client, sql);
    if (found === null) {
      const ddl = await this.#creation(client, target, changes);
      const uniques = [keyColumnsOf(changes) ?? []];
      const columns = foreseenTypes(wishesOf(changes, this.#settings.evolves));
      const plain = { generated: new Set<string>(), identities: new Set<string>(), required: [], oid: 0, parents: [] };
      return { table: { sql, columns, uniques, ...plain, isReferenced: false }, ddl };
    }
    const missing = missingColumns(found, changes);
    const table = { ...found, columns: new Map([...found.columns, ...foreseenTypes(missing)]) };
    this.#checkKey(table, keyColumnsOf(changes));
    return { table, ddl: missing.size === 0 ? null : await this.#widening(client, found, missing) };
  }

  async #lookUp(client: Client, sql: string): Promise<TargetTable | null> {
    const { rows } = await client.query<{
      columns: [string, string][] | null;
      generated: string[] | null;
      identities: string[] | null;
      required: string[] | null;
      isView: boolean;
      uniques: string[][] | null;
      oid: string;
      parents: number[] | null;
      isReferenced: boolean;
    }>(
      `SELECT
         (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum) FROM pg_attribute
           WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns,
         (SELECT json_agg(attname) FROM pg_attribute WHERE attrelid = c.oid AND attgenerated <> '' AND NOT attisdropped) AS generated,
         (SELECT json_agg(attname) FROM pg_attribute WHERE attrelid = c.oid AND attidentity = 'a' AND NOT attisdropped) AS identities,
         (SELECT json_agg(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''
           AND NOT attisdropped) AS required,
         c.relkind = 'v' AS "isView",
         (SELECT json_agg(ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts)) FROM pg_index i
           WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL) AS uniques,
         c.oid, (SELECT json_agg(confrelid::bigint) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f') AS parents,
         EXISTS (SELECT FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f') AS "isReferenced"
       FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p', 'v')`,
      [sql],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const table = {
      sql,
      columns: new Map(row.columns ?? []),
      generated: new Set(row.generated ?? []),
      identities: new Set(row.identities ?? []),
      required: row.required ?? [],
      uniques: row.isView ? null : (row.uniques ?? []),
      oid: Number(row.oid),
      parents: row.parents ?? [],
      isReferenced: row.isReferenced,
    };
    this.#tables.set(sql, table);
    return table;
  }

  /** The statement that creates the table; throws where the settings do not let us. */
  async #creation(client: Client, target: TargetName, changes: readonly SinkChange[]): Promise<string> {
    const settings = this.#settings;
    const sql = targetSql(target);
    const wishes = wishesOf(changes, settings.evolves);
    const statement = await createStatement(client, sql, target.name, wishes, keyColumnsOf(changes) ?? [], settings);
    if (!settings.creates) {
      throw new ConnectError(
        `Table ${sql} does not exist in the target. Create it, for example: ${statement}; or let the sink do it with auto.create=true (schema.evolution=basic).`,
        { code: 'PG_TARGET' },
      );
    }
    return statement;
  }

  /** The statement that adds the columns; throws where the settings or the table do not let us. */
  async #widening(client: Client, table: TargetTable, missing: ReadonlyMap<string, ColumnWish>): Promise<string> {
    const names = [...missing.keys()].map((name) => `"${name}"`).join(', ');
    if (table.uniques === null) {
      throw new DataError(
        `View ${table.sql} has no column for ${names}. Add it to the view, or leave the fields out.`,
        {
          code: 'PG_TARGET',
        },
      );
    }
    const statement = await widenStatement(client, table.sql, missing, this.#settings);
    if (!this.#settings.evolves) {
      throw new DataError(
        `Table ${table.sql} has no column for ${names}. Run: ${statement}; or set auto.evolve=true (schema.evolution=basic), or leave fields out with fields.whitelist.`,
        { code: 'PG_TARGET' },
      );
    }
    return statement;
  }

  #checkKey(table: TargetTable, key: readonly string[] | null): void {
    const { insertMode } = this.#settings;
    if (key === null || table.uniques === null) return;
    if (insertMode !== 'upsert' || table.uniques.some((unique) => sameMembers(unique, key))) return;
    const columns = key.map(quoteIdentifier).join(', ');
    throw new ConnectError(
      `Upserts into ${table.sql} need a primary key or unique index over exactly (${columns}). Run: ALTER TABLE ${table.sql} ADD PRIMARY KEY (${columns});`,
      { code: 'PG_TARGET' },
    );
  }
}

/** The key's columns, the same for all changes of a table; null where no row says which. */
function keyColumnsOf(changes: readonly SinkChange[]): readonly string[] | null {
  return changes.find(({ kind }) => kind !== 'truncate')?.keyColumns ?? null;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((member) => b.includes(member));
}

/** Columns that changes have and the table has not, with what they ask for. */
function missingColumns(table: TargetTable, changes: readonly SinkChange[]): Map<string, ColumnWish> {
  const missing = new Map<string, ColumnWish>();
  /** The last members for which nothing is left to find out: each has its column, or a wish for one. */
  let settled: readonly string[] | null = null;
  for (const change of changes) {
    // Rows of one source table repeat the same members; comparing lists is cheaper than looking each up.
    if (settled !== null && sameList(settled, change.columns)) continue;
    settled = change.columns;
    for (const name of change.columns) {
      if (table.columns.has(name) || table.generated.has(name) || missing.has(name)) continue;
      const wish = wishOf(change, name);
      // A null without a schema tells no type; the same member of a later row may.
      if (wish === null) settled = null;
      else missing.set(name, wish);
    }
  }
  return missing;
}

export function sameList(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** What a preview reads rows as; types of extensions are seen once the column is there. */
function foreseenTypes(wishes: ReadonlyMap<string, ColumnWish>): Map<string, string> {
  return new Map([...wishes].map(([name, { types }]) => [name, types.at(-1)!]));
}
