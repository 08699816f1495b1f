/**
 * ShareFetch (key 78): a member of a share group takes records, and says what became of those it has (KIP-932). v2 no
 * more records than asked for (KIP-1206), and longer locks (KIP-1222).
 *
 * The session remembers the partitions; epoch 0 opens one, -1 closes it. The fetch does not wait for the disk that the
 * acknowledgements wait for; what the member releases wakes it when it may be fetched again.
 */
import { BrokerError } from '../errors.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeShareFetchRequest, type ShareFetchRequest } from '../protocol/messages/generated/share-fetch-request.ts';
import {
  encodeShareFetchResponse,
  type PartitionData,
  type ShareFetchResponse,
} from '../protocol/messages/generated/share-fetch-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import { SessionEpoch, type ShareSession } from '../share/sessions.ts';
import { AcknowledgeType } from '../share/types.ts';
import type { BrokerState } from '../state.ts';
import { type FetchedPartition, ShareFetching } from './share-fetching.ts';
import {
  type AcknowledgedPartition,
  acknowledgeAll,
  type PartitionAcknowledgements,
  refusedWhole,
  type ShareCaller,
  shareCaller,
} from './share-requests.ts';

/** A member that cannot have a session asks again at once; it is kept waiting, but not for longer than this. */
const refusedWaitMsMax = 1000;

export const shareFetch = defineApi({
  decode: decodeShareFetchRequest,
  encode: encodeShareFetchResponse,
  async handle(request, call, broker) {
    try {
      return await serve(request, call, broker);
    } catch (error) {
      const refusal = refusedWhole(error);
      if (refusal.errorCode === ErrorCode.SHARE_SESSION_LIMIT_REACHED) await pause(request.maxWaitMs, call);
      return refusal;
    }
  },
});

async function serve(
  request: ShareFetchRequest,
  call: Call,
  broker: BrokerState,
): Promise<Outgoing<ShareFetchResponse>> {
  const caller = shareCaller(request, call, broker);
  const acknowledgements = acknowledgementsOf(request);
  checkRenewal(request, acknowledgements);
  const session = sessionFor(request, caller, acknowledgements, call, broker);
  const isClosing = request.shareSessionEpoch === SessionEpoch.close;
  const isFetching = !isClosing && !request.isRenewAck;
  const [acknowledged, fetched] = await Promise.all([
    acknowledgeAll(caller, acknowledgements, request.isRenewAck, call, broker),
    isFetching ? new ShareFetching(request, session, call, broker).fetch() : [],
  ]);
  if (isClosing) broker.share.closeSession(caller.group, caller.memberId);
  const { recordLockDurationMs } = broker.share.partitions.settingsOf(caller.group);
  return { errorCode: 0, acquisitionLockTimeoutMs: recordLockDurationMs, responses: merged(fetched, acknowledged) };
}

function acknowledgementsOf({ topics }: ShareFetchRequest): PartitionAcknowledgements[] {
  return topics.flatMap(({ topicId, partitions }) =>
    partitions
      .filter(({ acknowledgementBatches }) => acknowledgementBatches.length > 0)
      .map(({ partitionIndex, acknowledgementBatches }) => ({
        topicId,
        partition: partitionIndex,
        batches: acknowledgementBatches,
      })),
  );
}

/** A request that renews fetches nothing, and says so. Throws INVALID_REQUEST. */
function checkRenewal(request: ShareFetchRequest, acknowledgements: readonly PartitionAcknowledgements[]): void {
  const { isRenewAck, maxBytes, minBytes, maxRecords, maxWaitMs } = request;
  if (!isRenewAck) return;
  if (maxBytes !== 0 || minBytes !== 0 || maxRecords !== 0 || maxWaitMs !== 0) {
    const why =
      'A request that renews locks must ask for no records: MaxBytes, MinBytes, MaxRecords and MaxWaitMs are 0.';
    throw new BrokerError('INVALID_REQUEST', why);
  }
  const isRenewing = acknowledgements.some(({ batches }) =>
    batches.some(({ acknowledgeTypes }) => acknowledgeTypes.includes(AcknowledgeType.renew)),
  );
  if (!isRenewing) throw new BrokerError('INVALID_REQUEST', 'IsRenewAck is set, and no lock is renewed.');
}

function sessionFor(
  request: ShareFetchRequest,
  { group, memberId }: ShareCaller,
  acknowledgements: readonly PartitionAcknowledgements[],
  call: Call,
  broker: BrokerState,
): ShareSession {
  const { shareSessionEpoch: epoch, topics, forgottenTopicsData } = request;
  const { sessions } = broker.share;
  if (epoch === SessionEpoch.open && acknowledgements.length > 0) {
    throw new BrokerError('INVALID_REQUEST', 'A request that opens a share session cannot acknowledge anything.');
  }
  const session =
    epoch === SessionEpoch.open
      ? broker.share.openSession(group, memberId, call.session)
      : sessions.use(group, memberId, epoch);
  if (epoch === SessionEpoch.close) return session;
  const added = topics.flatMap(({ topicId, partitions }) =>
    partitions.map(({ partitionIndex }) => ({ topicId, partition: partitionIndex })),
  );
  const forgotten = forgottenTopicsData.flatMap(({ topicId, partitions }) =>
    partitions.map((partition) => ({ topicId, partition })),
  );
  session.change(added, forgotten);
  return session;
}

/** Each partition once, with what was fetched from it and what became of its acknowledgements. */
function merged(fetched: readonly FetchedPartition[], acknowledged: readonly AcknowledgedPartition[]) {
  const topics = new Map<string, Map<number, Outgoing<PartitionData>>>();
  const put = (topicId: string, partition: number, data: Outgoing<PartitionData>): void => {
    const ofTopic = topics.get(topicId) ?? new Map<number, Outgoing<PartitionData>>();
    ofTopic.set(partition, { ...ofTopic.get(partition), ...data, partitionIndex: partition });
    topics.set(topicId, ofTopic);
  };
  for (const { topicId, partition, data } of fetched) put(topicId, partition, data);
  for (const { topicId, partition, error } of acknowledged) {
    put(topicId, partition, { acknowledgeErrorCode: ErrorCode[error] });
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions.values()] }));
}

function pause(waitMs: number, call: Call): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.min(Math.max(waitMs, 0), refusedWaitMsMax));
    call.onAbandoned = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
