/**
 * OffsetFetch (key 9): what a group has committed. v2 a null list asks for all · v5 leader epoch · v7 require stable
 * (KIP-447) · v8 several groups · v9 member epochs (KIP-848) · v10 topic ids instead of names.
 *
 * Nothing committed is offset -1 without an error. Who requires stable offsets is told to ask again while a transaction
 * is open that may change one.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeOffsetFetchRequest,
  type OffsetFetchRequestGroup,
  type OffsetFetchRequestTopics,
} from '../protocol/messages/generated/offset-fetch-request.ts';
import { encodeOffsetFetchResponse } from '../protocol/messages/generated/offset-fetch-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

/** The first version that asks by topic id. */
const byIdFrom = 10;
/** The first version that asks for several groups. */
const manyGroupsFrom = 8;

export const offsetFetch = defineApi({
  decode: decodeOffsetFetchRequest,
  encode: encodeOffsetFetchResponse,
  handle(request, call, broker) {
    if (call.apiVersion >= manyGroupsFrom) {
      const asked = { broker, call, apiVersion: call.apiVersion, requireStable: request.requireStable };
      return { groups: request.groups.map((group) => answerGroup(asked, group)) };
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null;
    const group = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics };
    return answerGroup({ broker, call, apiVersion: call.apiVersion, requireStable: request.requireStable }, group);
  },
});

/** What is the same for all groups of a request. */
interface Asked {
  readonly broker: BrokerState;
  readonly call: Call;
  readonly apiVersion: number;
  readonly requireStable: boolean;
}

function answerGroup(asked: Asked, group: OffsetFetchRequestGroup) {
  if (!isAllowed(asked.broker, asked.call, 'describe', 'group', group.groupId)) return refusedGroup(group);
  const { groups } = asked.broker;
  const refusal = groups.shares.has(group.groupId)
    ? 'GROUP_ID_NOT_FOUND'
    : groups.consumers.refuseFetch(group.groupId, group.memberId, group.memberEpoch);
  if (refusal !== null) return { groupId: group.groupId, errorCode: ErrorCode[refusal], topics: [] };
  const topics =
    group.topics === null
      ? allTopics(asked, group.groupId)
      : group.topics.map((topic) => answerTopic(asked, group.groupId, topic));
  return { groupId: group.groupId, errorCode: 0, topics };
}

/** v1 has no place for it but the partitions. */
function refusedGroup({ groupId, topics }: OffsetFetchRequestGroup) {
  const errorCode = ErrorCode.GROUP_AUTHORIZATION_FAILED;
  const answers = (topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => nothing(partition, errorCode)),
  }));
  return { groupId, errorCode, topics: answers };
}

interface PartitionAnswer {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly metadata: string;
  readonly errorCode: number;
}

function answerTopic(
  { broker, call, apiVersion, requireStable }: Asked,
  group: string,
  asked: OffsetFetchRequestTopics,
) {
  const topic = apiVersion >= byIdFrom ? broker.topics.byId(asked.topicId) : undefined;
  const isUnknownId = apiVersion >= byIdFrom && topic === undefined;
  const name = topic?.name ?? asked.name;
  const isRefused = !isUnknownId && !isAllowed(broker, call, 'describe', 'topic', name);
  const partitions = asked.partitionIndexes.map((partition): PartitionAnswer => {
    if (isUnknownId) return nothing(partition, ErrorCode.UNKNOWN_TOPIC_ID);
    if (isRefused) return nothing(partition, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    if (requireStable && broker.groups.isUnstable(group, name, partition))
      return nothing(partition, ErrorCode.UNSTABLE_OFFSET_COMMIT);
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

function allTopics({ broker, call, requireStable }: Asked, group: string) {
  const topics = new Map<string, PartitionAnswer[]>();
  for (const { topic, partition, offset, leaderEpoch, metadata } of broker.groups.offsets(group)) {
    if (!isAllowed(broker, call, 'describe', 'topic', topic)) continue;
    const isUnstable = requireStable && broker.groups.isUnstable(group, topic, partition);
    const answer = isUnstable
      ? nothing(partition, ErrorCode.UNSTABLE_OFFSET_COMMIT)
      : {
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
