/**
 * How the replication slot stands, and its end.
 */
import { ConnectError, RetriableError } from '../../../api/index.ts';
import { quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { parseLsn } from '../tables/pgoutput.ts';
import { ReplicationClient } from './replication-client.ts';
import { wireOptions } from './sessions.ts';

/** The slot as it stands, or null where there is none. */
export interface SlotState {
  readonly confirmedLsn: number;
}

/** Throws RetriableError, naming the holder, while somebody else reads the slot. */
export async function readSlot(connection: WireConnection, settings: SourceSettings): Promise<SlotState | null> {
  const { name } = settings.slot;
  const [slot] = await connection.query(
    `SELECT s.active_pid, s.confirmed_flush_lsn, a.application_name, a.usename, host(a.client_addr) AS client
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
  return { confirmedLsn: slot.confirmed_flush_lsn === null ? 0 : parseLsn(slot.confirmed_flush_lsn!) };
}

/** Drops the slot, which is to be there and read by nobody. */
export async function dropSlot(settings: SourceSettings): Promise<void> {
  const client = await ReplicationClient.open(wireOptions(settings, 'drop slot'));
  await client.dropSlot(settings.slot.name);
  await client.close();
}

/** The error for a stored position whose slot is gone: changes in between were not kept for us. */
export function slotLost(settings: SourceSettings): ConnectError {
  const { name } = settings.slot;
  return new ConnectError(
    `The replication slot "${name}" does not exist any more, so the changes since the stored position are lost. Set snapshot.mode to when_needed to read all rows again, or delete the connector's offsets to begin anew.`,
    { code: 'PG_SLOT_LOST' },
  );
}
