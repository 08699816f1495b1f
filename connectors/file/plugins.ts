/**
 * The file plugins, for the catalogue. What runs them is imported when first used.
 */
import type { Plugin } from '../api/index.ts';
import { fileSinkConfig, fileSourceConfig } from './config.ts';

export const filePlugins: Plugin[] = [
  {
    type: 'source',
    class: 'FileSource',
    aliases: [
      'FileStreamSource',
      'FileStreamSourceConnector',
      'org.apache.kafka.connect.file.FileStreamSourceConnector',
    ],
    version: '0.1.0',
    config: fileSourceConfig,
    create: async () => new (await import('./source.ts')).FileSource(),
  },
  {
    type: 'sink',
    class: 'FileSink',
    aliases: ['FileStreamSink', 'FileStreamSinkConnector', 'org.apache.kafka.connect.file.FileStreamSinkConnector'],
    version: '0.1.0',
    config: fileSinkConfig,
    create: async () => new (await import('./sink.ts')).FileSink(),
  },
];
