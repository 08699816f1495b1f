/**
 * The job queue plugins, for the catalogue. BullMQ and the client libraries below it are imported when first used.
 */
import type { Plugin } from '../api/index.ts';
import { bullmqSinkConfig, bullmqSourceConfig } from './config.ts';

export const bullmqPlugins: Plugin[] = [
  {
    type: 'source',
    class: 'BullmqSource',
    aliases: ['BullMQSource', 'BullmqSourceConnector'],
    version: '0.1.0',
    config: bullmqSourceConfig,
    // An event has an id to go on behind. A job is taken back by the queue when a crash comes, whatever our offsets say.
    exactlyOnceSupport: (config) => (config.string('mode') === 'events' ? 'supported' : 'unsupported'),
    create: async () => new (await import('./source.ts')).BullmqSource(),
  },
  {
    type: 'sink',
    class: 'BullmqSink',
    aliases: ['BullMQSink', 'BullmqSinkConnector'],
    version: '0.1.0',
    config: bullmqSinkConfig,
    create: async () => new (await import('./sink.ts')).BullmqSink(),
  },
];
