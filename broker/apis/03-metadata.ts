/**
 * Metadata (key 3): the node, and the topics with their partitions. A topic that is asked for by name and does not
 * exist is created where `auto.create.topics.enable` and the client allow it; the answer waits until it is durable.
 *
 * v0 an empty list means all topics · v1 null does, and an empty list none · v4 the client may forbid creation · v5
 * offline replicas · v7 leader epoch · v8 to v10 authorized operations (not known without ACLs) · v10 topic ids
 * (KIP-516) · v11 cluster operations moved to DescribeCluster · v12 topics by id · v13 top-level error.
 */
import { BrokerError } from '../errors.ts';
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
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, isAllowedOnCluster, operationsAllowed } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

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
      clusterAuthorizedOperations: operationsAllowed(
        broker,
        call,
        request.includeClusterAuthorizedOperations,
        'cluster',
      ),
    });
    const asking = { request, call, broker };
    if (isAll) return respond(visibleTopics(asking).map((topic) => describe(topic, asking)));
    const failures = refusals(asking);
    const missing = missingNames(asking, failures);
    if (missing.length === 0) return respond(answerTopics(asking, failures));
    return create(missing, broker, failures).then(() => respond(answerTopics(asking, failures)));
  },
});

/** The id decides: the Java client leaves the name empty beside it, others null. */
function nameAsked({ name, topicId }: MetadataRequestTopic): string | null {
  return topicId === zeroUuid ? name : null;
}

interface Asking {
  readonly request: MetadataRequest;
  readonly call: Call;
  readonly broker: BrokerState;
}

/** Topics a client may not know of are left out of "all". */
function visibleTopics({ call, broker }: Asking): Topic[] {
  return [...broker.topics.all()].filter(({ name }) => isAllowed(broker, call, 'describe', 'topic', name));
}

/** Names the client may not ask for, and names that it might create but may not. */
function refusals({ request, call, broker }: Asking): Map<string, BrokerError> {
  const refused = new Map<string, BrokerError>();
  const mayCreateAll = isAllowedOnCluster(broker, call, 'create');
  for (const { name } of request.topics ?? []) {
    if (name === null) continue;
    const isMissing = request.allowAutoTopicCreation && broker.topics.get(name) === undefined;
    const isRefused =
      !isAllowed(broker, call, 'describe', 'topic', name) ||
      (isMissing && !mayCreateAll && !isAllowed(broker, call, 'create', 'topic', name));
    if (isRefused)
      refused.set(name, new BrokerError('TOPIC_AUTHORIZATION_FAILED', `Topic ${name} is not yours to see.`));
  }
  return refused;
}

/** Names to be created, each once. */
function missingNames({ request, broker }: Asking, failures: ReadonlyMap<string, BrokerError>): string[] {
  if (!request.allowAutoTopicCreation || !broker.config.boolean('auto.create.topics.enable')) return [];
  const missing = new Set<string>();
  for (const asked of request.topics ?? []) {
    const name = nameAsked(asked);
    if (name !== null && broker.topics.get(name) === undefined && !failures.has(name)) missing.add(name);
  }
  return [...missing];
}

/** Creates them; adds those that could not be. One that somebody else has just created is fine. */
async function create(
  names: readonly string[],
  broker: BrokerState,
  failures: Map<string, BrokerError>,
): Promise<void> {
  const outcomes = await broker.topics.create(names.map((name) => ({ name, partitions: -1 })));
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome instanceof BrokerError) failures.set(names[index]!, outcome);
  }
}

function answerTopics(asking: Asking, failures: ReadonlyMap<string, BrokerError>): Outgoing<MetadataResponseTopic>[] {
  const { request, call, broker } = asking;
  return (request.topics ?? []).map((asked) => {
    const name = nameAsked(asked);
    if (name === null) {
      const { topicId } = asked;
      const topic = broker.topics.byId(topicId);
      // An id that is not the client's to know is answered like one that is not there.
      return topic === undefined || !isAllowed(broker, call, 'describe', 'topic', topic.name)
        ? { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId, isInternal: false }
        : describe(topic, asking);
    }
    const topic = broker.topics.get(name);
    const failure = failures.get(name);
    const isRefused = failure?.code === 'TOPIC_AUTHORIZATION_FAILED';
    if (topic !== undefined && !isRefused) return describe(topic, asking);
    const errorCode = failure === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : errorCodeOf(failure, broker);
    return { errorCode, name, topicId: zeroUuid, isInternal: false };
  });
}

function describe(topic: Topic, { request, call, broker }: Asking): Outgoing<MetadataResponseTopic> {
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
  const isAsked = request.includeTopicAuthorizedOperations;
  return {
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions,
    topicAuthorizedOperations: operationsAllowed(broker, call, isAsked, 'topic', topic.name),
  };
}
