/**
 * The steps by which a group of the consumer protocol moves on, shared by all requests that cause them: a member's new
 * subscription, members that go, a new target assignment, one member's way towards it. Pure, on a draft.
 */
import { areSamePartitions } from './assignment.ts';
import { type AssignedMember, assignorNamed } from './assignors.ts';
import type { Draft } from './changes.ts';
import type { ConsumerGroup } from './group.ts';
import { isSameAssignment, reconcile } from './reconcile.ts';
import { checkRegex, resolveRegex } from './regex.ts';
import {
  type ClassicMembership,
  type ConsumerGroupsConfig,
  type ConsumerMember,
  type MemberMetadata,
  MemberState,
  type TopicPartitions,
  type TopicsView,
} from './types.ts';

export interface StepContext {
  readonly config: ConsumerGroupsConfig;
  readonly topics: TopicsView;
  readonly now: number;
  /** A topic may have changed since the group last looked. */
  readonly isMetadataDue: boolean;
  /** Expressions may mean other topics since the group last looked. */
  readonly isRegexDue: boolean;
  /** What who asks may know of; absent: all. */
  readonly mayDescribe?: ((topic: string) => boolean) | undefined;
}

/**
 * Takes note of what a member said about itself and raises the group epoch when who wants what is different now. Says
 * whether this member's own subscription is different.
 */
export function subscribe(
  draft: Draft,
  memberId: string,
  before: ConsumerMember | null,
  metadata: MemberMetadata,
  context: StepContext,
): boolean {
  const isRegexChanged = (before?.subscribedTopicRegex || null) !== (metadata.subscribedTopicRegex || null);
  const isNamesChanged = before === null || !isSameList(before.subscribedTopicNames, metadata.subscribedTopicNames);
  if (isRegexChanged && metadata.subscribedTopicRegex) checkRegex(metadata.subscribedTopicRegex);
  if (before === null || !isSameMetadata(before, metadata)) draft.write({ type: 'member', memberId, value: metadata });
  if (isRegexChanged && before?.subscribedTopicRegex) forgetUnused(draft, before.subscribedTopicRegex);
  const isSubscriptionChanged = isNamesChanged || isRegexChanged;
  noteTopics(draft, isSubscriptionChanged, context);
  return isSubscriptionChanged;
}

/** Raises the group epoch when the topics have changed under the subscriptions, or a subscription over the topics. */
function noteTopics(draft: Draft, isSubscriptionChanged: boolean, context: StepContext): void {
  const areRegexesChanged = resolveRegexes(draft, context);
  draft.hasSeenTopics = true;
  if (!isSubscriptionChanged && !areRegexesChanged && !context.isMetadataDue) return;
  const metadataHash = draft.group.hashOfMetadata(context.topics);
  const isRaised = isSubscriptionChanged || areRegexesChanged || metadataHash !== draft.group.metadataHash;
  if (isRaised) draft.write({ type: 'epoch', epoch: draft.group.epoch + 1, metadataHash });
}

/**
 * What any heartbeat does for the whole group: topics looked at, a new target where one is due. A member of the classic
 * protocol has nothing else to say in its heartbeat.
 */
export function refresh(draft: Draft, context: StepContext): void {
  noteTopics(draft, false, context);
  if (draft.group.epoch > draft.group.assignmentEpoch && isTargetDue(draft.group, context)) retarget(draft, context);
}

/** Members that left, or that the coordinator gave up. */
export function removeMembers(draft: Draft, members: readonly ConsumerMember[], { topics }: StepContext): void {
  for (const { memberId, subscribedTopicRegex } of members) {
    draft.write({ type: 'current', memberId, value: null });
    draft.write({ type: 'target', memberId, partitions: null });
    draft.write({ type: 'member', memberId, value: null });
    if (subscribedTopicRegex) forgetUnused(draft, subscribedTopicRegex);
  }
  const { group } = draft;
  draft.write({ type: 'epoch', epoch: group.epoch + 1, metadataHash: group.hashOfMetadata(topics) });
}

/** A new target if one is due, then the member's next step towards it. */
export function step(
  draft: Draft,
  memberId: string,
  owned: readonly TopicPartitions[] | null,
  isSubscriptionChanged: boolean,
  context: StepContext,
): ConsumerMember {
  if (draft.group.epoch > draft.group.assignmentEpoch && isTargetDue(draft.group, context)) retarget(draft, context);
  const { group } = draft;
  const member = group.members.get(memberId)!;
  const isThere = member.state === MemberState.stable && member.memberEpoch === group.assignmentEpoch;
  if (isThere && !isSubscriptionChanged) return member;
  const current = reconcile({
    member,
    targetEpoch: group.assignmentEpoch,
    target: group.target(memberId),
    subscribed: group.subscribedTopics(member, context.topics),
    isSubscriptionChanged,
    owned,
    ownerOf: (topicId, partition) => group.ownerOf(topicId, partition),
  });
  if (!isSameAssignment(member, current)) draft.write({ type: 'current', memberId, value: current });
  return draft.group.members.get(memberId)!;
}

function isTargetDue({ assignmentTimestampMs }: ConsumerGroup, { config, now }: StepContext): boolean {
  if (assignmentTimestampMs === 0 || config.assignmentIntervalMs === 0) return true;
  return now >= assignmentTimestampMs + config.assignmentIntervalMs;
}

export function retarget(draft: Draft, { config, topics, now }: StepContext): void {
  const { group } = draft;
  const members = [...group.members.values()].map(
    (member): AssignedMember => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      subscribed: group.subscribedTopics(member, topics),
      target: group.target(member.memberId),
    }),
  );
  const targets = assignorNamed(preferredAssignor(group, config))(members);
  for (const [memberId, partitions] of targets) {
    const isSame = group.targets.has(memberId) && areSamePartitions(group.target(memberId), partitions);
    if (!isSame) draft.write({ type: 'target', memberId, partitions });
  }
  draft.write({ type: 'target-epoch', epoch: group.epoch, timestampMs: now });
}

/** The one most members ask for; members that ask for none do not vote. */
export function preferredAssignor(group: ConsumerGroup, config: ConsumerGroupsConfig): string {
  const votes = new Map<string, number>();
  for (const { serverAssignor } of group.members.values()) {
    if (serverAssignor !== null && config.assignors.includes(serverAssignor)) {
      votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1);
    }
  }
  let best: string | null = null;
  for (const [name, count] of votes) if (best === null || count > votes.get(best)!) best = name;
  return best ?? config.assignors[0]!;
}

/** Looks up expressions nobody has looked up yet, and all of them when that is due. Says whether any means others now. */
function resolveRegexes(draft: Draft, { topics, now, isRegexDue, mayDescribe }: StepContext): boolean {
  let isChanged = false;
  const wanted = new Set<string>();
  for (const { subscribedTopicRegex } of draft.group.members.values()) {
    if (subscribedTopicRegex) wanted.add(subscribedTopicRegex);
  }
  for (const regex of wanted) {
    const known = draft.group.regexes.get(regex);
    if (known !== undefined && !isRegexDue) continue;
    const value = resolveRegex(regex, topics, now, mayDescribe);
    if (known !== undefined && isSameSet(known.topics, value.topics)) continue;
    draft.write({ type: 'regex', regex, value });
    isChanged = true;
  }
  return isChanged;
}

function forgetUnused(draft: Draft, regex: string): void {
  const isUsed = draft.group.countRegexSubscribers(regex) > 0;
  if (!isUsed && draft.group.regexes.has(regex)) draft.write({ type: 'regex', regex, value: null });
}

function isSameMetadata(one: MemberMetadata, other: MemberMetadata): boolean {
  return (
    one.instanceId === other.instanceId &&
    one.rackId === other.rackId &&
    one.clientId === other.clientId &&
    one.clientHost === other.clientHost &&
    one.subscribedTopicRegex === other.subscribedTopicRegex &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs &&
    one.serverAssignor === other.serverAssignor &&
    isSameClassic(one.classic, other.classic) &&
    isSameList(one.subscribedTopicNames, other.subscribedTopicNames)
  );
}

function isSameClassic(one: ClassicMembership | null, other: ClassicMembership | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.sessionTimeoutMs === other.sessionTimeoutMs &&
    one.supportedProtocols.length === other.supportedProtocols.length &&
    one.supportedProtocols.every(({ name, metadata }, place) => {
      const protocol = other.supportedProtocols[place]!;
      return protocol.name === name && protocol.metadata.equals(metadata);
    })
  );
}

/** The order of the names means nothing. */
function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && isSameSet(new Set(one), new Set(other));
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((name) => other.has(name));
}
