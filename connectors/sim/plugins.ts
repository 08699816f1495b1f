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
    // Its offsets are places in a plan that is worked out anew from there.
    exactlyOnceSupport: () => 'supported',
    create: async () => new (await import('./source.ts')).SimFleetSource(),
  },
];
