/**
 * DescribeQuorum (key 55): who keeps the cluster metadata (KIP-595): this node alone, leader and only voter, with the
 * true figures of its metadata log. v1 fetch times (KIP-836) · v2 directory ids and the nodes' addresses (KIP-853).
 */
import { metadataTopic } from '../metadata/metadata-log.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeQuorumRequest } from '../protocol/messages/generated/describe-quorum-request.ts';
import { encodeDescribeQuorumResponse } from '../protocol/messages/generated/describe-quorum-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const describeQuorum = defineApi({
  decode: decodeDescribeQuorumRequest,
  encode: encodeDescribeQuorumResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describe')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: null };
    }
    const topics = request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => describePartition(broker, topicName, partitionIndex)),
    }));
    return { errorCode: 0, errorMessage: null, topics, nodes: [nodeOf(broker, call)] };
  },
});

function describePartition(broker: BrokerState, topicName: string, partitionIndex: number) {
  const log = topicName === metadataTopic && partitionIndex === 0 ? broker.logs.get(metadataTopic, 0) : undefined;
  if (log === undefined) {
    const errorMessage = `Only partition 0 of ${metadataTopic} is kept by a quorum.`;
    return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
  }
  const voter = {
    replicaId: broker.nodeId,
    replicaDirectoryId: broker.logs.directoryId,
    logEndOffset: log.logEndOffset,
    // The leader fetches from nobody and is always caught up with itself.
    lastFetchTimestamp: -1,
    lastCaughtUpTimestamp: Date.now(),
  };
  return {
    partitionIndex,
    errorCode: 0,
    errorMessage: null,
    leaderId: broker.nodeId,
    leaderEpoch: log.leaderEpoch,
    highWatermark: log.highWatermark,
    currentVoters: [voter],
    observers: [],
  };
}

function nodeOf(broker: BrokerState, call: Call) {
  const { host, port } = broker.endpoint(call.session);
  return { nodeId: broker.nodeId, listeners: [{ name: call.session.listener.name, host, port }] };
}
