/**
 * Proof that the server is the one the stored position came from: its system identifier, its timeline, and that its WAL
 * reaches as far as we have read. A backup that was restored, another cluster behind the same address or a promoted standby
 * that missed our changes is told by name, never read on as if nothing had happened.
 */
import { ConnectError, type SourceOffset } from '../../../api/index.ts';
import { formatLsn } from '../tables/pgoutput.ts';
import type { ReplicationClient } from './replication-client.ts';
import { BEGIN_ANEW, type SlotState } from './slot.ts';

export interface ServerIdentity {
  readonly systemId: string;
  readonly timeline: number;
  /** The end of its WAL. */
  readonly walEnd: number;
}

/** What every offset keeps of the server. */
export function proofOf({ systemId, timeline }: ServerIdentity): SourceOffset {
  return { system_id: systemId, timeline };
}

/**
 * What offsets keep of the slot: the server writes its `restart_lsn` to disk whenever it moves, and never moves it back. So a slot that
 * stands before it is that of an older copy of the server's files, whatever was written there since.
 */
export function proofOfSlot(restartLsn: number | null): SourceOffset {
  return restartLsn === null ? {} : { slot_restart_lsn: restartLsn };
}

/** Throws PG_OTHER_SERVER where the slot is older than it was. A standby's copy of a slot may be, so only on the same timeline. */
export function checkSlotAge(server: ServerIdentity, slot: SlotState, stored: SourceOffset | null): void {
  const before = stored?.slot_restart_lsn;
  if (typeof before !== 'number' || slot.restartLsn === null || stored?.timeline !== server.timeline) return;
  if (slot.restartLsn >= before) return;
  throw otherServer(
    `its replication slot would read from ${formatLsn(slot.restartLsn)}, and was at ${formatLsn(before)} already`,
  );
}

/** Throws PG_OTHER_SERVER unless `server` has all of what was read up to `position`. */
export async function checkProof(
  client: ReplicationClient,
  server: ServerIdentity,
  stored: SourceOffset | null,
  position: number,
): Promise<void> {
  const { system_id: systemId, timeline } = stored ?? {};
  if (typeof systemId !== 'string' || typeof timeline !== 'number') return;
  const at = formatLsn(position);
  if (systemId !== server.systemId) {
    throw otherServer(`the stored position ${at} belongs to system ${systemId}, this server is ${server.systemId}`);
  }
  if (server.timeline < timeline) {
    throw otherServer(`it is on timeline ${server.timeline}, and timeline ${timeline} was read before`);
  }
  if (server.timeline > timeline) {
    const end = await client.timelineEnd(server.timeline, timeline);
    if (end === null || end < position) {
      const where = end === null ? 'is not among its ancestors' : `was left at ${formatLsn(end)}`;
      throw otherServer(`timeline ${timeline}, which was read up to ${at}, ${where}`);
    }
  }
  if (server.walEnd < position) {
    throw otherServer(`its WAL ends at ${formatLsn(server.walEnd)}, before the stored position ${at}`);
  }
}

/**
 * Throws PG_SLOT_MOVED where the slot stands beyond the stored position. We confirm nothing that is not stored, so somebody
 * advanced the slot or made it anew, and what came in between was kept for nobody. An offset without our proof (Debezium's,
 * taken over) is taken as it is.
 */
export function checkSlot(slot: string, confirmedLsn: number, stored: SourceOffset | null, position: number): void {
  if (typeof stored?.system_id !== 'string' || confirmedLsn <= position) return;
  throw new ConnectError(
    `The replication slot "${slot}" stands at ${formatLsn(confirmedLsn)}, beyond the stored position ${formatLsn(position)}: it was advanced or made anew, and the changes in between are not kept for us. ${BEGIN_ANEW}`,
    { code: 'PG_SLOT_MOVED' },
  );
}

function otherServer(what: string): ConnectError {
  return new ConnectError(
    `The server is not what it was: ${what}. A backup may have been restored, or another cluster answers here. Rows in the topics may be newer than the database. ${BEGIN_ANEW}`,
    { code: 'PG_OTHER_SERVER' },
  );
}
