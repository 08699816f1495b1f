/**
 * Holds a table as it is while its rows are read, and tells whether it still is what the reader's snapshot takes it for.
 *
 * Postgres writes an altered table anew (ALTER TABLE … TYPE) and empties one (TRUNCATE) outside of its multiversion rules:
 * whoever looks from an earlier moment sees no rows, without an error (PostgreSQL manual, "Caveats" of concurrency control).
 */
import { RetriableError } from '../../../api/index.ts';
import { sqlStateOf } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { CatalogTable } from './catalog.ts';

const UNDEFINED_TABLE = '42P01';
const LOCK_NOT_AVAILABLE = '55P03';

/** Keeps everybody from altering the table until the transaction ends; false where there is none of that name any more. */
export async function lockTable(connection: WireConnection, { schema, name }: CatalogTable): Promise<boolean> {
  try {
    await connection.query(`LOCK TABLE ${quoteIdentifier(schema)}.${quoteIdentifier(name)} IN ACCESS SHARE MODE`);
    return true;
  } catch (error) {
    const state = error instanceof Error ? sqlStateOf(error) : null;
    if (state === UNDEFINED_TABLE) return false;
    if (state !== LOCK_NOT_AVAILABLE) throw error;
    throw new RetriableError(
      `Table ${schema}.${name} is locked by another session, and snapshot.lock.timeout.ms is over: its rows are read once it is free. See pg_locks for who holds it.`,
      { code: 'PG_TABLE_LOCKED', cause: error as Error },
    );
  }
}

/**
 * Throws RetriableError where the snapshot of this transaction cannot read the table: it was dropped, renamed, altered or
 * emptied since. A later snapshot can, and the stream tells what came before it.
 */
export async function checkUnmoved(connection: WireConnection, table: CatalogTable): Promise<void> {
  const { oid, schema, name } = table;
  if (!(await lockTable(connection, table))) throw moved(schema, name, 'is not there any more');
  // A query sees rows as of the snapshot, the functions what is true now.
  const [row] = await connection.query(
    `SELECT count(*) FILTER (WHERE c.relfilenode <> pg_relation_filenode(c.oid)) AS anew,
       to_regclass(format('%I.%I', ${quoteLiteral(schema)}, ${quoteLiteral(name)}))::oid::bigint AS oid
     FROM pg_class c WHERE c.oid = ${oid} OR c.oid IN (SELECT relid FROM pg_partition_tree(${oid}))`,
  );
  if (Number(row!.oid) !== oid) throw moved(schema, name, 'is another one now');
  if (Number(row!.anew) > 0) throw moved(schema, name, 'was altered or emptied');
}

function moved(schema: string, name: string, what: string): RetriableError {
  const message = `Table ${schema}.${name} ${what} since the snapshot began; its rows are read as of a later moment.`;
  return new RetriableError(message, { code: 'PG_TABLE_MOVED' });
}
