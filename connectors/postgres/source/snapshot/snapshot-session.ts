/**
 * The connections of a snapshot: each in a transaction of its own, all seeing the same moment.
 */

import type { SourceOffset, SourceTaskContext } from '../../../api/index.ts';
import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { openSession, openSnapshotSession } from '../server/sessions.ts';
import { offsetOfTables } from '../tables/captured-tables.ts';
import { nameOf } from '../tables/catalog.ts';
import type { KeptValues } from '../tables/kept-values.ts';
import type { Notifications } from '../tables/notifications.ts';
import type { PartialTable, SnapshotPosition } from '../tables/position.ts';
import type { Tables } from '../tables/tables.ts';
import { SnapshotThread } from './snapshot-lanes.ts';
import type { SnapshotThreadData } from './snapshot-messages.ts';
import { RANGE_PAGES_MIN, rangesOf, type SnapshotTable } from './snapshot-plan.ts';
import { SnapshotProgress } from './snapshot-progress.ts';
import { SnapshotReader, snapshotTransaction } from './snapshot-reader.ts';
import { snapshotTables } from './snapshot-tables.ts';

export interface SnapshotSession {
  readonly reader: SnapshotReader;
  readonly progress: SnapshotProgress;
  /** Its tables, as offsets name those that are captured. */
  readonly captured: SourceOffset;
  close(): void;
}

export interface SnapshotSessionOptions {
  readonly context: SourceTaskContext;
  readonly settings: SourceSettings;
  readonly tables: Tables;
  readonly notifications: Notifications;
  readonly proof: SourceOffset;
  /** Large values of rows, where they are kept in the log. */
  readonly kept: KeptValues | null;
  readonly position: SnapshotPosition;
  /** The snapshot that a new slot exported; null takes one of now. */
  readonly exported: string | null;
  /** Set where a signal asks for it in the middle of the stream. */
  readonly beside?: SnapshotBeside;
  /** From so many pages on the rows are read by a thread; {@link THREAD_PAGES_MIN} unless a test knows better. */
  readonly threadPagesMin?: number;
}

/** A snapshot taken while the stream stands still. */
export interface SnapshotBeside {
  /** Tables to read, as `schema.table`. */
  readonly tables: readonly string[];
  /** By table: a SELECT to read instead, or a condition. */
  readonly filters: Readonly<Record<string, string>>;
  /** Of the place where the stream stands: its transaction, and the commit before. */
  readonly xid: number | null;
  readonly lastCommitLsn: number | null;
  /** The offset of a record when these tables and parts of tables are done. */
  offsetOf(tablesDone: readonly string[], partial: readonly PartialTable[], isLast: boolean): SourceOffset;
}

/**
 * 32 MiB, more than a second of work. A thread takes 0.2 s of CPU time to start (it loads this room's code and opens connections of
 * its own) and some 20 MB, and takes a third of its work off the task's own thread.
 */
const THREAD_PAGES_MIN = 2 * RANGE_PAGES_MIN;
/** Of rows that change threads at once: more are no cheaper (half is), and four lanes hold eight of them. */
const CHUNK_BYTES = 512 * 1024;
/** A run is a chunk that ends behind the row that fills it. */
const RUN_ROOM = 1.125;
const LOW_32 = 0xffff_ffffn;

/** Opens the connections and a reader over them. The exporter may go once this resolved. */
export async function openSnapshot(options: SnapshotSessionOptions): Promise<SnapshotSession> {
  const { context, settings, position } = options;
  const connections: WireConnection[] = [];
  let thread: SnapshotThread | null = null;
  const name = `${context.connector} snapshot`;
  const open = async (snapshot: string | null) => {
    const connection = await openSnapshotSession(settings, name, snapshot);
    connections.push(connection);
    return connection;
  };
  const close = () => {
    thread?.close();
    for (const connection of connections) connection.destroy();
  };
  try {
    const first = await open(options.exported);
    const [view] = await first.query(
      'SELECT pg_snapshot_xmin(s)::text AS xmin, pg_snapshot_xmax(s)::text AS xmax FROM pg_current_snapshot() s',
    );
    const tables = await tablesToRead(first, options);
    const low = (text: string | null | undefined) => Number(BigInt(text ?? '0') & LOW_32);
    const [xmin, xmax] = [low(view!.xmin), low(view!.xmax)];
    const { xid, lastCommitLsn } = options.beside ?? { xid: null, lastCommitLsn: null };
    const transaction = snapshotTransaction(xid ?? xmax, lastCommitLsn);
    const readers = Math.min(settings.snapshot.readers, pieces(tables, position));
    const isLarge = pagesLeft(tables, position) >= (options.threadPagesMin ?? THREAD_PAGES_MIN);
    if (isLarge || readers > 1) {
      const [row] = await first.query('SELECT pg_export_snapshot() AS snapshot');
      const snapshot = row!.snapshot!;
      if (isLarge)
        thread = await SnapshotThread.start(threadData(options, { name, snapshot, lanes: readers, transaction }));
      else while (connections.length < readers) await open(snapshot);
    }
    const progress = progressOf(options, tables, close);
    const { signal } = context;
    const shared = {
      settings,
      partition: { server: settings.prefix },
      signal,
      connections,
      thread,
      progress,
      xmin,
      transaction,
      takesRuns: (topic: string) => context.takesRuns?.(topic, RUN_ROOM * chunkBytesOf(settings, readers)) ?? false,
    };
    const { tables: encoders, notifications, kept } = options;
    const isLate = options.exported === null;
    const beside = options.beside ?? null;
    const captured = offsetOfTables(tables.map(({ table }) => table.oid));
    const proof = { ...options.proof, ...captured };
    const around = { ...shared, tables: encoders, notifications, proof, kept, isLate, beside };
    const reader = new SnapshotReader(around, tables, position);
    return { reader, progress, captured, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Those of the first snapshot, or those that a signal names, with what it says about their rows. */
async function tablesToRead(
  connection: WireConnection,
  { settings, beside }: SnapshotSessionOptions,
): Promise<SnapshotTable[]> {
  if (beside === undefined) return snapshotTables(connection, settings);
  const tables = await snapshotTables(connection, settings, (name) => beside.tables.includes(name));
  return tables.map((source) => {
    const filter = beside.filters[nameOf(source.table)]?.trim().replace(/;$/, '');
    if (filter === undefined) return { ...source, select: null };
    if (/^(select|with|table|values)\b/i.test(filter)) return { ...source, select: filter };
    const rowFilter = source.rowFilter === null ? filter : `(${source.rowFilter}) AND (${filter})`;
    return { ...source, select: null, rowFilter };
  });
}

/** All lanes together hold no more than the user allows, two chunks each. */
function chunkBytesOf({ queueBytesMax }: SourceSettings, lanes: number): number {
  return Math.min(CHUNK_BYTES, Math.ceil(queueBytesMax / (2 * lanes)));
}

function threadData(
  { settings, position, kept, exported }: SnapshotSessionOptions,
  session: Pick<SnapshotThreadData, 'name' | 'snapshot' | 'lanes' | 'transaction'>,
): SnapshotThreadData {
  const { raw, types, batchRecordsMax } = settings;
  return {
    ...session,
    raw,
    runRowsMax: batchRecordsMax,
    isCompatible: types.isCompatible,
    chunkBytes: chunkBytesOf(settings, session.lanes),
    lsn: String(position.lsn),
    era: kept?.era ?? null,
    isLate: exported === null,
  };
}

/** Pages that no task has read yet. */
function pagesLeft(tables: readonly SnapshotTable[], position: SnapshotPosition): number {
  return tables.reduce((sum, table) => sum + table.pages * (1 - shareDone(table, position)), 0);
}

/** Ranges to read, at least one. */
function pieces(tables: readonly SnapshotTable[], { partial }: SnapshotPosition): number {
  const ranges = tables.map((table) => {
    const name = nameOf(table.table);
    return rangesOf(
      table,
      partial.find((before) => before.table === name),
    ).length;
  });
  return Math.max(
    1,
    ranges.reduce((sum, count) => sum + count, 0),
  );
}

/** What of a table was done before a restart, from 0 to 1. */
function shareDone(table: SnapshotTable, { tablesDone, partial }: SnapshotPosition): number {
  const name = nameOf(table.table);
  if (tablesDone.includes(name)) return 1;
  const before = partial.find((it) => it.table === name);
  if (before === undefined) return 0;
  return Math.min(1, before.done.length / Math.max(1, Math.ceil(table.pages / before.rangePages)));
}

function progressOf(
  { context, settings, position }: SnapshotSessionOptions,
  tables: readonly SnapshotTable[],
  close: () => void,
) {
  const activeSessions = async () => {
    const connection = await openSession(settings, `${context.connector} load`);
    try {
      const [row] = await connection.query(
        `SELECT count(*) AS active FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'
           AND application_name NOT LIKE 'millrace %'`,
      );
      return Number(row!.active);
    } catch (error) {
      close();
      throw error;
    } finally {
      connection.destroy();
    }
  };
  const expectedRows = tables.reduce((sum, table) => sum + table.rows, 0);
  const rowsBefore = tables.reduce((sum, table) => sum + Math.round(table.rows * shareDone(table, position)), 0);
  const counts = { expectedRows, rowsBefore };
  return new SnapshotProgress({ settings: settings.snapshot, logger: context.logger, ...counts, activeSessions });
}
