/**
 * ShareAcknowledge (key 79): a member of a share group says what became of records it holds: accepted, released, rejected
 * (KIP-932), or that it needs longer (v2, KIP-1222). Answered when that is durable.
 */
import { BrokerError } from '../errors.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeShareAcknowledgeRequest,
  type ShareAcknowledgeRequest,
} from '../protocol/messages/generated/share-acknowledge-request.ts';
import {
  encodeShareAcknowledgeResponse,
  type ShareAcknowledgeResponse,
} from '../protocol/messages/generated/share-acknowledge-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import { SessionEpoch } from '../share/sessions.ts';
import type { BrokerState } from '../state.ts';
import { acknowledgeAll, refusedWhole, shareCaller } from './share-requests.ts';

export const shareAcknowledge = defineApi({
  decode: decodeShareAcknowledgeRequest,
  encode: encodeShareAcknowledgeResponse,
  async handle(request, call, broker) {
    try {
      return await serve(request, call, broker);
    } catch (error) {
      return refusedWhole(error);
    }
  },
});

async function serve(
  request: ShareAcknowledgeRequest,
  call: Call,
  broker: BrokerState,
): Promise<Outgoing<ShareAcknowledgeResponse>> {
  const caller = shareCaller(request, call, broker);
  const { shareSessionEpoch: epoch, isRenewAck, topics } = request;
  if (epoch === SessionEpoch.open) {
    throw new BrokerError('INVALID_SHARE_SESSION_EPOCH', 'A share session is opened by ShareFetch.');
  }
  broker.share.sessions.use(caller.group, caller.memberId, epoch);
  const partitions = topics.flatMap(({ topicId, partitions: ofTopic }) =>
    ofTopic.map(({ partitionIndex, acknowledgementBatches }) => ({
      topicId,
      partition: partitionIndex,
      batches: acknowledgementBatches,
    })),
  );
  const acknowledged = await acknowledgeAll(caller, partitions, isRenewAck, call, broker);
  if (epoch === SessionEpoch.close) broker.share.closeSession(caller.group, caller.memberId);
  const responses = topics.map(({ topicId }) => ({
    topicId,
    partitions: acknowledged
      .filter((each) => each.topicId === topicId)
      .map(({ partition, error }) => ({ partitionIndex: partition, errorCode: ErrorCode[error] })),
  }));
  const { recordLockDurationMs } = broker.share.partitions.settingsOf(caller.group);
  return { errorCode: 0, acquisitionLockTimeoutMs: recordLockDurationMs, responses };
}
