/**
 * AddOffsetsToTxn (key 25): a consumer group whose offsets a producer is about to commit in its transaction. What is
 * added is the group's partition of `__consumer_offsets`. v2 PRODUCER_FENCED · v4 KIP-890: TxnOffsetCommit v5 adds it by
 * itself.
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { decodeAddOffsetsToTxnRequest } from '../protocol/messages/generated/add-offsets-to-txn-request.ts';
import { encodeAddOffsetsToTxnResponse } from '../protocol/messages/generated/add-offsets-to-txn-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';
import { offsetsPartition } from './offsets-partition.ts';
import { fencedFor } from './transactional-write.ts';

const knowsFencedFrom = 2;

export const addOffsetsToTxn = defineApi({
  decode: decodeAddOffsetsToTxnRequest,
  encode: encodeAddOffsetsToTxnResponse,
  async handle(request, call, broker) {
    if (!isAllowed(broker, call, 'write', 'transactionalId', request.transactionalId)) {
      return { errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED };
    }
    if (!isAllowed(broker, call, 'read', 'group', request.groupId)) {
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    if (request.groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID };
    const error = await new Promise<ErrorName>((resolve) => {
      broker.transactions.addPartitions(request, [offsetsPartition(broker, request.groupId)], 0, resolve);
    });
    return { errorCode: ErrorCode[fencedFor(error, call.apiVersion, knowsFencedFrom)] };
  },
});
