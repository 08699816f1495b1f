/**
 * OffsetFetch (key 9): what a group has committed. v2 a null list asks for all · v5 leader epoch · v7 require stable
 * (KIP-447) · v8 several groups · v9 member epochs (KIP-848) · v10 topic ids instead of names.
 *
 * Nothing committed is offset -1 without an error.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeOffsetFetchRequest,
  type OffsetFetchRequestGroup,
  type OffsetFetchRequestTopics,
} from '../protocol/messages/generated/offset-fetch-request.ts';
import { encodeOffsetFetchResponse } from '../protocol/messages/generated/offset-fetch-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';

/** The first version that asks by topic id. */
const byIdFrom = 10;
/** The first version that asks for several groups. */
const manyGroupsFrom = 8;

export const offsetFetch = defineApi({
  decode: decodeOffsetFetchRequest,
  encode: encodeOffsetFetchResponse,
  handle(request, call, broker) {
    if (call.apiVersion >= manyGroupsFrom) {
      return { groups: request.groups.map((group) => answerGroup(broker, group, call.apiVersion)) };
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null;
    const group = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics };
    return answerGroup(broker, group, call.apiVersion);
  },
});

function answerGroup(broker: BrokerState, group: OffsetFetchRequestGroup, apiVersion: number) {
  const topics =
    group.topics === null
      ? allTopics(broker, group.groupId)
      : group.topics.map((topic) => answerTopic(broker, group.groupId, topic, apiVersion));
  return { groupId: group.groupId, errorCode: 0, topics };
}

interface PartitionAnswer {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly metadata: string;
  readonly errorCode: number;
}

function answerTopic(broker: BrokerState, group: string, asked: OffsetFetchRequestTopics, apiVersion: number) {
  const topic = apiVersion >= byIdFrom ? broker.topics.byId(asked.topicId) : undefined;
  const isUnknownId = apiVersion >= byIdFrom && topic === undefined;
  const name = topic?.name ?? asked.name;
  const partitions = asked.partitionIndexes.map((partition): PartitionAnswer => {
    if (isUnknownId) return nothing(partition, ErrorCode.UNKNOWN_TOPIC_ID);
    const committed = broker.groups.offset(group, name, partition);
    if (committed === undefined) return nothing(partition, 0);
    const { offset, leaderEpoch, metadata } = committed;
    return {
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: 0,
    };
  });
  return { name, topicId: asked.topicId, partitions };
}

function nothing(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode };
}

function allTopics(broker: BrokerState, group: string) {
  const topics = new Map<string, PartitionAnswer[]>();
  for (const { topic, partition, offset, leaderEpoch, metadata } of broker.groups.offsets(group)) {
    const answer = {
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: 0,
    };
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [answer]);
    else known.push(answer);
  }
  return [...topics].map(([name, partitions]) => ({
    name,
    topicId: broker.topics.get(name)?.topicId ?? zeroUuid,
    partitions,
  }));
}
