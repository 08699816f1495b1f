/**
 * OffsetCommit (key 8): a group's offsets, durable before the answer. v2 to v4 retention of its own · v6 leader epoch
 * · v7 static members · v9 member epochs (KIP-848) · v10 topic ids instead of names.
 */
import type { OffsetToCommit } from '../groups/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeOffsetCommitRequest,
  type OffsetCommitRequest,
  type OffsetCommitRequestTopic,
} from '../protocol/messages/generated/offset-commit-request.ts';
import { encodeOffsetCommitResponse } from '../protocol/messages/generated/offset-commit-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const offsetCommit = defineApi({
  decode: decodeOffsetCommitRequest,
  encode: encodeOffsetCommitResponse,
  async handle(request, call, broker) {
    const mayCommit = isAllowed(broker, call, 'read', 'group', request.groupId);
    const refusals = request.topics.map((topic) => refusalOf(broker, call, topic, mayCommit));
    const offsets: OffsetToCommit[] = [];
    const topics = request.topics.map((topic, place) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitions.map((asked) => {
        const refusal = refusals[place]!.of(asked.partitionIndex);
        // Filled in once the coordinator has answered, in the order of `offsets`.
        const answer = { partitionIndex: asked.partitionIndex, errorCode: refusal ?? 0, isAsked: refusal === null };
        if (answer.isAsked) {
          offsets.push({
            topic: refusals[place]!.name,
            partition: asked.partitionIndex,
            offset: asked.committedOffset,
            leaderEpoch: asked.committedLeaderEpoch,
            metadata: asked.committedMetadata ?? '',
          });
        }
        return answer;
      }),
    }));
    const results = await commit(broker, request, offsets, call.apiVersion);
    let next = 0;
    for (const topic of topics) {
      for (const partition of topic.partitions) if (partition.isAsked) partition.errorCode = results[next++]!;
    }
    return { topics };
  },
});

/** Says which partitions of the topic cannot be committed for, and what the topic's name is. */
function refusalOf(broker: BrokerState, call: Call, asked: OffsetCommitRequestTopic, mayCommit: boolean) {
  const { apiVersion } = call;
  const topic = apiVersion >= 10 ? broker.topics.byId(asked.topicId) : broker.topics.get(asked.name);
  const missing = apiVersion >= 10 ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  const name = topic?.name ?? asked.name;
  const isHidden = topic === undefined && apiVersion >= 10;
  return {
    name,
    of(partition: number): number | null {
      if (!mayCommit) return ErrorCode.GROUP_AUTHORIZATION_FAILED;
      if (!isHidden && !isAllowed(broker, call, 'read', 'topic', name)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
      if (topic === undefined) return missing;
      return partition >= 0 && partition < topic.partitions ? null : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    },
  };
}

function commit(
  broker: BrokerState,
  request: OffsetCommitRequest,
  offsets: readonly OffsetToCommit[],
  apiVersion: number,
): Promise<number[]> {
  const member = {
    group: request.groupId,
    memberId: request.memberId,
    groupInstanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    retentionTimeMs: request.retentionTimeMs,
    apiVersion,
    offsets,
  };
  return new Promise((resolve) => {
    broker.groups.commit(member, (results) => resolve(results.map((error) => ErrorCode[error])));
  });
}
