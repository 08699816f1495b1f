/**
 * The server-side assignors (KIP-848): which member should have which partition. Pure functions of subscriptions and of
 * the target so far; who has what at the moment is not their business but reconcile.ts's.
 *
 * - `uniform` spreads all partitions evenly and moves as few as it can.
 * - `range` gives each member a run of neighbouring partitions of every topic, the same run in topics of the same size.
 */
import { hasPartition } from './assignment.ts';
import type { Assignment, GroupTopic } from './types.ts';
import { assignUniformly } from './uniform-assignor.ts';

export interface AssignedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** By topic id. */
  readonly subscribed: ReadonlyMap<string, GroupTopic>;
  /** Its target so far. */
  readonly target: Assignment;
}

/** Member id to its new target. Every member has one, if only an empty one. */
export type Assignor = (members: readonly AssignedMember[]) => Map<string, Assignment>;

const assignors: Readonly<Record<string, Assignor>> = { uniform: assignUniformly, range: assignRanges };

/** What `group.consumer.assignors` may name. */
export const assignorNames: readonly string[] = Object.keys(assignors);

export function assignorNamed(name: string): Assignor {
  const assignor = assignors[name];
  if (assignor === undefined) throw new Error(`There is no assignor ${name}.`);
  return assignor;
}

function assignRanges(members: readonly AssignedMember[]): Map<string, Assignment> {
  const ordered = [...members].sort(byInstanceThenId);
  const targets = new Map<string, Map<string, ReadonlySet<number>>>(
    ordered.map(({ memberId }) => [memberId, new Map()]),
  );
  for (const { topic, subscribers } of subscribersByTopic(ordered)) {
    const least = Math.floor(topic.partitions / subscribers.length);
    const withOneMore = topic.partitions % subscribers.length;
    let begin = 0;
    subscribers.forEach(({ memberId }, place) => {
      const end = begin + least + (place < withOneMore ? 1 : 0);
      const run = new Set<number>();
      for (let partition = begin; partition < end; partition++) run.add(partition);
      if (run.size > 0) targets.get(memberId)!.set(topic.topicId, run);
      begin = end;
    });
  }
  return targets;
}

/** Static members keep their place whatever member id they come back with. */
function byInstanceThenId(one: AssignedMember, other: AssignedMember): number {
  const isStatic = Number(other.instanceId !== null) - Number(one.instanceId !== null);
  if (isStatic !== 0) return isStatic;
  const names = [one.instanceId ?? one.memberId, other.instanceId ?? other.memberId] as const;
  return names[0] < names[1] ? -1 : names[0] > names[1] ? 1 : 0;
}

/** Topics in the order of their names, each with who wants it, in the members' order. */
export function subscribersByTopic(
  members: readonly AssignedMember[],
): { readonly topic: GroupTopic; readonly subscribers: AssignedMember[] }[] {
  const byTopic = new Map<string, { topic: GroupTopic; subscribers: AssignedMember[] }>();
  for (const member of members) {
    for (const [topicId, topic] of member.subscribed) {
      const known = byTopic.get(topicId);
      if (known === undefined) byTopic.set(topicId, { topic, subscribers: [member] });
      else known.subscribers.push(member);
    }
  }
  return [...byTopic.values()].sort(({ topic: { name: a } }, { topic: { name: b } }) => (a < b ? -1 : a > b ? 1 : 0));
}

/** What of its old target a member may keep: of topics it still wants, partitions that exist. */
export function stillWanted(member: AssignedMember): { readonly topic: GroupTopic; readonly partition: number }[] {
  const wanted: { topic: GroupTopic; partition: number }[] = [];
  for (const topicId of member.target.keys()) {
    const topic = member.subscribed.get(topicId);
    if (topic === undefined) continue;
    for (let partition = 0; partition < topic.partitions; partition++) {
      if (hasPartition(member.target, topicId, partition)) wanted.push({ topic, partition });
    }
  }
  return wanted;
}
