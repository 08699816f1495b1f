/**
 * ListConfigResources (key 74): what has configs to describe: the topics, this broker and the groups (KIP-1142). v0 asked for client
 * metrics only, which nobody here configures · v1 by resource type; an empty list asks for all.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeListConfigResourcesRequest } from '../protocol/messages/generated/list-config-resources-request.ts';
import { encodeListConfigResourcesResponse } from '../protocol/messages/generated/list-config-resources-response.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';

/** Kafka's numbers (ConfigResource.Type). */
const Type = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;
const knownTypes: readonly number[] = Object.values(Type);
const byTypeFrom = 1;

export const listConfigResources = defineApi({
  decode: decodeListConfigResourcesRequest,
  encode: encodeListConfigResourcesResponse,
  handle({ resourceTypes }, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describeConfigs')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, configResources: [] };
    }
    if (call.apiVersion < byTypeFrom) return { errorCode: 0, configResources: [] };
    if (resourceTypes.some((type) => !knownTypes.includes(type))) {
      return { errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] };
    }
    const isAsked = (type: number): boolean => resourceTypes.length === 0 || resourceTypes.includes(type);
    const topics = isAsked(Type.topic) ? [...broker.topics.all()].map(({ name }) => name).sort() : [];
    const brokers = [Type.broker, Type.brokerLogger].filter(isAsked);
    const groups = isAsked(Type.group) ? groupsOf(broker) : [];
    return {
      errorCode: 0,
      configResources: [
        ...topics.map((resourceName) => ({ resourceName, resourceType: Type.topic })),
        ...brokers.map((resourceType) => ({ resourceName: String(broker.nodeId), resourceType })),
        ...groups.map((resourceName) => ({ resourceName, resourceType: Type.group })),
      ],
    };
  },
});

/** Groups with configs of their own, and those that could have some. */
function groupsOf(broker: BrokerState): string[] {
  return [...new Set([...broker.configs.groups(), ...broker.groups.list().map(({ group }) => group)])].sort();
}
