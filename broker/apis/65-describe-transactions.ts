/**
 * DescribeTransactions (key 65): what the coordinator knows of transactional ids (KIP-664).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeTransactionsRequest } from '../protocol/messages/generated/describe-transactions-request.ts';
import { encodeDescribeTransactionsResponse } from '../protocol/messages/generated/describe-transactions-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const describeTransactions = defineApi({
  decode: decodeDescribeTransactionsRequest,
  encode: encodeDescribeTransactionsResponse,
  handle(request, call, broker) {
    return { transactionStates: request.transactionalIds.map((id) => describe(broker, call, id)) };
  },
});

function describe(broker: BrokerState, call: Call, transactionalId: string) {
  if (transactionalId === '') return { transactionalId, errorCode: ErrorCode.INVALID_REQUEST };
  if (!isAllowed(broker, call, 'describe', 'transactionalId', transactionalId)) {
    return { transactionalId, errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED };
  }
  const transaction = broker.transactions.transaction(transactionalId);
  if (transaction === undefined) return { transactionalId, errorCode: ErrorCode.TRANSACTIONAL_ID_NOT_FOUND };
  return {
    transactionalId,
    errorCode: 0,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStartTimeMs: transaction.startTimestamp,
    producerId: transaction.producerId,
    producerEpoch: transaction.producerEpoch,
    topics: [...transaction.partitions]
      .filter(([topic]) => isAllowed(broker, call, 'describe', 'topic', topic))
      .map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
  };
}
