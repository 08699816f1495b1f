/**
 * The broker's keys for groups of the consumer protocol (KIP-848), with Kafka's names, and what the coordinator makes of
 * them.
 */
import type { BrokerConfig } from '../../metadata/broker-config.ts';
import { type ConfigDefinition, listOf, numberOf } from '../../metadata/config-definition.ts';
import { assignorNames } from './assignors.ts';
import type { ConsumerGroupsConfig } from './types.ts';

export const consumerGroupConfigs: readonly ConfigDefinition[] = [
  {
    name: 'group.consumer.session.timeout.ms',
    type: 'int',
    defaultValue: '45000',
    min: 1,
    doc: 'A member of the consumer protocol that is silent for this long is out of its group, in milliseconds.',
  },
  {
    name: 'group.consumer.heartbeat.interval.ms',
    type: 'int',
    defaultValue: '5000',
    min: 1,
    doc: 'How often members of the consumer protocol are told to send a heartbeat, in milliseconds.',
  },
  {
    name: 'group.consumer.max.size',
    type: 'int',
    defaultValue: '2147483647',
    min: 1,
    doc: 'Members a group of the consumer protocol may have.',
  },
  {
    name: 'group.consumer.assignors',
    type: 'list',
    defaultValue: assignorNames.join(','),
    oneOf: assignorNames,
    doc: 'The server-side assignors members may choose; the first is for those that do not.',
  },
  // Kafka's 1 s spares large clusters an assignment per starting member. Here one takes microseconds, and waiting would
  // leave a second member without partitions until its next heartbeat, 5 s later.
  {
    name: 'group.consumer.assignment.interval.ms',
    update: 'cluster-wide',
    type: 'int',
    defaultValue: '0',
    min: 0,
    doc: 'The least time between two target assignments of one group, in milliseconds.',
  },
  {
    name: 'group.consumer.regex.refresh.interval.ms',
    type: 'int',
    defaultValue: '600000',
    min: 10_000,
    doc: 'How often subscriptions by expression are resolved again, besides whenever topics change, in milliseconds.',
  },
  {
    name: 'group.consumer.migration.policy',
    type: 'string',
    defaultValue: 'bidirectional',
    oneOf: ['bidirectional', 'upgrade', 'downgrade', 'disabled'],
    doc: 'Which groups change their protocol while they have members: classic ones a member of the consumer protocol joins (upgrade), consumer groups whose last member of that protocol leaves (downgrade).',
  },
];

/** What a group may set for itself, and the broker's bounds for it. */
const bounded = [
  {
    name: 'session.timeout.ms',
    least: '45000',
    most: '60000',
    doc: 'How long a member of this group may be silent, in milliseconds.',
  },
  {
    name: 'heartbeat.interval.ms',
    least: '5000',
    most: '15000',
    doc: 'How often members of this group are told to send a heartbeat, in milliseconds.',
  },
  {
    name: 'assignment.interval.ms',
    least: '0',
    most: '15000',
    doc: 'The least time between two target assignments of this group, in milliseconds.',
  },
] as const;

/** The configs of a GROUP resource (KIP-848). */
export const consumerGroupOwnConfigs: readonly ConfigDefinition[] = bounded.map(({ name, doc }) => ({
  name: `consumer.${name}`,
  type: 'int',
  defaultValue: consumerGroupConfigs.find((config) => config.name === `group.consumer.${name}`)!.defaultValue,
  min: name === 'assignment.interval.ms' ? 0 : 1,
  doc,
}));

/** Bounds for what a group sets; what the broker itself is told is not held to them. */
export const consumerGroupBounds: readonly ConfigDefinition[] = bounded.flatMap(({ name, least, most }) => [
  {
    name: `group.consumer.min.${name}`,
    type: 'int' as const,
    defaultValue: least,
    min: 0,
    doc: `The least a group may set as consumer.${name}.`,
  },
  {
    name: `group.consumer.max.${name}`,
    type: 'int' as const,
    defaultValue: most,
    min: 1,
    doc: `The most a group may set as consumer.${name}.`,
  },
]);

/** A group's own value of a key, as text; undefined where it has none. */
export type GroupConfigOf = (group: string, key: string) => string | undefined;

/** What counts for a group now. A value set outside the broker's bounds, which may have changed since, counts as the bound. */
export function consumerGroupSettings(
  config: BrokerConfig,
  groupConfigOf: GroupConfigOf,
  group: string,
): ConsumerGroupsConfig {
  const own = (name: string): number => {
    const value = groupConfigOf(group, `consumer.${name}`);
    if (value === undefined) return config.number(`group.consumer.${name}`);
    const [least, most] = [config.number(`group.consumer.min.${name}`), config.number(`group.consumer.max.${name}`)];
    return Math.min(Math.max(numberOf(value), least), most);
  };
  const assignors = listOf(config.text('group.consumer.assignors'));
  const policy = config.text('group.consumer.migration.policy');
  return {
    sessionTimeoutMs: own('session.timeout.ms'),
    heartbeatIntervalMs: own('heartbeat.interval.ms'),
    sizeMax: config.number('group.consumer.max.size'),
    assignors: assignors.length > 0 ? assignors : assignorNames,
    assignmentIntervalMs: own('assignment.interval.ms'),
    regexRefreshIntervalMs: config.number('group.consumer.regex.refresh.interval.ms'),
    isUpgradeEnabled: policy === 'bidirectional' || policy === 'upgrade',
    isDowngradeEnabled: policy === 'bidirectional' || policy === 'downgrade',
    classicSizeMax: config.number('group.max.size'),
  };
}
