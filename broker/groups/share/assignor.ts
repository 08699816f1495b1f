/**
 * The assignor `simple` of share groups (KIP-932): every partition has a member, every member a partition, all of them
 * about as many as the others, and what is assigned already moves as little as that allows. A partition may have several
 * members: that is the point of share groups. Pure.
 */
import type { Assignment, GroupTopic } from '../consumer/types.ts';

export interface AssignedShareMember {
  readonly memberId: string;
  /** By topic id. */
  readonly subscribed: ReadonlyMap<string, GroupTopic>;
  /** Its target so far. */
  readonly target: Assignment;
}

interface Target {
  readonly topicId: string;
  readonly partition: number;
  /** Who may have it, in the members' order. */
  readonly subscribers: readonly Share[];
  readonly sharers: Set<Share>;
}

interface Share {
  readonly member: AssignedShareMember;
  readonly targets: Set<Target>;
}

/** Member id to its new target. Every member has one, if only an empty one. */
export function assignSimply(members: readonly AssignedShareMember[]): Map<string, Assignment> {
  const shares = [...members]
    .sort((one, other) => (one.memberId < other.memberId ? -1 : 1))
    .map((member): Share => ({ member, targets: new Set() }));
  const targets = targetsOf(shares);
  for (const target of targets) keep(target);
  for (const target of targets) if (target.sharers.size === 0) give(target, leastLoaded(target.subscribers)!);
  even(shares);
  for (const share of shares) if (share.targets.size === 0) join(share, targets);
  spread(shares, targets);
  return new Map(shares.map((share) => [share.member.memberId, assignmentOf(share)]));
}

function targetsOf(shares: readonly Share[]): Target[] {
  const topics = new Map<string, GroupTopic>();
  for (const { member } of shares) for (const [topicId, topic] of member.subscribed) topics.set(topicId, topic);
  const byName = [...topics.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  return byName.flatMap(({ topicId, partitions }) => {
    const subscribers = shares.filter(({ member }) => member.subscribed.has(topicId));
    return Array.from({ length: partitions }, (_, partition) => ({
      topicId,
      partition,
      subscribers,
      sharers: new Set<Share>(),
    }));
  });
}

/** Who has it already and may have it still keeps it. */
function keep(target: Target): void {
  for (const share of target.subscribers) {
    if (share.member.target.get(target.topicId)?.has(target.partition) === true) give(target, share);
  }
}

function give(target: Target, share: Share): void {
  target.sharers.add(share);
  share.targets.add(target);
}

function take(target: Target, share: Share): void {
  target.sharers.delete(share);
  share.targets.delete(target);
}

/** First a partition that others have too is given up; then one moves to who has two fewer. */
function even(shares: readonly Share[]): void {
  for (const share of shares) {
    const least = Math.max(1, Math.min(...shares.map(({ targets }) => targets.size)));
    for (const target of [...share.targets]) {
      if (share.targets.size > least && target.sharers.size > 1) take(target, share);
    }
  }
  // Each move makes the squares of the sizes smaller, so this ends.
  for (let move = nextMove(shares); move !== null; move = nextMove(shares)) {
    take(move.target, move.from);
    give(move.target, move.to);
  }
}

/** Who has most gives first, so that nobody gives more than it must. */
function nextMove(
  shares: readonly Share[],
): { readonly target: Target; readonly from: Share; readonly to: Share } | null {
  const fewest = Math.min(...shares.map(({ targets }) => targets.size));
  for (const from of [...shares].sort((one, other) => other.targets.size - one.targets.size)) {
    if (from.targets.size - fewest < 2) return null;
    for (const target of from.targets) {
      const to = leastLoaded(target.subscribers.filter((other) => !target.sharers.has(other)));
      if (to !== undefined && to.targets.size <= from.targets.size - 2) return { target, from, to };
    }
  }
  return null;
}

/** More members than partitions: the rest share, each the partition with the fewest. */
function join(share: Share, targets: readonly Target[]): void {
  let fewest: Target | null = null;
  for (const target of targets) {
    if (!share.member.subscribed.has(target.topicId)) continue;
    if (fewest === null || target.sharers.size < fewest.sharers.size) fewest = target;
  }
  if (fewest !== null) give(fewest, share);
}

/** No partition has two members more than another one they could have instead. */
function spread(shares: readonly Share[], targets: readonly Target[]): void {
  // Each move makes the squares of the numbers of members smaller, so this ends.
  for (let isMoved = true; isMoved; ) {
    isMoved = false;
    for (const share of shares) {
      for (const target of share.targets) {
        if (target.sharers.size < 3) continue;
        const free = targets.find(({ sharers, subscribers }) => {
          return sharers.size <= target.sharers.size - 2 && !sharers.has(share) && subscribers.includes(share);
        });
        if (free === undefined) continue;
        take(target, share);
        give(free, share);
        isMoved = true;
      }
    }
  }
}

function leastLoaded(shares: readonly Share[]): Share | undefined {
  let least: Share | undefined;
  for (const share of shares) if (least === undefined || share.targets.size < least.targets.size) least = share;
  return least;
}

function assignmentOf({ targets }: Share): Assignment {
  const assignment = new Map<string, Set<number>>();
  for (const { topicId, partition } of targets) {
    const partitions = assignment.get(topicId);
    if (partitions === undefined) assignment.set(topicId, new Set([partition]));
    else partitions.add(partition);
  }
  return assignment;
}
