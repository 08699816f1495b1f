/**
 * DescribeShareGroupOffsets (key 90): where a share group begins in each partition, and how much it has not finished
 * (KIP-932). v1 the lag (KIP-1226). A partition without a place is -1, not an error.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeShareGroupOffsetsRequestGroup,
  decodeDescribeShareGroupOffsetsRequest,
} from '../protocol/messages/generated/describe-share-group-offsets-request.ts';
import {
  type DescribeShareGroupOffsetsResponsePartition,
  encodeDescribeShareGroupOffsetsResponse,
} from '../protocol/messages/generated/describe-share-group-offsets-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const describeShareGroupOffsets = defineApi({
  decode: decodeDescribeShareGroupOffsetsRequest,
  encode: encodeDescribeShareGroupOffsetsResponse,
  handle({ groups }, call, broker) {
    return { groups: groups.map((group) => describeOne(group, call, broker)) };
  },
});

function describeOne({ groupId, topics }: DescribeShareGroupOffsetsRequestGroup, call: Call, broker: BrokerState) {
  if (!isAllowed(broker, call, 'describe', 'group', groupId)) {
    return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  }
  if (topics !== null) {
    return {
      groupId,
      topics: topics.map(({ topicName, partitions }) => named(groupId, topicName, partitions, call, broker)),
    };
  }
  const group = broker.groups.shares.get(groupId);
  if (group === undefined) {
    return { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Share group ${groupId} not found.` };
  }
  // What the client may not know of is left out: it did not ask by name.
  const known = [...group.initialized.values()].filter(({ name }) =>
    isAllowed(broker, call, 'describe', 'topic', name),
  );
  return { groupId, topics: known.map(({ name, partitions }) => named(groupId, name, [...partitions], call, broker)) };
}

function named(group: string, topicName: string, partitions: readonly number[], call: Call, broker: BrokerState) {
  if (!isAllowed(broker, call, 'describe', 'topic', topicName)) {
    const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    return {
      topicName,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex, startOffset: -1, lag: -1, errorCode })),
    };
  }
  const topicId = broker.topics.get(topicName)?.topicId;
  if (topicId === undefined) {
    const nowhere = partitions.map((partitionIndex) => ({ partitionIndex, startOffset: -1, lag: -1 }));
    return { topicName, partitions: nowhere };
  }
  return {
    topicName,
    topicId,
    partitions: partitions.map((partition) => placeOf(group, topicName, topicId, partition, broker)),
  };
}

function placeOf(
  group: string,
  topicName: string,
  topicId: string,
  partition: number,
  broker: BrokerState,
): Outgoing<DescribeShareGroupOffsetsResponsePartition> {
  const { partitions } = broker.share;
  const inFlight = partitions.get({ group, topicId, partition })?.inFlight;
  if (inFlight == null) return { partitionIndex: partition, startOffset: -1, lag: -1 };
  const log = broker.existingLog(topicName, partition);
  const isCommitted = partitions.settingsOf(group).isolation === 'read_committed';
  const end = (isCommitted ? log?.lastStableOffset : log?.highWatermark) ?? 0;
  // Records below the log's start are gone; the window hears of it with the next fetch.
  const startOffset = Math.max(inFlight.startOffset, log?.logStartOffset ?? 0);
  const lag = Math.max(0, end - startOffset - inFlight.deliveryCompleteCount);
  return { partitionIndex: partition, startOffset, leaderEpoch: broker.logs.leaderEpoch, lag };
}
