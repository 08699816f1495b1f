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
  async handle(request, call, broker) {
    const topics = request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map((asked) => deleteOne(broker, call, name, asked))),
    }));
    return { topics: await Promise.all(topics) };
  },
});

/** Answered when it is on the device; all partitions of a request share one write. */
async function deleteOne(
  broker: BrokerState,
  call: Call,
  topic: string,
  asked: DeleteRecordsPartition,
): Promise<Outgoing<DeleteRecordsPartitionResult>> {
  const partitionIndex = asked.partitionIndex;
  try {
    mustBeAllowed(broker, call, 'delete', 'topic', topic);
    const log = broker.log(topic, partitionIndex);
    if (!log.config.cleanupPolicy.includes('delete')) {
      throw new BrokerError('POLICY_VIOLATION', `${topic} is compacted; its records are deleted by tombstones.`);
    }
    return { partitionIndex, errorCode: 0, lowWatermark: await log.deleteRecordsDurably(asked.offset) };
  } catch (error) {
    return { partitionIndex, errorCode: errorCodeOf(error, broker), lowWatermark: -1 };
  }
}
