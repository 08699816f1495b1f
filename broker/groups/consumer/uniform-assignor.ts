/**
 * The assignor `uniform`: every member has as many partitions as any other, within one, as far as the subscriptions
 * allow, and no partition moves without need.
 *
 * Members that all want the same topics need only counting. Where they want different ones, partitions wander from who
 * has more to who has fewer along chains of members with a topic in common, until no chain makes it more even.
 */
import { type AssignedMember, stillWanted, subscribersByTopic } from './assignors.ts';
import type { Assignment, GroupTopic } from './types.ts';

/** What a member gets, while it is worked out. */
class Share {
  readonly member: AssignedMember;
  readonly partitions = new Map<string, Set<number>>();
  size = 0;

  constructor(member: AssignedMember) {
    this.member = member;
  }

  add(topicId: string, partition: number): void {
    let ofTopic = this.partitions.get(topicId);
    if (ofTopic === undefined) {
      ofTopic = new Set();
      this.partitions.set(topicId, ofTopic);
    }
    ofTopic.add(partition);
    this.size++;
  }

  /** Gives up the last partition of the topic. */
  take(topicId: string): number {
    const ofTopic = this.partitions.get(topicId)!;
    const partition = Math.max(...ofTopic);
    ofTopic.delete(partition);
    if (ofTopic.size === 0) this.partitions.delete(topicId);
    this.size--;
    return partition;
  }
}

interface Unassigned {
  readonly topic: GroupTopic;
  readonly partition: number;
}

export function assignUniformly(members: readonly AssignedMember[]): Map<string, Assignment> {
  const shares = new Map(members.map((member) => [member.memberId, new Share(member)]));
  const topics = subscribersByTopic(members);
  const isHomogeneous = topics.every(({ subscribers }) => subscribers.length === members.length);
  if (isHomogeneous) assignByQuota([...shares.values()], topics);
  else assignByChains(shares, topics);
  return new Map([...shares.values()].map(({ member, partitions }) => [member.memberId, partitions]));
}

type Topics = ReturnType<typeof subscribersByTopic>;

function assignByQuota(shares: readonly Share[], topics: Topics): void {
  const total = topics.reduce((sum, { topic }) => sum + topic.partitions, 0);
  const least = Math.floor(total / shares.length);
  let withOneMore = total % shares.length;
  const wanted = new Map(shares.map((share) => [share, stillWanted(share.member)]));
  // Who has most keeps the odd ones; the sort is stable, so equal members keep their order.
  const ordered = [...shares].sort((one, other) => wanted.get(other)!.length - wanted.get(one)!.length);
  const quotas = new Map<Share, number>();
  for (const share of ordered) quotas.set(share, least + (withOneMore-- > 0 ? 1 : 0));
  for (const share of ordered) {
    for (const { topic, partition } of wanted.get(share)!.slice(0, quotas.get(share)))
      share.add(topic.topicId, partition);
  }
  const rest = unassignedAfter(shares, topics);
  let place = 0;
  for (const { topic, partition } of rest) {
    while (shares[place]!.size >= quotas.get(shares[place]!)!) place++;
    shares[place]!.add(topic.topicId, partition);
  }
}

function unassignedAfter(shares: readonly Share[], topics: Topics): Unassigned[] {
  const taken = new Map<string, Set<number>>();
  for (const { partitions } of shares) {
    for (const [topicId, ofTopic] of partitions) {
      const all = taken.get(topicId) ?? new Set();
      for (const partition of ofTopic) all.add(partition);
      taken.set(topicId, all);
    }
  }
  const rest: Unassigned[] = [];
  for (const { topic } of topics) {
    for (let partition = 0; partition < topic.partitions; partition++) {
      if (taken.get(topic.topicId)?.has(partition) !== true) rest.push({ topic, partition });
    }
  }
  return rest;
}

function assignByChains(shares: ReadonlyMap<string, Share>, topics: Topics): void {
  for (const share of shares.values()) {
    for (const { topic, partition } of stillWanted(share.member)) share.add(topic.topicId, partition);
  }
  const subscribers = new Map(
    topics.map(({ topic, subscribers: members }) => [
      topic.topicId,
      members.map(({ memberId }) => shares.get(memberId)!),
    ]),
  );
  for (const { topic, partition } of unassignedAfter([...shares.values()], topics)) {
    const wanting = subscribers.get(topic.topicId)!;
    wanting.reduce((least, share) => (share.size < least.size ? share : least)).add(topic.topicId, partition);
  }
  // Each shift makes the squares of the sizes smaller, so this ends.
  while ([...shares.values()].sort((one, other) => other.size - one.size).some((share) => shift(share, subscribers)));
}

interface Step {
  readonly from: Share;
  readonly topicId: string;
}

/** Moves one partition along the shortest chain from this share to one that is smaller by two or more. */
function shift(start: Share, subscribers: ReadonlyMap<string, readonly Share[]>): boolean {
  const steps = new Map<Share, Step | null>([[start, null]]);
  const queue: Share[] = [start];
  for (const from of queue) {
    for (const topicId of from.partitions.keys()) {
      for (const to of subscribers.get(topicId)!) {
        if (steps.has(to)) continue;
        steps.set(to, { from, topicId });
        if (to.size <= start.size - 2) {
          follow(steps, to);
          return true;
        }
        queue.push(to);
      }
    }
  }
  return false;
}

function follow(steps: ReadonlyMap<Share, Step | null>, end: Share): void {
  let to = end;
  for (let step = steps.get(end); step; step = steps.get(to)) {
    to.add(step.topicId, step.from.take(step.topicId));
    to = step.from;
  }
}
