/**
 * How a group moves from one generation to the next: who is waited for, for how long, who is dropped, who leads.
 * Kafka's rules (GroupMetadataManager); membership.ts calls it when a member joins, leaves or is lost.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { Group, Member } from './group.ts';
import type { GroupLog } from './group-log.ts';
import { groupRecord } from './records.ts';
import type { Timers } from './timers.ts';
import type { JoinResult, SyncResult } from './types.ts';

const noBytes = Buffer.alloc(0);
/** A new member has not been told its id, so it cannot send heartbeats: this long it may wait for the group. */
const newMemberTimeoutMs = 5 * 60 * 1000;

export interface RebalanceSurroundings {
  readonly timers: Timers;
  readonly log: GroupLog;
  /** `group.initial.rebalance.delay.ms`. */
  readonly initialDelayMs: number;
}

export class Rebalance {
  readonly #timers: Timers;
  readonly #log: GroupLog;
  readonly #initialDelayMs: number;

  constructor(around: RebalanceSurroundings) {
    this.#timers = around.timers;
    this.#log = around.log;
    this.#initialDelayMs = around.initialDelayMs;
  }

  /** Something changed: begins a rebalance where none is under way, or looks whether it is complete now. */
  begin(group: Group): void {
    switch (group.state) {
      case 'PreparingRebalance':
        this.completeIfAllJoined(group);
        break;
      case 'Dead':
        break;
      default:
        this.#prepare(group);
    }
  }

  /** The initial delay of a new group is always waited for. */
  completeIfAllJoined(group: Group): void {
    if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty' || !group.hasAllJoined) return;
    this.#completeJoin(group);
  }

  /** The member's next sign of life is due within its session timeout. */
  awaitHeartbeat(group: Group, member: Member): void {
    this.#awaitSignOfLife(group, member, member.sessionTimeoutMs);
  }

  awaitNewMember(group: Group, member: Member): void {
    this.#awaitSignOfLife(group, member, newMemberTimeoutMs);
  }

  /** Takes a member out; the others rebalance. */
  remove(group: Group, member: Member): void {
    // A member that waits for its first answer is told that it is not one.
    this.answerJoin(member, refusedJoin('UNKNOWN_MEMBER_ID', member.memberId));
    this.answerSync(member, refusedSync('UNKNOWN_MEMBER_ID'));
    group.remove(member);
    this.#afterRemoval(group);
  }

  removePending(group: Group, memberId: string): void {
    group.pending.get(memberId)?.cancel();
    group.pending.delete(memberId);
    this.completeIfAllJoined(group);
  }

  answerJoin(member: Member, result: JoinResult): void {
    const joined = member.joined;
    member.joined = null;
    joined?.(result);
  }

  answerSync(member: Member, result: SyncResult): void {
    const synced = member.synced;
    member.synced = null;
    synced?.(result);
  }

  /** The leader's assignment is durable: everybody who waits gets its part. */
  becomeStable(group: Group): void {
    group.enter('Stable', this.#timers.now());
    for (const member of group.members.values()) {
      if (member.synced !== null) this.hasSynced(group, member);
      this.answerSync(member, syncResult(group, member));
    }
  }

  /** The leader's assignment could not be kept: everybody syncs anew after a rebalance. */
  refuseAssignment(group: Group, error: ErrorName): void {
    this.#dropAssignments(group, error);
    this.begin(group);
  }

  /** One less to wait for; a member is alive when it syncs. */
  hasSynced(group: Group, member: Member): void {
    group.pendingSync.delete(member.memberId);
    this.awaitHeartbeat(group, member);
    if (group.pendingSync.size > 0) return;
    group.syncTimer?.cancel();
    group.syncTimer = null;
  }

  #afterRemoval(group: Group): void {
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.begin(group);
    else this.completeIfAllJoined(group);
  }

  #awaitSignOfLife(group: Group, member: Member, timeoutMs: number): void {
    member.heartbeat?.cancel();
    member.heartbeat = this.#timers.set(timeoutMs, () => {
      if (group.members.get(member.memberId) === member && !member.isExcusedFromHeartbeat) this.remove(group, member);
    });
  }

  #prepare(group: Group): void {
    if (group.state === 'CompletingRebalance') this.#dropAssignments(group, 'REBALANCE_IN_PROGRESS');
    group.syncTimer?.cancel();
    group.syncTimer = null;
    group.pendingSync.clear();
    group.joinTimer?.cancel();
    const isInitial = group.state === 'Empty';
    group.enter('PreparingRebalance', this.#timers.now());
    if (isInitial) {
      const rest = Math.max(group.rebalanceTimeoutMs - this.#initialDelayMs, 0);
      this.#awaitMoreMembers(group, this.#initialDelayMs, rest);
    } else if (group.hasAllJoined) {
      this.#completeJoin(group);
    } else {
      this.#awaitRejoins(group);
    }
  }

  /** A new group waits a little for its other members, again after each that came, but no longer than they may wait. */
  #awaitMoreMembers(group: Group, delayMs: number, restMs: number): void {
    group.hasNewMember = false;
    group.joinTimer = this.#timers.set(delayMs, () => {
      if (!group.hasNewMember || restMs === 0) {
        this.#completeJoin(group);
        return;
      }
      const next = Math.min(this.#initialDelayMs, restMs);
      this.#awaitMoreMembers(group, next, Math.max(restMs - next, 0));
    });
  }

  #awaitRejoins(group: Group): void {
    group.joinTimer = this.#timers.set(group.rebalanceTimeoutMs, () => this.#completeJoin(group));
  }

  #completeJoin(group: Group): void {
    group.joinTimer?.cancel();
    group.joinTimer = null;
    if (group.state !== 'PreparingRebalance') return;
    for (const member of [...group.members.values()]) {
      // Static members are expected back; their session timeout decides.
      if (member.joined === null && member.groupInstanceId === null) group.remove(member);
    }
    if (group.members.size === 0) {
      this.#becomeEmpty(group);
      return;
    }
    if (!electLeader(group)) {
      // Nobody is here yet. The session timeouts of those who are missing end this.
      this.#awaitRejoins(group);
      return;
    }
    this.#beginGeneration(group);
  }

  #becomeEmpty(group: Group): void {
    group.generationId++;
    group.protocolName = null;
    group.leader = null;
    group.subscribedTopics = new Set();
    group.enter('Empty', this.#timers.now());
    // Nobody waits for this record. If it is lost, a restart finds the members again and their sessions time out.
    this.#log.append(group.id, [groupRecord(group)], () => {});
  }

  #beginGeneration(group: Group): void {
    group.generationId++;
    group.protocolName = group.selectProtocol();
    group.findSubscribedTopics();
    group.enter('CompletingRebalance', this.#timers.now());
    const { generationId } = group;
    group.syncTimer = this.#timers.set(group.rebalanceTimeoutMs, () => this.#dropUnsynced(group, generationId));
    for (const member of [...group.members.values()]) {
      group.pendingSync.add(member.memberId);
      if (member.joined === null) continue;
      member.isNew = false;
      this.awaitHeartbeat(group, member);
      this.answerJoin(member, joinResult(group, member));
    }
  }

  /** Members that took part in the join but never synced hold up the others no longer. */
  #dropUnsynced(group: Group, generationId: number): void {
    group.syncTimer = null;
    const isOver = group.generationId !== generationId || group.pendingSync.size === 0;
    if (isOver || (group.state !== 'CompletingRebalance' && group.state !== 'Stable')) return;
    for (const memberId of [...group.pendingSync]) {
      const member = group.members.get(memberId);
      if (member !== undefined) group.remove(member);
    }
    this.begin(group);
  }

  #dropAssignments(group: Group, error: ErrorName): void {
    for (const member of group.members.values()) {
      member.assignment = noBytes;
      if (member.synced !== null) this.awaitHeartbeat(group, member);
      this.answerSync(member, refusedSync(error));
    }
  }
}

/** Keeps the leader when it is among those who joined, else takes the first who did. False when nobody did. */
function electLeader(group: Group): boolean {
  const leader = group.leader === null ? undefined : group.members.get(group.leader);
  if (leader !== undefined && leader.joined !== null) return true;
  for (const member of group.members.values()) {
    if (member.joined === null) continue;
    group.leader = member.memberId;
    return true;
  }
  return false;
}

/** This generation, as this member is told of it. */
export function joinResult(group: Group, member: Member): JoinResult {
  return {
    error: 'NONE',
    memberId: member.memberId,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leader ?? '',
    skipAssignment: false,
    members: group.isLeader(member) ? group.joinedMembers() : [],
  };
}

export function syncResult(group: Group, member: Member): SyncResult {
  const { protocolType, protocolName } = group;
  return { error: 'NONE', protocolType, protocolName, assignment: member.assignment };
}

export function refusedJoin(error: ErrorName, memberId: string): JoinResult {
  return {
    error,
    memberId,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    members: [],
  };
}

export function refusedSync(error: ErrorName): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: noBytes };
}
