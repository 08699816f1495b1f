/**
 * Metadata (key 3): the node, and the topics with their partitions. A topic that is asked for by name and does not
 * exist is created where `auto.create.topics.enable` and the client allow it; the answer waits until it is durable.
 *
 * v0 an empty list means all topics · v1 null does, and an empty list none · v4 the client may forbid creation · v5
 * offline replicas · v7 leader epoch · v8 to v10 authorized operations (not known without ACLs) · v10 topic ids
 * (KIP-516) · v11 cluster operations moved to DescribeCluster · v12 topics by id · v13 top-level error.
 */
import { BrokerError, errorNameOf } from '../errors.ts';
import type { Topic } from '../metadata/topics.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeMetadataRequest,
  type MetadataRequest,
  type MetadataRequestTopic,
} from '../protocol/messages/generated/metadata-request.ts';
import {
  encodeMetadataResponse,
  type MetadataResponse,
  type MetadataResponseTopic,
} from '../protocol/messages/generated/metadata-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';

const namesMayBeNullFromVersion = 1;

export const metadata = defineApi({
  decode: decodeMetadataRequest,
  encode: encodeMetadataResponse,
  handle(request, call, broker) {
    const { topics } = request;
    const isAll = topics === null || (call.apiVersion < namesMayBeNullFromVersion && topics.length === 0);
    const respond = (answered: readonly Outgoing<MetadataResponseTopic>[]): Outgoing<MetadataResponse> => ({
      brokers: [{ nodeId: broker.nodeId, ...broker.endpoint(call.session), rack: null }],
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      topics: answered,
    });
    if (isAll) return respond([...broker.topics.all()].map((topic) => describe(topic, broker)));
    const missing = missingNames(request, broker);
    if (missing.length === 0) return respond(answerTopics(request, broker, new Map()));
    return create(missing, broker).then((failures) => respond(answerTopics(request, broker, failures)));
  },
});

/** The id decides: the Java client leaves the name empty beside it, others null. */
function nameAsked({ name, topicId }: MetadataRequestTopic): string | null {
  return topicId === zeroUuid ? name : null;
}

/** Names to be created, each once. */
function missingNames(request: MetadataRequest, broker: BrokerState): string[] {
  if (!request.allowAutoTopicCreation || !broker.config.boolean('auto.create.topics.enable')) return [];
  const missing = new Set<string>();
  for (const asked of request.topics ?? []) {
    const name = nameAsked(asked);
    if (name !== null && broker.topics.get(name) === undefined) missing.add(name);
  }
  return [...missing];
}

/** Creates them; answers those that could not be. One that somebody else has just created is fine. */
async function create(names: readonly string[], broker: BrokerState): Promise<Map<string, BrokerError>> {
  const outcomes = await broker.topics.create(names.map((name) => ({ name, partitions: -1 })));
  const failures = new Map<string, BrokerError>();
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome instanceof BrokerError) failures.set(names[index]!, outcome);
  }
  return failures;
}

function answerTopics(
  request: MetadataRequest,
  broker: BrokerState,
  failures: ReadonlyMap<string, BrokerError>,
): Outgoing<MetadataResponseTopic>[] {
  return (request.topics ?? []).map((asked) => {
    const name = nameAsked(asked);
    if (name === null) {
      const { topicId } = asked;
      const topic = broker.topics.byId(topicId);
      return topic === undefined
        ? { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId, isInternal: false }
        : describe(topic, broker);
    }
    const topic = broker.topics.get(name);
    if (topic !== undefined) return describe(topic, broker);
    const failure = failures.get(name);
    const errorCode = failure === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode[errorNameOf(failure)];
    return { errorCode, name, topicId: zeroUuid, isInternal: false };
  });
}

function describe(topic: Topic, broker: BrokerState): Outgoing<MetadataResponseTopic> {
  const { nodeId } = broker;
  const nodes = [nodeId];
  const { leaderEpoch } = broker.logs;
  const partitions = Array.from({ length: topic.partitions }, (_, partitionIndex) => ({
    partitionIndex,
    leaderId: nodeId,
    leaderEpoch,
    replicaNodes: nodes,
    isrNodes: nodes,
  }));
  return { name: topic.name, topicId: topic.topicId, isInternal: topic.isInternal, partitions };
}
