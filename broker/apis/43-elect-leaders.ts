/**
 * ElectLeaders (key 43): one node leads everything, so no election is ever needed, which is what this answers (KIP-183).
 */
import { BrokerError } from '../errors.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeElectLeadersRequest } from '../protocol/messages/generated/elect-leaders-request.ts';
import { encodeElectLeadersResponse } from '../protocol/messages/generated/elect-leaders-response.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const electLeaders = defineApi({
  decode: decodeElectLeadersRequest,
  encode: encodeElectLeadersResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'alter')) return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED };
    // A null list asks for all partitions that need one: there are none.
    return {
      errorCode: 0,
      replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partitionId) => ({ partitionId, ...electOne(broker, topic, partitionId) })),
      })),
    };
  },
});

function electOne(broker: BrokerState, topic: string, partition: number): { errorCode: number; errorMessage: string } {
  try {
    broker.log(topic, partition);
    throw new BrokerError('ELECTION_NOT_NEEDED', 'This node is the only replica and leads already.');
  } catch (error) {
    return { errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message };
  }
}
