/**
 * The broker's keys for groups of the consumer protocol (KIP-848), with Kafka's names, and what the coordinator makes of
 * them.
 */
import type { BrokerConfig } from '../../metadata/broker-config.ts';
import { type ConfigDefinition, listOf } from '../../metadata/config-definition.ts';
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

export function consumerGroupsConfig(config: BrokerConfig): ConsumerGroupsConfig {
  const assignors = listOf(config.text('group.consumer.assignors'));
  const policy = config.text('group.consumer.migration.policy');
  return {
    sessionTimeoutMs: config.number('group.consumer.session.timeout.ms'),
    heartbeatIntervalMs: config.number('group.consumer.heartbeat.interval.ms'),
    sizeMax: config.number('group.consumer.max.size'),
    assignors: assignors.length > 0 ? assignors : assignorNames,
    assignmentIntervalMs: config.number('group.consumer.assignment.interval.ms'),
    regexRefreshIntervalMs: config.number('group.consumer.regex.refresh.interval.ms'),
    isUpgradeEnabled: policy === 'bidirectional' || policy === 'upgrade',
    isDowngradeEnabled: policy === 'bidirectional' || policy === 'downgrade',
    classicSizeMax: config.number('group.max.size'),
  };
}
