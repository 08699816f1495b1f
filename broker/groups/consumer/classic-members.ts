/**
 * Members of the classic protocol in a group of the consumer protocol (KIP-848): JoinGroup is their heartbeat with news,
 * SyncGroup fetches what they were given, Heartbeat only tells them when to join again. Nobody leads; the coordinator
 * assigns. Pure: it works on a draft, or only looks.
 */
import { randomUUID } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import type { ErrorName } from '../../protocol/error-codes.ts';
import {
  consumerProtocolType,
  type EmbeddedSubscription,
  readSubscription,
  writeAssignment,
} from '../embedded-protocol.ts';
import type {
  GroupProtocol,
  JoinRequest,
  JoinResult,
  LeaveResult,
  LeavingMember,
  MemberIdentity,
  SyncRequest,
  SyncResult,
} from '../types.ts';
import type { Draft } from './changes.ts';
import type { ConsumerGroup } from './group.ts';
import { refuseIfFull, staticMemberOf, takeOver, unknownMember } from './heartbeat.ts';
import { namedPartitions } from './migration.ts';
import { removeMembers, type StepContext, step, subscribe } from './steps.ts';
import {
  type ClassicMembership,
  type ConsumerMember,
  type MemberMetadata,
  MemberState,
  type TopicPartitions,
  type TopicsView,
} from './types.ts';

/** A member that takes part by the classic protocol. */
export interface ClassicMember extends ConsumerMember {
  readonly classic: ClassicMembership;
}

/** Throws BrokerErrors; the draft holds what must be written before the answer. */
export function joinClassic(draft: Draft, request: JoinRequest, context: StepContext): JoinResult {
  const isNew = request.memberId === '';
  const memberId = isNew ? `${request.groupInstanceId ?? request.clientId}-${randomUUID()}` : request.memberId;
  if (!context.config.isUpgradeEnabled && !context.config.isDowngradeEnabled) {
    const why = `Cannot join the consumer group ${request.group} with the classic protocol because the group migration is disabled.`;
    throw new BrokerError('INCONSISTENT_GROUP_PROTOCOL', why);
  }
  refuseIfFull(draft, memberId, context);
  const subscription = subscriptionIn(draft.group, memberId, request);
  if (isNew && request.requiresKnownMemberId && request.groupInstanceId === null) {
    return joined(request, memberId, 'MEMBER_ID_REQUIRED', -1);
  }
  const before = findMember(draft, request, memberId);
  const isSubscriptionChanged = subscribe(draft, memberId, before, metadataOf(request, subscription), context);
  const owned = byId(subscription.ownedPartitions, context.topics);
  const member = step(draft, memberId, owned, isSubscriptionChanged, context);
  return joined(request, memberId, 'NONE', member.memberEpoch);
}

function joined(request: JoinRequest, memberId: string, error: ErrorName, generationId: number): JoinResult {
  const isIn = error === 'NONE';
  return {
    error,
    memberId,
    generationId,
    protocolType: isIn ? consumerProtocolType : null,
    protocolName: isIn ? request.protocols[0]!.name : null,
    leader: '',
    skipAssignment: false,
    members: [],
  };
}

/** What the member wants; all its protocols say the same. Throws INCONSISTENT_GROUP_PROTOCOL. */
function subscriptionIn(group: ConsumerGroup, memberId: string, request: JoinRequest): EmbeddedSubscription {
  const { protocolType, protocols } = request;
  const others = [...group.members.values()].filter((member) => member.memberId !== memberId).filter(isClassic);
  const isSpoken = ({ name }: GroupProtocol): boolean =>
    others.every(({ classic }) => classic.supportedProtocols.some((supported) => supported.name === name));
  const isSupported = protocolType === consumerProtocolType && protocols.some(isSpoken);
  const subscription = isSupported ? readSubscription(protocols[0]!.metadata) : null;
  if (subscription !== null) return subscription;
  throw new BrokerError('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s protocols are not supported.`);
}

/** Null for a new member. An instance that comes without its member id was restarted, perhaps with another protocol. */
function findMember(
  draft: Draft,
  { memberId: said, groupInstanceId }: JoinRequest,
  memberId: string,
): ConsumerMember | null {
  if (groupInstanceId === null) return draft.group.members.get(memberId) ?? null;
  if (said !== '') return staticMemberOf(draft, groupInstanceId, said);
  const known = draft.group.staticMember(groupInstanceId);
  return known === undefined ? null : takeOver(draft, known, memberId);
}

function metadataOf(request: JoinRequest, subscription: EmbeddedSubscription): MemberMetadata {
  return {
    instanceId: request.groupInstanceId,
    rackId: subscription.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    subscribedTopicNames: subscription.topics,
    subscribedTopicRegex: '',
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    serverAssignor: null,
    classic: { sessionTimeoutMs: request.sessionTimeoutMs, supportedProtocols: request.protocols },
  };
}

/** An eager member has given up everything before it joins, and says so with an empty list. */
function byId(named: EmbeddedSubscription['ownedPartitions'], topics: TopicsView): TopicPartitions[] {
  return named.flatMap(({ topic, partitions }) => {
    const topicId = topics.get(topic)?.topicId;
    return topicId === undefined ? [] : [{ topicId, partitions }];
  });
}

/** What is wrong with a SyncGroup or a Heartbeat, or whose it is. */
export function classicMemberOf(group: ConsumerGroup, who: MemberIdentity): ClassicMember | ErrorName {
  const { memberId, groupInstanceId, generationId } = who;
  const member = groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId);
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  if (member.memberId !== memberId) return 'FENCED_INSTANCE_ID';
  if (!isClassic(member)) return 'UNKNOWN_MEMBER_ID';
  return member.memberEpoch === generationId ? member : 'ILLEGAL_GENERATION';
}

export function isClassic(member: ConsumerMember): member is ClassicMember {
  return member.classic !== null;
}

export function syncClassic(
  group: ConsumerGroup,
  member: ClassicMember,
  request: SyncRequest,
  topics: TopicsView,
): SyncResult {
  const { protocolType, protocolName } = request;
  const { name, metadata } = member.classic.supportedProtocols[0]!;
  const isSame = (protocolType ?? consumerProtocolType) === consumerProtocolType && (protocolName ?? name) === name;
  const isBehind = group.assignmentEpoch > member.memberEpoch && member.state !== MemberState.unrevokedPartitions;
  const error: ErrorName = isSame ? (isBehind ? 'REBALANCE_IN_PROGRESS' : 'NONE') : 'INCONSISTENT_GROUP_PROTOCOL';
  if (error !== 'NONE') return { error, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) };
  const assignment = writeAssignment(namedPartitions(member.assigned, topics), metadata);
  return { error, protocolType, protocolName, assignment };
}

/** There is a new target, or something to give up, or what it waits for is free. */
export function mustRejoin(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.memberEpoch < group.assignmentEpoch || member.state === MemberState.unrevokedPartitions) return true;
  return member.state === MemberState.unreleasedPartitions && !waitsForOthers(group, member);
}

function waitsForOthers(group: ConsumerGroup, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.target(member.memberId)) {
    for (const partition of partitions) {
      const owner = group.ownerOf(topicId, partition);
      if (owner !== undefined && owner !== member.memberId) return true;
    }
  }
  return false;
}

/** Members of either protocol may be taken out by LeaveGroup: an administrator does it by instance id. */
export function leaveClassic(draft: Draft, leaving: readonly LeavingMember[], context: StepContext): LeaveResult {
  const gone = new Set<ConsumerMember>();
  const members = leaving.map((who) => {
    try {
      gone.add(leavingMember(draft, who));
      return { ...who, error: 'NONE' as const };
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      return { ...who, error: error.code };
    }
  });
  if (gone.size > 0) removeMembers(draft, [...gone], context);
  return { error: 'NONE', members };
}

function leavingMember(draft: Draft, { memberId, groupInstanceId }: LeavingMember): ConsumerMember {
  const { group } = draft;
  if (groupInstanceId === null) {
    const member = group.members.get(memberId);
    if (member === undefined) throw unknownMember(group.id, memberId);
    return member;
  }
  const named = memberId === '' ? group.staticMember(groupInstanceId)?.memberId : memberId;
  return staticMemberOf(draft, groupInstanceId, named ?? memberId);
}
