/**
 * The place in the WAL behind which a chunk of an incremental snapshot may be written, where no mark is written there: `read.only`,
 * and standbys, which take no writes. Everything the chunk's view sees was committed before that place; the rows follow once the
 * stream has come past it. Debezium waits for transactions with higher ids instead, which a quiet database never has.
 */
import type { Row, WireConnection } from '../../wire/connection.ts';
import { parseLsn } from '../tables/pgoutput.ts';

/** A page of the WAL begins with a header of 24 bytes, the first of a segment with one of 40. */
const PAGE_HEADER_BYTES_MAX = 40;

/** What a view sees, and where the WAL ends just behind it, which nobody asks who may write a mark. */
export const viewSql = (isReadOnly: boolean): string =>
  `SELECT pg_current_snapshot()::text AS view, pg_is_in_recovery() AS standby, current_setting('wal_block_size') AS page,
     CASE WHEN ${isReadOnly} AND NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS written`;

/**
 * Where the WAL ended when the view of {@link viewSql} was there; null where a mark may be written. Called behind the rows: a
 * standby shows what a commit did a moment before it tells its position.
 */
export async function placeBehind(connection: WireConnection, view: Row, isReadOnly: boolean): Promise<number | null> {
  if (view.standby === 't') {
    const [replayed] = await connection.query('SELECT pg_last_wal_replay_lsn() AS lsn');
    return parseLsn(replayed!.lsn!);
  }
  return isReadOnly ? endOfRecord(parseLsn(view.written!), Number(view.page)) : null;
}

/**
 * The server tells where the next record begins. At the beginning of a page that is behind the page's header, while the stream only
 * comes to where the last record ended, before it, and on a quiet server stays there. No record ends within the header; one that
 * ends within the 40 bytes has begun before the page.
 */
export function endOfRecord(lsn: number, pageBytes: number): number {
  const within = lsn % pageBytes;
  return within <= PAGE_HEADER_BYTES_MAX ? lsn - within : lsn;
}
