/**
 * A share group (KIP-932): its members, its epochs, who should read what, and where it keeps a place. It changes only by
 * {@link ShareGroupChange}s, which are also what is written to the log: a restart applies them again. What happens to
 * it is decided in heartbeat.ts.
 */
import { createHash } from 'node:crypto';
import type { Assignment, GroupTopic, TopicsView } from '../consumer/types.ts';
import type {
  InitializedTopic,
  ShareCurrentAssignment,
  ShareGroupState,
  ShareMember,
  ShareMemberMetadata,
} from './types.ts';

/** One change, one record of `__consumer_offsets`. Null forgets. */
export type ShareGroupChange =
  | { readonly type: 'epoch'; readonly epoch: number; readonly metadataHash: number }
  | { readonly type: 'member'; readonly memberId: string; readonly value: ShareMemberMetadata | null }
  | { readonly type: 'target-epoch'; readonly epoch: number; readonly timestampMs: number }
  | { readonly type: 'target'; readonly memberId: string; readonly partitions: Assignment | null }
  | { readonly type: 'current'; readonly memberId: string; readonly value: ShareCurrentAssignment | null }
  | { readonly type: 'initialized'; readonly topics: ReadonlyMap<string, InitializedTopic> };

const noAssignment: Assignment = new Map();
/** Before anything is known of where a member is. */
const unassigned: ShareCurrentAssignment = { memberEpoch: 0, previousMemberEpoch: 0, assigned: noAssignment };

export class ShareGroup {
  readonly id: string;
  epoch = 0;
  assignmentEpoch = 0;
  /** What the subscribed topics looked like at the group epoch. */
  metadataHash = 0;
  readonly members = new Map<string, ShareMember>();
  readonly targets = new Map<string, Assignment>();
  /** By topic id: the partitions the group has a place in, whether or not anybody has read from them. */
  initialized: ReadonlyMap<string, InitializedTopic> = new Map();

  constructor(id: string) {
    this.id = id;
  }

  /** Members and assignments are shared: they are never changed in place. */
  clone(): ShareGroup {
    const copy = new ShareGroup(this.id);
    copy.epoch = this.epoch;
    copy.assignmentEpoch = this.assignmentEpoch;
    copy.metadataHash = this.metadataHash;
    copy.initialized = this.initialized;
    for (const [memberId, member] of this.members) copy.members.set(memberId, member);
    for (const [memberId, target] of this.targets) copy.targets.set(memberId, target);
    return copy;
  }

  get state(): ShareGroupState {
    return this.members.size === 0 ? 'Empty' : 'Stable';
  }

  target(memberId: string): Assignment {
    return this.targets.get(memberId) ?? noAssignment;
  }

  /** The existing topics a member wants, by id. */
  subscribedTopics(member: ShareMember, topics: TopicsView): Map<string, GroupTopic> {
    const found = new Map<string, GroupTopic>();
    for (const name of member.subscribedTopicNames) {
      const topic = topics.get(name);
      if (topic !== undefined) found.set(topic.topicId, topic);
    }
    return found;
  }

  /** The existing topics anybody wants, by id. */
  allSubscribedTopics(topics: TopicsView): Map<string, GroupTopic> {
    const found = new Map<string, GroupTopic>();
    for (const member of this.members.values()) {
      for (const [topicId, topic] of this.subscribedTopics(member, topics)) found.set(topicId, topic);
    }
    return found;
  }

  /** A number that changes with the existence, identity or size of a subscribed topic. */
  hashOfMetadata(topics: TopicsView): number {
    const known = [...this.allSubscribedTopics(topics).values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    const hash = createHash('sha1');
    for (const { name, topicId, partitions } of known) hash.update(`${name}\0${topicId}\0${partitions}\0`);
    // 48 bits: exact as a number. None known is Kafka's 0.
    return known.length === 0 ? 0 : hash.digest().readUIntBE(0, 6);
  }

  apply(change: ShareGroupChange): void {
    switch (change.type) {
      case 'epoch':
        this.epoch = change.epoch;
        this.metadataHash = change.metadataHash;
        break;
      case 'member': {
        const { memberId, value } = change;
        if (value === null) this.members.delete(memberId);
        else this.members.set(memberId, { ...(this.members.get(memberId) ?? unassigned), ...value, memberId });
        break;
      }
      case 'target-epoch':
        this.assignmentEpoch = change.epoch;
        break;
      case 'target':
        if (change.partitions === null) this.targets.delete(change.memberId);
        else this.targets.set(change.memberId, change.partitions);
        break;
      case 'current': {
        const member = this.members.get(change.memberId);
        if (member !== undefined) this.members.set(change.memberId, { ...member, ...(change.value ?? unassigned) });
        break;
      }
      case 'initialized':
        this.initialized = change.topics;
        break;
    }
  }
}

/** A request is worked out on a copy, which takes the group's place only when its changes are durable. */
export class ShareDraft {
  /** The group with the changes so far. */
  group: ShareGroup;
  readonly changes: ShareGroupChange[] = [];

  constructor(group: ShareGroup) {
    this.group = group;
  }

  write(change: ShareGroupChange): void {
    // Most heartbeats change nothing and need no copy.
    if (this.changes.length === 0) this.group = this.group.clone();
    this.changes.push(change);
    this.group.apply(change);
  }
}
