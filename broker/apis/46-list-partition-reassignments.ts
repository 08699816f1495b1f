/**
 * ListPartitionReassignments (key 46): nothing ever moves on one node (KIP-455).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeListPartitionReassignmentsRequest } from '../protocol/messages/generated/list-partition-reassignments-request.ts';
import { encodeListPartitionReassignmentsResponse } from '../protocol/messages/generated/list-partition-reassignments-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const listPartitionReassignments = defineApi({
  decode: decodeListPartitionReassignmentsRequest,
  encode: encodeListPartitionReassignmentsResponse,
  handle: (_request, call, broker) =>
    isAllowedOnCluster(broker, call, 'describe')
      ? { errorCode: 0, errorMessage: null, topics: [] }
      : { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: 'Cluster authorization failed.' },
});
