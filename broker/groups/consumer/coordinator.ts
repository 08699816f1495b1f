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
import type { GroupLog } from '../group-log.ts';
import type { CoordinatorRecord } from '../records.ts';
import type { Timer, Timers } from '../timers.ts';
import type { GroupListing } from '../types.ts';
import { Draft } from './changes.ts';
import { type CommitVerdict, judgeCommit, refuseFetch } from './commits.ts';
import { ConsumerGroup } from './group.ts';
import { checkRequest, heartbeat } from './heartbeat.ts';
import { type ReplayedGroupChange, recordOf, tombstonesOf } from './records.ts';
import { preferredAssignor, removeMembers, type StepContext } from './steps.ts';
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
  readonly config: ConsumerGroupsConfig;
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
  readonly sessions: Map<string, Timer>;
  /** Members that must give partitions up in time. */
  readonly revocations: Map<string, Timer>;
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

/** Callbacks are called exactly once, possibly before the method returned. */
export class ConsumerGroups {
  readonly config: ConsumerGroupsConfig;
  readonly #entries = new Map<string, Entry>();
  readonly #timers: Timers;
  readonly #log: GroupLog;
  readonly #topics: TopicsView;
  #topicsVersion = 1;
  #isStopped = false;

  constructor(options: ConsumerGroupsOptions) {
    this.config = options.config;
    this.#timers = options.timers;
    this.#log = options.log;
    this.#topics = options.topics;
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
    return preferredAssignor(group, this.config);
  }

  /** What is wrong with a request whatever the group is; null when nothing is. */
  refuseInvalid(request: ConsumerHeartbeat): ConsumerHeartbeatResult | null {
    try {
      checkRequest(request, this.config);
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
    if (entry.isWriting) {
      entry.waiting.push(again);
      return;
    }
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

  /** Forgets an empty group; `records` are written with it. */
  delete(id: string, records: readonly CoordinatorRecord[], done: (error: ErrorName) => void): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      done('GROUP_ID_NOT_FOUND');
      return;
    }
    if (entry.isWriting) {
      entry.waiting.push(() => this.delete(id, records, done));
      return;
    }
    if (entry.group.members.size > 0) {
      done('NON_EMPTY_GROUP');
      return;
    }
    this.#write(entry, [...records, ...tombstonesOf(id)], (error) => {
      if (error === null) this.#entries.delete(id);
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
      for (const member of entry.group.members.values()) {
        this.#awaitHeartbeat(entry, member.memberId);
        if (member.state === MemberState.unrevokedPartitions) this.#awaitRevocation(entry, member);
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { sessions, revocations } of this.#entries.values()) {
      for (const timer of [...sessions.values(), ...revocations.values()]) timer.cancel();
    }
  }

  #create(id: string): Entry {
    const entry: Entry = {
      group: new ConsumerGroup(id),
      isWriting: false,
      waiting: [],
      sessions: new Map(),
      revocations: new Map(),
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
    const records = draft.changes.map((change) => recordOf(before.id, change));
    this.#write(entry, records.length === 0 ? [] : [...first, ...records], (error) => {
      if (error !== null) {
        this.#dropIfBlank(entry);
        done(new BrokerError(error, `The change of group ${before.id} could not be written.`));
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
    const { config } = this;
    const isMetadataDue = entry.topicsSeen !== this.#topicsVersion;
    const isRegexDue = isMetadataDue || now - entry.regexesResolvedMs >= config.regexRefreshIntervalMs;
    return { config, topics: this.#topics, now, isMetadataDue, isRegexDue };
  }

  /** Starts and stops the clocks of members that have moved. */
  #follow(entry: Entry, before: ConsumerGroup): void {
    const { group } = entry;
    if (group === before) return;
    for (const memberId of before.members.keys()) {
      if (group.members.has(memberId)) continue;
      entry.sessions.get(memberId)?.cancel();
      entry.sessions.delete(memberId);
      this.#endRevocation(entry, memberId);
    }
    for (const [memberId, member] of group.members) {
      const { state, assigned, pendingRevocation, memberEpoch } = member;
      const past = before.members.get(memberId);
      const isSame =
        past !== undefined &&
        past.state === state &&
        past.memberEpoch === memberEpoch &&
        past.assigned === assigned &&
        past.pendingRevocation === pendingRevocation;
      if (isSame) continue;
      if (state === MemberState.unrevokedPartitions && memberEpoch >= 0) this.#awaitRevocation(entry, member);
      else this.#endRevocation(entry, memberId);
    }
  }

  #awaitHeartbeat(entry: Entry, memberId: string): void {
    entry.sessions.get(memberId)?.cancel();
    const timer = this.#timers.set(this.config.sessionTimeoutMs, () =>
      this.#fence(entry, memberId, () => entry.sessions.get(memberId) === timer),
    );
    entry.sessions.set(memberId, timer);
  }

  #awaitRevocation(entry: Entry, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
    this.#endRevocation(entry, memberId);
    const timer = this.#timers.set(rebalanceTimeoutMs, () =>
      this.#fence(entry, memberId, () => entry.revocations.get(memberId) === timer),
    );
    entry.revocations.set(memberId, timer);
  }

  #endRevocation(entry: Entry, memberId: string): void {
    entry.revocations.get(memberId)?.cancel();
    entry.revocations.delete(memberId);
  }

  /** The member was silent, or kept others waiting, for too long, unless it made up for it while the group was busy. */
  #fence(entry: Entry, memberId: string, isStillDue: () => boolean): void {
    if (entry.isWriting) {
      entry.waiting.push(() => this.#fence(entry, memberId, isStillDue));
      return;
    }
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
    if (isBlank && this.#entries.get(group.id) === entry) this.#entries.delete(group.id);
  }
}

function refused(error: BrokerError): ConsumerHeartbeatResult {
  return refusedHeartbeat(error.code, error.message);
}
