/**
 * The log cleaner's keys of the broker: Kafka's `log.cleaner.*`, without those that are synonyms of topic configs.
 */
import { type CleanerConfig, defaultCleanerConfig as d } from '../log/cleaner-config.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { ConfigDefinition } from './config-definition.ts';

export const cleanerConfigs: readonly ConfigDefinition[] = [
  {
    name: 'log.cleaner.enable',
    type: 'boolean',
    defaultValue: 'true',
    doc: 'Compacts topics whose cleanup.policy says so. Without it __consumer_offsets and other tables grow for ever.',
  },
  {
    name: 'log.cleaner.threads',
    type: 'int',
    defaultValue: '1',
    min: 1,
    max: 1,
    doc: 'One thread beside the event loop compacts one partition after the other.',
  },
  {
    name: 'log.cleaner.backoff.ms',
    type: 'long',
    defaultValue: String(d.backoffMs),
    min: 1,
    doc: 'How often to look for partitions to compact, in milliseconds.',
  },
  {
    name: 'log.cleaner.dedupe.buffer.size',
    update: 'cluster-wide',
    type: 'long',
    defaultValue: String(d.dedupeBytes),
    min: 1024 * 1024,
    doc: 'Memory for the keys of one round, in bytes, taken only while it is needed; a key takes 24.',
  },
  {
    name: 'log.cleaner.io.buffer.load.factor',
    update: 'cluster-wide',
    type: 'double',
    defaultValue: String(d.loadFactor),
    min: 0.1,
    max: 0.95,
    doc: 'How full the memory for keys may be; fuller takes more keys and more time for each.',
  },
  {
    name: 'log.cleaner.io.max.bytes.per.second',
    type: 'double',
    defaultValue: String(d.bytesPerSecond),
    min: 1,
    doc: 'The most that compaction reads and writes together, in bytes per second.',
  },
];

export function cleanerConfig(config: BrokerConfig): CleanerConfig {
  return {
    isEnabled: config.boolean('log.cleaner.enable'),
    backoffMs: config.number('log.cleaner.backoff.ms'),
    // Each round takes the values of its moment.
    get dedupeBytes() {
      return config.number('log.cleaner.dedupe.buffer.size');
    },
    get loadFactor() {
      return config.number('log.cleaner.io.buffer.load.factor');
    },
    bytesPerSecond: config.number('log.cleaner.io.max.bytes.per.second'),
  };
}
