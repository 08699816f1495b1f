/**
 * DescribeConfigs (key 32) for topics and the broker. v1 source and synonyms (KIP-226) · v3 type and documentation
 * (KIP-569). Tools rely on complete lists: every key that is obeyed is shown, with where its value comes from.
 */
import { BrokerError } from '../errors.ts';
import { brokerConfigs } from '../metadata/broker-config.ts';
import { type ConfigDefinition, configTypeCode } from '../metadata/config-definition.ts';
import { ConfigSource, synonymsOf, topicConfigs } from '../metadata/topic-config.ts';
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
import { checkBrokerName, mustBeAllowedConfig, ResourceType, topicOf } from './config-resource.ts';
import { errorCodeOf } from './refusal.ts';

interface Value {
  readonly name: string;
  readonly value: string;
  readonly source: number;
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
      .filter(([definition]) => configurationKeys === null || configurationKeys.includes(definition.name))
      .map(([definition, values]) => entry(definition, values, resourceType === ResourceType.broker, request));
    return { resourceType, resourceName, errorCode: 0, errorMessage: null, configs };
  } catch (error) {
    const errorCode = errorCodeOf(error, broker);
    return { resourceType, resourceName, errorCode, errorMessage: (error as Error).message };
  }
}

function entriesOf(broker: BrokerState, resource: DescribeConfigsResource): [ConfigDefinition, readonly Value[]][] {
  const given = broker.config.given;
  switch (resource.resourceType) {
    case ResourceType.topic: {
      const { overrides } = topicOf(broker, resource.resourceName);
      return topicConfigs.map((definition) => [definition, synonymsOf(definition, overrides, given)]);
    }
    case ResourceType.broker: {
      checkBrokerName(broker, resource.resourceName);
      // The empty name asks for what was changed while running for all brokers: nothing can be.
      return resource.resourceName === ''
        ? []
        : [...brokerConfigs.values()].map((definition) => [definition, brokerValues(definition, given)]);
    }
    default:
      throw new BrokerError('INVALID_REQUEST', `Resources of type ${resource.resourceType} have no configs here.`);
  }
}

function brokerValues(definition: ConfigDefinition, given: Readonly<Record<string, string>>): readonly Value[] {
  const { name, defaultValue } = definition;
  const own = given[name];
  const byDefault = { name, value: defaultValue, source: ConfigSource.default };
  return own === undefined ? [byDefault] : [{ name, value: own, source: ConfigSource.staticBroker }, byDefault];
}

function entry(
  definition: ConfigDefinition,
  values: readonly Value[],
  readOnly: boolean,
  request: DescribeConfigsRequest,
): Outgoing<DescribeConfigsResourceResult> {
  const { value, source } = values[0]!;
  const isSensitive = definition.type === 'password';
  return {
    name: definition.name,
    value: isSensitive ? null : value,
    readOnly,
    configSource: source,
    isSensitive,
    synonyms: request.includeSynonyms ? values.map((each) => (isSensitive ? { ...each, value: null } : each)) : [],
    configType: configTypeCode[definition.type],
    documentation: request.includeDocumentation ? definition.doc : null,
  };
}
