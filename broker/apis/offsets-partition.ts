/**
 * Where a group's offsets are kept, as a partition a transaction can hold.
 */
import { partitionOfGroup } from '../groups/offsets-topic.ts';
import { offsetsTopic } from '../metadata/topic-names.ts';
import type { BrokerState } from '../state.ts';
import type { TopicPartition } from '../transactions/types.ts';

/** The topic is made before the broker listens. */
export function offsetsPartition(broker: BrokerState, group: string): TopicPartition {
  const { partitions } = broker.topics.get(offsetsTopic)!;
  return { topic: offsetsTopic, partition: partitionOfGroup(group, partitions) };
}
