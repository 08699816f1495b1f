/**
 * ListPartitionReassignments (key 46): nothing ever moves on one node (KIP-455).
 */
import { decodeListPartitionReassignmentsRequest } from '../protocol/messages/generated/list-partition-reassignments-request.ts';
import { encodeListPartitionReassignmentsResponse } from '../protocol/messages/generated/list-partition-reassignments-response.ts';
import { defineApi } from '../server/api.ts';

export const listPartitionReassignments = defineApi({
  decode: decodeListPartitionReassignmentsRequest,
  encode: encodeListPartitionReassignmentsResponse,
  handle: () => ({ errorCode: 0, errorMessage: null, topics: [] }),
});
