/**
 * A consumer group of the classic protocol: its members, their protocols, its state. Data and the questions about it;
 * what happens to it is decided in rebalance.ts and membership.ts.
 *
 *     Empty ──join──▶ PreparingRebalance ──all joined──▶ CompletingRebalance ──leader's sync──▶ Stable
 *       ▲                   ▲    │ nobody left                    │ join, leave, timeout           │
 *       └───────────────────┼────┘                                ▼                                ▼
 *                           └──────────────────────────────────────────────────────────────────────
 */
import { consumerProtocolType, readSubscription } from './embedded-protocol.ts';
import type { Timer } from './timers.ts';
import type { GroupProtocol, GroupState, JoinedMember, JoinResult, SyncResult } from './types.ts';

const noBytes = Buffer.alloc(0);

export class Member {
  memberId: string;
  readonly groupInstanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** The member's own order of preference. */
  protocols: readonly GroupProtocol[];
  assignment: Buffer = noBytes;
  /** Set while a JoinGroup waits for its answer. */
  joined: ((result: JoinResult) => void) | null = null;
  /** Set while a SyncGroup waits for its answer. */
  synced: ((result: SyncResult) => void) | null = null;
  /** It has not been told its member id yet, so it cannot send heartbeats. */
  isNew = false;
  heartbeat: Timer | null = null;

  constructor(
    from: Pick<
      Member,
      | 'memberId'
      | 'groupInstanceId'
      | 'clientId'
      | 'clientHost'
      | 'sessionTimeoutMs'
      | 'rebalanceTimeoutMs'
      | 'protocols'
    >,
  ) {
    this.memberId = from.memberId;
    this.groupInstanceId = from.groupInstanceId;
    this.clientId = from.clientId;
    this.clientHost = from.clientHost;
    this.sessionTimeoutMs = from.sessionTimeoutMs;
    this.rebalanceTimeoutMs = from.rebalanceTimeoutMs;
    this.protocols = from.protocols;
  }

  /** A member that waits for the group needs no heartbeat, unless it is new and might have gone away unseen. */
  get isExcusedFromHeartbeat(): boolean {
    return !this.isNew && (this.joined !== null || this.synced !== null);
  }

  metadataFor(protocolName: string | null): Buffer {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata ?? noBytes;
  }

  speaksExactly(protocols: readonly GroupProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, place) => {
        const own = this.protocols[place]!;
        return own.name === name && own.metadata.equals(metadata);
      })
    );
  }
}

export class Group {
  readonly id: string;
  state: GroupState = 'Empty';
  previousState: GroupState = 'Empty';
  generationId = 0;
  protocolType: string | null = null;
  protocolName: string | null = null;
  leader: string | null = null;
  /** In the order of their joining. */
  readonly members = new Map<string, Member>();
  /** Instance id to member id. */
  readonly staticMembers = new Map<string, string>();
  /** Told their id and expected to come again with it (KIP-394), each with the timer that gives up. */
  readonly pending = new Map<string, Timer>();
  /** Members of this generation that have not sent SyncGroup yet. */
  readonly pendingSync = new Set<string>();
  joinTimer: Timer | null = null;
  syncTimer: Timer | null = null;
  /** Somebody joined while the initial delay ran, so it is extended. */
  hasNewMember = false;
  /** When the state last changed; an empty group's offsets expire counted from here. */
  stateSinceMs: number;
  /** Null when it cannot be known: another protocol type, or nobody has synced. */
  subscribedTopics: ReadonlySet<string> | null = null;

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.stateSinceMs = nowMs;
  }

  /** Nobody is in it and nobody comes. */
  get isVacant(): boolean {
    return this.state === 'Empty' && this.pending.size === 0;
  }

  enter(state: GroupState, nowMs: number): void {
    this.previousState = this.state;
    this.state = state;
    this.stateSinceMs = nowMs;
  }

  add(member: Member, protocolType: string): void {
    if (this.members.size === 0) this.protocolType = protocolType;
    this.leader ??= member.memberId;
    this.members.set(member.memberId, member);
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId);
  }

  remove(member: Member): void {
    member.heartbeat?.cancel();
    this.members.delete(member.memberId);
    this.pendingSync.delete(member.memberId);
    const { groupInstanceId } = member;
    if (groupInstanceId !== null && this.staticMembers.get(groupInstanceId) === member.memberId) {
      this.staticMembers.delete(groupInstanceId);
    }
    if (this.leader === member.memberId) this.leader = this.members.keys().next().value ?? null;
  }

  /** The same static member under a new id; the place in the order is the last. */
  rename(member: Member, memberId: string): void {
    const wasLeader = this.leader === member.memberId;
    this.members.delete(member.memberId);
    this.pendingSync.delete(member.memberId);
    member.memberId = memberId;
    this.members.set(memberId, member);
    this.staticMembers.set(member.groupInstanceId!, memberId);
    if (wasLeader) this.leader = memberId;
  }

  isLeader(member: Member): boolean {
    return this.leader === member.memberId;
  }

  get hasAllJoined(): boolean {
    if (this.pending.size > 0) return false;
    for (const member of this.members.values()) if (member.joined === null) return false;
    return true;
  }

  /** The longest any member may take to rejoin. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  /** A member can join only with a protocol that everybody speaks. */
  accepts(protocolType: string, protocols: readonly GroupProtocol[]): boolean {
    if (protocolType === '' || protocols.length === 0) return false;
    if (this.members.size === 0) return true;
    return protocolType === this.protocolType && protocols.some(({ name }) => this.#isSpokenByAll(name));
  }

  /** The protocol that most members prefer among those all of them speak. */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => this.#isSpokenByAll(name));
      if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    let best = '';
    for (const [name, count] of votes) if (best === '' || count > votes.get(best)!) best = name;
    return best;
  }

  #isSpokenByAll(name: string): boolean {
    for (const member of this.members.values()) {
      if (!member.protocols.some((protocol) => protocol.name === name)) return false;
    }
    return true;
  }

  /** For the leader, in this generation's protocol. */
  joinedMembers(): JoinedMember[] {
    return [...this.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadataFor(this.protocolName),
    }));
  }

  /** Reads from the members' metadata which topics they are interested in. */
  findSubscribedTopics(): void {
    this.subscribedTopics = null;
    if (this.protocolType !== consumerProtocolType || this.protocolName === null) return;
    const topics = new Set<string>();
    for (const member of this.members.values()) {
      const subscription = readSubscription(member.metadataFor(this.protocolName));
      if (subscription === null) return;
      for (const topic of subscription.topics) topics.add(topic);
    }
    this.subscribedTopics = topics;
  }

  isSubscribedTo(topic: string): boolean {
    return this.subscribedTopics?.has(topic) === true;
  }

  cancelTimers(): void {
    this.joinTimer?.cancel();
    this.syncTimer?.cancel();
    for (const timer of this.pending.values()) timer.cancel();
    for (const member of this.members.values()) member.heartbeat?.cancel();
  }
}
