/**
 * DeleteTopics (key 20). v4 and later: timeout, kept for its place · v5 error message, may be told of a quota (KIP-599) · v6 by topic id (KIP-516).
 *
 * An unknown id is UNKNOWN_TOPIC_ID, an unknown name UNKNOWN_TOPIC_OR_PARTITION. Internal topics are refused.
 */
import { BrokerError } from '../errors.ts';
import {
  type DeleteTopicState,
  decodeDeleteTopicsRequest,
} from '../protocol/messages/generated/delete-topics-request.ts';
import {
  type DeletableTopicResult,
  encodeDeleteTopicsResponse,
} from '../protocol/messages/generated/delete-topics-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed } from './authorize.ts';
import { MutationQuota } from './mutation-quota.ts';
import { errorCodeOf } from './refusal.ts';

const quotaErrorFrom = 5;

export const deleteTopics = defineApi({
  decode: decodeDeleteTopicsRequest,
  encode: encodeDeleteTopicsResponse,
  async handle(request, call, broker) {
    const asked =
      call.apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }));
    const quota = new MutationQuota(broker, call, quotaErrorFrom);
    const responses = await Promise.all(asked.map((topic) => deleteOne(broker, call, topic, quota)));
    return { responses, throttleTimeMs: quota.throttleTimeMs };
  },
});

async function deleteOne(
  broker: BrokerState,
  call: Call,
  asked: DeleteTopicState,
  quota: MutationQuota,
): Promise<Outgoing<DeletableTopicResult>> {
  try {
    if (asked.name !== null) mustBeAllowed(broker, call, 'delete', 'topic', asked.name);
    const topic = find(broker, asked);
    mustBeAllowed(broker, call, 'delete', 'topic', topic.name);
    if (!broker.config.boolean('delete.topic.enable')) {
      throw new BrokerError('TOPIC_DELETION_DISABLED', 'Topic deletion is switched off (delete.topic.enable).');
    }
    if (topic.isInternal) throw new BrokerError('INVALID_REQUEST', `${topic.name} is internal and cannot be deleted.`);
    quota.charge(topic.partitions);
    await broker.topics.delete(topic.name);
    return { name: topic.name, topicId: topic.topicId, errorCode: 0 };
  } catch (error) {
    const errorCode = errorCodeOf(error, broker);
    return { name: asked.name, topicId: asked.topicId, errorCode, errorMessage: (error as Error).message };
  }
}

function find(broker: BrokerState, asked: DeleteTopicState) {
  if (asked.name !== null && asked.topicId !== zeroUuid) {
    throw new BrokerError('INVALID_REQUEST', 'A topic is deleted by its name or by its id, not by both.');
  }
  if (asked.name === null) {
    const topic = broker.topics.byId(asked.topicId);
    if (topic === undefined) throw new BrokerError('UNKNOWN_TOPIC_ID', `There is no topic with id ${asked.topicId}.`);
    return topic;
  }
  const topic = broker.topics.get(asked.name);
  if (topic === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${asked.name}.`);
  return topic;
}
