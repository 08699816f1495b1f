/**
 * The gauges of the source: how far a snapshot is, how much WAL is held back, how far the stream is behind. Nothing is kept here and
 * nothing is written while records move: whoever looks at the status or at `/metrics` has the numbers asked of the parts at work.
 *
 * Names are those of Debezium's metrics where it has the same, written small; the README lists them all.
 */
import type { SourceTaskContext } from '../../api/index.ts';
import type { WalGuard } from './server/wal-guard.ts';
import type { SnapshotSession } from './snapshot/snapshot-session.ts';
import type { Streaming } from './streaming.ts';

/** What is at work now. */
export interface SourceParts {
  /** The first snapshot, or one that the stream stands still for. */
  readonly snapshot: SnapshotSession | null;
  readonly guard: WalGuard | null;
  readonly streaming: Streaming | null;
}

type Reading = (parts: SourceParts) => number | null | undefined;

const readings: Readonly<Record<string, Reading>> = {
  snapshot_running: ({ snapshot }) => Number(snapshot !== null),
  snapshot_rows: ({ snapshot }) => snapshot?.progress.state.rows,
  snapshot_rows_expected: ({ snapshot }) => snapshot?.progress.state.expectedRows,
  snapshot_rows_per_second: ({ snapshot }) => snapshot?.progress.state.rowsPerSecond,
  snapshot_seconds_left: ({ snapshot }) => snapshot?.progress.state.secondsLeft,
  total_table_count: ({ snapshot }) => snapshot?.reader.tablesTotal,
  remaining_table_count: ({ snapshot }) => snapshot?.reader.tablesLeft,
  incremental_snapshot_running: ({ streaming }) => Number(streaming?.incremental.isBusy ?? false),
  incremental_snapshot_rows: ({ streaming }) => streaming?.incremental.state?.rows,
  incremental_snapshot_rows_expected: ({ streaming }) => streaming?.incremental.state?.rowsExpected,
  incremental_snapshot_remaining_table_count: ({ streaming }) => streaming?.incremental.state?.tablesLeft,
  milliseconds_behind_source: ({ streaming }) => streaming?.reader.figures.behindMs,
  wal_retained_bytes: ({ guard }) => guard?.state?.retainedBytes,
  wal_limit_bytes: ({ guard }) => guard?.state?.limitBytes,
  wal_limit_seconds: ({ guard }) => guard?.state?.secondsToLimit,
};

/** Names the gauges to the worker; `parts` is asked whenever one is read. */
export function nameGauges(context: SourceTaskContext, parts: () => SourceParts): void {
  for (const [figure, read] of Object.entries(readings)) context.gauge?.(figure, () => read(parts()) ?? null);
}
