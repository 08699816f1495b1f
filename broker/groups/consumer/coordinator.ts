/**
 * The coordinator of groups that speak the consumer protocol (KIP-848). It keeps them, their clocks and their records;
 * what a request means is worked out by pure functions (heartbeat.ts). Called by the group coordinator, which also keeps
 * the offsets of these groups.
 *
 * A request works on a draft of its group; the draft takes the group's place when its changes are in the log, and then
 * the request is answered. Requests to one group follow one another.
 */
import { BrokerError } from '../../errors.ts';
import type { ErrorName } from '../../protocol/error-codes.ts';
import type { Group } from '../group.ts';
import type { GroupLog } from '../group-log.ts';
import { refusedJoin, refusedSync } from '../rebalance.ts';
import type { CoordinatorRecord } from '../records.ts';
import type { Timers } from '../timers.ts';
import {
  type GroupListing,
  inProcessHost,
  type JoinRequest,
  type JoinResult,
  type LeaveResult,
  type LeavingMember,
  type MemberIdentity,
  type SyncRequest,
  type SyncResult,
} from '../types.ts';
import { Draft } from './changes.ts';
import { classicMemberOf, joinClassic, leaveClassic, mustRejoin, syncClassic } from './classic-members.ts';
import { type ClockKind, MemberClocks } from './clocks.ts';
import { type CommitVerdict, judgeCommit, refuseFetch } from './commits.ts';
import { ConsumerGroup } from './group.ts';
import { checkRequest, heartbeat } from './heartbeat.ts';
import { type Downgrade, downgraded, upgraded } from './migration.ts';
import { type ReplayedGroupChange, recordOf, tombstonesOf } from './records.ts';
import { preferredAssignor, refresh, removeMembers, type StepContext } from './steps.ts';
import {
  type ConsumerGroupsConfig,
  type ConsumerHeartbeat,
  type ConsumerHeartbeatResult,
  type ConsumerMember,
  Epoch,
  MemberState,
  refusedHeartbeat,
  type TopicsView,
} from './types.ts';

export interface ConsumerGroupsOptions {
  /** What counts for a group at this moment. */
  readonly configOf: (group: string) => ConsumerGroupsConfig;
  readonly timers: Timers;
  readonly log: GroupLog;
  readonly topics: TopicsView;
}

/** A group and what a restart forgets of it. */
interface Entry {
  group: ConsumerGroup;
  /** A draft is on its way to the log. */
  isWriting: boolean;
  readonly waiting: (() => void)[];
  readonly clocks: MemberClocks;
  /** The version of the topics that the group has seen. */
  topicsSeen: number;
  regexesResolvedMs: number;
}

/** What may go before and after a request. */
interface HeartbeatOptions {
  /** Written before the group's own records: what ends the classic group of the same name. */
  readonly first?: readonly CoordinatorRecord[];
  /** Called instead of an answer when the group was busy and may be another by now. */
  readonly again?: () => void;
}

/** A group that only members of the classic protocol are left in is theirs again; its offsets stay where they are. */
export type DowngradeListener = (group: Group) => void;

/** Callbacks are called exactly once, possibly before the method returned. */
export class ConsumerGroups {
  readonly #configOf: (group: string) => ConsumerGroupsConfig;
  readonly #entries = new Map<string, Entry>();
  readonly #timers: Timers;
  readonly #log: GroupLog;
  readonly #topics: TopicsView;
  #onDowngraded: DowngradeListener = () => {};
  #topicsVersion = 1;
  #isStopped = false;

  constructor(options: ConsumerGroupsOptions) {
    this.#configOf = options.configOf;
    this.#timers = options.timers;
    this.#log = options.log;
    this.#topics = options.topics;
  }

  /** Called once, by the coordinator of the classic groups, which takes them over. */
  onDowngraded(listener: DowngradeListener): void {
    this.#onDowngraded = listener;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  get(id: string): ConsumerGroup | undefined {
    return this.#entries.get(id)?.group;
  }

  list(): GroupListing[] {
    return [...this.#entries.values()].map(({ group }) => ({
      group: group.id,
      protocolType: 'consumer',
      state: group.state,
      type: 'consumer',
    }));
  }

  /** Null: there is no such group of this protocol. */
  judgeCommit(id: string, who: Parameters<typeof judgeCommit>[1]): CommitVerdict | null {
    const group = this.get(id);
    return group === undefined ? null : judgeCommit(group, who, this.#topics);
  }

  /** Null: it may, or there is no such group of this protocol. */
  refuseFetch(id: string, memberId: string | null, memberEpoch: number): ErrorName | null {
    const group = this.get(id);
    return group === undefined ? null : refuseFetch(group, memberId, memberEpoch);
  }

  /** The assignor of the group's next target. */
  assignorOf(group: ConsumerGroup): string {
    return preferredAssignor(group, this.#configOf(group.id));
  }

  /** What is wrong with a request whatever the group is; null when nothing is. */
  refuseInvalid(request: ConsumerHeartbeat): ConsumerHeartbeatResult | null {
    try {
      checkRequest(request, this.#configOf(request.group));
      return null;
    } catch (error) {
      if (error instanceof BrokerError) return refused(error);
      throw error;
    }
  }

  /** The request has been checked. */
  heartbeat(
    request: ConsumerHeartbeat,
    done: (result: ConsumerHeartbeatResult) => void,
    { first = [], again = () => this.heartbeat(request, done) }: HeartbeatOptions = {},
  ): void {
    const isJoining = request.memberEpoch === Epoch.join;
    const entry = this.#entries.get(request.group) ?? (isJoining ? this.#create(request.group) : null);
    if (entry === null) {
      done(refused(new BrokerError('GROUP_ID_NOT_FOUND', `Consumer group ${request.group} not found.`)));
      return;
    }
    if (this.#isBusy(entry, again)) return;
    const { mayDescribe } = request;
    const work = (draft: Draft, context: StepContext) => heartbeat(draft, request, { ...context, mayDescribe });
    this.#run(entry, work, first, (outcome) => {
      if (outcome instanceof BrokerError) {
        done(refused(outcome));
        return;
      }
      if (request.memberEpoch >= 0) this.#awaitHeartbeat(entry, outcome.memberId!);
      done(outcome);
    });
  }

  /**
   * A classic group goes on as one of this protocol, in memory at once and in the log with what `records` begins: the
   * heartbeat that is sent next, with these records first. Should that fail, `forget` undoes it. Throws
   * GROUP_ID_NOT_FOUND when the group cannot change.
   */
  upgrade(classic: Group): { readonly records: readonly CoordinatorRecord[]; forget(): void } {
    const { group, records } = upgraded(classic, this.#topics, this.#configOf(classic.id));
    const entry = this.#create(classic.id);
    entry.group = group;
    for (const { memberId } of group.members.values()) this.#awaitHeartbeat(entry, memberId);
    return { records, forget: () => this.#drop(entry) };
  }

  /** JoinGroup, to a group that is not empty. `again` is called instead of an answer when the group may be another by now. */
  joinClassic(request: JoinRequest, done: (result: JoinResult) => void, again: () => void): void {
    const entry = this.#entries.get(request.group);
    if (entry === undefined) {
      again();
      return;
    }
    if (this.#isBusy(entry, again)) return;
    const work = (draft: Draft, context: StepContext): JoinResult => joinClassic(draft, request, context);
    this.#run(entry, work, [], (outcome) => {
      if (outcome instanceof BrokerError) {
        done(refusedJoin(outcome.code, request.memberId));
        return;
      }
      const { memberId, error } = outcome;
      if (error === 'NONE' && this.#entries.get(request.group) === entry) {
        entry.clocks.end('join', memberId);
        this.#awaitHeartbeat(entry, memberId);
        this.#await(entry, 'sync', memberId, request.rebalanceTimeoutMs);
      }
      done(outcome);
    });
  }

  /** SyncGroup: nothing is written, so nobody waits. */
  syncClassic(request: SyncRequest): SyncResult {
    const entry = this.#entries.get(request.group);
    const member = entry === undefined ? 'UNKNOWN_MEMBER_ID' : classicMemberOf(entry.group, request);
    if (entry === undefined || typeof member === 'string') return refusedSync(member as ErrorName);
    const result = syncClassic(entry.group, member, request, this.#topics);
    if (result.error === 'REBALANCE_IN_PROGRESS') this.#awaitJoin(entry, member);
    if (result.error !== 'NONE') return result;
    entry.clocks.end('sync', member.memberId);
    this.#awaitHeartbeat(entry, member.memberId);
    return result;
  }

  /** Heartbeat: it lives, and hears whether it should join again. */
  heartbeatClassic(who: MemberIdentity): ErrorName {
    const entry = this.#entries.get(who.group);
    const member = entry === undefined ? 'UNKNOWN_MEMBER_ID' : classicMemberOf(entry.group, who);
    if (entry === undefined || typeof member === 'string') return member as ErrorName;
    this.#awaitHeartbeat(entry, member.memberId);
    if (!entry.isWriting) this.#run(entry, refresh, [], () => {});
    // What is on its way to the log is heard of at the next heartbeat.
    if (this.#entries.get(who.group) === entry && !mustRejoin(entry.group, member)) return 'NONE';
    this.#awaitJoin(entry, member);
    return 'REBALANCE_IN_PROGRESS';
  }

  /** LeaveGroup. */
  leaveClassic(
    id: string,
    leaving: readonly LeavingMember[],
    done: (result: LeaveResult) => void,
    again: () => void,
  ): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      again();
      return;
    }
    if (this.#isBusy(entry, again)) return;
    const work = (draft: Draft, context: StepContext): LeaveResult => leaveClassic(draft, leaving, context);
    this.#run(entry, work, [], (outcome) =>
      done(outcome instanceof BrokerError ? { error: outcome.code, members: [] } : outcome),
    );
  }

  /** Forgets an empty group; `records` are written with it. */
  delete(id: string, records: readonly CoordinatorRecord[], done: (error: ErrorName) => void): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      done('GROUP_ID_NOT_FOUND');
      return;
    }
    if (this.#isBusy(entry, () => this.delete(id, records, done))) return;
    if (entry.group.members.size > 0) {
      done('NON_EMPTY_GROUP');
      return;
    }
    this.#write(entry, [...records, ...tombstonesOf(id)], (error) => {
      if (error === null) this.#drop(entry);
      done(error ?? 'NONE');
    });
  }

  /** A topic was created, grew or is gone: groups look again at the next heartbeat. */
  topicsChanged(): void {
    this.#topicsVersion++;
  }

  /** Called for each record at the start, oldest first. */
  replay({ group, change }: ReplayedGroupChange): void {
    if (change === null) {
      this.#entries.delete(group);
      return;
    }
    const isForgetting = 'value' in change && change.value === null;
    const entry = this.#entries.get(group) ?? (isForgetting ? null : this.#create(group));
    entry?.group.apply(change);
  }

  /** All has been replayed: members go on where they were and have a session to say so. */
  replayed(): void {
    for (const [id, entry] of [...this.#entries]) {
      if (entry.group.epoch === 0) {
        this.#entries.delete(id);
        continue;
      }
      for (const member of entry.group.members.values()) this.#resume(entry, member);
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { clocks } of this.#entries.values()) clocks.stop();
  }

  #resume(entry: Entry, member: ConsumerMember): void {
    const { memberId, classic, clientHost, state } = member;
    // Members in the broker's own process ended with it.
    if (classic !== null && clientHost === inProcessHost) this.#await(entry, 'session', memberId, 0);
    else this.#awaitHeartbeat(entry, memberId);
    if (classic === null && state === MemberState.unrevokedPartitions) this.#awaitRevocation(entry, member);
  }

  /** Requests to one group follow one another. */
  #isBusy(entry: Entry, again: () => void): boolean {
    if (entry.isWriting) entry.waiting.push(again);
    return entry.isWriting;
  }

  #drop(entry: Entry): void {
    entry.clocks.stop();
    if (this.#entries.get(entry.group.id) === entry) this.#entries.delete(entry.group.id);
  }

  #create(id: string): Entry {
    const entry: Entry = {
      group: new ConsumerGroup(id),
      isWriting: false,
      waiting: [],
      clocks: new MemberClocks(this.#timers),
      topicsSeen: 0,
      regexesResolvedMs: 0,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  /** Works on a draft, writes its changes, makes it the group. What the work throws as BrokerError is its outcome. */
  #run<Result>(
    entry: Entry,
    work: (draft: Draft, context: StepContext) => Result,
    first: readonly CoordinatorRecord[],
    done: (outcome: Result | BrokerError) => void,
  ): void {
    if (this.#isStopped) {
      done(new BrokerError('NOT_COORDINATOR', 'The broker stops.'));
      return;
    }
    const context = this.#contextFor(entry);
    const seen = this.#topicsVersion;
    const draft = new Draft(entry.group);
    let result: Result;
    try {
      result = work(draft, context);
    } catch (error) {
      this.#dropIfBlank(entry);
      if (!(error instanceof BrokerError)) throw error;
      done(error);
      return;
    }
    const before = entry.group;
    const classic = draft.changes.length === 0 ? null : this.#downgraded(before, draft);
    const records = classic?.records ?? draft.changes.map((change) => recordOf(before.id, change));
    this.#write(entry, records.length === 0 ? [] : [...first, ...records], (error) => {
      if (error !== null) {
        this.#dropIfBlank(entry);
        done(new BrokerError(error, `The change of group ${before.id} could not be written.`));
        return;
      }
      if (classic !== null) {
        this.#drop(entry);
        this.#onDowngraded(classic.group);
        done(result);
        return;
      }
      entry.group = draft.group;
      if (draft.hasSeenTopics) {
        entry.topicsSeen = seen;
        if (context.isRegexDue) entry.regexesResolvedMs = context.now;
      }
      this.#follow(entry, before);
      done(result);
    });
  }

  #downgraded(before: ConsumerGroup, { group }: Draft): Downgrade | null {
    return downgraded(before, group, this.#topics, this.#configOf(group.id), this.#timers.now());
  }

  /** Others wait meanwhile. Nothing to write is done at once. */
  #write(entry: Entry, records: readonly CoordinatorRecord[], done: (error: ErrorName | null) => void): void {
    if (records.length === 0) {
      done(null);
      return;
    }
    entry.isWriting = true;
    this.#log.append(entry.group.id, records, (error) => {
      entry.isWriting = false;
      done(error);
      while (!entry.isWriting && entry.waiting.length > 0) entry.waiting.shift()!();
    });
  }

  #contextFor(entry: Entry): StepContext {
    const now = this.#timers.now();
    const config = this.#configOf(entry.group.id);
    const isMetadataDue = entry.topicsSeen !== this.#topicsVersion;
    const isRegexDue = isMetadataDue || now - entry.regexesResolvedMs >= config.regexRefreshIntervalMs;
    return { config, topics: this.#topics, now, isMetadataDue, isRegexDue };
  }

  /** Starts and stops the clocks of members that have moved. */
  #follow(entry: Entry, before: ConsumerGroup): void {
    const { group } = entry;
    if (group === before) return;
    for (const memberId of before.members.keys()) if (!group.members.has(memberId)) entry.clocks.forget(memberId);
    for (const [memberId, member] of group.members) {
      const { state, assigned, pendingRevocation, memberEpoch, classic } = member;
      const past = before.members.get(memberId);
      const isSame =
        past !== undefined &&
        past.state === state &&
        past.memberEpoch === memberEpoch &&
        past.assigned === assigned &&
        past.pendingRevocation === pendingRevocation;
      if (isSame) continue;
      // A member of the classic protocol has its time to join and to sync.
      const mustRevoke = state === MemberState.unrevokedPartitions && memberEpoch >= 0 && classic === null;
      if (mustRevoke) this.#awaitRevocation(entry, member);
      else entry.clocks.end('revocation', memberId);
      if (classic !== null) continue;
      entry.clocks.end('join', memberId);
      entry.clocks.end('sync', memberId);
    }
  }

  #awaitHeartbeat(entry: Entry, memberId: string): void {
    const own = entry.group.members.get(memberId)?.classic?.sessionTimeoutMs;
    this.#await(entry, 'session', memberId, own ?? this.#configOf(entry.group.id).sessionTimeoutMs);
  }

  #awaitRevocation(entry: Entry, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
    this.#await(entry, 'revocation', memberId, rebalanceTimeoutMs);
  }

  /** Heartbeats do not prolong it. */
  #awaitJoin(entry: Entry, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
    const isIn = entry.group.members.has(memberId) && this.#entries.get(entry.group.id) === entry;
    if (isIn && !entry.clocks.has('join', memberId)) this.#await(entry, 'join', memberId, rebalanceTimeoutMs);
  }

  #await(entry: Entry, kind: ClockKind, memberId: string, delayMs: number): void {
    entry.clocks.start(kind, memberId, delayMs, (isStillDue) => this.#fence(entry, memberId, isStillDue));
  }

  /** The member was silent, or kept others waiting, for too long, unless it made up for it while the group was busy. */
  #fence(entry: Entry, memberId: string, isStillDue: () => boolean): void {
    if (this.#isBusy(entry, () => this.#fence(entry, memberId, isStillDue))) return;
    if (this.#entries.get(entry.group.id) !== entry || !isStillDue()) return;
    const work = (draft: Draft, context: StepContext): void => {
      const member = draft.group.members.get(memberId);
      if (member !== undefined) removeMembers(draft, [member], context);
    };
    this.#run(entry, work, [], (outcome) => {
      // Could not be written: it is tried again, because nobody else would.
      if (outcome instanceof BrokerError && !this.#isStopped) this.#awaitHeartbeat(entry, memberId);
    });
  }

  #dropIfBlank(entry: Entry): void {
    const { group } = entry;
    const isBlank = group.epoch === 0 && group.members.size === 0 && entry.waiting.length === 0;
    if (isBlank) this.#drop(entry);
  }
}

function refused(error: BrokerError): ConsumerHeartbeatResult {
  return refusedHeartbeat(error.code, error.message);
}
