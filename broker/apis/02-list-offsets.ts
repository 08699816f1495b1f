/**
 * ListOffsets (key 2): the offset at the start, at the end, at a time, or of the highest timestamp.
 *
 * v1 one offset per partition · v2 isolation level (KIP-98) · v4 leader epoch (KIP-320) · v7 max timestamp (KIP-734)
 * · v8 earliest local (KIP-405) · v9 last tiered (KIP-1005) · v10 timeout (KIP-1075) · v11 earliest pending upload
 * (KIP-1023). One node tiers nothing: "earliest local" is the log start, and the two tiered questions have no answer.
 */
import { BrokerError } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { Isolation } from '../log/types.ts';
import {
  decodeListOffsetsRequest,
  type ListOffsetsPartition,
} from '../protocol/messages/generated/list-offsets-request.ts';
import {
  encodeListOffsetsResponse,
  type ListOffsetsPartitionResponse,
} from '../protocol/messages/generated/list-offsets-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed } from './authorize.ts';
import { checkLeaderEpoch } from './leader-epoch.ts';
import { errorCodeOf } from './refusal.ts';

/** The timestamps that are questions instead of times. */
const Question = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const;

/** The first version that may ask each; before it, and for a negative number that is no question, Kafka refuses. */
const askedFromVersion: ReadonlyMap<number, number> = new Map([
  [Question.latest, 1],
  [Question.earliest, 1],
  [Question.maxTimestamp, 7],
  [Question.earliestLocal, 8],
  [Question.latestTiered, 9],
  [Question.earliestPendingUpload, 11],
]);

const unknownAnswer = { timestamp: -1, offset: -1, leaderEpoch: -1 };

export const listOffsets = defineApi({
  decode: decodeListOffsetsRequest,
  encode: encodeListOffsetsResponse,
  handle(request, call, broker) {
    const isolation: Isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted';
    return {
      topics: request.topics.map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map((asked) => answerOne(broker, call, topic.name, asked, isolation)),
      })),
    };
  },
});

function answerOne(
  broker: BrokerState,
  call: Call,
  topic: string,
  asked: ListOffsetsPartition,
  isolation: Isolation,
): Outgoing<ListOffsetsPartitionResponse> {
  const partitionIndex = asked.partitionIndex;
  try {
    mustBeAllowed(broker, call, 'describe', 'topic', topic);
    checkQuestion(asked.timestamp, call.apiVersion);
    const { leaderEpoch } = broker.logs;
    const log = broker.existingLog(topic, partitionIndex);
    checkLeaderEpoch({ topic, partition: partitionIndex, leaderEpoch }, asked.currentLeaderEpoch);
    const found = log === undefined ? findNothing(asked.timestamp, leaderEpoch) : find(log, asked.timestamp, isolation);
    return { partitionIndex, errorCode: 0, ...found };
  } catch (error) {
    return { partitionIndex, errorCode: errorCodeOf(error, broker), ...unknownAnswer };
  }
}

function checkQuestion(timestamp: number, apiVersion: number): void {
  const from = askedFromVersion.get(timestamp);
  if (timestamp >= 0 || (from !== undefined && apiVersion >= from)) return;
  throw new BrokerError('UNSUPPORTED_VERSION', `ListOffsets v${apiVersion} has no timestamp ${timestamp}.`);
}

/** In a partition that was never used; being asked does not make its folder, or a look around would make them all. */
function findNothing(timestamp: number, leaderEpoch: number): typeof unknownAnswer {
  if (timestamp === Question.latest) return { timestamp: -1, offset: 0, leaderEpoch };
  const isEarliest = timestamp === Question.earliest || timestamp === Question.earliestLocal;
  return isEarliest ? { ...unknownAnswer, offset: 0 } : unknownAnswer;
}

function find(log: PartitionLog, timestamp: number, isolation: Isolation): typeof unknownAnswer {
  switch (timestamp) {
    case Question.latest: {
      const offset = isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark;
      return { timestamp: -1, offset, leaderEpoch: log.leaderEpoch };
    }
    case Question.earliest:
    case Question.earliestLocal: {
      const offset = log.logStartOffset;
      return { timestamp: -1, offset, leaderEpoch: log.epochForOffset(offset) };
    }
    case Question.maxTimestamp:
      return log.offsetForMaxTimestamp() ?? unknownAnswer;
    case Question.latestTiered:
    case Question.earliestPendingUpload:
      return unknownAnswer;
    default:
      return log.offsetForTimestamp(timestamp, isolation) ?? unknownAnswer;
  }
}
