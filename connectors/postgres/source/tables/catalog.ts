/**
 * Asks Postgres's catalogue what the stream does not say: keys, nullability, the make of types, published tables.
 */
import type { PgType } from '../../types/mapping.ts';
import { quoteIdentifier, quoteLiteral, type Row, type WireConnection } from '../../wire/connection.ts';

/** A table as the catalogue describes it now; the stream's own relation message has the last word on columns. */
export interface CatalogTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** The root of a partitioned table, which holds no rows itself. */
  readonly isPartitioned: boolean;
  /** `pg_class.relreplident`: d default, n nothing, f full, i index. */
  readonly replicaIdentity: string;
  /** Columns of the primary key, in its order; empty where there is none. */
  readonly primaryKey: readonly string[];
  /** Columns of the replica identity's index, in its order. */
  readonly identityKey: readonly string[];
  /** Columns of the first unique index by name, the primary key's before all; empty where there is none without conditions. */
  readonly uniqueKey: readonly { readonly name: string; readonly isNullable: boolean }[];
  /** A row that is no larger is stored in one piece, whatever its columns hold. */
  readonly inlineBytesMax: number;
  readonly columns: readonly CatalogColumn[];
}

export interface CatalogColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly modifier: number;
  readonly isNullable: boolean;
  /** Generated columns are not in the stream (unless published so) and not in COPY of the table. */
  readonly isGenerated: boolean;
  /** Of varying length: large values may be stored out of line. */
  readonly isVarying: boolean;
  /** The DEFAULT as an expression, or null. */
  readonly defaultExpression: string | null;
}

const TABLES = `
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relreplident AS identity, c.relkind AS kind,
  (SELECT json_agg(a.attname ORDER BY k.place) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
    WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number AND k.place <= i.indnkeyatts) AS primary_key,
  (SELECT json_agg(a.attname ORDER BY k.place) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
    WHERE i.indrelid = c.oid AND i.indisreplident AND a.attrelid = c.oid AND a.attnum = k.number AND k.place <= i.indnkeyatts) AS identity_key,
  (SELECT json_agg(json_build_array(a.attname, NOT a.attnotnull) ORDER BY k.place) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
    WHERE i.indexrelid = (SELECT u.indexrelid FROM pg_index u JOIN pg_class x ON x.oid = u.indexrelid WHERE u.indrelid = c.oid AND u.indisunique AND u.indisvalid
        AND u.indpred IS NULL AND u.indexprs IS NULL ORDER BY u.indisprimary DESC, x.relname LIMIT 1)
      AND a.attrelid = c.oid AND a.attnum = k.number AND k.place <= i.indnkeyatts) AS unique_key,
  (SELECT json_agg(json_build_array(a.attname, a.atttypid::bigint, a.atttypmod, NOT a.attnotnull, a.attgenerated <> '', pg_get_expr(d.adbin, d.adrelid), a.attlen = -1) ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  least(current_setting('block_size')::int / 4, (SELECT min(option_value::int) FROM pg_options_to_table(c.reloptions) WHERE option_name = 'toast_tuple_target')) AS inline_bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`;

/** The tables with these oids; a dropped table is missing from the answer. */
export async function readTables(connection: WireConnection, oids: readonly number[]): Promise<CatalogTable[]> {
  if (oids.length === 0) return [];
  const rows = await connection.query(`${TABLES} WHERE c.oid IN (${oids.join(',')}) ORDER BY 2, 3`);
  return rows.map(toTable);
}

function toTable(row: Row): CatalogTable {
  const columns = JSON.parse(row.columns ?? '[]') as [
    string,
    number,
    number,
    boolean,
    boolean,
    string | null,
    boolean,
  ][];
  return {
    oid: Number(row.oid),
    schema: row.schema!,
    name: row.name!,
    isPartitioned: row.kind === 'p',
    replicaIdentity: row.identity!,
    primaryKey: JSON.parse(row.primary_key ?? '[]') as string[],
    identityKey: JSON.parse(row.identity_key ?? '[]') as string[],
    uniqueKey: (JSON.parse(row.unique_key ?? '[]') as [string, boolean][]).map(([name, isNullable]) => {
      return { name, isNullable };
    }),
    inlineBytesMax: Number(row.inline_bytes),
    columns: columns.map(([name, typeOid, modifier, isNullable, isGenerated, expression, isVarying]) => {
      const defaultExpression = isGenerated ? null : expression;
      return { name, typeOid, modifier, isNullable, isGenerated, isVarying, defaultExpression };
    }),
  };
}

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

export interface TableName extends QualifiedName {
  readonly oid: number;
}

/** Tables that could be captured: with `viaRoot` roots stand for their partitions, else the partitions themselves. */
export function listTables(connection: WireConnection, viaRoot: boolean): Promise<TableName[]> {
  const kinds = viaRoot ? "c.relkind IN ('r', 'p') AND NOT c.relispartition" : "c.relkind = 'r'";
  return names(connection, `FROM pg_class c WHERE ${kinds} AND c.relpersistence = 'p'`);
}

/** A table as a publication holds it: perhaps only some columns, perhaps only some rows (Postgres 15). */
export interface PublishedTable extends TableName {
  readonly columns: readonly string[] | null;
  readonly rowFilter: string | null;
}

/** The tables a publication holds. */
export async function publishedTables(connection: WireConnection, publication: string): Promise<PublishedTable[]> {
  const rows = await connection.query(
    `SELECT format('%I.%I', schemaname, tablename)::regclass::oid AS oid, to_json(p) AS entry
     FROM pg_publication_tables p WHERE pubname = ${quoteLiteral(publication)} ORDER BY schemaname, tablename`,
  );
  return rows.map((row) => {
    const entry = JSON.parse(row.entry!) as Record<string, string> & { attnames?: string[] };
    return {
      oid: Number(row.oid),
      schema: entry.schemaname!,
      name: entry.tablename!,
      columns: entry.attnames ?? null,
      rowFilter: entry.rowfilter ?? null,
    };
  });
}

async function names(connection: WireConnection, from: string): Promise<TableName[]> {
  const rows = await connection.query(
    `SELECT c.oid, (SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace) AS schema, c.relname AS name
     ${from} ORDER BY 2, 3`,
  );
  return rows.map((row) => ({ oid: Number(row.oid), schema: row.schema!, name: row.name! }));
}

/** int2vector and oidvector are arrays by their category, but not by their text. */
const IS_ARRAY = "t.typcategory = 'A' AND t.oid NOT IN ('int2vector'::regtype, 'oidvector'::regtype)";

const TYPES = (oids: readonly number[]) => `
WITH RECURSIVE wanted(oid) AS (
  SELECT unnest('{${oids.join(',')}}'::oid[])
  UNION
  SELECT part FROM wanted JOIN pg_type t ON t.oid = wanted.oid,
    unnest(ARRAY[t.typbasetype, CASE WHEN ${IS_ARRAY} THEN t.typelem ELSE 0 END]) AS part WHERE part <> 0
)
SELECT t.oid, t.typname AS name, t.typtype AS kind, t.typdelim AS delimiter, t.typbasetype AS base, t.typtypmod AS modifier,
  CASE WHEN ${IS_ARRAY} THEN t.typelem ELSE 0 END AS element,
  (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) AS labels
FROM pg_type t JOIN wanted USING (oid)`;

/** Types by oid, each with what it is made of. Asks only for what `known` does not hold, and adds it there. */
export async function readTypes(
  connection: WireConnection,
  oids: readonly number[],
  known: Map<number, PgType>,
): Promise<void> {
  const missing = [...new Set(oids)].filter((oid) => !known.has(oid));
  if (missing.length === 0) return;
  const rows = new Map((await connection.query(TYPES(missing))).map((row) => [Number(row.oid), row]));
  for (const oid of rows.keys()) build(oid, rows, known);
}

function build(oid: number, rows: ReadonlyMap<number, Row>, known: Map<number, PgType>): PgType {
  const before = known.get(oid);
  if (before !== undefined) return before;
  const row = rows.get(oid)!;
  const [base, element] = [Number(row.base), Number(row.element)];
  const type: PgType = {
    oid,
    name: row.name!,
    kind: row.kind!,
    ...(row.delimiter === ',' ? {} : { delimiter: row.delimiter! }),
    ...(base === 0 ? {} : { base: { type: build(base, rows, known), modifier: Number(row.modifier) } }),
    // A domain over an array is of category A too, but its element is its base's.
    ...(element === 0 || base !== 0 ? {} : { element: build(element, rows, known) }),
    ...(row.labels == null ? {} : { labels: JSON.parse(row.labels) as string[] }),
  };
  known.set(oid, type);
  return type;
}

/** As filters, signals, offsets and notifications name a table. */
export function nameOf({ schema, name }: QualifiedName): string {
  return `${schema}.${name}`;
}

/** The same as SQL names it. */
export function qualified({ schema, name }: QualifiedName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
