/**
 * DescribeConfigs (key 32) for topics, the broker, its loggers and groups. v1 source and synonyms (KIP-226) · v3 type and
 * documentation (KIP-569). Tools rely on complete lists: every key that is obeyed is shown, with where its value comes from.
 */
import { BrokerError } from '../errors.ts';
import { brokerConfigs } from '../metadata/broker-config.ts';
import {
  type ConfigDefinition,
  ConfigSource,
  type ConfigValue,
  configTypeCode,
} from '../metadata/config-definition.ts';
import { groupConfigs, groupValuesOf } from '../metadata/group-config.ts';
import { brokerDefinition } from '../metadata/resource-configs.ts';
import { synonymsOf, topicConfigs } from '../metadata/topic-config.ts';
import {
  type DescribeConfigsRequest,
  type DescribeConfigsResource,
  decodeDescribeConfigsRequest,
} from '../protocol/messages/generated/describe-configs-request.ts';
import {
  type DescribeConfigsResourceResult,
  type DescribeConfigsResult,
  encodeDescribeConfigsResponse,
} from '../protocol/messages/generated/describe-configs-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { checkBrokerName, mustBeAllowedConfig, ownerOf, ResourceType, topicOf } from './config-resource.ts';
import { errorCodeOf } from './refusal.ts';

/** A key as it is shown: its values from the nearest to the farthest. */
interface Entry {
  readonly definition: ConfigDefinition;
  readonly values: readonly ConfigValue[];
  readonly readOnly: boolean;
}

export const describeConfigs = defineApi({
  decode: decodeDescribeConfigsRequest,
  encode: encodeDescribeConfigsResponse,
  handle(request, call, broker) {
    return { results: request.resources.map((resource) => describeOne(broker, call, resource, request)) };
  },
});

function describeOne(
  broker: BrokerState,
  call: Call,
  resource: DescribeConfigsResource,
  request: DescribeConfigsRequest,
): Outgoing<DescribeConfigsResult> {
  const { resourceType, resourceName, configurationKeys } = resource;
  try {
    mustBeAllowedConfig(broker, call, 'describeConfigs', resource);
    const configs = entriesOf(broker, resource)
      .filter(({ definition }) => configurationKeys === null || configurationKeys.includes(definition.name))
      .map((entry) => described(entry, request));
    return { resourceType, resourceName, errorCode: 0, errorMessage: null, configs };
  } catch (error) {
    const errorCode = errorCodeOf(error, broker);
    return { resourceType, resourceName, errorCode, errorMessage: (error as Error).message };
  }
}

function entriesOf(broker: BrokerState, { resourceType, resourceName }: DescribeConfigsResource): Entry[] {
  switch (resourceType) {
    case ResourceType.topic: {
      const { overrides } = topicOf(broker, resourceName);
      return topicConfigs.map((definition) => ({
        definition,
        values: synonymsOf(definition, overrides, broker.config),
        readOnly: false,
      }));
    }
    case ResourceType.broker:
      checkBrokerName(broker, resourceName);
      return resourceName === '' ? clusterEntries(broker) : brokerEntries(broker);
    case ResourceType.brokerLogger:
      checkBrokerName(broker, resourceName, false);
      return loggerEntries(broker);
    case ResourceType.group: {
      if (resourceName === '') throw new BrokerError('INVALID_REQUEST', 'Group name must not be empty');
      const own = broker.configs.of(ownerOf(resourceType, resourceName));
      return [...groupConfigs.values()].map((definition) => ({
        definition,
        values: groupValuesOf(definition, own, broker.config),
        readOnly: false,
      }));
    }
    default:
      throw new BrokerError('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`);
  }
}

/** All keys there are, and those that were given to single listeners. */
function brokerEntries({ config }: BrokerState): Entry[] {
  const ofListeners = Object.keys(config.given).filter((name) => !brokerConfigs.has(name));
  return [...brokerConfigs.keys(), ...ofListeners].flatMap((name) => {
    const definition = brokerDefinition(name);
    if (definition === undefined) return [];
    const byDefault = { name: definition.name, value: definition.defaultValue, source: ConfigSource.default };
    return [
      {
        definition: { ...definition, name },
        values: [...config.valuesOf(name), byDefault],
        readOnly: definition.update === undefined,
      },
    ];
  });
}

/** The empty name asks only for what was set for all brokers while they ran. */
function clusterEntries({ configs }: BrokerState): Entry[] {
  return Object.entries(configs.of(ownerOf(ResourceType.broker, ''))).flatMap(([name, value]) => {
    const definition = brokerDefinition(name);
    const values = [{ name, value, source: ConfigSource.dynamicDefaultBroker }];
    return definition === undefined ? [] : [{ definition: { ...definition, name }, values, readOnly: false }];
  });
}

function loggerEntries({ logLevels }: BrokerState): Entry[] {
  return logLevels.names().map((name) => ({
    definition: { name, type: 'string', defaultValue: '', doc: '' },
    values: [{ name, value: logLevels.levelOf(name), source: ConfigSource.brokerLogger }],
    readOnly: false,
  }));
}

function described(
  { definition, values, readOnly }: Entry,
  request: DescribeConfigsRequest,
): Outgoing<DescribeConfigsResourceResult> {
  const { value, source } = values[0]!;
  const isSensitive = definition.type === 'password';
  const isLogger = source === ConfigSource.brokerLogger;
  const synonyms = request.includeSynonyms && !isLogger ? values : [];
  return {
    name: definition.name,
    value: isSensitive ? null : value,
    readOnly,
    configSource: source,
    isSensitive,
    synonyms: synonyms.map((each) => (isSensitive ? { ...each, value: null } : each)),
    configType: isLogger ? 0 : configTypeCode[definition.type],
    documentation: request.includeDocumentation && !isLogger ? definition.doc : null,
  };
}
