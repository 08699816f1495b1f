/**
 * AlterShareGroupOffsets (key 91): an empty share group begins anew at other offsets (KIP-932). What was in flight is
 * forgotten. A group that is not there yet is made.
 */
import type { BrokerError } from '../errors.ts';
import type { InitializedTopic } from '../groups/share/types.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import {
  type AlterShareGroupOffsetsRequestTopic,
  decodeAlterShareGroupOffsetsRequest,
} from '../protocol/messages/generated/alter-share-group-offsets-request.ts';
import { encodeAlterShareGroupOffsetsResponse } from '../protocol/messages/generated/alter-share-group-offsets-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const alterShareGroupOffsets = defineApi({
  decode: decodeAlterShareGroupOffsetsRequest,
  encode: encodeAlterShareGroupOffsetsResponse,
  async handle({ groupId, topics }, call, broker) {
    if (!isAllowed(broker, call, 'read', 'group', groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    if (groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID };
    const places = topics.flatMap((topic) => placesOf(topic, call, broker));
    const isAny = places.some(({ error }) => error === 'NONE');
    const refusal = isAny ? await initialize(groupId, places, broker) : null;
    if (refusal !== null) return { errorCode: ErrorCode[refusal.code], errorMessage: refusal.message };
    const results = await Promise.all(places.map((place) => reset(groupId, place, broker)));
    const responses = topics.map(({ topicName }) => ({
      topicName,
      topicId: broker.topics.get(topicName)?.topicId ?? zeroUuid,
      partitions: results
        .filter((result) => result.topicName === topicName)
        .map(({ partition, error }) => ({ partitionIndex: partition, errorCode: ErrorCode[error] })),
    }));
    return { errorCode: 0, responses };
  },
});

interface Place {
  readonly topicName: string;
  readonly topicId: string;
  readonly partition: number;
  readonly startOffset: number;
  readonly error: ErrorName;
}

function placesOf(
  { topicName, partitions }: AlterShareGroupOffsetsRequestTopic,
  call: Call,
  broker: BrokerState,
): Place[] {
  const mayRead = isAllowed(broker, call, 'read', 'topic', topicName);
  const topic = broker.topics.get(topicName);
  const errorOf = (partition: number): ErrorName => {
    if (!mayRead) return 'TOPIC_AUTHORIZATION_FAILED';
    const isThere = topic !== undefined && partition >= 0 && partition < topic.partitions;
    return isThere ? 'NONE' : 'UNKNOWN_TOPIC_OR_PARTITION';
  };
  return partitions.map(({ partitionIndex: partition, startOffset }) => ({
    topicName,
    topicId: topic?.topicId ?? zeroUuid,
    partition,
    startOffset,
    error: errorOf(partition),
  }));
}

/** The group has a place in all of these from now on. Null when it has, or why not. */
function initialize(group: string, places: readonly Place[], broker: BrokerState): Promise<BrokerError | null> {
  const topics = new Map<string, InitializedTopic>();
  for (const { topicName: name, topicId, partition, error } of places) {
    if (error !== 'NONE') continue;
    topics.set(topicId, { name, partitions: new Set([...(topics.get(topicId)?.partitions ?? []), partition]) });
  }
  return new Promise((resolve) => broker.groups.shares.addInitialized(group, topics, resolve));
}

async function reset(group: string, place: Place, broker: BrokerState): Promise<Place> {
  if (place.error !== 'NONE') return place;
  const { topicId, partition, startOffset } = place;
  const share = broker.share.partitions.ensure({ group, topicId, partition });
  const error = await new Promise<ErrorName | null>((resolve) => share.reset(startOffset, resolve));
  return { ...place, error: error ?? 'NONE' };
}
