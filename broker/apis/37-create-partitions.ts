/**
 * CreatePartitions (key 37): a topic grows (KIP-195). The count asked for is the new total. v3 may be told of a quota
 * (KIP-599).
 */
import { BrokerError } from '../errors.ts';
import {
  type CreatePartitionsTopic,
  decodeCreatePartitionsRequest,
} from '../protocol/messages/generated/create-partitions-request.ts';
import { encodeCreatePartitionsResponse } from '../protocol/messages/generated/create-partitions-response.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed } from './authorize.ts';
import { MutationQuota } from './mutation-quota.ts';
import { errorCodeOf } from './refusal.ts';

const quotaErrorFrom = 3;

export const createPartitions = defineApi({
  decode: decodeCreatePartitionsRequest,
  encode: encodeCreatePartitionsResponse,
  async handle(request, call, broker) {
    const quota = new MutationQuota(broker, call, quotaErrorFrom);
    const results = request.topics.map(async (asked) => {
      try {
        mustBeAllowed(broker, call, 'alter', 'topic', asked.name);
        await growOne(broker, asked, request.validateOnly, quota);
        return { name: asked.name, errorCode: 0, errorMessage: null };
      } catch (error) {
        return { name: asked.name, errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message };
      }
    });
    const settled = await Promise.all(results);
    return { results: settled, throttleTimeMs: quota.throttleTimeMs };
  },
});

async function growOne(
  broker: BrokerState,
  asked: CreatePartitionsTopic,
  validateOnly: boolean,
  quota: MutationQuota,
): Promise<void> {
  const topic = broker.topics.get(asked.name);
  if (topic === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${asked.name}.`);
  if (asked.count <= topic.partitions) {
    const why = `${asked.name} has ${topic.partitions} partitions; it can only grow, and ${asked.count} is not more.`;
    throw new BrokerError('INVALID_PARTITIONS', why);
  }
  const added = asked.count - topic.partitions;
  const isHere = asked.assignments?.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === broker.nodeId);
  if (asked.assignments !== null && (asked.assignments.length !== added || isHere !== true)) {
    const why = `${added} partitions are added, so ${added} assignments are needed, each to node ${broker.nodeId} alone.`;
    throw new BrokerError('INVALID_REPLICA_ASSIGNMENT', why);
  }
  if (validateOnly) return;
  quota.charge(added);
  await broker.topics.addPartitions(asked.name, asked.count);
}
