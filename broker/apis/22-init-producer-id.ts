/**
 * InitProducerId (key 22): an id for an idempotent producer, or id and epoch of a transactional one. v2 flexible · v3 the
 * producer's own id and epoch, to go on with a bumped epoch (KIP-360) · v4 PRODUCER_FENCED · v5 KIP-890. v6 (two-phase
 * commit, KIP-939) is not stable in 4.4.
 *
 * Ids are never given out twice, also after a crash. A producer without a transactional id gets a new id each time, as
 * in Kafka; one with it takes the id over, and whoever had it is fenced.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeInitProducerIdRequest,
  type InitProducerIdRequest,
} from '../protocol/messages/generated/init-producer-id-request.ts';
import { encodeInitProducerIdResponse } from '../protocol/messages/generated/init-producer-id-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import type { ProducerAnswer } from '../transactions/types.ts';
import { isAllowed, isAllowedOnCluster } from './authorize.ts';
import { fencedFor } from './transactional-write.ts';

const knowsFencedFrom = 4;
const none = -1;

export const initProducerId = defineApi({
  decode: decodeInitProducerIdRequest,
  encode: encodeInitProducerIdResponse,
  async handle(request, call, broker) {
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request;
    if (!isWhole(request)) return { errorCode: ErrorCode.INVALID_REQUEST, producerId: none, producerEpoch: none };
    if (!mayProduce(transactionalId, call, broker)) {
      const error = transactionalId === null ? 'CLUSTER_AUTHORIZATION_FAILED' : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED';
      return { errorCode: ErrorCode[error], producerId: none, producerEpoch: none };
    }
    if (transactionalId === null) return { producerId: await broker.producerIds.next(), producerEpoch: 0 };
    const answer = await new Promise<ProducerAnswer>((resolve) => {
      const expected = producerId === none ? null : { producerId, producerEpoch };
      broker.transactions.initProducerId({ transactionalId, timeoutMs: transactionTimeoutMs, expected }, resolve);
    });
    return {
      errorCode: ErrorCode[fencedFor(answer.error, call.apiVersion, knowsFencedFrom)],
      producerId: answer.producerId,
      producerEpoch: answer.producerEpoch,
    };
  },
});

/** Whoever may write to some topic may do so idempotently (KIP-679). */
function mayProduce(transactionalId: string | null, call: Call, broker: BrokerState): boolean {
  if (transactionalId !== null) return isAllowed(broker, call, 'write', 'transactionalId', transactionalId);
  return (
    isAllowedOnCluster(broker, call, 'idempotentWrite') ||
    broker.security.authorizer.isAllowedOnAny(call.session, 'write', 'topic')
  );
}

/** An id and an epoch, or neither; a name, or none. */
function isWhole({ transactionalId, producerId, producerEpoch }: InitProducerIdRequest): boolean {
  return transactionalId !== '' && (producerId === none) === (producerEpoch === none);
}
