/**
 * The resources that have configs here, and the changes AlterConfigs and IncrementalAlterConfigs make to them. Resource
 * numbers are those of org.apache.kafka.common.config.ConfigResource.
 */
import { BrokerError } from '../errors.ts';
import type { ConfigDefinition } from '../metadata/config-definition.ts';
import { groupConfigs } from '../metadata/group-config.ts';
import { brokerDefinition, type ConfigOwner, type ConfigValues } from '../metadata/resource-configs.ts';
import { checkTopicConfig, topicConfig } from '../metadata/topic-config.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Call } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed, mustBeAllowedOnCluster } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const ResourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

export interface ConfigResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

export interface AlterResult extends ConfigResource {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

export function topicOf(broker: BrokerState, name: string): Topic {
  const topic = broker.topics.get(name);
  if (topic === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${name}.`);
  return topic;
}

/** Only this node's id, or where it is allowed the empty name that means all brokers. */
export function checkBrokerName(broker: BrokerState, name: string, mayBeEmpty = true): void {
  if ((mayBeEmpty && name === '') || name === String(broker.nodeId)) return;
  throw new BrokerError('INVALID_REQUEST', `Unexpected broker id, expected ${broker.nodeId}, but received ${name}`);
}

/** Topics and groups guard their own configs, the cluster all others. Throws the AUTHORIZATION_FAILED of its type. */
export function mustBeAllowedConfig(
  broker: BrokerState,
  call: Call,
  operation: 'describeConfigs' | 'alterConfigs',
  { resourceType, resourceName }: ConfigResource,
): void {
  if (resourceType === ResourceType.topic) mustBeAllowed(broker, call, operation, 'topic', resourceName);
  else if (resourceType === ResourceType.group) mustBeAllowed(broker, call, operation, 'group', resourceName);
  else mustBeAllowedOnCluster(broker, call, operation);
}

/** The definition of a key of this type of resource, or undefined. */
export function definitionOf(resourceType: number, name: string): ConfigDefinition | undefined {
  if (resourceType === ResourceType.topic) return topicConfig(name);
  return resourceType === ResourceType.group ? groupConfigs.get(name) : brokerDefinition(name);
}

/** What of a request is wrong in itself: its resources named twice, its keys named twice, values that are missing. */
export function refuseRepeated(resource: ConfigResource, all: readonly ConfigResource[]): void {
  const isSame = (other: ConfigResource): boolean =>
    other.resourceType === resource.resourceType && other.resourceName === resource.resourceName;
  if (all.filter(isSame).length > 1) {
    throw new BrokerError('INVALID_REQUEST', 'Each resource must appear at most once.');
  }
}

export function refuseBadKeys(
  configs: readonly { readonly name: string; readonly value: string | null }[],
  needsValue: (place: number) => boolean,
): void {
  if (new Set(configs.map(({ name }) => name)).size < configs.length) {
    throw new BrokerError('INVALID_REQUEST', 'Error due to duplicate config keys');
  }
  const without = configs.filter(({ value }, place) => value === null && needsValue(place)).map(({ name }) => name);
  if (without.length > 0) {
    throw new BrokerError('INVALID_REQUEST', `Null value not supported for : ${without.join(', ')}`);
  }
}

/**
 * Works out a resource's new values with `change`, checks them and makes them so, unless only asked to check. Throws
 * BrokerErrors.
 */
async function alter(
  broker: BrokerState,
  { resourceType, resourceName }: ConfigResource,
  validateOnly: boolean,
  change: (values: ConfigValues) => ConfigValues,
): Promise<void> {
  switch (resourceType) {
    case ResourceType.topic:
      if (validateOnly) checkTopicConfig(change(topicOf(broker, resourceName).overrides));
      else await broker.topics.configure(resourceName, change);
      return;
    case ResourceType.broker:
      checkBrokerName(broker, resourceName);
      await broker.configs.alter(ownerOf(resourceType, resourceName), change, validateOnly);
      return;
    case ResourceType.group:
      await broker.configs.alter(ownerOf(resourceType, resourceName), change, validateOnly);
      return;
    default:
      throw new BrokerError('INVALID_REQUEST', `Unknown resource type ${resourceType}`);
  }
}

export function ownerOf(resourceType: number, name: string): ConfigOwner {
  return { kind: resourceType === ResourceType.group ? 'group' : 'broker', name };
}

/** One resource's outcome, whatever `work` does or throws. */
export async function outcomeOf(
  broker: BrokerState,
  { resourceType, resourceName }: ConfigResource,
  work: () => Promise<void> | void,
): Promise<AlterResult> {
  try {
    await work();
    return { resourceType, resourceName, errorCode: 0, errorMessage: null };
  } catch (error) {
    const errorCode = errorCodeOf(error, broker);
    return { resourceType, resourceName, errorCode, errorMessage: (error as Error).message };
  }
}

export function alterResource(
  broker: BrokerState,
  call: Call,
  resource: ConfigResource,
  validateOnly: boolean,
  change: (values: ConfigValues) => ConfigValues,
): Promise<void> {
  mustBeAllowedConfig(broker, call, 'alterConfigs', resource);
  return alter(broker, resource, validateOnly, change);
}
