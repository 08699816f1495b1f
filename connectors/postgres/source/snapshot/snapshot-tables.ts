/**
 * Which tables a snapshot reads, in which order, and how large they are.
 */
import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { type CatalogTable, publishedTables, readTables } from '../tables/catalog.ts';
import type { SnapshotTable } from './snapshot-plan.ts';

/**
 * The captured tables that a snapshot reads: published, and wanted by the filters, in the order of the filters. `wants` takes
 * the place of `snapshot.include.collection.list`.
 */
export async function snapshotTables(
  connection: WireConnection,
  settings: SourceSettings,
  wants?: (table: string) => boolean,
): Promise<SnapshotTable[]> {
  const { filters, publication, signalTable, snapshot } = settings;
  const published = (await publishedTables(connection, publication.name)).filter(({ schema, name }) => {
    const isWanted = wants?.(`${schema}.${name}`) ?? filters.snapshot(schema, name);
    return isWanted && filters.table(schema, name) && `${schema}.${name}` !== signalTable;
  });
  const tables = await readTables(
    connection,
    published.map((table) => table.oid),
  );
  const sizes = await tableSizes(connection, tables);
  return tables
    .map((table) => {
      const { columns, rowFilter } = published.find(({ oid }) => oid === table.oid)!;
      const select = snapshot.selects.get(`${table.schema}.${table.name}`) ?? null;
      return { table, columns, rowFilter, select, ...sizes.get(table.oid)! };
    })
    .sort((a, b) => filters.rank(a.table.schema, a.table.name) - filters.rank(b.table.schema, b.table.name));
}

async function tableSizes(connection: WireConnection, tables: readonly CatalogTable[]) {
  const oids = tables.map((table) => table.oid).join(',') || '0';
  const rows = await connection.query(
    `SELECT oid, pg_relation_size(oid) / current_setting('block_size')::int AS pages, greatest(reltuples, 0)::bigint AS rows
     FROM pg_class WHERE oid IN (${oids})`,
  );
  return new Map(rows.map((row) => [Number(row.oid), { pages: Number(row.pages), rows: Number(row.rows) }]));
}
