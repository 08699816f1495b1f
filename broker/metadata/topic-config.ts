/**
 * The configs a topic may have, with Kafka 4's names, defaults and meanings (org.apache.kafka.common.config.TopicConfig).
 * A topic's value comes from the topic itself, else from the broker key named as its synonym, else from the default.
 */
import { BrokerError } from '../errors.ts';
import { defaultLogConfig, type LogConfig } from '../log/config.ts';
import type { BrokerConfig } from './broker-config.ts';
import {
  type ConfigDefinition,
  ConfigSource,
  type ConfigValue,
  listOf,
  longMaxText,
  numberOf,
  problemWith,
} from './config-definition.ts';
import { unusedTopicConfigs } from './unused-topic-configs.ts';
import { validationConfigs } from './validation-configs.ts';

export interface TopicConfigDefinition extends ConfigDefinition {
  /** The broker's key that gives the default for all topics, or null where there is none. */
  readonly synonym: string | null;
}

const text = (value: number): string => (value === Number.MAX_SAFE_INTEGER ? longMaxText : String(value));
const d = defaultLogConfig;

const usedTopicConfigs: readonly TopicConfigDefinition[] = [
  {
    name: 'cleanup.policy',
    synonym: 'log.cleanup.policy',
    type: 'list',
    defaultValue: 'delete',
    oneOf: ['delete', 'compact'],
    doc: 'What happens to old segments: delete them by time or size, compact them to the last record of each key, or both.',
  },
  {
    name: 'compression.gzip.level',
    synonym: 'compression.gzip.level',
    type: 'int',
    defaultValue: '-1',
    min: -1,
    max: 9,
    doc: 'How hard gzip tries where compression.type is gzip: 1 is fast, 9 is small, -1 is in between.',
  },
  {
    name: 'compression.lz4.level',
    synonym: 'compression.lz4.level',
    type: 'int',
    defaultValue: '9',
    min: 1,
    max: 17,
    doc: 'Kept for tools that set it; our lz4 has one level.',
  },
  {
    name: 'compression.type',
    synonym: 'compression.type',
    type: 'string',
    defaultValue: 'producer',
    oneOf: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'],
    doc: 'producer keeps batches as they were sent; anything else packs them anew with that codec before they are stored.',
  },
  {
    name: 'compression.zstd.level',
    synonym: 'compression.zstd.level',
    type: 'int',
    defaultValue: '3',
    min: -131072,
    max: 22,
    doc: 'How hard zstd tries where compression.type is zstd: 22 is small, negative ones are fast.',
  },
  {
    name: 'delete.retention.ms',
    synonym: 'log.cleaner.delete.retention.ms',
    type: 'long',
    defaultValue: text(d.deleteRetentionMs),
    min: 0,
    doc: 'How long a tombstone stays readable in a compacted topic, in milliseconds.',
  },
  {
    name: 'file.delete.delay.ms',
    synonym: 'log.segment.delete.delay.ms',
    type: 'long',
    defaultValue: text(d.fileDeleteDelayMs),
    min: 0,
    doc: 'The time between taking a segment out of the log and removing its file, in milliseconds.',
  },
  {
    name: 'flush.messages',
    synonym: 'log.flush.interval.messages',
    type: 'long',
    defaultValue: text(d.flushMessages),
    min: 1,
    doc: 'Forces records to disk after this many. Records of acks=all are on disk before they are acknowledged anyway.',
  },
  {
    name: 'flush.ms',
    synonym: 'log.flush.interval.ms',
    type: 'long',
    defaultValue: text(d.flushMs),
    min: 0,
    doc: 'Forces records to disk after this many milliseconds. Records of acks=all are on disk before they are acknowledged anyway.',
  },
  {
    name: 'index.interval.bytes',
    synonym: 'log.index.interval.bytes',
    type: 'int',
    defaultValue: text(d.indexIntervalBytes),
    min: 0,
    doc: 'How many bytes of records lie between two entries of the offset index.',
  },
  {
    name: 'max.compaction.lag.ms',
    synonym: 'log.cleaner.max.compaction.lag.ms',
    type: 'long',
    defaultValue: text(d.maxCompactionLagMs),
    min: 1,
    doc: 'The longest time a record may stay uncompacted, in milliseconds.',
  },
  {
    name: 'max.message.bytes',
    synonym: 'message.max.bytes',
    type: 'int',
    defaultValue: text(d.maxMessageBytes),
    min: 0,
    doc: 'The largest record batch accepted, in bytes, after compression.',
  },
  {
    name: 'message.timestamp.after.max.ms',
    synonym: 'log.message.timestamp.after.max.ms',
    type: 'long',
    defaultValue: text(d.messageTimestampAfterMaxMs),
    min: 0,
    doc: "How far a record may be ahead of the broker's clock, in milliseconds.",
  },
  {
    name: 'message.timestamp.before.max.ms',
    synonym: 'log.message.timestamp.before.max.ms',
    type: 'long',
    defaultValue: text(d.messageTimestampBeforeMaxMs),
    min: 0,
    doc: "How far a record may be behind the broker's clock, in milliseconds.",
  },
  {
    name: 'message.timestamp.type',
    synonym: 'log.message.timestamp.type',
    type: 'string',
    defaultValue: d.messageTimestampType,
    oneOf: ['CreateTime', 'LogAppendTime'],
    doc: "Whether records carry the producer's time or the time of the append.",
  },
  {
    name: 'min.cleanable.dirty.ratio',
    synonym: 'log.cleaner.min.cleanable.ratio',
    type: 'double',
    defaultValue: String(d.minCleanableDirtyRatio),
    min: 0,
    max: 1,
    doc: 'The share of uncompacted bytes from which a compacted topic is cleaned.',
  },
  {
    name: 'min.compaction.lag.ms',
    synonym: 'log.cleaner.min.compaction.lag.ms',
    type: 'long',
    defaultValue: text(d.minCompactionLagMs),
    min: 0,
    doc: 'The shortest time a record stays uncompacted, in milliseconds.',
  },
  {
    name: 'min.insync.replicas',
    synonym: 'min.insync.replicas',
    type: 'int',
    defaultValue: '1',
    min: 1,
    doc: 'Kept for tools that set it. One node is all the replicas there are; acks=all waits for its disk instead.',
  },
  {
    name: 'preallocate',
    synonym: 'log.preallocate',
    type: 'boolean',
    defaultValue: 'false',
    doc: 'Kept for tools that set it; segments are not preallocated.',
  },
  {
    name: 'retention.bytes',
    synonym: 'log.retention.bytes',
    type: 'long',
    defaultValue: text(d.retentionBytes),
    min: -1,
    doc: 'The size a partition may have before its oldest segments are deleted, in bytes; -1 is no limit.',
  },
  {
    name: 'retention.ms',
    synonym: 'log.retention.ms',
    type: 'long',
    defaultValue: text(d.retentionMs),
    min: -1,
    doc: 'The age from which segments are deleted, in milliseconds; -1 keeps them for ever.',
  },
  {
    name: 'segment.bytes',
    synonym: 'log.segment.bytes',
    type: 'int',
    defaultValue: text(d.segmentBytes),
    min: 1024 * 1024,
    doc: 'The size from which a new segment is begun, in bytes.',
  },
  {
    name: 'segment.index.bytes',
    synonym: 'log.index.size.max.bytes',
    type: 'int',
    defaultValue: text(d.segmentIndexBytes),
    min: 4,
    doc: 'The size an offset index may have before a new segment is begun, in bytes.',
  },
  {
    name: 'segment.jitter.ms',
    synonym: 'log.roll.jitter.ms',
    type: 'long',
    defaultValue: '0',
    min: 0,
    doc: 'Kept for tools that set it; segments of one node need not be rolled apart.',
  },
  {
    name: 'segment.ms',
    synonym: 'log.roll.ms',
    type: 'long',
    defaultValue: text(d.segmentMs),
    min: 1,
    doc: 'The age from which a new segment is begun, in milliseconds.',
  },
  {
    name: 'unclean.leader.election.enable',
    synonym: 'unclean.leader.election.enable',
    type: 'boolean',
    defaultValue: 'false',
    doc: 'Kept for tools that set it; one node elects nobody.',
  },
];

/** Every key of Kafka's, and ours for checking records, in Kafka's order: by name. */
export const topicConfigs: readonly TopicConfigDefinition[] = [
  ...usedTopicConfigs,
  ...validationConfigs,
  ...unusedTopicConfigs,
].sort((a, b) => (a.name < b.name ? -1 : 1));

const byName = new Map(topicConfigs.map((definition) => [definition.name, definition]));

/** The definition of a topic's key, or undefined. */
export function topicConfig(name: string): TopicConfigDefinition | undefined {
  return byName.get(name);
}

/** The values of one key from the nearest to the farthest: topic, broker, default. */
export function synonymsOf(
  definition: TopicConfigDefinition,
  overrides: Readonly<Record<string, string>>,
  broker: BrokerConfig,
): ConfigValue[] {
  const { name, synonym, defaultValue } = definition;
  const own = overrides[name];
  const inherited = synonym === null ? [] : broker.valuesOf(synonym);
  const byDefault = { name: synonym ?? name, value: defaultValue, source: ConfigSource.default };
  return [...(own === undefined ? [] : [{ name, value: own, source: ConfigSource.topic }]), ...inherited, byDefault];
}

/** Throws BrokerError INVALID_CONFIG for a key nobody knows or a value that cannot be. */
export function checkTopicConfig(overrides: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(overrides)) {
    const definition = byName.get(name);
    if (definition === undefined) throw new BrokerError('INVALID_CONFIG', `Unknown topic config name: ${name}`);
    const problem = problemWith(definition, value);
    if (problem !== null)
      throw new BrokerError('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: it ${problem}.`);
  }
  checkCompactionLags(overrides);
}

function checkCompactionLags(overrides: Readonly<Record<string, string>>): void {
  const least = overrides['min.compaction.lag.ms'];
  const most = overrides['max.compaction.lag.ms'];
  if (least === undefined || most === undefined || numberOf(least) <= numberOf(most)) return;
  const why = `A record cannot stay uncompacted for min.compaction.lag.ms (${least}) and be compacted within max.compaction.lag.ms (${most}).`;
  throw new BrokerError('INVALID_CONFIG', why);
}

/** A topic's configs, parsed: its overrides (checked before) over the broker's keys over the defaults. */
export function parseTopicConfig(
  overrides: Readonly<Record<string, string>>,
  broker: Readonly<Record<string, string>>,
): LogConfig {
  const value = (name: string): string => {
    const { synonym, defaultValue } = byName.get(name)!;
    return overrides[name] ?? (synonym === null ? undefined : broker[synonym]) ?? defaultValue;
  };
  const number = (name: string): number => numberOf(value(name));
  const compressionType = value('compression.type') as LogConfig['compressionType'];
  const hasLevel = compressionType === 'gzip' || compressionType === 'zstd';
  return {
    compressionType,
    compressionLevel: hasLevel ? number(`compression.${compressionType}.level`) : null,
    validateCompressed: broker['log.validate.compressed'] === 'true',
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    segmentIndexBytes: number('segment.index.bytes'),
    indexIntervalBytes: number('index.interval.bytes'),
    maxMessageBytes: number('max.message.bytes'),
    messageTimestampType: value('message.timestamp.type') as LogConfig['messageTimestampType'],
    messageTimestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    cleanupPolicy: listOf(value('cleanup.policy')) as LogConfig['cleanupPolicy'],
    fileDeleteDelayMs: number('file.delete.delay.ms'),
    flushMessages: number('flush.messages'),
    flushMs: number('flush.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    deleteRetentionMs: number('delete.retention.ms'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
  };
}
