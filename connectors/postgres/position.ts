/**
 * How far the source has read: as the offset the worker keeps, and as the place to continue from.
 *
 * Offsets carry Debezium's member names. Inside a transaction a place is its WAL position and how many changes at that
 * very position are done (one statement may write several rows under one position).
 */
import type { SourceOffset } from '../api/index.ts';

/** In the stream. Transactions that end at or before `lastCommitLsn` are done. */
export interface StreamPosition {
  readonly kind: 'stream';
  readonly lastCommitLsn: number;
  /** The transaction that is done in part; null between transactions. */
  readonly partial: { readonly xid: number; readonly lsn: number; readonly events: number } | null;
}

/** In the snapshot: these tables are done, and the stream is to begin at `lsn`, where the slot stands. */
export interface SnapshotPosition {
  readonly kind: 'snapshot';
  readonly lsn: number;
  readonly tablesDone: readonly string[];
}

export type SourcePosition = StreamPosition | SnapshotPosition;

/** The stored offset as a position; null where there is none. */
export function parseOffset(offset: SourceOffset | null): SourcePosition | null {
  const lsn = Number(offset?.lsn);
  if (offset === null || !Number.isSafeInteger(lsn)) return null;
  if (offset.snapshot !== undefined && offset.snapshot_completed !== true) {
    const tables = Array.isArray(offset.snapshot_tables) ? offset.snapshot_tables.map(String) : [];
    return { kind: 'snapshot', lsn, tablesDone: tables };
  }
  const lastCommitLsn = Number(offset.lsn_commit ?? lsn);
  const xid = Number(offset.txId ?? Number.NaN);
  const events = Number(offset.lsn_events_processed ?? Number.MAX_SAFE_INTEGER);
  const isWithin = offset.snapshot === undefined && Number.isSafeInteger(xid);
  return { kind: 'stream', lastCommitLsn, partial: isWithin ? { xid, lsn, events } : null };
}

/** The offset after a record of the stream. */
export function streamOffset(
  lastCommitLsn: number,
  xid: number,
  lsn: number,
  events: number,
  commitMicros: number,
): SourceOffset {
  return {
    lsn,
    lsn_proc: lsn,
    lsn_commit: lastCommitLsn,
    lsn_events_processed: events,
    txId: xid,
    ts_usec: commitMicros,
  };
}

/** The offset between transactions. */
export function idleOffset(lastCommitLsn: number, micros: number): SourceOffset {
  return { lsn: lastCommitLsn, lsn_proc: lastCommitLsn, lsn_commit: lastCommitLsn, ts_usec: micros };
}

/** The offset after a record of the snapshot; shared by the records of a table. */
export function snapshotOffset(
  lsn: number,
  tablesDone: readonly string[],
  isLast: boolean,
  micros: number,
): SourceOffset {
  return {
    lsn,
    snapshot: 'INITIAL',
    snapshot_tables: tablesDone,
    snapshot_completed: isLast,
    last_snapshot_record: isLast,
    ts_usec: micros,
  };
}
