/**
 * The group coordinator: consumer groups of the classic protocol, and the committed offsets of all groups. One for the
 * whole broker, called by the API handlers and, without a socket, by the in-process keeper.
 *
 * Everything is in memory and written to `__consumer_offsets` before it is answered; a restart replays that, and
 * members go on in the generation they were in. What it is not: it never looks at an assignment. Groups of the new
 * protocol (KIP-848) are kept by consumer/, with those of their members that speak the classic one; a name is a group of
 * one kind at a time, and that is decided here.
 */
import { BrokerError } from '../errors.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { refuseCommit, refuseTransactional } from './commit-rules.ts';
import type { ConsumerGroups } from './consumer/coordinator.ts';
import { type ConsumerHeartbeat, type ConsumerHeartbeatResult, Epoch, refusedHeartbeat } from './consumer/types.ts';
import { described, listed, unknownGroup } from './description.ts';
import { Group } from './group.ts';
import type { GroupLog, TransactionalProducer } from './group-log.ts';
import { type JudgedCommit, judgeOffsets } from './judged-commit.ts';
import { Membership, type MembershipConfig } from './membership.ts';
import { expiredOffsets, GroupOffsets, type PartitionOfTopic } from './offsets.ts';
import { refusedJoin, refusedSync } from './rebalance.ts';
import { groupTombstone, offsetRecord, type ReplayedGroupRecord } from './records.ts';
import { restoredGroup } from './restored-group.ts';
import type { ShareGroups } from './share/coordinator.ts';
import type { Timers } from './timers.ts';
import type {
  CommitRequest,
  CommitResult,
  CommittedOffset,
  GroupDescription,
  GroupListing,
  JoinRequest,
  JoinResult,
  LeaveResult,
  LeavingMember,
  MemberIdentity,
  SyncRequest,
  SyncResult,
  TransactionalCommitRequest,
} from './types.ts';

export interface CoordinatorConfig extends MembershipConfig {
  /** `offset.metadata.max.bytes`. */
  readonly offsetMetadataBytesMax: number;
  /** `offsets.retention.minutes`, in milliseconds. */
  readonly offsetsRetentionMs: number;
}

/** A group and its offsets. */
interface Entry {
  readonly group: Group;
  readonly offsets: GroupOffsets;
}

/** Callbacks are called exactly once, possibly before the method returned. */
export class GroupCoordinator {
  /** Groups of the consumer protocol; their offsets are here. */
  readonly consumers: ConsumerGroups;
  /** Share groups; they commit no offsets. */
  readonly shares: ShareGroups;
  readonly #entries = new Map<string, Entry>();
  /** Groups with offsets that wait for the end of a transaction, by its producer id. */
  readonly #inTransaction = new Map<number, Set<string>>();
  /** During the replay: groups that ceased to be of the consumer protocol, with their last epoch. */
  readonly #downgraded = new Map<string, number>();
  readonly #membership: Membership;
  readonly #config: CoordinatorConfig;
  readonly #timers: Timers;
  readonly #log: GroupLog;
  #isStopped = false;

  constructor(
    config: CoordinatorConfig,
    timers: Timers,
    log: GroupLog,
    consumers: ConsumerGroups,
    shares: ShareGroups,
  ) {
    this.consumers = consumers;
    this.shares = shares;
    this.#config = config;
    this.#timers = timers;
    this.#log = log;
    this.#membership = new Membership(config, timers, log);
    consumers.onDowngraded((group) => this.#takeOver(group));
  }

  /** Whether there is a group or there are offsets of this name; share groups aside. */
  has(id: string): boolean {
    return this.#entries.has(id);
  }

  join(request: JoinRequest, done: (result: JoinResult) => void): void {
    const refusal = this.#isStopped ? 'NOT_COORDINATOR' : this.#membership.refuseJoin(request);
    if (refusal !== null) {
      done(refusedJoin(refusal, request.memberId));
      return;
    }
    if (this.shares.has(request.group)) {
      done(refusedJoin('INCONSISTENT_GROUP_PROTOCOL', request.memberId));
      return;
    }
    const consumers = this.consumers.get(request.group);
    if (consumers !== undefined) {
      if (consumers.members.size === 0) this.#joinEmptyConsumers(request, done);
      else this.consumers.joinClassic(request, done, () => this.join(request, done));
      return;
    }
    const known = this.#entries.get(request.group);
    if (known === undefined && request.memberId !== '') {
      done(refusedJoin('UNKNOWN_MEMBER_ID', request.memberId));
      return;
    }
    this.#membership.join(this.#entry(request.group).group, request, done);
  }

  /** A member of the consumer protocol (KIP-848). Its first turns a classic group into one of its own kind. */
  consumerHeartbeat(request: ConsumerHeartbeat, done: (result: ConsumerHeartbeatResult) => void): void {
    const invalid = this.consumers.refuseInvalid(request);
    if (invalid !== null) {
      done(invalid);
      return;
    }
    const { group: id, memberEpoch } = request;
    const entry = this.#entries.get(id);
    const isClassic = entry !== undefined && entry.group.protocolType !== null && !this.consumers.has(id);
    if (this.shares.has(id) || (isClassic && memberEpoch !== Epoch.join)) {
      done(refusedHeartbeat('GROUP_ID_NOT_FOUND', `Group ${id} is not a consumer group.`));
      return;
    }
    if (isClassic && !entry.group.isVacant) {
      this.#upgrade(entry, request, done);
      return;
    }
    const again = (): void => this.consumerHeartbeat(request, done);
    this.consumers.heartbeat(request, done, { first: isClassic ? [groupTombstone(id)] : [], again });
    // What is left of the classic group is its offsets.
    const isNew = this.consumers.has(id) && (entry === undefined || isClassic);
    if (isNew) this.#entries.set(id, { group: this.#newGroup(id), offsets: entry?.offsets ?? new GroupOffsets() });
  }

  sync(request: SyncRequest, done: (result: SyncResult) => void): void {
    const found = this.#find(request.group);
    if (typeof found === 'string') done(refusedSync(found));
    else if (this.consumers.has(request.group)) done(this.consumers.syncClassic(request));
    else this.#membership.sync(found.group, request, done);
  }

  heartbeat(member: MemberIdentity): ErrorName {
    const found = this.#find(member.group);
    if (typeof found === 'string') return found;
    if (this.consumers.has(member.group)) return this.consumers.heartbeatClassic(member);
    return this.#membership.heartbeat(found.group, member);
  }

  leave(group: string, members: readonly LeavingMember[], done: (result: LeaveResult) => void): void {
    const found = this.#find(group);
    const again = (): void => this.leave(group, members, done);
    if (typeof found === 'string') done({ error: found, members: [] });
    else if (this.consumers.has(group)) this.consumers.leaveClassic(group, members, done, again);
    else done(this.#membership.leave(found.group, members));
  }

  /** Answers when the offsets are durable, one result per offset in their order. */
  commit(request: CommitRequest, done: (result: CommitResult) => void): void {
    const verdict = this.consumers.judgeCommit(request.group, { ...request, isTransactional: false });
    const refusal = this.#isStopped ? 'NOT_COORDINATOR' : verdict === null ? this.#refuseCommit(request) : null;
    if (refusal !== null) {
      done(request.offsets.map(() => refusal));
      return;
    }
    this.#write({ ...request, verdict }, done, ({ offsets }, { topic, partition, ...value }) =>
      offsets.set(topic, partition, value),
    );
  }

  /** As `commit`, inside a producer's transaction: what is written counts when that is committed. */
  commitTransactional(request: TransactionalCommitRequest, done: (result: CommitResult) => void): void {
    const verdict = this.consumers.judgeCommit(request.group, { ...request, isTransactional: true });
    const group = this.#entries.get(request.group)?.group;
    const refuse = () => (this.shares.has(request.group) ? 'GROUP_ID_NOT_FOUND' : refuseTransactional(group, request));
    const refusal = this.#isStopped ? 'NOT_COORDINATOR' : verdict === null ? refuse() : null;
    if (refusal !== null) {
      done(request.offsets.map(() => refusal));
      return;
    }
    const { producerId, producerEpoch } = request;
    const keep = (entry: Entry, { topic, partition, ...value }: CommittedOffset & PartitionOfTopic): void =>
      this.#setPending(entry, producerId, topic, partition, value);
    this.#write({ ...request, retentionTimeMs: -1, verdict }, done, keep, { producerId, producerEpoch });
  }

  /**
   * The end of a transaction is durable in a partition of `__consumer_offsets`: the offsets of the groups kept there
   * count now, or never.
   */
  endTransaction(producerId: number, isCommit: boolean, isKeptThere: (group: string) => boolean): void {
    const groups = this.#inTransaction.get(producerId);
    if (groups === undefined) return;
    for (const group of groups) {
      if (!isKeptThere(group)) continue;
      groups.delete(group);
      this.#entries.get(group)?.offsets.endTransaction(producerId, isCommit);
    }
    if (groups.size === 0) this.#inTransaction.delete(producerId);
  }

  /** Whether a transaction is open that may change this offset (KIP-447). */
  isUnstable(group: string, topic: string, partition: number): boolean {
    return this.#entries.get(group)?.offsets.isPending(topic, partition) === true;
  }

  /** Undefined where nothing is committed. */
  offset(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#entries.get(group)?.offsets.get(topic, partition);
  }

  /** All committed offsets of a group. */
  offsets(group: string): readonly (CommittedOffset & PartitionOfTopic)[] {
    return [...(this.#entries.get(group)?.offsets.all() ?? [])];
  }

  /** Forgets offsets. One answer per partition, in order; the group's own refusal stands in for all. */
  deleteOffsets(
    group: string,
    partitions: readonly PartitionOfTopic[],
    done: (error: ErrorName, results: readonly ErrorName[]) => void,
  ): void {
    const entry = this.#entries.get(group);
    if (entry === undefined) {
      done('GROUP_ID_NOT_FOUND', []);
      return;
    }
    const using = this.consumers.get(group) ?? entry.group;
    const isEmpty = using.state === 'Empty';
    // Only of a consumer group can be known which topics it uses.
    if (!isEmpty && using === entry.group && entry.group.subscribedTopics === null) {
      done('NON_EMPTY_GROUP', []);
      return;
    }
    const results = partitions.map(
      ({ topic }): ErrorName => (!isEmpty && using.isSubscribedTo(topic) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE'),
    );
    const forgotten = partitions.filter((_, index) => results[index] === 'NONE');
    this.#forget(entry, forgotten, (error) => done(error ?? 'NONE', results));
  }

  list(): readonly GroupListing[] {
    const classic = [...this.#entries.values()].filter(({ group }) => !this.consumers.has(group.id));
    return [...classic.map(({ group }) => listed(group)), ...this.consumers.list(), ...this.shares.list()];
  }

  /** A group that does not exist, or is not of the classic protocol, is described as Dead, without an error. */
  describe(id: string): GroupDescription {
    const group = this.consumers.has(id) ? undefined : this.#entries.get(id)?.group;
    return group === undefined ? unknownGroup(id) : described(group);
  }

  /** Forgets an empty group with all its offsets. */
  delete(id: string, done: (error: ErrorName) => void): void {
    if (this.shares.has(id)) {
      this.shares.delete(id, done);
      return;
    }
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      done('GROUP_ID_NOT_FOUND');
      return;
    }
    if (entry.group.state !== 'Empty') {
      done('NON_EMPTY_GROUP');
      return;
    }
    const partitions = [...entry.offsets.all(), ...entry.offsets.pending()];
    const records = partitions.map(({ topic, partition }) => offsetRecord(id, topic, partition, null));
    if (this.consumers.has(id)) {
      this.consumers.delete(id, records, (error) => {
        if (error === 'NONE') this.#drop(entry);
        // It became a classic group meanwhile.
        if (error === 'GROUP_ID_NOT_FOUND') this.delete(id, done);
        else done(error);
      });
      return;
    }
    this.#log.append(id, [...records, groupTombstone(id)], (error) => {
      if (error === null && entry.group.state === 'Empty') this.#drop(entry);
      done(error ?? 'NONE');
    });
  }

  /** Called every `offsets.retention.check.interval.ms`: forgets old offsets, and groups that have none left. */
  expire(): void {
    const now = this.#timers.now();
    for (const entry of [...this.#entries.values()]) {
      const consumers = this.consumers.get(entry.group.id);
      const expired = expiredOffsets(entry.group, entry.offsets, now, this.#config.offsetsRetentionMs).filter(
        ({ topic }) => consumers?.isSubscribedTo(topic) !== true,
      );
      if (expired.length === 0) this.#dropIfUnused(entry);
      else this.#forget(entry, expired, (error) => error === null && this.#dropIfUnused(entry));
    }
  }

  /** A topic is gone, and with it the places in it. */
  topicDeleted(topic: string): void {
    for (const entry of this.#entries.values()) {
      const gone = entry.offsets.ofTopic(topic);
      if (gone.length > 0) this.#forget(entry, gone, () => {});
    }
  }

  /** Called for each record of `__consumer_offsets` at the start, oldest first; `producerId` is -1 outside transactions. */
  replay(record: ReplayedGroupRecord, producerId = -1): void {
    if (record.type === 'consumer-group') {
      this.#entry(record.group);
      if (record.change === null) this.#downgraded.set(record.group, this.consumers.get(record.group)?.epoch ?? 0);
      this.consumers.replay(record);
      return;
    }
    if (record.type === 'offset') {
      const entry = this.#entry(record.group);
      const { topic, partition, value } = record;
      if (value === null) entry.offsets.delete(topic, partition);
      else if (producerId < 0) entry.offsets.set(topic, partition, value);
      else this.#setPending(entry, producerId, topic, partition, value);
      return;
    }
    const offsets = this.#entries.get(record.group)?.offsets ?? new GroupOffsets();
    this.#entries.delete(record.group);
    if (record.value === null) {
      if (offsets.count > 0 || offsets.hasPending)
        this.#entries.set(record.group, { group: this.#newGroup(record.group), offsets });
      return;
    }
    if (this.#downgraded.get(record.group) !== record.value.generation) this.#downgraded.delete(record.group);
    const group = restoredGroup(record.group, record.value, this.#timers.now());
    this.#entries.set(record.group, { group, offsets });
  }

  /** All has been replayed: sessions begin to run, and what was forgotten whole is dropped. */
  replayed(): void {
    this.consumers.replayed();
    for (const entry of [...this.#entries.values()]) {
      const { group } = entry;
      // The last thing that happened to it was that it became classic: its members have not met since.
      const mustMeet = this.#downgraded.has(group.id) && !this.consumers.has(group.id);
      if (group.members.size > 0 && mustMeet) this.#takeOver(group);
      else if (group.members.size > 0) this.#membership.resume(group);
      else if (isUnused(entry) && entry.group.protocolType === null && !this.consumers.has(entry.group.id))
        this.#entries.delete(entry.group.id);
    }
    this.#downgraded.clear();
  }

  /** Everybody who waits is answered; nothing is accepted any more. */
  stop(): void {
    this.#isStopped = true;
    this.consumers.stop();
    for (const { group } of this.#entries.values()) this.#membership.end(group);
  }

  #refuseCommit(request: CommitRequest): ErrorName | null {
    if (this.shares.has(request.group)) return 'GROUP_ID_NOT_FOUND';
    const group = this.#entries.get(request.group)?.group;
    const refusal = refuseCommit(group, request);
    const member = refusal === null ? group?.members.get(request.memberId) : undefined;
    if (member !== undefined) this.#membership.rebalance.awaitHeartbeat(group!, member);
    return refusal;
  }

  /** Writes the offsets that can be kept; `keep` is called for each once they are durable. */
  #write(
    request: JudgedCommit,
    done: (result: CommitResult) => void,
    keep: (entry: Entry, offset: CommittedOffset & PartitionOfTopic) => void,
    producer?: TransactionalProducer,
  ): void {
    const { results, accepted } = judgeOffsets(request, this.#config.offsetMetadataBytesMax, this.#timers.now());
    if (accepted.length === 0) {
      done(results);
      return;
    }
    const records = accepted.map((offset) => offsetRecord(request.group, offset.topic, offset.partition, offset));
    const finish = (error: ErrorName | null): void => {
      if (error === null) for (const offset of accepted) keep(this.#entry(request.group), offset);
      done(error === null ? results : results.map((result) => (result === 'NONE' ? error : result)));
    };
    this.#log.append(request.group, records, finish, producer);
  }

  #setPending(entry: Entry, producerId: number, topic: string, partition: number, value: CommittedOffset): void {
    entry.offsets.setPending(producerId, topic, partition, value);
    const groups = this.#inTransaction.get(producerId);
    if (groups === undefined) this.#inTransaction.set(producerId, new Set([entry.group.id]));
    else groups.add(entry.group.id);
  }

  #forget(entry: Entry, partitions: readonly PartitionOfTopic[], done: (error: ErrorName | null) => void): void {
    const known = partitions.filter(
      ({ topic, partition }) =>
        entry.offsets.get(topic, partition) !== undefined || entry.offsets.isPending(topic, partition),
    );
    if (known.length === 0) {
      done(null);
      return;
    }
    const records = known.map(({ topic, partition }) => offsetRecord(entry.group.id, topic, partition, null));
    this.#log.append(entry.group.id, records, (error) => {
      if (error === null) for (const { topic, partition } of known) entry.offsets.delete(topic, partition);
      done(error);
    });
  }

  #dropIfUnused(entry: Entry): void {
    const { group } = entry;
    if (!isUnused(entry)) return;
    if (this.consumers.has(group.id)) {
      this.consumers.delete(group.id, [], (error) => error === 'NONE' && isUnused(entry) && this.#drop(entry));
      return;
    }
    this.#log.append(group.id, [groupTombstone(group.id)], (error) => {
      if (error === null && isUnused(entry)) this.#drop(entry);
    });
  }

  #drop(entry: Entry): void {
    entry.group.cancelTimers();
    entry.group.state = 'Dead';
    if (this.#entries.get(entry.group.id) === entry) this.#entries.delete(entry.group.id);
  }

  /** A classic member comes to a group of the consumer protocol that is empty: it changes its kind. */
  #joinEmptyConsumers(request: JoinRequest, done: (result: JoinResult) => void): void {
    this.consumers.delete(request.group, [], (error) => {
      // Not empty any more: somebody was quicker.
      if (error === 'NONE' || error === 'NON_EMPTY_GROUP') this.join(request, done);
      else done(refusedJoin(error, request.memberId));
    });
  }

  /** A classic group with members goes on as a group of the consumer protocol, which its first such member joins. */
  #upgrade(entry: Entry, request: ConsumerHeartbeat, done: (result: ConsumerHeartbeatResult) => void): void {
    const { group: id } = request;
    const { group, offsets } = entry;
    try {
      const upgrade = this.consumers.upgrade(group);
      this.#membership.suspend(group);
      this.#entries.set(id, { group: this.#newGroup(id), offsets });
      const first = [groupTombstone(id), ...upgrade.records];
      const answer = (result: ConsumerHeartbeatResult): void => {
        if (result.error !== 'NONE') {
          // Nothing was written: the group is what it was.
          upgrade.forget();
          this.#takeOver(group);
        }
        done(result);
      };
      this.consumers.heartbeat(request, answer, { first });
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      done(refusedHeartbeat(error.code, error.message));
    }
  }

  /** The name is a classic group's from now on. Its members meet anew. */
  #takeOver(group: Group): void {
    const offsets = this.#entries.get(group.id)?.offsets ?? new GroupOffsets();
    this.#entries.set(group.id, { group, offsets });
    this.#membership.resume(group);
    this.#membership.rebalance.begin(group);
  }

  #find(id: string): Entry | ErrorName {
    if (this.#isStopped) return 'NOT_COORDINATOR';
    if (id === '') return 'INVALID_GROUP_ID';
    return this.#entries.get(id) ?? 'UNKNOWN_MEMBER_ID';
  }

  #entry(id: string): Entry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { group: this.#newGroup(id), offsets: new GroupOffsets() };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  #newGroup(id: string): Group {
    return new Group(id, this.#timers.now());
  }
}

/** Nobody is in it, nobody comes, and no offset is kept or waits. */
function isUnused({ group, offsets }: Entry): boolean {
  return group.isVacant && offsets.count === 0 && !offsets.hasPending;
}
