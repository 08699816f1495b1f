/**
 * The committed offsets of one group, and when they are old enough to be forgotten. Data and rules; writing them down is
 * the coordinator's part.
 */
import type { Group } from './group.ts';
import type { CommittedOffset } from './types.ts';

export interface PartitionOfTopic {
  readonly topic: string;
  readonly partition: number;
}

export class GroupOffsets {
  readonly #byTopic = new Map<string, Map<number, CommittedOffset>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#byTopic.get(topic)?.get(partition);
  }

  set(topic: string, partition: number, offset: CommittedOffset): void {
    let partitions = this.#byTopic.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#byTopic.set(topic, partitions);
    }
    if (!partitions.has(partition)) this.#count++;
    partitions.set(partition, offset);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.#byTopic.get(topic);
    if (partitions?.delete(partition) !== true) return;
    this.#count--;
    if (partitions.size === 0) this.#byTopic.delete(topic);
  }

  *all(): Generator<CommittedOffset & PartitionOfTopic> {
    for (const [topic, partitions] of this.#byTopic) {
      for (const [partition, offset] of partitions) yield { ...offset, topic, partition };
    }
  }

  ofTopic(topic: string): PartitionOfTopic[] {
    return [...(this.#byTopic.get(topic)?.keys() ?? [])].map((partition) => ({ topic, partition }));
  }
}

/**
 * Offsets nobody needs any more (KIP-211): of a group whose members are gone, counted from when they went; of a consumer
 * group that lives, of topics it is no longer subscribed to; of a group that never had members, from their commit.
 */
export function expiredOffsets(
  group: Group,
  offsets: GroupOffsets,
  nowMs: number,
  retentionMs: number,
): PartitionOfTopic[] {
  const expired: PartitionOfTopic[] = [];
  for (const committed of offsets.all()) {
    if (isExpired(group, committed, nowMs, retentionMs))
      expired.push({ topic: committed.topic, partition: committed.partition });
  }
  return expired;
}

function isExpired(
  group: Group,
  committed: CommittedOffset & PartitionOfTopic,
  nowMs: number,
  retentionMs: number,
): boolean {
  // A commit of an old client that brought its own retention.
  if (committed.expireTimestamp >= 0) return nowMs >= committed.expireTimestamp && group.members.size === 0;
  const isOld = nowMs - committed.commitTimestamp >= retentionMs;
  if (group.protocolType === null) return isOld;
  if (group.state === 'Empty') return nowMs - Math.max(group.stateSinceMs, committed.commitTimestamp) >= retentionMs;
  return isOld && group.state === 'Stable' && group.subscribedTopics !== null && !group.isSubscribedTo(committed.topic);
}
