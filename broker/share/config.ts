/**
 * The keys of share groups (KIP-932, KIP-1240), with Kafka's names, defaults and bounds: the broker's own, those a group
 * may set for itself, and what both come to.
 */
import type { GroupConfigOf } from '../groups/consumer/config.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import { type ConfigDefinition, numberOf } from '../metadata/config-definition.ts';
import type { ShareGroupSettings } from './types.ts';

/** A number a group may set for itself, within the broker's bounds. */
interface Bounded {
  readonly groupKey: string;
  /** `group.share.<name>`, with `group.share.min.<name>` and `group.share.max.<name>`. */
  readonly name: string;
  readonly defaults: { readonly value: number; readonly min: number; readonly max: number };
  readonly doc: string;
}

const bounded = {
  sessionTimeout: {
    groupKey: 'share.session.timeout.ms',
    name: 'session.timeout.ms',
    defaults: { value: 45_000, min: 45_000, max: 60_000 },
    doc: 'A member of a share group that is silent for this long is out of its group, in milliseconds.',
  },
  heartbeatInterval: {
    groupKey: 'share.heartbeat.interval.ms',
    name: 'heartbeat.interval.ms',
    defaults: { value: 5000, min: 5000, max: 15_000 },
    doc: 'How often members of a share group are told to send a heartbeat, in milliseconds.',
  },
  recordLockDuration: {
    groupKey: 'share.record.lock.duration.ms',
    name: 'record.lock.duration.ms',
    defaults: { value: 30_000, min: 15_000, max: 60_000 },
    doc: 'How long a consumer may hold a record before it goes to another, in milliseconds.',
  },
  deliveryCountLimit: {
    groupKey: 'share.delivery.count.limit',
    name: 'delivery.count.limit',
    defaults: { value: 5, min: 2, max: 10 },
    doc: 'How often a record is delivered before it is given up.',
  },
  partitionMaxRecordLocks: {
    groupKey: 'share.partition.max.record.locks',
    name: 'partition.max.record.locks',
    defaults: { value: 2000, min: 100, max: 4000 },
    doc: 'Records of one partition that may be in flight in one group.',
  },
} as const satisfies Readonly<Record<string, Bounded>>;

export const shareConfigs: readonly ConfigDefinition[] = [
  ...Object.values(bounded).flatMap(({ name, defaults, doc }: Bounded): ConfigDefinition[] => [
    { name: `group.share.${name}`, type: 'int', defaultValue: String(defaults.value), min: 1, doc },
    {
      name: `group.share.min.${name}`,
      type: 'int',
      defaultValue: String(defaults.min),
      min: 1,
      doc: `The least a group may set. ${doc}`,
    },
    {
      name: `group.share.max.${name}`,
      type: 'int',
      defaultValue: String(defaults.max),
      min: 1,
      doc: `The most a group may set. ${doc}`,
    },
  ]),
  {
    name: 'group.share.max.size',
    type: 'int',
    defaultValue: '200',
    min: 1,
    doc: 'Members a share group may have.',
  },
  {
    name: 'group.share.max.share.sessions',
    type: 'int',
    defaultValue: '2000',
    min: 1,
    doc: 'Share sessions at a time: members that fetch.',
  },
  {
    name: 'group.share.assignors',
    type: 'list',
    defaultValue: 'simple',
    oneOf: ['simple'],
    doc: 'The assignor of share groups.',
  },
  {
    name: 'share.coordinator.state.topic.num.partitions',
    type: 'int',
    defaultValue: '50',
    min: 1,
    doc: 'Partitions of __share_group_state.',
  },
  {
    name: 'share.coordinator.state.topic.segment.bytes',
    type: 'int',
    defaultValue: '104857600',
    min: 1024 * 1024,
    doc: 'segment.bytes of __share_group_state.',
  },
  {
    name: 'share.coordinator.state.topic.replication.factor',
    type: 'short',
    defaultValue: '1',
    min: 1,
    doc: 'One node keeps one replica.',
  },
  {
    name: 'share.coordinator.state.topic.min.isr',
    type: 'int',
    defaultValue: '1',
    min: 1,
    doc: 'One node is always in sync with itself.',
  },
  {
    name: 'share.coordinator.snapshot.update.records.per.snapshot',
    type: 'int',
    defaultValue: '500',
    min: 0,
    max: 500,
    doc: 'Updates of a share-partition between two snapshots of it.',
  },
  {
    name: 'share.coordinator.state.topic.prune.interval.ms',
    type: 'int',
    defaultValue: '300000',
    min: 1,
    doc: 'How often the part of __share_group_state that nobody needs any more is deleted, in milliseconds.',
  },
];

const durationPattern = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?$/i;

/** What a group may set beside the bounded numbers; GROUP config resources show and check these (KIP-848). */
export const shareGroupConfigs: readonly ConfigDefinition[] = [
  ...Object.values(bounded).map(
    ({ groupKey, defaults, doc }: Bounded): ConfigDefinition => ({
      name: groupKey,
      type: 'int',
      defaultValue: String(defaults.value),
      min: 1,
      doc,
    }),
  ),
  {
    name: 'share.auto.offset.reset',
    type: 'string',
    defaultValue: 'latest',
    doc: 'Where a share group begins in a partition it has not read yet: earliest, latest or by_duration:<ISO 8601 duration>.',
  },
  {
    name: 'share.isolation.level',
    type: 'string',
    defaultValue: 'read_uncommitted',
    oneOf: ['read_committed', 'read_uncommitted'],
    doc: 'Whether records of open and aborted transactions are delivered.',
  },
  {
    name: 'share.renew.acknowledge.enable',
    type: 'boolean',
    defaultValue: 'true',
    doc: 'Consumers may extend the time they hold a record (KIP-1222).',
  },
];

/** What a group's settings come to now. A number set outside the broker's bounds counts as the bound. */
export function shareGroupSettings(
  config: BrokerConfig,
  groupConfigOf: GroupConfigOf,
  group: string,
): ShareGroupSettings {
  const number = ({ groupKey, name }: Bounded): number => {
    const own = groupConfigOf(group, groupKey);
    if (own === undefined) return config.number(`group.share.${name}`);
    const least = config.number(`group.share.min.${name}`);
    return Math.max(least, Math.min(numberOf(own), config.number(`group.share.max.${name}`)));
  };
  const isolation = groupConfigOf(group, 'share.isolation.level');
  return {
    sessionTimeoutMs: number(bounded.sessionTimeout),
    heartbeatIntervalMs: number(bounded.heartbeatInterval),
    recordLockDurationMs: number(bounded.recordLockDuration),
    deliveryCountLimit: number(bounded.deliveryCountLimit),
    partitionMaxRecordLocks: number(bounded.partitionMaxRecordLocks),
    autoOffsetReset: groupConfigOf(group, 'share.auto.offset.reset') ?? 'latest',
    isolation: isolation?.toLowerCase() === 'read_committed' ? 'read_committed' : 'read_uncommitted',
    isRenewEnabled: groupConfigOf(group, 'share.renew.acknowledge.enable')?.toLowerCase() !== 'false',
  };
}

/** `earliest`, `latest`, or how long ago in milliseconds; null for what is none of them. */
export function parseOffsetReset(text: string): 'earliest' | 'latest' | number | null {
  const name = text.trim().toLowerCase();
  if (name === 'earliest' || name === 'latest') return name;
  if (!name.startsWith('by_duration:')) return null;
  const match = durationPattern.exec(name.slice('by_duration:'.length));
  if (match === null || match.slice(1).every((part) => part === undefined)) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}
