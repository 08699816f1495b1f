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
    // Names of requests are its offsets: durable with their records, they tell a request that comes again from a new one.
    exactlyOnceSupport: (config) => (config.string('http.idempotency.header') === '' ? 'unsupported' : 'supported'),
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
