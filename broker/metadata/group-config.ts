/**
 * The configs a single group may have (KIP-848): its own value of a key of the broker, within the broker's bounds. The
 * names follow one pattern, Kafka's: `consumer.session.timeout.ms` of a group overrides `group.consumer.session.timeout.ms`
 * of the broker, between `group.consumer.min.session.timeout.ms` and `group.consumer.max.session.timeout.ms`.
 */
import { BrokerError } from '../errors.ts';
import { consumerGroupOwnConfigs } from '../groups/consumer/config.ts';
import { parseOffsetReset, shareGroupConfigs } from '../share/config.ts';
import { type BrokerConfig, brokerConfigs } from './broker-config.ts';
import { type ConfigDefinition, ConfigSource, type ConfigValue, numberOf, problemWith } from './config-definition.ts';

export const groupConfigs: ReadonlyMap<string, ConfigDefinition> = new Map(
  [...consumerGroupOwnConfigs, ...shareGroupConfigs].map((definition) => [definition.name, definition]),
);

/** The broker's key that a group's overrides, or null where there is none. */
export function brokerSynonymOf(name: string): string | null {
  const synonym = `group.${name}`;
  return brokerConfigs.has(synonym) ? synonym : null;
}

/** The values of one key from the nearest to the farthest: group, broker, default. */
export function groupValuesOf(
  { name, defaultValue }: ConfigDefinition,
  own: Readonly<Record<string, string>>,
  broker: BrokerConfig,
): ConfigValue[] {
  const synonym = brokerSynonymOf(name);
  const value = own[name];
  const inherited = synonym === null ? [] : broker.valuesOf(synonym);
  const farthest = synonym === null ? defaultValue : brokerConfigs.get(synonym)!.defaultValue;
  const byDefault = { name: synonym ?? name, value: farthest, source: ConfigSource.default };
  return [...(value === undefined ? [] : [{ name, value, source: ConfigSource.group }]), ...inherited, byDefault];
}

/** Throws INVALID_REQUEST for a group without a name, INVALID_CONFIG for a key nobody knows or a value that cannot be. */
export function checkGroupConfig(group: string, values: Readonly<Record<string, string>>, broker: BrokerConfig): void {
  if (group === '') throw new BrokerError('INVALID_REQUEST', 'Default group resources are not allowed.');
  for (const [name, value] of Object.entries(values)) {
    const definition = groupConfigs.get(name);
    if (definition === undefined) throw invalid(`Unknown group config name: ${name}`);
    const problem = problemWith(definition, value);
    if (problem !== null) throw invalid(`Invalid value ${value} for configuration ${name}: it ${problem}.`);
    if (name === 'share.auto.offset.reset' && parseOffsetReset(value) === null) {
      const why = 'it must be earliest, latest or by_duration:<ISO 8601 duration>';
      throw invalid(`Invalid value ${value} for configuration ${name}: ${why}.`);
    }
    checkBounds(name, value, broker);
  }
}

function checkBounds(name: string, value: string, broker: BrokerConfig): void {
  const [kind, ...rest] = name.split('.');
  const least = `group.${kind}.min.${rest.join('.')}`;
  const most = `group.${kind}.max.${rest.join('.')}`;
  if (brokerConfigs.has(least) && numberOf(value) < broker.number(least)) {
    throw invalid(`${name} must be greater than or equal to ${least} (${broker.number(least)})`);
  }
  if (brokerConfigs.has(most) && numberOf(value) > broker.number(most)) {
    throw invalid(`${name} must be less than or equal to ${most} (${broker.number(most)})`);
  }
}

function invalid(message: string): BrokerError {
  return new BrokerError('INVALID_CONFIG', message);
}
