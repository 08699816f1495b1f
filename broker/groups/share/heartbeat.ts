/**
 * What a member of a share group says, judged in Kafka's order and with Kafka's errors (KIP-932): it joins, beats,
 * changes its subscription, leaves. Pure: it works on a draft, with the time given.
 *
 * Nobody owns a partition, so nobody has to give one up: a member is where it should be with its next beat.
 */
import { BrokerError } from '../../errors.ts';
import { areSamePartitions, listed } from '../consumer/assignment.ts';
import { type Assignment, Epoch, type TopicsView } from '../consumer/types.ts';
import { assignSimply } from './assignor.ts';
import type { ShareDraft } from './group.ts';
import type {
  InitializedTopic,
  ShareHeartbeat,
  ShareHeartbeatResult,
  ShareMember,
  ShareMemberMetadata,
} from './types.ts';

export interface ShareContext {
  readonly topics: TopicsView;
  readonly now: number;
  /** A topic may have changed since the group last looked. */
  readonly isMetadataDue: boolean;
  readonly sizeMax: number;
  readonly heartbeatIntervalMs: number;
}

/** What is wrong with a request whatever the group is. Throws INVALID_REQUEST. */
export function checkShareRequest({
  memberId,
  group,
  rackId,
  memberEpoch,
  subscribedTopicNames,
}: ShareHeartbeat): void {
  if (memberId === '') throw invalid("MemberId can't be empty.");
  if (group === '') throw invalid("GroupId can't be empty.");
  if (rackId === '') throw invalid("RackId can't be empty.");
  const isUnsubscribed = subscribedTopicNames === null || subscribedTopicNames.length === 0;
  if (memberEpoch === Epoch.join && isUnsubscribed) throw invalid('SubscribedTopicNames must be set in first request.');
  if (memberEpoch < Epoch.leave) throw invalid('MemberEpoch is invalid.');
}

function invalid(message: string): BrokerError {
  return new BrokerError('INVALID_REQUEST', message);
}

/** The request has been checked. Throws BrokerErrors; the draft holds what must be written before the answer. */
export function shareHeartbeat(
  draft: ShareDraft,
  request: ShareHeartbeat,
  context: ShareContext,
): ShareHeartbeatResult {
  const { memberId, memberEpoch } = request;
  if (memberEpoch === Epoch.leave) {
    removeShareMember(draft, memberId, context);
    return { error: 'NONE', message: null, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
  }
  refuseIfFull(draft, memberId, context);
  const before = findMember(draft, request);
  subscribe(draft, memberId, before, metadataOf(request, before), context);
  initialize(draft, context.topics);
  if (draft.group.epoch > draft.group.assignmentEpoch) retarget(draft, context);
  const member = moveToTarget(draft, memberId, context.topics);
  const isAsked = memberEpoch === Epoch.join || request.subscribedTopicNames !== null;
  const isMoved = before === null || !areSamePartitions(before.assigned, member.assigned);
  return {
    error: 'NONE',
    message: null,
    memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: context.heartbeatIntervalMs,
    assignment: isAsked || isMoved ? listed(member.assigned) : null,
  };
}

/** It left, or was silent for too long. Throws UNKNOWN_MEMBER_ID. */
export function removeShareMember(draft: ShareDraft, memberId: string, { topics }: Pick<ShareContext, 'topics'>): void {
  if (!draft.group.members.has(memberId)) throw unknownMember(draft, memberId);
  draft.write({ type: 'current', memberId, value: null });
  draft.write({ type: 'target', memberId, partitions: null });
  draft.write({ type: 'member', memberId, value: null });
  const { group } = draft;
  draft.write({ type: 'epoch', epoch: group.epoch + 1, metadataHash: group.hashOfMetadata(topics) });
}

function refuseIfFull(draft: ShareDraft, memberId: string, { sizeMax }: ShareContext): void {
  if (draft.group.members.size < sizeMax || draft.group.members.has(memberId)) return;
  const why = `The share group has reached its maximum capacity of ${sizeMax} members.`;
  throw new BrokerError('GROUP_MAX_SIZE_REACHED', why);
}

function unknownMember({ group }: ShareDraft, memberId: string): BrokerError {
  return new BrokerError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.id}.`);
}

/** The member as the group knows it; null for a new one. It may come with the epoch before: our answer was lost. */
function findMember(draft: ShareDraft, { memberId, memberEpoch: epoch }: ShareHeartbeat): ShareMember | null {
  const member = draft.group.members.get(memberId);
  if (member === undefined) {
    if (epoch !== Epoch.join) throw unknownMember(draft, memberId);
    return null;
  }
  if (epoch === Epoch.join || epoch === member.memberEpoch || epoch === member.previousMemberEpoch) return member;
  const than = epoch > member.memberEpoch ? 'greater' : 'smaller';
  const why = `The share group member has a ${than} member epoch (${epoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`;
  throw new BrokerError('FENCED_MEMBER_EPOCH', why);
}

function metadataOf(request: ShareHeartbeat, before: ShareMember | null): ShareMemberMetadata {
  return {
    rackId: request.rackId ?? before?.rackId ?? null,
    clientId: request.clientId,
    clientHost: request.clientHost,
    subscribedTopicNames: request.subscribedTopicNames ?? before?.subscribedTopicNames ?? [],
  };
}

/** Takes note of what a member said and raises the group epoch when who wants what is different now. */
function subscribe(
  draft: ShareDraft,
  memberId: string,
  before: ShareMember | null,
  metadata: ShareMemberMetadata,
  { topics, isMetadataDue }: ShareContext,
): void {
  const isOther = before === null || !isSameList(before.subscribedTopicNames, metadata.subscribedTopicNames);
  const isNews =
    isOther ||
    before.rackId !== metadata.rackId ||
    before.clientId !== metadata.clientId ||
    before.clientHost !== metadata.clientHost;
  if (isNews) draft.write({ type: 'member', memberId, value: metadata });
  if (!isOther && !isMetadataDue) return;
  const metadataHash = draft.group.hashOfMetadata(topics);
  if (!isOther && metadataHash === draft.group.metadataHash) return;
  draft.write({ type: 'epoch', epoch: draft.group.epoch + 1, metadataHash });
}

/** The order of the names means nothing. */
function isSameList(one: readonly string[], other: readonly string[]): boolean {
  const names = new Set(one);
  return one.length === other.length && other.every((name) => names.has(name));
}

/** The group has a place in every partition anybody wants; where it is, is decided when somebody reads. */
function initialize(draft: ShareDraft, topics: TopicsView): void {
  const { initialized } = draft.group;
  const grown = new Map<string, InitializedTopic>(initialized);
  for (const [topicId, { name, partitions }] of draft.group.allSubscribedTopics(topics)) {
    if ((initialized.get(topicId)?.partitions.size ?? 0) >= partitions) continue;
    grown.set(topicId, { name, partitions: new Set(Array.from({ length: partitions }, (_, partition) => partition)) });
  }
  for (const topicId of initialized.keys()) if (topics.byId(topicId) === undefined) grown.delete(topicId);
  const isSame = [...grown].every(([topicId, topic]) => initialized.get(topicId) === topic);
  if (!isSame || grown.size !== initialized.size) draft.write({ type: 'initialized', topics: grown });
}

function retarget(draft: ShareDraft, { topics, now }: ShareContext): void {
  const { group } = draft;
  const members = [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    subscribed: group.subscribedTopics(member, topics),
    target: group.target(member.memberId),
  }));
  for (const [memberId, partitions] of assignSimply(members)) {
    const isSame = group.targets.has(memberId) && areSamePartitions(group.target(memberId), partitions);
    if (!isSame) draft.write({ type: 'target', memberId, partitions });
  }
  draft.write({ type: 'target-epoch', epoch: group.epoch, timestampMs: now });
}

function moveToTarget(draft: ShareDraft, memberId: string, topics: TopicsView): ShareMember {
  const { group } = draft;
  const member = group.members.get(memberId)!;
  if (member.memberEpoch === group.assignmentEpoch) return member;
  const subscribed = group.subscribedTopics(member, topics);
  const assigned: Assignment = new Map([...group.target(memberId)].filter(([topicId]) => subscribed.has(topicId)));
  const value = { memberEpoch: group.assignmentEpoch, previousMemberEpoch: member.memberEpoch, assigned };
  draft.write({ type: 'current', memberId, value });
  return draft.group.members.get(memberId)!;
}
