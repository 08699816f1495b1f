/**
 * EndTxn (key 26): commit or abort. Answered when the outcome is decided on disk; the markers follow. v2 PRODUCER_FENCED
 * · v5 KIP-890: every end takes a new epoch, which is in the answer.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeEndTxnRequest } from '../protocol/messages/generated/end-txn-request.ts';
import { encodeEndTxnResponse } from '../protocol/messages/generated/end-txn-response.ts';
import { defineApi } from '../server/api.ts';
import type { ProducerAnswer } from '../transactions/types.ts';
import { isAllowed } from './authorize.ts';
import { fencedFor } from './transactional-write.ts';

const knowsFencedFrom = 2;
const bumpsEpochFrom = 5;

export const endTxn = defineApi({
  decode: decodeEndTxnRequest,
  encode: encodeEndTxnResponse,
  async handle(request, call, broker) {
    if (!isAllowed(broker, call, 'write', 'transactionalId', request.transactionalId)) {
      return { errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED };
    }
    const version = call.apiVersion >= bumpsEpochFrom ? 2 : 0;
    const answer = await new Promise<ProducerAnswer>((resolve) => {
      broker.transactions.endTransaction(request, request.committed, version, resolve);
    });
    const { producerId, producerEpoch } = answer;
    const errorCode = ErrorCode[fencedFor(answer.error, call.apiVersion, knowsFencedFrom)];
    return version === 2 ? { errorCode, producerId, producerEpoch } : { errorCode };
  },
});
