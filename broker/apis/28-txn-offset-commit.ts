/**
 * TxnOffsetCommit (key 28): a group's offsets inside a producer's transaction, counting once that is committed. v2 leader
 * epoch · v3 member and generation, so that a consumer that lost its partitions cannot commit (KIP-447) · v4
 * TRANSACTION_ABORTABLE · v5 takes the group into the transaction by itself (KIP-890) · v6 topic ids instead of names.
 */
import type { OffsetToCommit } from '../groups/types.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import {
  decodeTxnOffsetCommitRequest,
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitRequestTopic,
} from '../protocol/messages/generated/txn-offset-commit-request.ts';
import { encodeTxnOffsetCommitResponse } from '../protocol/messages/generated/txn-offset-commit-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';
import { offsetsPartition } from './offsets-partition.ts';
import { toldToWriter, transactionalSupport } from './transactional-write.ts';

const versions = { adds: 5, knowsAbortable: 4 };
const byIdFrom = 6;

export const txnOffsetCommit = defineApi({
  decode: decodeTxnOffsetCommitRequest,
  encode: encodeTxnOffsetCommitResponse,
  async handle(request, call, broker) {
    const offsets: OffsetToCommit[] = [];
    const refusal = refusalOf(request, call, broker);
    const topics = request.topics.map((asked) => {
      const isById = call.apiVersion >= byIdFrom;
      const topic = isById ? broker.topics.byId(asked.topicId) : broker.topics.get(asked.name);
      const missing = isById && topic === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
      const partitions = asked.partitions.map((partition) => {
        const { partitionIndex } = partition;
        const exists = topic !== undefined && partitionIndex >= 0 && partitionIndex < topic.partitions;
        const mayRead =
          missing === 'UNKNOWN_TOPIC_ID' || isAllowed(broker, call, 'read', 'topic', topic?.name ?? asked.name);
        const error = refusal ?? (!mayRead ? 'TOPIC_AUTHORIZATION_FAILED' : exists ? 'NONE' : missing);
        if (error === 'NONE') offsets.push(offsetOf(topic!.name, partition));
        return { partitionIndex, errorCode: ErrorCode[error], isAsked: error === 'NONE' };
      });
      return { name: asked.name, topicId: asked.topicId, partitions };
    });
    const results = offsets.length === 0 ? [] : await commit(broker, request, offsets, call.apiVersion);
    let next = 0;
    for (const { partitions } of topics) {
      for (const partition of partitions) if (partition.isAsked) partition.errorCode = ErrorCode[results[next++]!];
    }
    return { topics };
  },
});

function refusalOf(request: TxnOffsetCommitRequest, call: Call, broker: BrokerState): ErrorName | null {
  if (!isAllowed(broker, call, 'write', 'transactionalId', request.transactionalId)) {
    return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED';
  }
  return isAllowed(broker, call, 'read', 'group', request.groupId) ? null : 'GROUP_AUTHORIZATION_FAILED';
}

function offsetOf(topic: string, asked: TxnOffsetCommitRequestTopic['partitions'][number]): OffsetToCommit {
  return {
    topic,
    partition: asked.partitionIndex,
    offset: asked.committedOffset,
    leaderEpoch: asked.committedLeaderEpoch,
    metadata: asked.committedMetadata ?? '',
  };
}

/** One result for each offset. Between the coordinator's yes and the write nothing else runs, so the yes holds. */
function commit(
  broker: BrokerState,
  request: TxnOffsetCommitRequest,
  offsets: readonly OffsetToCommit[],
  apiVersion: number,
): Promise<readonly ErrorName[]> {
  const support = transactionalSupport(apiVersion, versions);
  const partition = offsetsPartition(broker, request.groupId);
  return new Promise((resolve) => {
    const write = (judged: ErrorName): void => {
      if (judged !== 'NONE') {
        const told = toldToCommitter(toldToWriter(judged, support));
        resolve(offsets.map(() => told));
        return;
      }
      const member = {
        group: request.groupId,
        memberId: request.memberId,
        groupInstanceId: request.groupInstanceId,
        generationId: request.generationIdOrMemberEpoch,
        producerId: request.producerId,
        producerEpoch: request.producerEpoch,
        offsets,
      };
      broker.groups.commitTransactional(member, resolve);
    };
    const judged = broker.transactions.judgeWrite(request, partition.topic, partition.partition);
    if (judged === 'NONE' || support !== 'adds') write(judged);
    else broker.transactions.addPartitions(request, [partition], 2, write);
  });
}

/** What a group coordinator would say of a write that cannot be made now. */
function toldToCommitter(error: ErrorName): ErrorName {
  return error === 'NOT_ENOUGH_REPLICAS' ? 'COORDINATOR_NOT_AVAILABLE' : error;
}
