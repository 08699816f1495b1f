/**
 * Which transactions a view of the database does not see yet. The stream brings a transaction as soon as its commit is in the
 * WAL; to other sessions its rows, tables and types appear a moment later, or much later where the commit waits for a
 * synchronous standby. Whoever asks the server about something the stream has told must look first. No I/O.
 */

/** Half of the circle of 32-bit transaction ids: what is less than this ahead is younger. */
const XID_HALF = 0x8000_0000;

/** What `pg_current_snapshot()` says, as text: `xmin:xmax:running,…`, 64 bits each. The stream tells the lower 32. */
export interface View {
  /** The first transaction that had not begun. */
  readonly end: number;
  /** Those before it that had not ended. */
  readonly running: readonly number[];
}

export function parseView(text: string): View {
  const [, end, running = ''] = text.split(':');
  return { end: low(end!), running: running === '' ? [] : running.split(',').map(low) };
}

/** Whether changes of this transaction are not in the view. */
export function hides(view: View, xid: number): boolean {
  return view.running.includes(xid) || hidesAsFuture(view, xid);
}

/** Whether the transaction had not begun then. */
export function hidesAsFuture(view: View, xid: number): boolean {
  return (xid - view.end) >>> 0 < XID_HALF;
}

function low(text: string): number {
  return Number(BigInt(text) & 0xffff_ffffn);
}
