/**
 * CreateTopics (key 19). v2 validate only · v4 -1 for the broker's default partitions and replication (KIP-464) · v5
 * answers with the configs (KIP-525) · v6 may be told of a quota (KIP-599) · v7 topic id.
 *
 * A topic exists, durably, before this answers. One node keeps one replica: more is INVALID_REPLICATION_FACTOR, and a
 * manual assignment must name this node alone.
 */
import { BrokerError } from '../errors.ts';
import { synonymsOf, topicConfigs } from '../metadata/topic-config.ts';
import type { Topic } from '../metadata/topics.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type CreatableTopic,
  decodeCreateTopicsRequest,
} from '../protocol/messages/generated/create-topics-request.ts';
import {
  type CreatableTopicResult,
  encodeCreateTopicsResponse,
} from '../protocol/messages/generated/create-topics-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, isAllowedOnCluster, mustBeAllowed } from './authorize.ts';
import { MutationQuota } from './mutation-quota.ts';
import { errorCodeOf } from './refusal.ts';

const quotaErrorFrom = 6;

export const createTopics = defineApi({
  decode: decodeCreateTopicsRequest,
  encode: encodeCreateTopicsResponse,
  async handle(request, call, broker) {
    const mayCreateAll = isAllowedOnCluster(broker, call, 'create');
    const quota = new MutationQuota(broker, call, quotaErrorFrom);
    const names = request.topics.map((topic) => topic.name);
    const results = request.topics.map(async (asked) => {
      try {
        if (names.indexOf(asked.name) !== names.lastIndexOf(asked.name)) {
          throw new BrokerError('INVALID_REQUEST', `${asked.name} is asked for twice in one request.`);
        }
        if (!mayCreateAll) mustBeAllowed(broker, call, 'create', 'topic', asked.name);
        const mayDescribe = isAllowed(broker, call, 'describeConfigs', 'topic', asked.name);
        return created(broker, mayDescribe, await createOne(broker, asked, request.validateOnly, quota));
      } catch (error) {
        return { name: asked.name, errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message };
      }
    });
    const topics = await Promise.all(results);
    return { topics, throttleTimeMs: quota.throttleTimeMs };
  },
});

async function createOne(
  broker: BrokerState,
  asked: CreatableTopic,
  validateOnly: boolean,
  quota: MutationQuota,
): Promise<Topic> {
  const partitions = asked.assignments.length > 0 ? assignedPartitions(broker, asked) : plainPartitions(asked);
  const config: Record<string, string> = {};
  for (const { name, value } of asked.configs) if (value !== null) config[name] = value;
  if (!validateOnly) quota.charge(partitions === -1 ? broker.config.number('num.partitions') : partitions);
  const [outcome] = await broker.topics.create([{ name: asked.name, partitions, config }], { validateOnly });
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('The topic store gave no outcome.');
  return outcome;
}

function plainPartitions(asked: CreatableTopic): number {
  if (asked.numPartitions === 0 || asked.numPartitions < -1) {
    throw new BrokerError('INVALID_PARTITIONS', `A topic has one partition or more, not ${asked.numPartitions}.`);
  }
  if (asked.replicationFactor !== 1 && asked.replicationFactor !== -1) {
    const why = `Replication factor ${asked.replicationFactor} cannot be had: this broker is one node. Use 1 or -1.`;
    throw new BrokerError('INVALID_REPLICATION_FACTOR', why);
  }
  return asked.numPartitions;
}

function assignedPartitions(broker: BrokerState, asked: CreatableTopic): number {
  if (asked.numPartitions !== -1 || asked.replicationFactor !== -1) {
    throw new BrokerError('INVALID_REQUEST', 'With a manual assignment, partitions and replication factor must be -1.');
  }
  const indexes = asked.assignments.map((assignment) => assignment.partitionIndex).sort((a, b) => a - b);
  const isGapless = indexes.every((index, place) => index === place);
  const isHere = asked.assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === broker.nodeId);
  if (isGapless && isHere) return indexes.length;
  const why = `An assignment numbers partitions from 0 without gaps and names node ${broker.nodeId} alone.`;
  throw new BrokerError('INVALID_REPLICA_ASSIGNMENT', why);
}

function created(broker: BrokerState, mayDescribe: boolean, topic: Topic): Outgoing<CreatableTopicResult> {
  if (!mayDescribe) {
    const topicConfigErrorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    return { name: topic.name, topicId: topic.topicId, errorCode: 0, topicConfigErrorCode, configs: null };
  }
  return {
    name: topic.name,
    topicId: topic.topicId,
    errorCode: 0,
    numPartitions: topic.partitions,
    replicationFactor: 1,
    configs: topicConfigs.map((definition) => {
      const { value, source } = synonymsOf(definition, topic.overrides, broker.config)[0]!;
      return { name: definition.name, value, readOnly: false, configSource: source, isSensitive: false };
    }),
  };
}
