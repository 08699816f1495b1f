/**
 * The set of partitions in a transaction: small functions over a map that is replaced, never changed.
 */
import type { PartitionsByTopic, TopicPartition } from './types.ts';

export const noPartitions: PartitionsByTopic = new Map();

export function hasPartition(all: PartitionsByTopic, topic: string, partition: number): boolean {
  return all.get(topic)?.has(partition) === true;
}

/** The same set where nothing is new. */
export function withPartitions(all: PartitionsByTopic, added: readonly TopicPartition[]): PartitionsByTopic {
  const fresh = added.filter(({ topic, partition }) => !hasPartition(all, topic, partition));
  if (fresh.length === 0) return all;
  const result = new Map<string, Set<number>>();
  for (const [topic, partitions] of all) result.set(topic, new Set(partitions));
  for (const { topic, partition } of fresh) {
    const known = result.get(topic);
    if (known === undefined) result.set(topic, new Set([partition]));
    else known.add(partition);
  }
  return result;
}

export function listPartitions(all: PartitionsByTopic): TopicPartition[] {
  return [...all].flatMap(([topic, partitions]) => [...partitions].map((partition) => ({ topic, partition })));
}
