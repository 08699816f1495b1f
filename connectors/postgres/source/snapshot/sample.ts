/**
 * A look at what the source would read: some rows of each captured table, in a transaction that can only read. No slot, no
 * publication, nothing on the server knows of it afterwards.
 */
import type { PreviewRequest, SourceRecord } from '../../../api/index.ts';
import { toConnectError } from '../../errors.ts';
import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { openSession } from '../server/sessions.ts';
import { listTables, readTables } from '../tables/catalog.ts';
import { Notifications } from '../tables/notifications.ts';
import { Tables } from '../tables/tables.ts';
import type { SnapshotTable } from './snapshot-plan.ts';
import { SnapshotProgress } from './snapshot-progress.ts';
import { SnapshotReader, snapshotTransaction } from './snapshot-reader.ts';
import { snapshotTables } from './snapshot-tables.ts';

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
    connection = await openSession(settings, 'preview');
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = await captured(connection, settings);
    if (tables.length === 0) logger.warn({}, 'No table is captured: look at table.include.list and the publication.');
    const limit = Math.max(1, Math.ceil(max / Math.max(1, tables.length)));
    const notifications = new Notifications({ ...settings, notifications: { topic: null, isLogged: false } }, logger);
    const activeSessions = async () => 0;
    const progress = new SnapshotProgress({
      settings: settings.snapshot,
      logger,
      expectedRows: max,
      rowsBefore: 0,
      activeSessions,
    });
    const shared = { settings, partition: { server: settings.prefix }, tables: new Tables(settings), signal };
    const context = {
      ...shared,
      connections: [connection],
      progress,
      notifications,
      thread: null,
      xmin: 0,
      transaction: snapshotTransaction(0),
      proof: {},
      kept: null,
      isLate: false,
      beside: null,
      takesRuns: () => false,
    };
    const limited = tables.map((table) => ({ ...table, limit }));
    const reader = new SnapshotReader(context, limited, { kind: 'snapshot', lsn: 0, tablesDone: [], partial: [] });
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
  return tables.map((table) => ({ table, columns: null, rowFilter: null, pages: 0, rows: 0, select: null }));
}
