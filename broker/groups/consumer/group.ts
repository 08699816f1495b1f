/**
 * A group of the consumer protocol (KIP-848): its members, its three epochs, where each member is and where it should
 * be. Data and the questions about it; what happens to it is decided in heartbeat.ts.
 *
 *     group epoch       rises with every change of who is subscribed to what
 *     assignment epoch  the group epoch the target assignment was made for
 *     member epoch      the assignment epoch the member has reached
 *
 * It changes only by {@link GroupChange}s, which are also what is written to the log: a restart applies them again.
 */
import { createHash } from 'node:crypto';
import type { GroupChange } from './changes.ts';
import {
  type Assignment,
  type ConsumerGroupState,
  type ConsumerMember,
  type CurrentAssignment,
  Epoch,
  type GroupTopic,
  MemberState,
  type ResolvedRegex,
  type TopicsView,
} from './types.ts';

const noAssignment: Assignment = new Map();

/** Before anything is known of where a member is. */
const unassigned: CurrentAssignment = {
  memberEpoch: Epoch.join,
  previousMemberEpoch: Epoch.join,
  state: MemberState.stable,
  assigned: new Map(),
  pendingRevocation: new Map(),
};

export class ConsumerGroup {
  readonly id: string;
  epoch = 0;
  assignmentEpoch = 0;
  /** When the target was made; 0 when there is none. */
  assignmentTimestampMs = 0;
  /** What the subscribed topics looked like at the group epoch. */
  metadataHash = 0;
  readonly members = new Map<string, ConsumerMember>();
  readonly targets = new Map<string, Assignment>();
  readonly regexes = new Map<string, ResolvedRegex>();
  /** Instance id to member id. */
  readonly staticMembers = new Map<string, string>();
  #owners: Map<string, Map<number, string>> | null = null;

  constructor(id: string) {
    this.id = id;
  }

  /** Members and assignments are shared: they are never changed in place. */
  clone(): ConsumerGroup {
    const copy = new ConsumerGroup(this.id);
    copy.epoch = this.epoch;
    copy.assignmentEpoch = this.assignmentEpoch;
    copy.assignmentTimestampMs = this.assignmentTimestampMs;
    copy.metadataHash = this.metadataHash;
    for (const [memberId, member] of this.members) copy.members.set(memberId, member);
    for (const [memberId, target] of this.targets) copy.targets.set(memberId, target);
    for (const [regex, resolved] of this.regexes) copy.regexes.set(regex, resolved);
    for (const [instanceId, memberId] of this.staticMembers) copy.staticMembers.set(instanceId, memberId);
    return copy;
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty';
    if (this.epoch > this.assignmentEpoch) return 'Assigning';
    for (const member of this.members.values()) {
      const isReconciled = member.state === MemberState.stable && member.memberEpoch === this.assignmentEpoch;
      if (!isReconciled) return 'Reconciling';
    }
    return 'Stable';
  }

  staticMember(instanceId: string): ConsumerMember | undefined {
    const memberId = this.staticMembers.get(instanceId);
    return memberId === undefined ? undefined : this.members.get(memberId);
  }

  target(memberId: string): Assignment {
    return this.targets.get(memberId) ?? noAssignment;
  }

  /** Who has the partition now, or has not confirmed giving it up. */
  ownerOf(topicId: string, partition: number): string | undefined {
    this.#owners ??= ownersIn(this.members.values());
    return this.#owners.get(topicId)?.get(partition);
  }

  /** The names a member wants, by list and by expression; topics that do not exist may be among them. */
  subscribedNames(member: ConsumerMember): ReadonlySet<string> {
    const names = new Set(member.subscribedTopicNames);
    const resolved = member.subscribedTopicRegex === null ? undefined : this.regexes.get(member.subscribedTopicRegex);
    for (const name of resolved?.topics ?? []) names.add(name);
    return names;
  }

  /** The existing topics a member wants, by id. */
  subscribedTopics(member: ConsumerMember, topics: TopicsView): Map<string, GroupTopic> {
    const found = new Map<string, GroupTopic>();
    for (const name of this.subscribedNames(member)) {
      const topic = topics.get(name);
      if (topic !== undefined) found.set(topic.topicId, topic);
    }
    return found;
  }

  isSubscribedTo(topic: string): boolean {
    for (const member of this.members.values()) if (this.subscribedNames(member).has(topic)) return true;
    return false;
  }

  countRegexSubscribers(regex: string): number {
    let count = 0;
    for (const member of this.members.values()) if (member.subscribedTopicRegex === regex) count++;
    return count;
  }

  /** A number that changes with the existence, identity or size of a subscribed topic. */
  hashOfMetadata(topics: TopicsView): number {
    const names = new Set<string>();
    for (const member of this.members.values()) for (const name of this.subscribedNames(member)) names.add(name);
    const hash = createHash('sha1');
    let known = 0;
    for (const name of [...names].sort()) {
      const topic = topics.get(name);
      if (topic === undefined) continue;
      known++;
      hash.update(`${name}\0${topic.topicId}\0${topic.partitions}\0`);
    }
    // 48 bits: exact as a number. None known is Kafka's 0.
    return known === 0 ? 0 : hash.digest().readUIntBE(0, 6);
  }

  apply(change: GroupChange): void {
    switch (change.type) {
      case 'epoch':
        this.epoch = change.epoch;
        this.metadataHash = change.metadataHash;
        break;
      case 'member':
        this.#applyMember(change.memberId, change.value);
        break;
      case 'target-epoch':
        this.assignmentEpoch = change.epoch;
        this.assignmentTimestampMs = change.timestampMs;
        break;
      case 'target':
        if (change.partitions === null) this.targets.delete(change.memberId);
        else this.targets.set(change.memberId, change.partitions);
        break;
      case 'current':
        this.#applyCurrent(change.memberId, change.value ?? unassigned);
        break;
      case 'regex':
        if (change.value === null) this.regexes.delete(change.regex);
        else this.regexes.set(change.regex, change.value);
        break;
    }
  }

  #applyMember(memberId: string, value: Extract<GroupChange, { type: 'member' }>['value']): void {
    const before = this.members.get(memberId);
    const instanceId = before?.instanceId ?? null;
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId) this.staticMembers.delete(instanceId);
    if (value === null) {
      this.members.delete(memberId);
      this.#owners = null;
      return;
    }
    this.members.set(memberId, { ...(before ?? unassigned), ...value, memberId });
    if (value.instanceId !== null) this.staticMembers.set(value.instanceId, memberId);
  }

  #applyCurrent(memberId: string, value: CurrentAssignment): void {
    const member = this.members.get(memberId);
    if (member === undefined) return;
    this.members.set(memberId, { ...member, ...value });
    this.#owners = null;
  }
}

function ownersIn(members: Iterable<ConsumerMember>): Map<string, Map<number, string>> {
  const owners = new Map<string, Map<number, string>>();
  for (const { memberId, assigned, pendingRevocation } of members) {
    for (const owned of [assigned, pendingRevocation]) {
      for (const [topicId, partitions] of owned) {
        let ofTopic = owners.get(topicId);
        if (ofTopic === undefined) {
          ofTopic = new Map();
          owners.set(topicId, ofTopic);
        }
        for (const partition of partitions.keys()) ofTopic.set(partition, memberId);
      }
    }
  }
  return owners;
}
