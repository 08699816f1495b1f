/**
 * The next step of one member towards its target: first it gives up what it must, then it gets what others have given
 * up. A pure function: it is the one place that decides that no partition has two owners.
 *
 *     Stable ──target moved──▶ UnrevokedPartitions ──revoked──▶ Stable, or UnreleasedPartitions while others
 *                              (stays in its epoch)             still hold what it should get
 */
import { areSameOwned, hasPartition, includesAny, OwnedBuilder } from './assignment.ts';
import {
  type Assignment,
  type ConsumerMember,
  type CurrentAssignment,
  MemberState,
  type OwnedPartitions,
  type TopicPartitions,
} from './types.ts';

export interface ReconcileInput {
  readonly member: ConsumerMember;
  readonly targetEpoch: number;
  readonly target: Assignment;
  /** Ids of the topics the member is subscribed to: what it no longer wants it gives up at once. */
  readonly subscribed: { has(topicId: string): boolean };
  readonly isSubscriptionChanged: boolean;
  /** What the member says it has; null when it did not say. */
  readonly owned: readonly TopicPartitions[] | null;
  ownerOf(topicId: string, partition: number): string | undefined;
}

/** Where the member goes; the member itself when it stays. */
export function reconcile(input: ReconcileInput): CurrentAssignment {
  const { member } = input;
  switch (member.state) {
    case MemberState.stable:
      if (member.memberEpoch !== input.targetEpoch) return next(input);
      return input.isSubscriptionChanged ? withoutUnsubscribed(input) : member;
    case MemberState.unrevokedPartitions:
      if (!stillHolds(input, member.pendingRevocation)) return next(input);
      return input.isSubscriptionChanged ? withoutUnsubscribed(input) : member;
    default:
      return next(input);
  }
}

/** Two assignments that would be written alike. */
export function isSameAssignment(one: CurrentAssignment, other: CurrentAssignment): boolean {
  return (
    one === other ||
    (one.memberEpoch === other.memberEpoch &&
      one.previousMemberEpoch === other.previousMemberEpoch &&
      one.state === other.state &&
      areSameOwned(one.assigned, other.assigned) &&
      areSameOwned(one.pendingRevocation, other.pendingRevocation))
  );
}

/** A member that does not say what it has may have all of it. */
function stillHolds({ owned }: ReconcileInput, partitions: OwnedPartitions): boolean {
  return owned === null || includesAny(owned, partitions);
}

function next(input: ReconcileInput): CurrentAssignment {
  const { member, targetEpoch } = input;
  const { kept, revoked } = split(input, (topicId, partition) => hasPartition(input.target, topicId, partition));
  if (revoked.size > 0 && stillHolds(input, revoked)) {
    return moved(member, member.memberEpoch, MemberState.unrevokedPartitions, kept.partitions, revoked);
  }
  let hasUnreleased = false;
  for (const [topicId, partitions] of input.target) {
    if (!input.subscribed.has(topicId)) continue;
    for (const partition of partitions) {
      if (hasPartition(kept.partitions, topicId, partition)) continue;
      const owner = input.ownerOf(topicId, partition);
      if (owner === undefined || owner === member.memberId) kept.add(topicId, partition, targetEpoch);
      else hasUnreleased = true;
    }
  }
  const state = hasUnreleased ? MemberState.unreleasedPartitions : MemberState.stable;
  return moved(member, targetEpoch, state, kept.partitions, new Map());
}

/** The subscription shrank while the target stayed: what is no longer wanted goes, the epoch stays. */
function withoutUnsubscribed(input: ReconcileInput): CurrentAssignment {
  const { member } = input;
  const { kept, revoked } = split(input, () => true);
  if (revoked.size === 0) return member;
  const pending = new OwnedBuilder();
  for (const partitionsOf of [member.pendingRevocation, revoked]) {
    for (const [topicId, partitions] of partitionsOf) {
      for (const [partition, epoch] of partitions) pending.add(topicId, partition, epoch);
    }
  }
  if (!stillHolds(input, pending.partitions)) {
    return moved(member, member.memberEpoch, member.state, kept.partitions, member.pendingRevocation);
  }
  return moved(member, member.memberEpoch, MemberState.unrevokedPartitions, kept.partitions, pending.partitions);
}

function split(
  { member, subscribed }: ReconcileInput,
  isWanted: (topicId: string, partition: number) => boolean,
): { readonly kept: OwnedBuilder; readonly revoked: OwnedPartitions } {
  const kept = new OwnedBuilder();
  const revoked = new OwnedBuilder();
  for (const [topicId, partitions] of member.assigned) {
    const isSubscribed = subscribed.has(topicId);
    for (const [partition, epoch] of partitions) {
      const place = isSubscribed && isWanted(topicId, partition) ? kept : revoked;
      place.add(topicId, partition, epoch);
    }
  }
  return { kept, revoked: revoked.partitions };
}

function moved(
  member: CurrentAssignment,
  memberEpoch: number,
  state: MemberState,
  assigned: OwnedPartitions,
  pendingRevocation: OwnedPartitions,
): CurrentAssignment {
  return { memberEpoch, previousMemberEpoch: member.memberEpoch, state, assigned, pendingRevocation };
}
