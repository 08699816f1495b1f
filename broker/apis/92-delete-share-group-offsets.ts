/**
 * DeleteShareGroupOffsets (key 92): an empty share group forgets that it ever read these topics (KIP-932).
 */
import type { BrokerError } from '../errors.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { decodeDeleteShareGroupOffsetsRequest } from '../protocol/messages/generated/delete-share-group-offsets-request.ts';
import { encodeDeleteShareGroupOffsetsResponse } from '../protocol/messages/generated/delete-share-group-offsets-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const deleteShareGroupOffsets = defineApi({
  decode: decodeDeleteShareGroupOffsetsRequest,
  encode: encodeDeleteShareGroupOffsetsResponse,
  async handle({ groupId, topics }, call, broker) {
    if (!isAllowed(broker, call, 'delete', 'group', groupId)) {
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    if (groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID };
    const judged = topics.map(({ topicName }) => ({ topicName, ...judge(groupId, topicName, call, broker) }));
    const topicIds = new Set(judged.flatMap(({ error, topicId }) => (error === 'NONE' ? [topicId] : [])));
    const refusal = await forgetPlaces(groupId, topicIds, broker);
    if (refusal !== null) return { errorCode: ErrorCode[refusal.code], errorMessage: refusal.message };
    const failure = await forgetState(groupId, topicIds, broker);
    const responses = judged.map(({ topicName, topicId, error }) => ({
      topicName,
      topicId,
      errorCode: ErrorCode[error === 'NONE' ? (failure ?? 'NONE') : error],
    }));
    return { errorCode: 0, responses };
  },
});

function judge(
  group: string,
  topicName: string,
  call: Call,
  broker: BrokerState,
): { readonly topicId: string; readonly error: ErrorName } {
  if (!isAllowed(broker, call, 'read', 'topic', topicName))
    return { topicId: zeroUuid, error: 'TOPIC_AUTHORIZATION_FAILED' };
  const topicId = broker.topics.get(topicName)?.topicId ?? zeroUuid;
  const hasPlace = broker.groups.shares.get(group)?.initialized.has(topicId) === true;
  return { topicId, error: hasPlace ? 'NONE' : 'UNKNOWN_TOPIC_OR_PARTITION' };
}

/** Null when it is so, or why not: the group has members, or there is none. */
function forgetPlaces(group: string, topicIds: ReadonlySet<string>, broker: BrokerState): Promise<BrokerError | null> {
  return new Promise((resolve) => broker.groups.shares.removeInitialized(group, topicIds, resolve));
}

function forgetState(group: string, topicIds: ReadonlySet<string>, broker: BrokerState): Promise<ErrorName | null> {
  const { partitions } = broker.share;
  const ofTopics = partitions.ofGroup(group).filter(({ key }) => topicIds.has(key.topicId));
  return new Promise((resolve) => partitions.delete(ofTopics, resolve));
}
