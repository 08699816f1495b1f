/**
 * AlterPartitionReassignments (key 45): partitions can be "moved" to where they are, and nothing else (KIP-455).
 */
import { BrokerError } from '../errors.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeAlterPartitionReassignmentsRequest,
  type ReassignablePartition,
} from '../protocol/messages/generated/alter-partition-reassignments-request.ts';
import {
  encodeAlterPartitionReassignmentsResponse,
  type ReassignablePartitionResponse,
} from '../protocol/messages/generated/alter-partition-reassignments-response.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const alterPartitionReassignments = defineApi({
  decode: decodeAlterPartitionReassignmentsRequest,
  encode: encodeAlterPartitionReassignmentsResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'alter')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: 'Cluster authorization failed.' };
    }
    return {
      allowReplicationFactorChange: request.allowReplicationFactorChange,
      errorCode: 0,
      errorMessage: null,
      responses: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((asked) => reassignOne(broker, name, asked)),
      })),
    };
  },
});

function reassignOne(broker: BrokerState, topic: string, asked: ReassignablePartition): ReassignablePartitionResponse {
  const partitionIndex = asked.partitionIndex;
  try {
    broker.log(topic, partitionIndex);
    if (asked.replicas === null) {
      throw new BrokerError('NO_REASSIGNMENT_IN_PROGRESS', 'Nothing is being moved, so nothing can be cancelled.');
    }
    if (asked.replicas.length !== 1 || asked.replicas[0] !== broker.nodeId) {
      throw new BrokerError('INVALID_REPLICA_ASSIGNMENT', `The only node there is has id ${broker.nodeId}.`);
    }
    return { partitionIndex, errorCode: 0, errorMessage: null };
  } catch (error) {
    return { partitionIndex, errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message };
  }
}
