/**
 * A group that changes its protocol while it has members (KIP-848, `group.consumer.migration.policy`): a classic group
 * becomes one of the consumer protocol when a member of that protocol joins, and classic again when only classic members
 * are left. Pure: what the new group is and the records that make it so; who calls this decides when.
 *
 * No partition may change hands by it. What a classic member was given, and what it said it still had when it last
 * joined, counts as its own until it has rejoined without it.
 */
import { BrokerError } from '../../errors.ts';
import { consumerProtocolType, readAssignment, readSubscription, writeAssignment } from '../embedded-protocol.ts';
import { Group, Member } from '../group.ts';
import { type CoordinatorRecord, groupRecord } from '../records.ts';
import { hasPartition, listed, OwnedBuilder } from './assignment.ts';
import type { GroupChange } from './changes.ts';
import { ConsumerGroup } from './group.ts';
import { recordOf, tombstonesOf } from './records.ts';
import {
  type Assignment,
  type ConsumerGroupsConfig,
  type ConsumerMember,
  type MemberMetadata,
  MemberState,
  type OwnedPartitions,
  type TopicsView,
} from './types.ts';

/** Partitions by name, as embedded messages list them. */
interface NamedPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** What is known of a classic member when its group changes its protocol. */
interface MovingMember {
  readonly memberId: string;
  readonly metadata: MemberMetadata;
  readonly assigned: readonly NamedPartitions[];
  /** What it had when it last joined; an eager member had nothing. */
  readonly claimed: readonly NamedPartitions[];
}

export interface Upgrade {
  readonly group: ConsumerGroup;
  /** Written after the end of the classic group. */
  readonly records: readonly CoordinatorRecord[];
}

/** The same group in the consumer protocol, in the same generation. Throws GROUP_ID_NOT_FOUND when it cannot be. */
export function upgraded(classic: Group, topics: TopicsView, config: ConsumerGroupsConfig): Upgrade {
  refuseUpgrade(classic, config);
  const members = [...classic.members.values()].map((member) => moving(classic, member));
  const group = new ConsumerGroup(classic.id);
  const changes: GroupChange[] = [];
  const write = (change: GroupChange): void => {
    changes.push(change);
    group.apply(change);
  };
  const epoch = classic.generationId;
  for (const { memberId, metadata } of members) write({ type: 'member', memberId, value: metadata });
  write({ type: 'epoch', epoch, metadataHash: group.hashOfMetadata(topics) });
  const owned = ownedBy(members, topics, epoch);
  for (const { memberId, assigned } of members) {
    write({ type: 'target', memberId, partitions: assignmentOf(assigned, topics) });
  }
  write({ type: 'target-epoch', epoch, timestampMs: 0 });
  for (const { memberId } of members) {
    const value = {
      memberEpoch: epoch,
      previousMemberEpoch: epoch,
      state: MemberState.stable,
      assigned: owned.get(memberId)!,
      pendingRevocation: new Map(),
    };
    write({ type: 'current', memberId, value });
  }
  return { group, records: changes.map((change) => recordOf(classic.id, change)) };
}

function refuseUpgrade(classic: Group, config: ConsumerGroupsConfig): void {
  const { id } = classic;
  if (!config.isUpgradeEnabled) throw cannotUpgrade(id, 'online upgrade is disabled');
  if (classic.protocolType !== consumerProtocolType) {
    throw cannotUpgrade(id, 'the group does not use the consumer embedded protocol');
  }
  if (classic.members.size > config.sizeMax) {
    throw cannotUpgrade(id, 'the group size exceeds the consumer group maximum size');
  }
}

function cannotUpgrade(id: string, why: string): BrokerError {
  return new BrokerError('GROUP_ID_NOT_FOUND', `Cannot upgrade classic group ${id} to consumer group because ${why}.`);
}

function moving(classic: Group, member: Member): MovingMember {
  // Nobody has a protocol before the first generation: then each member's first is its own word.
  const protocol = classic.protocolName ?? member.protocols[0]?.name ?? '';
  const subscription = readSubscription(member.metadataFor(protocol));
  const assignment = readAssignment(member.assignment);
  if (subscription === null || assignment === null) {
    throw cannotUpgrade(classic.id, 'the embedded consumer protocol is malformed');
  }
  if (assignment.userData !== null && assignment.userData.length > 0) {
    throw cannotUpgrade(classic.id, 'an unsupported custom assignor is in use; change to one of Kafka first');
  }
  return {
    memberId: member.memberId,
    metadata: {
      instanceId: member.groupInstanceId,
      rackId: subscription.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: subscription.topics,
      subscribedTopicRegex: '',
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: null,
      classic: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: copied(member.protocols) },
    },
    assigned: assignment.assignedPartitions,
    claimed: subscription.ownedPartitions,
  };
}

function copied(protocols: readonly { readonly name: string; readonly metadata: Buffer }[]) {
  return protocols.map(({ name, metadata }) => ({ name, metadata }));
}

/** An assignment counts before a claim: where both name a partition, the claim is from an older generation. */
function ownedBy(members: readonly MovingMember[], topics: TopicsView, epoch: number): Map<string, OwnedPartitions> {
  const taken = new OwnedBuilder();
  const owned = new Map(members.map(({ memberId }) => [memberId, new OwnedBuilder()]));
  for (const what of ['assigned', 'claimed'] as const) {
    for (const member of members) {
      for (const { topic, partitions } of member[what]) {
        const topicId = topics.get(topic)?.topicId;
        if (topicId === undefined) continue;
        for (const partition of partitions) {
          if (hasPartition(taken.partitions, topicId, partition)) continue;
          taken.add(topicId, partition, epoch);
          owned.get(member.memberId)!.add(topicId, partition, epoch);
        }
      }
    }
  }
  return new Map([...owned].map(([memberId, { partitions }]) => [memberId, partitions]));
}

function assignmentOf(named: readonly NamedPartitions[], topics: TopicsView): Assignment {
  const assignment = new Map<string, Set<number>>();
  for (const { topic, partitions } of named) {
    const topicId = topics.get(topic)?.topicId;
    if (topicId !== undefined && partitions.length > 0) assignment.set(topicId, new Set(partitions));
  }
  return assignment;
}

export interface Downgrade {
  readonly group: Group;
  readonly records: readonly CoordinatorRecord[];
}

/**
 * The classic group that `after` has become, or null while it is none: only classic members are left in it, and they may
 * have it. `before` is what the log knows of it.
 */
export function downgraded(
  before: ConsumerGroup,
  after: ConsumerGroup,
  topics: TopicsView,
  config: ConsumerGroupsConfig,
  nowMs: number,
): Downgrade | null {
  const members = [...after.members.values()];
  const isDue = members.length > 0 && members.every(({ classic }) => classic !== null);
  if (!isDue || !config.isDowngradeEnabled || members.length > config.classicSizeMax) return null;
  const group = new Group(after.id, nowMs);
  for (const member of members) group.add(classicMember(member), consumerProtocolType);
  // The epoch its members are in: they are asked to rejoin, not thrown out with their work uncommitted.
  group.generationId = before.epoch;
  group.protocolName = group.selectProtocol();
  for (const member of group.members.values()) {
    // What it holds, not what it was to get: the group may change its protocol again before the member has rejoined.
    const { assigned, pendingRevocation } = after.members.get(member.memberId)!;
    const held = namedPartitions(union(assigned, pendingRevocation), topics);
    member.assignment = writeAssignment(held, member.metadataFor(group.protocolName));
  }
  group.findSubscribedTopics();
  group.enter('Stable', nowMs);
  return { group, records: [...endOf(before), groupRecord(group)] };
}

function classicMember({ memberId, instanceId, classic, ...rest }: ConsumerMember): Member {
  const { clientId, clientHost, rebalanceTimeoutMs } = rest;
  const { sessionTimeoutMs, supportedProtocols } = classic!;
  return new Member({
    memberId,
    groupInstanceId: instanceId,
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocols: supportedProtocols,
  });
}

function union(...parts: readonly OwnedPartitions[]): OwnedPartitions {
  const builder = new OwnedBuilder();
  for (const part of parts) {
    for (const [topicId, partitions] of part) {
      for (const [partition, epoch] of partitions) builder.add(topicId, partition, epoch);
    }
  }
  return builder.partitions;
}

/** As embedded messages list them. Topics that are gone have no name. */
export function namedPartitions(
  partitions: Assignment | OwnedPartitions,
  topics: TopicsView,
): { topic: string; partitions: number[] }[] {
  return listed(partitions).flatMap(({ topicId, partitions }) => {
    const topic = topics.byId(topicId)?.name;
    return topic === undefined ? [] : [{ topic, partitions: [...partitions] }];
  });
}

/** What makes the log forget a group of the consumer protocol with its members. */
function endOf(group: ConsumerGroup): CoordinatorRecord[] {
  const changes: GroupChange[] = [];
  for (const memberId of group.members.keys()) {
    changes.push({ type: 'current', memberId, value: null });
    changes.push({ type: 'target', memberId, partitions: null });
    changes.push({ type: 'member', memberId, value: null });
  }
  for (const regex of group.regexes.keys()) changes.push({ type: 'regex', regex, value: null });
  return [...changes.map((change) => recordOf(group.id, change)), ...tombstonesOf(group.id)];
}
