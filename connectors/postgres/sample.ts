/**
 * A look at what the source would read: some rows of each captured table, in a transaction that can only read. No slot, no
 * publication, nothing on the server knows of it afterwards.
 */
import type { PreviewRequest, SourceRecord } from '../api/index.ts';
import { listTables, readTables } from './catalog.ts';
import { toConnectError } from './errors.ts';
import { snapshotTables, wireOptions } from './server-setup.ts';
import { SnapshotReader, type SnapshotTable } from './snapshot-reader.ts';
import type { SourceSettings } from './source-config.ts';
import { Tables } from './tables.ts';
import { WireConnection } from './wire/connection.ts';

/** A read comes back this often to look whether somebody waits no longer. */
const WAIT_MS = 200;

/** Up to `max` rows as a snapshot would hand them over, an even share from each table. */
export async function sampleRows(
  settings: SourceSettings,
  max: number,
  { signal, logger }: PreviewRequest,
): Promise<readonly SourceRecord[]> {
  let connection: WireConnection | null = null;
  try {
    connection = await WireConnection.open(wireOptions(settings, 'preview'));
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = await captured(connection, settings);
    if (tables.length === 0) logger.warn({}, 'No table is captured: look at table.include.list and the publication.');
    const share = Math.max(1, Math.ceil(max / Math.max(1, tables.length)));
    const context = {
      settings,
      partition: { server: settings.prefix },
      tables: new Tables(settings),
      connection,
      signal,
      onTable: (table: string) => logger.debug({ table }, 'Looking at a table.'),
    };
    const limited = tables.map((table) => withLimit(table, share));
    const reader = new SnapshotReader(context, limited, { kind: 'snapshot', lsn: 0, tablesDone: [] }, 0);
    const records: SourceRecord[] = [];
    while (records.length < max && !reader.isDone && !signal.aborted) records.push(...(await reader.next(WAIT_MS)));
    return records.slice(0, max);
  } catch (error) {
    throw toConnectError(error, 'previewing the source');
  } finally {
    connection?.destroy();
  }
}

/** The tables of the publication; where it is not made yet, those it would be made of. */
async function captured(connection: WireConnection, settings: SourceSettings): Promise<SnapshotTable[]> {
  const published = await snapshotTables(connection, settings);
  if (published.length > 0) return published;
  const { filters, publication } = settings;
  const wanted = (await listTables(connection, publication.viaRoot)).filter(
    ({ schema, name }) => filters.table(schema, name) && filters.snapshot(schema, name),
  );
  const tables = await readTables(
    connection,
    wanted.map(({ oid }) => oid),
  );
  return tables.map((table) => ({ table, columns: null, rowFilter: null }));
}

/** The row filter is the last part of the statement, so a limit may follow it. */
function withLimit(table: SnapshotTable, rows: number): SnapshotTable {
  return { ...table, rowFilter: `(${table.rowFilter ?? 'true'}) LIMIT ${rows}` };
}
