/**
 * DeleteRecords (key 21): everything before an offset is gone (KIP-107); -1 means up to the high watermark.
 */
import { BrokerError } from '../errors.ts';
import {
  type DeleteRecordsPartition,
  decodeDeleteRecordsRequest,
} from '../protocol/messages/generated/delete-records-request.ts';
import {
  type DeleteRecordsPartitionResult,
  encodeDeleteRecordsResponse,
} from '../protocol/messages/generated/delete-records-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const deleteRecords = defineApi({
  decode: decodeDeleteRecordsRequest,
  encode: encodeDeleteRecordsResponse,
  handle(request, call, broker) {
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((asked) => deleteOne(broker, call, name, asked)),
      })),
    };
  },
});

function deleteOne(
  broker: BrokerState,
  call: Call,
  topic: string,
  asked: DeleteRecordsPartition,
): Outgoing<DeleteRecordsPartitionResult> {
  const partitionIndex = asked.partitionIndex;
  try {
    mustBeAllowed(broker, call, 'delete', 'topic', topic);
    const log = broker.log(topic, partitionIndex);
    if (!log.config.cleanupPolicy.includes('delete')) {
      throw new BrokerError('POLICY_VIOLATION', `${topic} is compacted; its records are deleted by tombstones.`);
    }
    return { partitionIndex, errorCode: 0, lowWatermark: log.deleteRecords(asked.offset) };
  } catch (error) {
    return { partitionIndex, errorCode: errorCodeOf(error, broker), lowWatermark: -1 };
  }
}
