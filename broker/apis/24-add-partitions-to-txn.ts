/**
 * AddPartitionsToTxn (key 24): partitions a producer is about to write to in its transaction. v2 PRODUCER_FENCED
 * · v4 several transactions at once, also to verify only: between brokers, and so with nobody but this node · v5 KIP-890.
 *
 * All partitions are added or none: where one does not exist, the others are told OPERATION_NOT_ATTEMPTED.
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import {
  type AddPartitionsToTxnTopic,
  decodeAddPartitionsToTxnRequest,
} from '../protocol/messages/generated/add-partitions-to-txn-request.ts';
import { encodeAddPartitionsToTxnResponse } from '../protocol/messages/generated/add-partitions-to-txn-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import type { ProducerIdentity, TopicPartition } from '../transactions/types.ts';
import { isAllowed } from './authorize.ts';
import { fencedFor } from './transactional-write.ts';

const manyFrom = 4;
const knowsFencedFrom = 2;

interface Asked extends ProducerIdentity {
  readonly verifyOnly: boolean;
  readonly topics: readonly AddPartitionsToTxnTopic[];
}

export const addPartitionsToTxn = defineApi({
  decode: decodeAddPartitionsToTxnRequest,
  encode: encodeAddPartitionsToTxnResponse,
  async handle(request, call, broker) {
    if (call.apiVersion < manyFrom) {
      const asked = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
        verifyOnly: false,
        topics: request.v3AndBelowTopics,
      };
      return { resultsByTopicV3AndBelow: await answerOne(broker, call, asked) };
    }
    const resultsByTransaction = await Promise.all(
      request.transactions.map(async (asked) => ({
        transactionalId: asked.transactionalId,
        topicResults: await answerOne(broker, call, asked),
      })),
    );
    return { resultsByTransaction };
  },
});

async function answerOne(broker: BrokerState, call: Call, asked: Asked) {
  const partitions = asked.topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ topic: name, partition })),
  );
  const errors = await errorsOf(broker, call, asked, partitions);
  let next = 0;
  return asked.topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: ErrorCode[errors[next++]!],
    })),
  }));
}

/** One for each partition, in their order. */
async function errorsOf(
  broker: BrokerState,
  call: Call,
  asked: Asked,
  partitions: readonly TopicPartition[],
): Promise<readonly ErrorName[]> {
  const { apiVersion } = call;
  if (!isAllowed(broker, call, 'write', 'transactionalId', asked.transactionalId)) {
    return partitions.map(() => 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  }
  const refusals = partitions.map((partition) => refusalOf(broker, call, partition));
  if (refusals.some((refusal) => refusal !== null)) {
    return refusals.map((refusal) => refusal ?? 'OPERATION_NOT_ATTEMPTED');
  }
  if (asked.verifyOnly) {
    return partitions.map(({ topic, partition }) => broker.transactions.judgeWrite(asked, topic, partition));
  }
  const error = await new Promise<ErrorName>((resolve) => {
    broker.transactions.addPartitions(asked, partitions, apiVersion < manyFrom ? 0 : 2, resolve);
  });
  return partitions.map(() => fencedFor(error, apiVersion, knowsFencedFrom));
}

/** Offsets come in by AddOffsetsToTxn; what else is internal takes no writes of clients. */
function refusalOf(broker: BrokerState, call: Call, { topic, partition }: TopicPartition): ErrorName | null {
  if (!isAllowed(broker, call, 'write', 'topic', topic)) return 'TOPIC_AUTHORIZATION_FAILED';
  const found = broker.topics.get(topic);
  if (found?.isInternal === true) return 'TOPIC_AUTHORIZATION_FAILED';
  const exists = found !== undefined && partition >= 0 && partition < found.partitions;
  return exists ? null : 'UNKNOWN_TOPIC_OR_PARTITION';
}
