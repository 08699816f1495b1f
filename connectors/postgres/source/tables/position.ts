/**
 * How far the source has read: as the offset the worker keeps, and as the place to continue from.
 *
 * Offsets carry Debezium's member names. Inside a transaction a place is its WAL position and how many changes at that
 * very position are done (one statement may write several rows under one position).
 */
import type { SourceOffset } from '../../../api/index.ts';
import type { Counted } from './transaction-metadata.ts';

/** In the stream. Transactions that end at or before `lastCommitLsn` are done. */
export interface StreamPosition {
  readonly kind: 'stream';
  readonly lastCommitLsn: number;
  /** The transaction that is done in part; null between transactions. */
  readonly partial: {
    readonly xid: number;
    readonly lsn: number;
    readonly events: number;
    /** Records of that transaction by data collection, where they are counted. */
    readonly counted?: Counted;
  } | null;
  /** True until a commit was seen: records before it name no commit before them. */
  readonly isFirst?: boolean;
}

/** In the snapshot: these tables are done, or parts of them, and the stream is to begin at `lsn`, where the slot stands. */
export interface SnapshotPosition {
  readonly kind: 'snapshot';
  readonly lsn: number;
  readonly tablesDone: readonly string[];
  readonly partial: readonly PartialTable[];
}

/** A table done in part. */
export interface PartialTable {
  /** `schema.table` */
  readonly table: string;
  readonly rangePages: number;
  /** The numbers of the ranges that are done. */
  readonly done: readonly number[];
  /** The oldest transaction that the snapshot they were read under did not see. */
  readonly xmin: number;
}

export type SourcePosition = StreamPosition | SnapshotPosition;

/** Where a stream begins that nothing was read of. */
export function streamFrom(lsn: number): StreamPosition {
  return { kind: 'stream', lastCommitLsn: lsn, partial: null, isFirst: true };
}

/** The stored offset as a position; null where there is none. */
export function parseOffset(offset: SourceOffset | null): SourcePosition | null {
  const lsn = Number(offset?.lsn);
  if (offset === null || !Number.isSafeInteger(lsn)) return null;
  if (offset.snapshot !== undefined && offset.snapshot_completed !== true) {
    const tables = Array.isArray(offset.snapshot_tables) ? offset.snapshot_tables.map(String) : [];
    const partial = Array.isArray(offset.snapshot_ranges) ? (offset.snapshot_ranges as PartialTable[]) : [];
    return { kind: 'snapshot', lsn, tablesDone: tables, partial };
  }
  const lastCommitLsn = Number(offset.lsn_commit ?? lsn);
  const xid = Number(offset.txId ?? Number.NaN);
  const events = Number(offset.lsn_events_processed ?? Number.MAX_SAFE_INTEGER);
  const isWithin = offset.snapshot === undefined && Number.isSafeInteger(xid);
  const counted = offset.transaction_event_counts as Counted | undefined;
  const partial = { xid, lsn, events, ...(counted === undefined ? {} : { counted }) };
  const isFirst = offset.snapshot !== undefined;
  return { kind: 'stream', lastCommitLsn, partial: isWithin ? partial : null, isFirst };
}

/** The offset after a record of the stream. */
export function streamOffset(
  lastCommitLsn: number,
  xid: number,
  lsn: number,
  events: number,
  commitMicros: number,
  proof: SourceOffset,
): SourceOffset {
  const { system_id, timeline, slot_restart_lsn, kept_values, captured_tables } = proof;
  const offset: Record<string, unknown> = {
    lsn,
    lsn_proc: lsn,
    lsn_commit: lastCommitLsn,
    lsn_events_processed: events,
    txId: xid,
    ts_usec: commitMicros,
    system_id,
    timeline,
  };
  // Of every change: a copy of the object would cost more than the rest of it.
  if (slot_restart_lsn !== undefined) offset.slot_restart_lsn = slot_restart_lsn;
  if (kept_values !== undefined) offset.kept_values = kept_values;
  if (captured_tables !== undefined) offset.captured_tables = captured_tables;
  return offset;
}

/** The offset between transactions. */
export function idleOffset(lastCommitLsn: number, micros: number): SourceOffset {
  return { lsn: lastCommitLsn, lsn_proc: lastCommitLsn, lsn_commit: lastCommitLsn, ts_usec: micros };
}

/** The offset of any place in the stream. */
export function placeOffset(position: StreamPosition, micros: number, proof: SourceOffset): SourceOffset {
  const { lastCommitLsn, partial } = position;
  if (partial === null) return { ...idleOffset(lastCommitLsn, micros), ...proof };
  const { xid, lsn, events, counted } = partial;
  const counts = counted === undefined ? {} : { transaction_event_counts: counted };
  return { ...streamOffset(lastCommitLsn, xid, lsn, events, micros, proof), ...counts };
}

/** The offset after a record of the snapshot; shared by the records of a table. */
export function snapshotOffset(
  lsn: number,
  tablesDone: readonly string[],
  partial: readonly PartialTable[],
  isLast: boolean,
  micros: number,
): SourceOffset {
  return {
    lsn,
    snapshot: 'INITIAL',
    snapshot_tables: tablesDone,
    ...(partial.length === 0 ? {} : { snapshot_ranges: partial }),
    snapshot_completed: isLast,
    last_snapshot_record: isLast,
    ts_usec: micros,
  };
}
