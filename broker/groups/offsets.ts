/**
 * The committed offsets of one group, those that wait for the end of a transaction, and when offsets are old enough to
 * be forgotten. Data and rules; writing them down is the coordinator's part.
 */
import type { Group } from './group.ts';
import type { CommittedOffset } from './types.ts';

export interface PartitionOfTopic {
  readonly topic: string;
  readonly partition: number;
}

/** A committed offset, and its place in the order of commits. */
interface Kept {
  readonly value: CommittedOffset;
  readonly order: number;
}

export class GroupOffsets {
  readonly #byTopic = new Map<string, Map<number, Kept>>();
  /** Offsets committed inside transactions that are open, by producer id and then by partition. */
  readonly #pending = new Map<number, Map<string, Kept & PartitionOfTopic>>();
  #count = 0;
  #commits = 0;

  get count(): number {
    return this.#count;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#byTopic.get(topic)?.get(partition)?.value;
  }

  set(topic: string, partition: number, offset: CommittedOffset): void {
    this.#put(topic, partition, { value: offset, order: ++this.#commits });
  }

  /** An offset that counts once the producer's transaction is committed. */
  setPending(producerId: number, topic: string, partition: number, offset: CommittedOffset): void {
    let offsets = this.#pending.get(producerId);
    if (offsets === undefined) {
      offsets = new Map();
      this.#pending.set(producerId, offsets);
    }
    const kept = { value: offset, order: ++this.#commits, topic, partition };
    offsets.set(`${partition}/${topic}`, kept);
  }

  /** The producer's transaction is over: its offsets count from now on, unless a later commit does; or they never will. */
  endTransaction(producerId: number, isCommit: boolean): void {
    const offsets = this.#pending.get(producerId);
    this.#pending.delete(producerId);
    if (offsets === undefined || !isCommit) return;
    for (const kept of offsets.values()) {
      const known = this.#byTopic.get(kept.topic)?.get(kept.partition);
      if (known === undefined || known.order < kept.order) this.#put(kept.topic, kept.partition, kept);
    }
  }

  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Whether a transaction is open that may change this offset. */
  isPending(topic: string, partition: number): boolean {
    if (this.#pending.size === 0) return false;
    const key = `${partition}/${topic}`;
    for (const offsets of this.#pending.values()) if (offsets.has(key)) return true;
    return false;
  }

  /** Partitions with an offset that waits for a transaction, each once for each transaction. */
  *pending(): Generator<PartitionOfTopic> {
    for (const offsets of this.#pending.values()) {
      for (const { topic, partition } of offsets.values()) yield { topic, partition };
    }
  }

  #put(topic: string, partition: number, kept: Kept): void {
    let partitions = this.#byTopic.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#byTopic.set(topic, partitions);
    }
    if (!partitions.has(partition)) this.#count++;
    partitions.set(partition, kept);
  }

  /** Forgets what is committed and what waits. */
  delete(topic: string, partition: number): void {
    for (const [producerId, offsets] of this.#pending) {
      offsets.delete(`${partition}/${topic}`);
      if (offsets.size === 0) this.#pending.delete(producerId);
    }
    const partitions = this.#byTopic.get(topic);
    if (partitions?.delete(partition) !== true) return;
    this.#count--;
    if (partitions.size === 0) this.#byTopic.delete(topic);
  }

  *all(): Generator<CommittedOffset & PartitionOfTopic> {
    for (const [topic, partitions] of this.#byTopic) {
      for (const [partition, { value }] of partitions) yield { ...value, topic, partition };
    }
  }

  ofTopic(topic: string): PartitionOfTopic[] {
    const committed = [...(this.#byTopic.get(topic)?.keys() ?? [])].map((partition) => ({ topic, partition }));
    return [...committed, ...[...this.pending()].filter((pending) => pending.topic === topic)];
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
    if (offsets.isPending(committed.topic, committed.partition)) continue;
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
