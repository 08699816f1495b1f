/**
 * The HTTP plugins, for the catalogue. What runs them is imported when first used.
 */
import type { Plugin } from '../api/index.ts';
import { httpSinkConfig, httpSourceConfig } from './config.ts';

export const httpPlugins: Plugin[] = [
  {
    type: 'source',
    class: 'HttpSource',
    aliases: ['WebhookSource', 'HttpSourceConnector'],
    version: '0.1.0',
    config: httpSourceConfig,
    create: async () => new (await import('./source.ts')).HttpSource(),
  },
  {
    type: 'sink',
    class: 'HttpSink',
    aliases: ['HttpSinkConnector'],
    version: '0.1.0',
    config: httpSinkConfig,
    create: async () => new (await import('./sink.ts')).HttpSink(),
  },
];
