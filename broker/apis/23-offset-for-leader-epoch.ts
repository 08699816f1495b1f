/**
 * OffsetForLeaderEpoch (key 23): where an epoch ended, so that a consumer notices a log that was cut (KIP-320).
 *
 * v2 current leader epoch · v3 replica id · v4 flexible. Wrong answers here send consumers back to offset 0.
 */
import {
  decodeOffsetForLeaderEpochRequest,
  type OffsetForLeaderPartition,
} from '../protocol/messages/generated/offset-for-leader-epoch-request.ts';
import {
  type EpochEndOffset,
  encodeOffsetForLeaderEpochResponse,
} from '../protocol/messages/generated/offset-for-leader-epoch-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed } from './authorize.ts';
import { checkLeaderEpoch } from './leader-epoch.ts';
import { errorCodeOf } from './refusal.ts';

export const offsetForLeaderEpoch = defineApi({
  decode: decodeOffsetForLeaderEpochRequest,
  encode: encodeOffsetForLeaderEpochResponse,
  handle(request, call, broker) {
    return {
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((asked) => answerOne(broker, call, topic, asked)),
      })),
    };
  },
});

function answerOne(
  broker: BrokerState,
  call: Call,
  topic: string,
  asked: OffsetForLeaderPartition,
): Outgoing<EpochEndOffset> {
  const partition = asked.partition;
  try {
    mustBeAllowed(broker, call, 'describe', 'topic', topic);
    const log = broker.log(topic, partition);
    checkLeaderEpoch(log, asked.currentLeaderEpoch);
    const { epoch, endOffset } = log.endOffsetForEpoch(asked.leaderEpoch);
    return { partition, errorCode: 0, leaderEpoch: epoch, endOffset };
  } catch (error) {
    return { partition, errorCode: errorCodeOf(error, broker), leaderEpoch: -1, endOffset: -1 };
  }
}
