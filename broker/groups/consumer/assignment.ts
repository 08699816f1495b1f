/**
 * Arithmetic of assignments: sets of partitions by topic, with and without the epochs they were given at.
 */
import type { Assignment, OwnedPartitions, TopicPartitions } from './types.ts';

/** Collects partitions topic by topic; topics without any do not appear. */
export class OwnedBuilder {
  readonly partitions = new Map<string, Map<number, number>>();

  add(topicId: string, partition: number, epoch: number): void {
    let ofTopic = this.partitions.get(topicId);
    if (ofTopic === undefined) {
      ofTopic = new Map();
      this.partitions.set(topicId, ofTopic);
    }
    ofTopic.set(partition, epoch);
  }
}

export function hasPartition(owned: OwnedPartitions | Assignment, topicId: string, partition: number): boolean {
  return owned.get(topicId)?.has(partition) === true;
}

/** Every one of the listed partitions is owned. */
export function areOwned(listed: readonly TopicPartitions[], owned: OwnedPartitions): boolean {
  return listed.every(({ topicId, partitions }) =>
    partitions.every((partition) => hasPartition(owned, topicId, partition)),
  );
}

export function includesAny(listed: readonly TopicPartitions[], owned: OwnedPartitions): boolean {
  return listed.some(({ topicId, partitions }) =>
    partitions.some((partition) => hasPartition(owned, topicId, partition)),
  );
}

/** The same partitions, whatever their epochs. */
export function areSamePartitions(one: OwnedPartitions | Assignment, other: OwnedPartitions | Assignment): boolean {
  if (one.size !== other.size) return false;
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId);
    if (others === undefined || others.size !== partitions.size) return false;
    for (const partition of partitions.keys()) if (!others.has(partition)) return false;
  }
  return true;
}

export function areSameOwned(one: OwnedPartitions, other: OwnedPartitions): boolean {
  if (!areSamePartitions(one, other)) return false;
  for (const [topicId, partitions] of one) {
    for (const [partition, epoch] of partitions) if (other.get(topicId)?.get(partition) !== epoch) return false;
  }
  return true;
}

/** As answers list them, partitions in order. */
export function listed(owned: OwnedPartitions | Assignment): TopicPartitions[] {
  return [...owned].map(([topicId, partitions]) => ({
    topicId,
    partitions: [...partitions.keys()].sort((a, b) => a - b),
  }));
}

export function withEpoch(assignment: OwnedPartitions, epoch: number): OwnedPartitions {
  const builder = new OwnedBuilder();
  for (const [topicId, partitions] of assignment) {
    for (const partition of partitions.keys()) builder.add(topicId, partition, epoch);
  }
  return builder.partitions;
}
