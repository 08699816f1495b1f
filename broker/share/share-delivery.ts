/**
 * Everything about delivery to share groups that API handlers use: share-partitions, sessions, and what happens to both
 * when a session or its connection ends.
 */
import type { Session } from '../server/api.ts';
import type { ShareSession, ShareSessions } from './sessions.ts';
import type { SharePartitions } from './share-partitions.ts';

export class ShareDelivery {
  readonly partitions: SharePartitions;
  readonly sessions: ShareSessions;

  constructor(partitions: SharePartitions, sessions: ShareSessions) {
    this.partitions = partitions;
    this.sessions = sessions;
  }

  /** Ends with the connection. Throws SHARE_SESSION_LIMIT_REACHED. */
  openSession(group: string, memberId: string, connection: Session): ShareSession {
    const session = this.sessions.open(group, memberId, connection.id);
    connection.onClosed.add(this.#onConnectionClosed);
    return session;
  }

  /** The member has closed its session: what it still holds is for others. */
  closeSession(group: string, memberId: string): void {
    this.sessions.end(group, memberId);
    this.#release(group, memberId);
  }

  readonly #onConnectionClosed = ({ id }: Session): void => {
    for (const { group, memberId } of this.sessions.endOfConnection(id)) this.#release(group, memberId);
  };

  #release(group: string, memberId: string): void {
    for (const partition of this.partitions.ofGroup(group)) partition.release(memberId);
  }
}
