/**
 * What a member of the consumer protocol says, judged in Kafka's order and with Kafka's errors (KIP-848): it joins,
 * beats, changes its subscription, confirms what it gave up, leaves. Pure: it works on a draft, with the time given.
 *
 * The steps of a beat: update the member, raise the group epoch if who wants what has changed, make a new target if the
 * epoch rose, and move this one member a step towards its target.
 */
import { randomUUID } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import { areOwned, areSamePartitions, listed, withEpoch } from './assignment.ts';
import type { Draft } from './changes.ts';
import { removeMembers, type StepContext, step, subscribe } from './steps.ts';
import {
  type ConsumerGroupsConfig,
  type ConsumerHeartbeat,
  type ConsumerHeartbeatResult,
  type ConsumerMember,
  Epoch,
  type MemberMetadata,
  type TopicPartitions,
} from './types.ts';

/** The request has been checked. Throws BrokerErrors; the draft holds what must be written before the answer. */
export function heartbeat(draft: Draft, request: ConsumerHeartbeat, context: StepContext): ConsumerHeartbeatResult {
  if (request.memberEpoch < 0) return leave(draft, request, context);
  refuseIfFull(draft, request.memberId, context);
  const isJoining = request.memberEpoch === Epoch.join;
  const memberId = request.memberId === '' ? randomUUID() : request.memberId;
  const before = findMember(draft, { ...request, memberId }, isJoining);
  const isSubscriptionChanged = subscribe(draft, memberId, before, metadataOf(request, before), context);
  const member = step(draft, memberId, request.ownedPartitions, isSubscriptionChanged, context);
  const isFull =
    request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.ownedPartitions !== null;
  const isMoved = before === null || !areSamePartitions(before.assigned, member.assigned);
  return {
    error: 'NONE',
    message: null,
    memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: context.config.heartbeatIntervalMs,
    assignment: isJoining || isFull || isMoved ? listed(member.assigned) : null,
  };
}

/** What is wrong with a request whatever the group is. Throws INVALID_REQUEST or UNSUPPORTED_ASSIGNOR. */
export function checkRequest(request: ConsumerHeartbeat, config: ConsumerGroupsConfig): void {
  const { memberEpoch, serverAssignor } = request;
  const needsMemberId = request.requiresMemberId || memberEpoch > 0 || memberEpoch === Epoch.leave;
  if (needsMemberId && request.memberId === '') throw invalid("MemberId can't be empty.");
  if (request.group === '') throw invalid("GroupId can't be empty.");
  if (request.instanceId === '') throw invalid("InstanceId can't be empty.");
  if (request.rackId === '') throw invalid("RackId can't be empty.");
  if (memberEpoch === Epoch.join) checkJoin(request);
  else if (memberEpoch === Epoch.leaveTemporarily && request.instanceId === null) {
    throw invalid("InstanceId can't be null.");
  } else if (memberEpoch < Epoch.leaveTemporarily) throw invalid(`MemberEpoch ${memberEpoch} is invalid.`);
  if (serverAssignor !== null && !config.assignors.includes(serverAssignor)) {
    const why = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${config.assignors.join(', ')}.`;
    throw new BrokerError('UNSUPPORTED_ASSIGNOR', why);
  }
}

function checkJoin(request: ConsumerHeartbeat): void {
  if (request.rebalanceTimeoutMs === -1) throw invalid('RebalanceTimeoutMs must be provided in first request.');
  if (request.ownedPartitions === null || request.ownedPartitions.length > 0) {
    throw invalid('TopicPartitions must be empty when (re-)joining.');
  }
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    throw invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.');
  }
}

function invalid(message: string): BrokerError {
  return new BrokerError('INVALID_REQUEST', message);
}

export function refuseIfFull(draft: Draft, memberId: string, { config }: StepContext): void {
  if (draft.group.members.size < config.sizeMax || draft.group.members.has(memberId)) return;
  const why = `The consumer group has reached its maximum capacity of ${config.sizeMax} members.`;
  throw new BrokerError('GROUP_MAX_SIZE_REACHED', why);
}

/** The member as the group knows it; null for a new one. A static member that comes back takes over from its past. */
function findMember(draft: Draft, request: ConsumerHeartbeat, isJoining: boolean): ConsumerMember | null {
  const { group } = draft;
  if (request.instanceId === null) {
    const member = group.members.get(request.memberId);
    if (member !== undefined) checkEpoch(member, request.memberEpoch, request.ownedPartitions);
    else if (!isJoining) throw unknownMember(group.id, request.memberId);
    return member ?? null;
  }
  const known = group.staticMember(request.instanceId);
  if (isJoining) {
    if (known === undefined || known.memberId === request.memberId) return known ?? null;
    if (known.memberEpoch !== Epoch.leaveTemporarily && known.classic === null) {
      const why = `Static member ${request.memberId} with instance id ${request.instanceId} cannot join the group because the instance id is owned by member ${known.memberId}.`;
      throw new BrokerError('UNRELEASED_INSTANCE_ID', why);
    }
    return takeOver(draft, known, request.memberId);
  }
  const member = staticMemberOf(draft, request.instanceId, request.memberId);
  checkEpoch(member, request.memberEpoch, request.ownedPartitions);
  return member;
}

/** The same instance under a new member id: it keeps what it had and what it should have. */
export function takeOver(draft: Draft, known: ConsumerMember, memberId: string): ConsumerMember {
  const target = draft.group.target(known.memberId);
  forget(draft, known.memberId);
  const { memberId: _, memberEpoch: __, previousMemberEpoch: ___, ...rest } = known;
  const { state, assigned, pendingRevocation, ...metadata } = rest;
  const current = { memberEpoch: Epoch.join, previousMemberEpoch: Epoch.join, state, assigned, pendingRevocation };
  draft.write({ type: 'member', memberId, value: metadata });
  draft.write({ type: 'target', memberId, partitions: target });
  draft.write({ type: 'current', memberId, value: current });
  return draft.group.members.get(memberId)!;
}

function forget(draft: Draft, memberId: string): void {
  draft.write({ type: 'current', memberId, value: null });
  draft.write({ type: 'target', memberId, partitions: null });
  draft.write({ type: 'member', memberId, value: null });
}

export function staticMemberOf(draft: Draft, instanceId: string, memberId: string): ConsumerMember {
  const member = draft.group.staticMember(instanceId);
  if (member === undefined) throw new BrokerError('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`);
  if (member.memberId === memberId) return member;
  const why = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${member.memberId}.`;
  throw new BrokerError('FENCED_INSTANCE_ID', why);
}

export function unknownMember(group: string, memberId: string): BrokerError {
  return new BrokerError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group}.`);
}

/** A member may come with its epoch, or with the one before: then it did not get our last answer. */
function checkEpoch(member: ConsumerMember, epoch: number, owned: readonly TopicPartitions[] | null): void {
  if (epoch === Epoch.join || epoch === member.memberEpoch) return;
  const isRetry = epoch === member.previousMemberEpoch && owned !== null && areOwned(owned, member.assigned);
  if (epoch < member.memberEpoch && isRetry) return;
  const than = epoch > member.memberEpoch ? 'greater' : 'smaller';
  const why = `The consumer group member has a ${than} member epoch (${epoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`;
  throw new BrokerError('FENCED_MEMBER_EPOCH', why);
}

function metadataOf(request: ConsumerHeartbeat, before: ConsumerMember | null): MemberMetadata {
  return {
    instanceId: request.instanceId ?? before?.instanceId ?? null,
    rackId: request.rackId ?? before?.rackId ?? null,
    clientId: request.clientId,
    clientHost: request.clientHost,
    subscribedTopicNames: request.subscribedTopicNames ?? before?.subscribedTopicNames ?? [],
    subscribedTopicRegex: request.subscribedTopicRegex ?? before?.subscribedTopicRegex ?? null,
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? (before?.rebalanceTimeoutMs ?? -1) : request.rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? before?.serverAssignor ?? null,
    classic: null,
  };
}

function leave(draft: Draft, request: ConsumerHeartbeat, context: StepContext): ConsumerHeartbeatResult {
  const { instanceId, memberId, memberEpoch } = request;
  const member = instanceId === null ? draft.group.members.get(memberId) : staticMemberOf(draft, instanceId, memberId);
  if (member === undefined) throw unknownMember(draft.group.id, memberId);
  if (memberEpoch === Epoch.leaveTemporarily) {
    // It may come back under another member id, so what it has counts as given at the beginning of time.
    const { state, assigned } = member;
    const { previousMemberEpoch } = member;
    const value = {
      memberEpoch,
      previousMemberEpoch,
      state,
      assigned: withEpoch(assigned, 0),
      pendingRevocation: new Map(),
    };
    draft.write({ type: 'current', memberId, value });
  } else {
    removeMembers(draft, [member], context);
  }
  return { error: 'NONE', message: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
}
