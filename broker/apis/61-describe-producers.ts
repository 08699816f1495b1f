/**
 * DescribeProducers (key 61): who writes into a partition, and who has a transaction open there (KIP-664).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeProducersRequest } from '../protocol/messages/generated/describe-producers-request.ts';
import { encodeDescribeProducersResponse } from '../protocol/messages/generated/describe-producers-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const describeProducers = defineApi({
  decode: decodeDescribeProducersRequest,
  encode: encodeDescribeProducersResponse,
  handle(request, call, broker) {
    return {
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => describe(broker, call, name, partitionIndex)),
      })),
    };
  },
});

function describe(broker: BrokerState, call: Call, name: string, partitionIndex: number) {
  if (!isAllowed(broker, call, 'read', 'topic', name)) {
    return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED };
  }
  const topic = broker.topics.get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitions) {
    const errorMessage = `There is no partition ${name}-${partitionIndex}.`;
    return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage };
  }
  const producers = broker.topics.existingLog(topic, partitionIndex)?.producers() ?? [];
  const activeProducers = producers.map(({ currentTransactionStartOffset, ...producer }) => ({
    ...producer,
    currentTxnStartOffset: currentTransactionStartOffset,
  }));
  return { partitionIndex, errorCode: 0, activeProducers };
}
