/**
 * IncrementalAlterConfigs (key 44): sets, removes, appends to or subtracts from single configs of a topic, a broker or a
 * group (KIP-339), and sets the levels of the broker's loggers (KIP-412).
 */
import { BrokerError } from '../errors.ts';
import { listOf } from '../metadata/config-definition.ts';
import type { ConfigValues } from '../metadata/resource-configs.ts';
import {
  type AlterableConfig,
  type AlterConfigsResource,
  decodeIncrementalAlterConfigsRequest,
} from '../protocol/messages/generated/incremental-alter-configs-request.ts';
import { encodeIncrementalAlterConfigsResponse } from '../protocol/messages/generated/incremental-alter-configs-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { alterLogLevels } from './broker-loggers.ts';
import {
  alterResource,
  checkBrokerName,
  definitionOf,
  mustBeAllowedConfig,
  outcomeOf,
  ResourceType,
  refuseBadKeys,
  refuseRepeated,
} from './config-resource.ts';

export const Operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export const incrementalAlterConfigs = defineApi({
  decode: decodeIncrementalAlterConfigsRequest,
  encode: encodeIncrementalAlterConfigsResponse,
  async handle({ resources, validateOnly }, call, broker) {
    const responses = resources.map((resource) =>
      outcomeOf(broker, resource, () => {
        refuseRepeated(resource, resources);
        const { configs } = resource;
        refuseBadKeys(configs, (place) => configs[place]!.configOperation !== Operation.delete);
        return alterOne(broker, call, resource, validateOnly);
      }),
    );
    return { responses: await Promise.all(responses) };
  },
});

function alterOne(
  broker: BrokerState,
  call: Call,
  resource: AlterConfigsResource,
  validateOnly: boolean,
): Promise<void> | void {
  const { resourceType, resourceName, configs } = resource;
  if (resourceType === ResourceType.brokerLogger) {
    mustBeAllowedConfig(broker, call, 'alterConfigs', resource);
    checkBrokerName(broker, resourceName, false);
    alterLogLevels(broker.logLevels, configs, validateOnly);
    return;
  }
  return alterResource(broker, call, resource, validateOnly, (before) => {
    const after = { ...before };
    for (const config of configs) applyOne(resourceType, after, config);
    return after;
  });
}

function applyOne(resourceType: number, values: Record<string, string>, config: AlterableConfig): void {
  const { name, value, configOperation } = config;
  switch (configOperation) {
    case Operation.delete:
      delete values[name];
      return;
    case Operation.set:
      values[name] = value!;
      return;
    case Operation.append:
    case Operation.subtract:
      values[name] = changedList(resourceType, values, config);
      return;
    default:
      throw new BrokerError('INVALID_REQUEST', `Unknown operations type ${configOperation}`);
  }
}

function changedList(resourceType: number, values: ConfigValues, { name, value, configOperation }: AlterableConfig) {
  const definition = definitionOf(resourceType, name);
  if (definition?.type !== 'list') {
    throw new BrokerError(
      'INVALID_CONFIG',
      `Configuration ${name} is no list, so nothing can be added to or taken from it.`,
    );
  }
  const before = listOf(values[name] ?? definition.defaultValue);
  const named = listOf(value!);
  const after =
    configOperation === Operation.append
      ? [...before, ...named.filter((member) => !before.includes(member))]
      : before.filter((member) => !named.includes(member));
  return after.join(',');
}
