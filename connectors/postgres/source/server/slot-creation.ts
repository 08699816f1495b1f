/**
 * Makes the replication slot. The server begins it only once every transaction has ended that was open before, in whatever
 * database; who waits for a forgotten one is told whose it is.
 */
import type { Logger } from '../../../api/index.ts';
import { quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import type { CreatedSlot, ReplicationClient } from './replication-client.ts';

/** Said after this long, and again each time it has passed while the wait lasts. */
const TELL_MS = 10_000;
const SHOWN_MAX = 3;

export interface SlotCreation {
  readonly client: ReplicationClient;
  /** Asked about others meanwhile. */
  readonly catalog: WireConnection;
  readonly settings: SourceSettings;
  readonly logger: Logger;
  /** Ends the wait, and the connection with it. */
  readonly signal: AbortSignal;
  readonly tellMs?: number;
}

/** Creates the slot and its snapshot. Waits `database.query.timeout.ms` at most. */
export async function createSlot(creation: SlotCreation): Promise<CreatedSlot> {
  const { client, settings, signal, logger, tellMs = TELL_MS } = creation;
  const { name, failover } = settings.slot;
  const give = () => client.destroy();
  signal.addEventListener('abort', give, { once: true });
  const began = Date.now();
  let isAsking = false;
  const timer = setInterval(async () => {
    if (isAsking) return;
    isAsking = true;
    const seconds = Math.round((Date.now() - began) / 1000);
    // A server that cannot be asked tells the one who waits.
    const message = await holders(creation).catch(() => null);
    isAsking = false;
    if (message !== null) logger.warn({ slot: name, seconds }, message);
  }, tellMs);
  try {
    const created = await client.createSlot(name, failover);
    logger.info({ slot: name, lsn: created.consistentLsn }, 'Created the replication slot.');
    return created;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', give);
  }
}

/** Whose transactions are waited for; null where there are none. */
async function holders({ catalog, client, settings }: SlotCreation): Promise<string | null> {
  const rows = await catalog.query(`
    SELECT format('process %s ("%s", user %s, database %s, open for %s s)', pid, application_name, usename, datname, extract(epoch FROM now() - xact_start)::int) AS who,
      format('SELECT pg_terminate_backend(%s);', pid) AS ends, xact_start AS since
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> ${client.processId}
    UNION ALL
    SELECT format('prepared transaction %L (database %s)', gid, database), format('ROLLBACK PREPARED %L;', gid), prepared FROM pg_prepared_xacts
    ORDER BY since LIMIT ${SHOWN_MAX}`);
  if (rows.length === 0) return null;
  const who = rows.map((row) => row.who).join(', ');
  return `The replication slot ${quoteLiteral(settings.slot.name)} begins when the transactions have ended that were open before it. The oldest: ${who}. Let them end, or end the first with: ${rows[0]!.ends}`;
}
