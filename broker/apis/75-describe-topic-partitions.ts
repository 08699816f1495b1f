/**
 * DescribeTopicPartitions (key 75): topics page by page (KIP-966), which is what Java's Admin.describeTopics asks first.
 */
import type { Topic } from '../metadata/topics.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeTopicPartitionsRequest,
  decodeDescribeTopicPartitionsRequest,
} from '../protocol/messages/generated/describe-topic-partitions-request.ts';
import {
  type DescribeTopicPartitionsResponseTopic,
  encodeDescribeTopicPartitionsResponse,
} from '../protocol/messages/generated/describe-topic-partitions-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, operationsAllowed } from './authorize.ts';

/** Kafka's own cap on a page (max.request.partition.size.limit). */
const pagePartitionsMax = 2000;

export const describeTopicPartitions = defineApi({
  decode: decodeDescribeTopicPartitionsRequest,
  encode: encodeDescribeTopicPartitionsResponse,
  handle(request, call, broker) {
    const topics: Outgoing<DescribeTopicPartitionsResponseTopic>[] = [];
    let room = Math.max(1, Math.min(request.responsePartitionLimit, pagePartitionsMax));
    for (const name of namesFrom(request, call, broker)) {
      if (!isAllowed(broker, call, 'describe', 'topic', name)) {
        topics.push({ name, topicId: zeroUuid, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED });
        continue;
      }
      const topic = broker.topics.get(name);
      if (topic === undefined) {
        topics.push({ name, topicId: zeroUuid, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION });
        continue;
      }
      const first = name === request.cursor?.topicName ? request.cursor.partitionIndex : 0;
      if (room === 0) return { topics, nextCursor: { topicName: name, partitionIndex: first } };
      const end = Math.min(topic.partitions, first + room);
      topics.push(page(broker, call, topic, first, end));
      room -= end - first;
      if (end < topic.partitions) return { topics, nextCursor: { topicName: name, partitionIndex: end } };
    }
    return { topics, nextCursor: null };
  },
});

/** Pages go by name, from the cursor's topic on. */
function namesFrom(request: DescribeTopicPartitionsRequest, call: Call, broker: BrokerState): string[] {
  const asked =
    request.topics.length > 0
      ? request.topics.map((topic) => topic.name)
      : [...broker.topics.all()]
          .map((topic) => topic.name)
          .filter((name) => isAllowed(broker, call, 'describe', 'topic', name));
  const from = request.cursor?.topicName ?? '';
  return [...new Set(asked)].filter((name) => name >= from).sort();
}

function page(
  broker: BrokerState,
  call: Call,
  topic: Topic,
  first: number,
  end: number,
): Outgoing<DescribeTopicPartitionsResponseTopic> {
  const nodes = [broker.nodeId];
  const partitions = [];
  for (let partitionIndex = first; partitionIndex < end; partitionIndex++) {
    partitions.push({
      errorCode: 0,
      partitionIndex,
      leaderId: broker.nodeId,
      leaderEpoch: broker.logs.leaderEpoch,
      replicaNodes: nodes,
      isrNodes: nodes,
      // Java clients cannot read null here.
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    });
  }
  const topicAuthorizedOperations = operationsAllowed(broker, call, true, 'topic', topic.name);
  const { name, topicId, isInternal } = topic;
  return { errorCode: 0, name, topicId, isInternal, partitions, topicAuthorizedOperations };
}
