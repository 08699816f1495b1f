/**
 * Share sessions (KIP-932): which partitions a member fetches from, so that each fetch only says what changed. A session
 * belongs to a connection and ends with it; what its member holds is then for others.
 */
import { BrokerError } from '../errors.ts';

/** Session epochs with a meaning of their own. */
export const SessionEpoch = { open: 0, close: -1 } as const;
/** After it comes 1. */
const epochMax = 2 ** 31 - 1;

export interface SessionPartition {
  readonly topicId: string;
  readonly partition: number;
}

export class ShareSession {
  readonly group: string;
  readonly memberId: string;
  readonly connectionId: number;
  /** What the next request must say. */
  epoch = 1;
  readonly partitions = new Map<string, SessionPartition>();

  constructor(group: string, memberId: string, connectionId: number) {
    this.group = group;
    this.memberId = memberId;
    this.connectionId = connectionId;
  }

  change(added: readonly SessionPartition[], forgotten: readonly SessionPartition[]): void {
    for (const { topicId, partition } of added) this.partitions.set(`${topicId}/${partition}`, { topicId, partition });
    for (const { topicId, partition } of forgotten) this.partitions.delete(`${topicId}/${partition}`);
  }
}

export class ShareSessions {
  readonly #sessions = new Map<string, ShareSession>();
  readonly #sessionsMax: number;

  /** `group.share.max.share.sessions`. */
  constructor(sessionsMax: number) {
    this.#sessionsMax = sessionsMax;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** A new session in the place of the member's last one. Throws SHARE_SESSION_LIMIT_REACHED. */
  open(group: string, memberId: string, connectionId: number): ShareSession {
    this.#sessions.delete(nameOf(group, memberId));
    if (this.#sessions.size >= this.#sessionsMax) {
      const why = `There are ${this.#sessionsMax} share sessions (group.share.max.share.sessions). Try again when one has ended.`;
      throw new BrokerError('SHARE_SESSION_LIMIT_REACHED', why);
    }
    const session = new ShareSession(group, memberId, connectionId);
    this.#sessions.set(nameOf(group, memberId), session);
    return session;
  }

  /** The session a request goes on with. Throws SHARE_SESSION_NOT_FOUND or INVALID_SHARE_SESSION_EPOCH. */
  use(group: string, memberId: string, epoch: number): ShareSession {
    const session = this.#sessions.get(nameOf(group, memberId));
    if (session === undefined) {
      throw new BrokerError(
        'SHARE_SESSION_NOT_FOUND',
        `Member ${memberId} of group ${group} has no share session here.`,
      );
    }
    if (epoch === SessionEpoch.close) return session;
    if (session.epoch !== epoch) {
      const why = `The share session is at epoch ${session.epoch}, the request at ${epoch}.`;
      throw new BrokerError('INVALID_SHARE_SESSION_EPOCH', why);
    }
    session.epoch = epoch === epochMax ? 1 : epoch + 1;
    return session;
  }

  /** Undefined when there is none. */
  end(group: string, memberId: string): ShareSession | undefined {
    const session = this.#sessions.get(nameOf(group, memberId));
    this.#sessions.delete(nameOf(group, memberId));
    return session;
  }

  /** The connection is gone, and with it these. */
  endOfConnection(connectionId: number): ShareSession[] {
    const ended = [...this.#sessions.values()].filter((session) => session.connectionId === connectionId);
    for (const { group, memberId } of ended) this.end(group, memberId);
    return ended;
  }
}

/** Whatever characters the two have, no two pairs have the same name. */
function nameOf(group: string, memberId: string): string {
  return `${memberId.length}/${memberId}/${group}`;
}
