/**
 * IncrementalAlterConfigs (key 44): sets, removes, appends to or subtracts from single configs of a topic (KIP-339).
 */
import { BrokerError } from '../errors.ts';
import { listOf } from '../metadata/config-definition.ts';
import { topicConfig } from '../metadata/topic-config.ts';
import {
  type AlterableConfig,
  decodeIncrementalAlterConfigsRequest,
} from '../protocol/messages/generated/incremental-alter-configs-request.ts';
import { encodeIncrementalAlterConfigsResponse } from '../protocol/messages/generated/incremental-alter-configs-response.ts';
import { defineApi } from '../server/api.ts';
import { alterResource } from './config-resource.ts';

const Operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export const incrementalAlterConfigs = defineApi({
  decode: decodeIncrementalAlterConfigsRequest,
  encode: encodeIncrementalAlterConfigsResponse,
  async handle(request, call, broker) {
    const responses = request.resources.map((resource) =>
      alterResource(broker, call, resource, request.validateOnly, (before) => {
        const overrides = { ...before };
        refuseRepeated(resource.configs);
        for (const config of resource.configs) applyOne(overrides, config);
        return overrides;
      }),
    );
    return { responses: await Promise.all(responses) };
  },
});

function refuseRepeated(configs: readonly AlterableConfig[]): void {
  const names = new Set<string>();
  for (const { name } of configs) {
    if (names.has(name)) throw new BrokerError('INVALID_REQUEST', `Configuration ${name} is named twice.`);
    names.add(name);
  }
}

function applyOne(overrides: Record<string, string>, config: AlterableConfig): void {
  const { name, value, configOperation } = config;
  if (configOperation === Operation.delete) {
    delete overrides[name];
    return;
  }
  if (value === null) throw new BrokerError('INVALID_REQUEST', `Configuration ${name} is given no value.`);
  switch (configOperation) {
    case Operation.set:
      overrides[name] = value;
      return;
    case Operation.append:
    case Operation.subtract:
      overrides[name] = changeList(overrides, name, value, configOperation === Operation.append);
      return;
    default:
      throw new BrokerError('INVALID_REQUEST', `${configOperation} is no operation on a config.`);
  }
}

function changeList(
  overrides: Readonly<Record<string, string>>,
  name: string,
  value: string,
  isAppend: boolean,
): string {
  const definition = topicConfig(name);
  if (definition?.type !== 'list') {
    throw new BrokerError(
      'INVALID_CONFIG',
      `Configuration ${name} is no list, so nothing can be added to or taken from it.`,
    );
  }
  const before = listOf(overrides[name] ?? definition.defaultValue);
  const named = listOf(value);
  const after = isAppend
    ? [...before, ...named.filter((member) => !before.includes(member))]
    : before.filter((member) => !named.includes(member));
  return after.join(',');
}
