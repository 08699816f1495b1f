/**
 * The coordinator of share groups (KIP-932): it keeps them, their clocks and their records; what a request means is
 * worked out by pure functions (heartbeat.ts). Called by the group coordinator. What it is not: it delivers nothing; which
 * record a member gets is decided in broker/share.
 *
 * A request works on a draft of its group; the draft takes the group's place when its changes are in the log, and then
 * the request is answered. Requests to one group follow one another.
 */
import { BrokerError } from '../../errors.ts';
import type { ErrorName } from '../../protocol/error-codes.ts';
import { Epoch, type TopicsView } from '../consumer/types.ts';
import type { GroupLog } from '../group-log.ts';
import type { CoordinatorRecord } from '../records.ts';
import type { Timer, Timers } from '../timers.ts';
import type { GroupListing } from '../types.ts';
import { ShareDraft, ShareGroup } from './group.ts';
import { checkShareRequest, removeShareMember, type ShareContext, shareHeartbeat } from './heartbeat.ts';
import { type ReplayedShareGroupChange, shareRecordOf, shareTombstonesOf } from './records.ts';
import {
  type InitializedTopic,
  refusedShareHeartbeat,
  type ShareHeartbeat,
  type ShareHeartbeatResult,
  type ShareMembershipSettings,
} from './types.ts';

export interface ShareGroupsOptions {
  readonly timers: Timers;
  readonly log: GroupLog;
  readonly topics: TopicsView;
  /** `group.share.max.size`. */
  readonly sizeMax: number;
  settingsOf(group: string): ShareMembershipSettings;
  /** A group of another kind has this name. */
  isTaken(group: string): boolean;
  /** Forgets what was delivered to the group; it is about to be deleted. */
  forgetDelivery(group: string, done: (error: ErrorName | null) => void): void;
}

/** A group and what a restart forgets of it. */
interface Entry {
  group: ShareGroup;
  /** A draft is on its way to the log. */
  isWriting: boolean;
  readonly waiting: (() => void)[];
  readonly sessions: Map<string, Timer>;
  /** The version of the topics that the group has seen. */
  topicsSeen: number;
}

/** Callbacks are called exactly once, possibly before the method returned. */
export class ShareGroups {
  readonly #entries = new Map<string, Entry>();
  readonly #options: ShareGroupsOptions;
  #topicsVersion = 1;
  #isStopped = false;

  constructor(options: ShareGroupsOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  get(id: string): ShareGroup | undefined {
    return this.#entries.get(id)?.group;
  }

  list(): GroupListing[] {
    return [...this.#entries.values()].map(({ group }) => ({
      group: group.id,
      protocolType: 'share',
      state: group.state,
      type: 'share',
    }));
  }

  heartbeat(request: ShareHeartbeat, done: (result: ShareHeartbeatResult) => void): void {
    const work = (draft: ShareDraft, context: ShareContext) => shareHeartbeat(draft, request, context);
    const finish = (outcome: ShareHeartbeatResult | BrokerError): void => {
      if (outcome instanceof BrokerError) {
        done(refusedShareHeartbeat(outcome.code, outcome.message));
        return;
      }
      const entry = this.#entries.get(request.group);
      if (request.memberEpoch >= 0 && entry !== undefined) this.#awaitHeartbeat(entry, request.memberId);
      done(outcome);
    };
    try {
      checkShareRequest(request);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      finish(error);
      return;
    }
    this.#change(request.group, request.memberEpoch === Epoch.join, work, finish);
  }

  /** The group keeps a place in these now (AlterShareGroupOffsets), and is made if need be; it must be empty. */
  addInitialized(
    id: string,
    topics: ReadonlyMap<string, InitializedTopic>,
    done: (error: BrokerError | null) => void,
  ): void {
    const work = (draft: ShareDraft): null => {
      refuseMembers(draft.group);
      const merged = new Map(draft.group.initialized);
      for (const [topicId, { name, partitions }] of topics) {
        merged.set(topicId, { name, partitions: new Set([...(merged.get(topicId)?.partitions ?? []), ...partitions]) });
      }
      if (draft.group.epoch === 0) draft.write({ type: 'epoch', epoch: 1, metadataHash: 0 });
      draft.write({ type: 'initialized', topics: merged });
      return null;
    };
    this.#change(id, true, work, done);
  }

  /** The group has no place in these topics any more (DeleteShareGroupOffsets). Only an empty group may be changed so. */
  removeInitialized(id: string, topicIds: ReadonlySet<string>, done: (error: BrokerError | null) => void): void {
    const work = (draft: ShareDraft): null => {
      refuseMembers(draft.group);
      const kept = [...draft.group.initialized].filter(([topicId]) => !topicIds.has(topicId));
      if (kept.length < draft.group.initialized.size) draft.write({ type: 'initialized', topics: new Map(kept) });
      return null;
    };
    this.#change(id, false, work, done);
  }

  /** Forgets an empty group. */
  delete(id: string, done: (error: ErrorName) => void): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      done('GROUP_ID_NOT_FOUND');
      return;
    }
    if (entry.isWriting) {
      entry.waiting.push(() => this.delete(id, done));
      return;
    }
    if (entry.group.members.size > 0) {
      done('NON_EMPTY_GROUP');
      return;
    }
    entry.isWriting = true;
    this.#options.forgetDelivery(id, (refusal) => {
      entry.isWriting = false;
      this.#write(entry, refusal === null ? shareTombstonesOf(id) : [], (error) => {
        if (refusal === null && error === null) this.#entries.delete(id);
        done(refusal ?? error ?? 'NONE');
      });
      this.#goOn(entry);
    });
  }

  /** A topic was created, grew or is gone: groups look again at the next heartbeat. */
  topicsChanged(): void {
    this.#topicsVersion++;
  }

  /** Called for each record at the start, oldest first. */
  replay({ group, change }: ReplayedShareGroupChange): void {
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
      if (entry.group.epoch === 0) this.#entries.delete(id);
      else for (const memberId of entry.group.members.keys()) this.#awaitHeartbeat(entry, memberId);
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { sessions } of this.#entries.values()) for (const timer of sessions.values()) timer.cancel();
  }

  #create(id: string): Entry {
    const entry: Entry = {
      group: new ShareGroup(id),
      isWriting: false,
      waiting: [],
      sessions: new Map(),
      topicsSeen: 0,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  /** Works on a draft, writes its changes, makes it the group. What the work throws as BrokerError is its outcome. */
  #change<Result>(
    id: string,
    mayCreate: boolean,
    work: (draft: ShareDraft, context: ShareContext) => Result,
    done: (outcome: Result | BrokerError) => void,
  ): void {
    if (this.#isStopped) {
      done(new BrokerError('NOT_COORDINATOR', 'The broker stops.'));
      return;
    }
    const isTaken = this.#options.isTaken(id);
    const entry = this.#entries.get(id) ?? (mayCreate && !isTaken ? this.#create(id) : null);
    if (entry === null) {
      // A group of another kind stays one until it is deleted.
      const why = isTaken ? `Group ${id} is not a share group.` : `Share group ${id} not found.`;
      done(new BrokerError('GROUP_ID_NOT_FOUND', why));
      return;
    }
    if (entry.isWriting) {
      entry.waiting.push(() => this.#change(id, mayCreate, work, done));
      return;
    }
    const seen = this.#topicsVersion;
    const draft = new ShareDraft(entry.group);
    let result: Result;
    try {
      result = work(draft, this.#contextFor(entry));
    } catch (error) {
      this.#dropIfBlank(entry);
      if (!(error instanceof BrokerError)) throw error;
      done(error);
      return;
    }
    const records = draft.changes.map((change) => shareRecordOf(id, change));
    this.#write(entry, records, (error) => {
      if (error !== null) {
        this.#dropIfBlank(entry);
        done(new BrokerError(error, `The change of group ${id} could not be written.`));
        return;
      }
      const before = entry.group;
      entry.group = draft.group;
      entry.topicsSeen = seen;
      this.#farewell(entry, before);
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
    this.#options.log.append(entry.group.id, records, (error) => {
      entry.isWriting = false;
      done(error);
      this.#goOn(entry);
    });
  }

  #goOn(entry: Entry): void {
    while (!entry.isWriting && entry.waiting.length > 0) entry.waiting.shift()!();
  }

  #contextFor(entry: Entry): ShareContext {
    const { topics, timers, sizeMax, settingsOf } = this.#options;
    const { heartbeatIntervalMs } = settingsOf(entry.group.id);
    const isMetadataDue = entry.topicsSeen !== this.#topicsVersion;
    return { topics, now: timers.now(), isMetadataDue, sizeMax, heartbeatIntervalMs };
  }

  /** Stops the clocks of members that are gone. What they hold is theirs until their share session ends, as in Kafka. */
  #farewell(entry: Entry, before: ShareGroup): void {
    if (entry.group === before) return;
    for (const memberId of before.members.keys()) {
      if (entry.group.members.has(memberId)) continue;
      entry.sessions.get(memberId)?.cancel();
      entry.sessions.delete(memberId);
    }
  }

  #awaitHeartbeat(entry: Entry, memberId: string): void {
    entry.sessions.get(memberId)?.cancel();
    const { sessionTimeoutMs } = this.#options.settingsOf(entry.group.id);
    const timer = this.#options.timers.set(sessionTimeoutMs, () => {
      const isStillDue = (): boolean => entry.sessions.get(memberId) === timer;
      this.#fence(entry, memberId, isStillDue);
    });
    entry.sessions.set(memberId, timer);
  }

  /** The member was silent for too long, unless it made up for it while the group was busy. */
  #fence(entry: Entry, memberId: string, isStillDue: () => boolean): void {
    if (entry.isWriting) {
      entry.waiting.push(() => this.#fence(entry, memberId, isStillDue));
      return;
    }
    const { id } = entry.group;
    if (this.#entries.get(id) !== entry || !isStillDue()) return;
    const work = (draft: ShareDraft, context: ShareContext): null => {
      if (draft.group.members.has(memberId)) removeShareMember(draft, memberId, context);
      return null;
    };
    this.#change(id, false, work, (outcome) => {
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

function refuseMembers(group: ShareGroup): void {
  if (group.members.size === 0) return;
  throw new BrokerError('NON_EMPTY_GROUP', `Group ${group.id} has members. Stop them first.`);
}
