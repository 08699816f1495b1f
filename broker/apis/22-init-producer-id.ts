/**
 * InitProducerId (key 22): an id for an idempotent producer. v2 flexible · v3 the producer's own id and epoch, to go on
 * with a bumped epoch (KIP-360) · v4 PRODUCER_FENCED · v5 KIP-890. v6 (two-phase commit, KIP-939) is not stable in 4.4.
 *
 * Ids are never given out twice, also after a crash. A producer without a transactional id gets a new id each time, as
 * in Kafka. Transactional ids are refused: transactions are not served, and AddPartitionsToTxn is not advertised.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeInitProducerIdRequest } from '../protocol/messages/generated/init-producer-id-request.ts';
import { encodeInitProducerIdResponse } from '../protocol/messages/generated/init-producer-id-response.ts';
import { defineApi } from '../server/api.ts';

const refused = { producerId: -1, producerEpoch: -1 };

export const initProducerId = defineApi({
  decode: decodeInitProducerIdRequest,
  encode: encodeInitProducerIdResponse,
  async handle(request, call, broker) {
    if (request.transactionalId === '') return { errorCode: ErrorCode.INVALID_REQUEST, ...refused };
    if (request.transactionalId !== null) {
      const { transactionalId } = request;
      broker.logger.warn(
        { transactionalId, clientId: call.clientId, clientHost: call.session.clientHost },
        'A transactional producer was refused: this broker does not serve transactions. Remove transactional.id.',
      );
      return { errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ...refused };
    }
    return { producerId: await broker.producerIds.next(), producerEpoch: 0 };
  },
});
