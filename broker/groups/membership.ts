/**
 * What members say: join, sync, heartbeat, leave. Each request is judged here, in Kafka's order and with Kafka's errors;
 * what follows for the group is rebalance.ts.
 */
import { randomUUID } from 'node:crypto';
import type { ErrorName } from '../protocol/error-codes.ts';
import { type Group, Member } from './group.ts';
import type { GroupLog } from './group-log.ts';
import { joinResult, Rebalance, refusedJoin, refusedSync, syncResult } from './rebalance.ts';
import { groupRecord } from './records.ts';
import { rejoinStatic } from './static-member.ts';
import type { Timers } from './timers.ts';
import type {
  JoinRequest,
  JoinResult,
  LeaveResult,
  LeavingMember,
  MemberIdentity,
  SyncRequest,
  SyncResult,
} from './types.ts';

const noBytes = Buffer.alloc(0);

export interface MembershipConfig {
  /** `group.min.session.timeout.ms`, `group.max.session.timeout.ms`. */
  readonly sessionTimeoutMsMin: number;
  readonly sessionTimeoutMsMax: number;
  /** `group.max.size`. */
  readonly sizeMax: number;
  /** `group.initial.rebalance.delay.ms`. */
  readonly initialDelayMs: number;
}

export class Membership {
  readonly rebalance: Rebalance;
  readonly #config: MembershipConfig;
  readonly #timers: Timers;
  readonly #log: GroupLog;

  constructor(config: MembershipConfig, timers: Timers, log: GroupLog) {
    this.#config = config;
    this.#timers = timers;
    this.#log = log;
    this.rebalance = new Rebalance({ timers, log, initialDelayMs: config.initialDelayMs });
  }

  /** What is wrong with the request whatever the group is; null when nothing is. */
  refuseJoin(request: JoinRequest): ErrorName | null {
    if (request.group === '') return 'INVALID_GROUP_ID';
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.#config;
    const isSessionValid =
      request.sessionTimeoutMs >= sessionTimeoutMsMin && request.sessionTimeoutMs <= sessionTimeoutMsMax;
    return isSessionValid ? null : 'INVALID_SESSION_TIMEOUT';
  }

  join(group: Group, request: JoinRequest, done: (result: JoinResult) => void): void {
    const refusal = this.#refuseInGroup(group, request);
    if (refusal !== null) done(refusedJoin(refusal, request.memberId));
    else if (request.memberId === '') this.#joinNew(group, request, done);
    else if (group.pending.has(request.memberId)) this.#joinPending(group, request, done);
    else this.#joinKnown(group, request, done);
  }

  sync(group: Group, request: SyncRequest, done: (result: SyncResult) => void): void {
    const refusal = refuseMember(group, request) ?? refuseProtocol(group, request);
    const member = group.members.get(request.memberId);
    if (refusal !== null || member === undefined) {
      done(refusedSync(refusal ?? 'UNKNOWN_MEMBER_ID'));
      return;
    }
    if (group.state === 'PreparingRebalance') {
      done(refusedSync('REBALANCE_IN_PROGRESS'));
    } else if (group.state === 'Stable') {
      this.rebalance.hasSynced(group, member);
      done(syncResult(group, member));
    } else {
      member.synced = done;
      group.pendingSync.delete(member.memberId);
      if (group.isLeader(member)) this.#assign(group, request);
    }
  }

  heartbeat(group: Group, request: MemberIdentity): ErrorName {
    if (group.state === 'Empty') return 'UNKNOWN_MEMBER_ID';
    const refusal = refuseMember(group, request);
    if (refusal !== null) return refusal;
    this.rebalance.awaitHeartbeat(group, group.members.get(request.memberId)!);
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
  }

  leave(group: Group, leaving: readonly LeavingMember[]): LeaveResult {
    const members = leaving.map((who) => ({ ...who, error: this.#leaveOne(group, who) }));
    return { error: 'NONE', members };
  }

  /** The group goes on in another protocol: its clocks stop, and whoever waits is asked to come again. */
  suspend(group: Group): void {
    group.cancelTimers();
    group.pending.clear();
    for (const member of group.members.values()) {
      this.rebalance.answerJoin(member, refusedJoin('REBALANCE_IN_PROGRESS', member.memberId));
      this.rebalance.answerSync(member, refusedSync('REBALANCE_IN_PROGRESS'));
    }
    // An assignment may be on its way to the log: it is nobody's any more.
    group.state = 'Dead';
  }

  /** After a restart, or when it changed its protocol: the members go on where they were, and have a session to say so. */
  resume(group: Group): void {
    if (group.state === 'Dead') group.enter('Stable', this.#timers.now());
    for (const member of group.members.values()) this.rebalance.awaitHeartbeat(group, member);
  }

  /** The broker stops: whoever waits is told to look for its coordinator again. */
  end(group: Group): void {
    group.cancelTimers();
    for (const member of group.members.values()) {
      this.rebalance.answerJoin(member, refusedJoin('NOT_COORDINATOR', member.memberId));
      this.rebalance.answerSync(member, refusedSync('NOT_COORDINATOR'));
    }
  }

  #refuseInGroup(group: Group, request: JoinRequest): ErrorName | null {
    if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE';
    if (!group.accepts(request.protocolType, request.protocols)) return 'INCONSISTENT_GROUP_PROTOCOL';
    return this.#isFull(group, request) ? 'GROUP_MAX_SIZE_REACHED' : null;
  }

  #isFull(group: Group, request: JoinRequest): boolean {
    if (group.members.size + group.pending.size < this.#config.sizeMax) return false;
    const { groupInstanceId, memberId } = request;
    if (groupInstanceId !== null && group.staticMembers.has(groupInstanceId)) return false;
    return !group.members.has(memberId) && !group.pending.has(memberId);
  }

  #joinNew(group: Group, request: JoinRequest, done: (result: JoinResult) => void): void {
    const memberId = `${request.groupInstanceId ?? request.clientId}-${randomUUID()}`;
    if (request.groupInstanceId !== null) {
      const known = group.staticMembers.get(request.groupInstanceId);
      const member = known === undefined ? undefined : group.members.get(known);
      if (member === undefined) this.#add(group, memberId, request, done);
      else rejoinStatic({ rebalance: this.rebalance, log: this.#log }, group, member, memberId, request, done);
    } else if (request.requiresKnownMemberId) {
      const giveUp = (): void => this.rebalance.removePending(group, memberId);
      group.pending.set(memberId, this.#timers.set(request.sessionTimeoutMs, giveUp));
      done(refusedJoin('MEMBER_ID_REQUIRED', memberId));
    } else {
      this.#add(group, memberId, request, done);
    }
  }

  #joinPending(group: Group, request: JoinRequest, done: (result: JoinResult) => void): void {
    group.pending.get(request.memberId)!.cancel();
    group.pending.delete(request.memberId);
    this.#add(group, request.memberId, request, done);
  }

  #add(group: Group, memberId: string, request: JoinRequest, done: (result: JoinResult) => void): void {
    const member = new Member({ ...request, memberId });
    member.isNew = true;
    member.joined = done;
    group.add(member, request.protocolType);
    if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.hasNewMember = true;
    this.rebalance.awaitNewMember(group, member);
    this.rebalance.begin(group);
  }

  #joinKnown(group: Group, request: JoinRequest, done: (result: JoinResult) => void): void {
    const refusal = refuseIdentity(group, request);
    const member = group.members.get(request.memberId);
    if (refusal !== null || member === undefined) {
      done(refusedJoin(refusal ?? 'UNKNOWN_MEMBER_ID', request.memberId));
      return;
    }
    const isUnchanged = member.speaksExactly(request.protocols);
    // Completing: it did not get our answer. Stable: a follower that only wants to know the generation.
    const isRetry = group.state === 'CompletingRebalance' || (group.state === 'Stable' && !group.isLeader(member));
    if (isUnchanged && isRetry) {
      this.rebalance.awaitHeartbeat(group, member);
      done(joinResult(group, member));
      return;
    }
    update(member, request);
    // A request that is sent again takes the place of the one that waits.
    this.rebalance.answerJoin(member, refusedJoin('REBALANCE_IN_PROGRESS', member.memberId));
    member.joined = done;
    this.rebalance.begin(group);
  }

  #assign(group: Group, request: SyncRequest): void {
    const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
    for (const member of group.members.values()) member.assignment = assignments.get(member.memberId) ?? noBytes;
    const { generationId } = group;
    this.#log.append(group.id, [groupRecord(group)], (error) => {
      // Somebody joined or left meanwhile: the next generation is on its way.
      if (group.state !== 'CompletingRebalance' || group.generationId !== generationId) return;
      if (error === null) this.rebalance.becomeStable(group);
      else this.rebalance.refuseAssignment(group, error);
    });
  }

  #leaveOne(group: Group, who: LeavingMember): ErrorName {
    if (who.groupInstanceId === null && group.pending.has(who.memberId)) {
      this.rebalance.removePending(group, who.memberId);
      return 'NONE';
    }
    if (who.groupInstanceId !== null) {
      const memberId = group.staticMembers.get(who.groupInstanceId);
      if (memberId === undefined) return 'UNKNOWN_MEMBER_ID';
      if (who.memberId !== '' && who.memberId !== memberId) return 'FENCED_INSTANCE_ID';
      this.rebalance.remove(group, group.members.get(memberId)!);
      return 'NONE';
    }
    const member = group.members.get(who.memberId);
    if (member === undefined) return 'UNKNOWN_MEMBER_ID';
    this.rebalance.remove(group, member);
    return 'NONE';
  }
}

function update(member: Member, request: JoinRequest): void {
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  member.protocols = request.protocols;
}

/** An instance id belongs to one member id at a time; whoever comes with an older one is fenced (KIP-345). */
function refuseIdentity(group: Group, who: Pick<MemberIdentity, 'memberId' | 'groupInstanceId'>): ErrorName | null {
  if (who.groupInstanceId !== null) {
    const current = group.staticMembers.get(who.groupInstanceId);
    if (current === undefined) return 'UNKNOWN_MEMBER_ID';
    if (current !== who.memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.members.has(who.memberId) ? null : 'UNKNOWN_MEMBER_ID';
}

/** Shared by sync, heartbeat and commit: is this a member, and of this generation? */
export function refuseMember(group: Group, who: MemberIdentity): ErrorName | null {
  if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE';
  const refusal = refuseIdentity(group, who);
  if (refusal !== null) return refusal;
  return who.generationId === group.generationId ? null : 'ILLEGAL_GENERATION';
}

function refuseProtocol(group: Group, request: SyncRequest): ErrorName | null {
  const { protocolType, protocolName } = request;
  const isSame =
    (protocolType === null || protocolType === group.protocolType) &&
    (protocolName === null || protocolName === group.protocolName);
  return isSame ? null : 'INCONSISTENT_GROUP_PROTOCOL';
}
