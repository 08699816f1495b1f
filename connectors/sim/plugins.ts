/**
 * The simulator's plugins, for the catalogue.
 */
import type { Plugin } from '../api/index.ts';
import { simFleetConfig } from './config.ts';

export const simPlugins: Plugin[] = [
  {
    type: 'source',
    class: 'SimFleetSource',
    aliases: ['sim'],
    version: '0.1.0',
    config: simFleetConfig,
    create: async () => new (await import('./source.ts')).SimFleetSource(),
  },
];
