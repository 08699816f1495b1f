/**
 * The two kinds of resource that have configs here, and the changes AlterConfigs and IncrementalAlterConfigs make.
 * Resource numbers are those of org.apache.kafka.common.config.ConfigResource.
 */
import { BrokerError } from '../errors.ts';
import { checkTopicConfig } from '../metadata/topic-config.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Call } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { mustBeAllowed, mustBeAllowedOnCluster } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const ResourceType = { topic: 2, broker: 4 } as const;

export interface ConfigResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

export function topicOf(broker: BrokerState, name: string): Topic {
  const topic = broker.topics.get(name);
  if (topic === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${name}.`);
  return topic;
}

/** Only this node's id, or the empty name that means all brokers. */
export function checkBrokerName(broker: BrokerState, name: string): void {
  if (name === '' || name === String(broker.nodeId)) return;
  throw new BrokerError('INVALID_REQUEST', `There is no broker ${name}; this one is ${broker.nodeId}.`);
}

/** A topic's configs are the topic's to guard, all others the cluster's. Throws the AUTHORIZATION_FAILED of its type. */
export function mustBeAllowedConfig(
  broker: BrokerState,
  call: Call,
  operation: 'describeConfigs' | 'alterConfigs',
  { resourceType, resourceName }: ConfigResource,
): void {
  if (resourceType === ResourceType.topic) mustBeAllowed(broker, call, operation, 'topic', resourceName);
  else mustBeAllowedOnCluster(broker, call, operation);
}

/**
 * Works out a topic's new overrides with `change`, checks them and makes them so, unless only asked to check. Answers
 * the result fields that both Alter APIs share.
 */
export async function alterResource(
  broker: BrokerState,
  call: Call,
  resource: ConfigResource,
  validateOnly: boolean,
  change: (overrides: Readonly<Record<string, string>>) => Record<string, string>,
): Promise<ConfigResource & { readonly errorCode: number; readonly errorMessage: string | null }> {
  const { resourceType, resourceName } = resource;
  try {
    mustBeAllowedConfig(broker, call, 'alterConfigs', resource);
    if (resourceType !== ResourceType.topic) {
      const why =
        'Only topic configs can be changed while the broker runs; set broker keys in its configuration and restart it.';
      throw new BrokerError('INVALID_REQUEST', why);
    }
    if (validateOnly) checkTopicConfig(change(topicOf(broker, resourceName).overrides));
    else await broker.topics.configure(resourceName, change);
    return { resourceType, resourceName, errorCode: 0, errorMessage: null };
  } catch (error) {
    const errorCode = errorCodeOf(error, broker);
    return { resourceType, resourceName, errorCode, errorMessage: (error as Error).message };
  }
}
