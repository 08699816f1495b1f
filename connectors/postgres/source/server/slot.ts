/**
 * How the replication slot stands, and its end.
 */
import { ConnectError, type Logger, RetriableError } from '../../../api/index.ts';
import { ServerError } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { parseLsn } from '../tables/pgoutput.ts';
import { ReplicationClient } from './replication-client.ts';
import { wireOptions } from './sessions.ts';

/** The slot as it stands, or null where there is none. */
export interface SlotState {
  readonly confirmedLsn: number;
  /** Where the server must begin to read its WAL for this slot; null once that WAL is gone. */
  readonly restartLsn: number | null;
  /** Why the server keeps nothing for it any more; null while it does. */
  readonly lostBecause: string | null;
}

/** Throws RetriableError, naming the holder, while somebody else reads the slot. */
export async function readSlot(connection: WireConnection, settings: SourceSettings): Promise<SlotState | null> {
  const { name } = settings.slot;
  const [slot] = await connection.query(
    `SELECT s.active_pid, s.confirmed_flush_lsn, s.restart_lsn, a.application_name, a.usename, host(a.client_addr) AS client, s.wal_status,
       to_jsonb(s)->>'invalidation_reason' AS reason, current_setting('max_slot_wal_keep_size') AS keep
     FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.slot_name = ${quoteLiteral(name)}`,
  );
  if (slot === undefined) return null;
  if (slot.active_pid !== null) {
    const holder = `process ${slot.active_pid} ("${slot.application_name}", user ${slot.usename}, from ${slot.client ?? 'the same machine'})`;
    throw new RetriableError(
      `The replication slot "${name}" is in use by ${holder}. Waiting for it; stop that reader, give this connector another slot.name, or end it with: SELECT pg_terminate_backend(${slot.active_pid});`,
      { code: 'PG_SLOT_IN_USE' },
    );
  }
  return {
    confirmedLsn: slot.confirmed_flush_lsn === null ? 0 : parseLsn(slot.confirmed_flush_lsn!),
    restartLsn: slot.restart_lsn == null ? null : parseLsn(slot.restart_lsn),
    lostBecause: slot.wal_status === 'lost' ? causeOfLoss(slot.reason ?? null, slot.keep!) : null,
  };
}

/** By `invalidation_reason`, which Postgres 17 and later tell; before, WAL that was removed is the usual one. */
function causeOfLoss(reason: string | null, keep: string): string {
  if (reason === 'idle_timeout') return 'nobody read it for longer than idle_replication_slot_timeout';
  if (reason === 'rows_removed')
    return 'the primary removed rows of the catalogue that it needed (hot_standby_feedback)';
  if (reason === 'wal_level_insufficient') return 'wal_level of the primary was not "logical"';
  return `the server removed WAL that it needed, beyond max_slot_wal_keep_size=${keep}`;
}

const UNDEFINED_OBJECT = '42704';

/** Drops the slot, which is read by nobody; one that is not there, because the task never came to make it, is no fault. */
export async function dropSlot(settings: SourceSettings): Promise<void> {
  const client = await ReplicationClient.open(wireOptions(settings, 'drop slot'));
  try {
    await client.dropSlot(settings.slot.name);
  } catch (error) {
    if (!(error instanceof ServerError) || error.sqlState !== UNDEFINED_OBJECT) throw error;
  } finally {
    await client.close();
  }
}

/** Whoever deletes the connector now is told what it leaves on the server. */
export function tellWhatStays({ slot, publication }: SourceSettings, logger: Logger): void {
  logger.info(
    { slot: slot.name, publication: publication.name },
    `Stopped. The replication slot "${slot.name}" stays and holds WAL back until the connector reads on. If it is not to come back, run: SELECT pg_drop_replication_slot(${quoteLiteral(slot.name)}); DROP PUBLICATION ${quoteIdentifier(publication.name)};`,
  );
}

const HOW =
  'Set snapshot.mode to when_needed to read all rows again, or stop the connector and delete its offsets (DELETE /connectors/NAME/offsets) to begin anew. ';
/** Ends every error about missing changes; the README tells it at length. */
export const BEGIN_ANEW = `${HOW}Rows deleted in between stay in the topics.`;

/** The same error where that is what happens anyway. */
export const rereadNotice = (error: ConnectError) => `All rows are read again. ${error.message.replace(HOW, '')}`;

/** The error for a stored position whose slot is gone: changes in between were not kept for us. */
export function slotLost(settings: SourceSettings, lostBecause: string | null): ConnectError {
  const { name } = settings.slot;
  const what = lostBecause === null ? 'does not exist any more' : `is lost: ${lostBecause}`;
  return new ConnectError(
    `The replication slot "${name}" ${what}. The changes since the stored position are missing. ${BEGIN_ANEW}`,
    { code: 'PG_SLOT_LOST' },
  );
}
