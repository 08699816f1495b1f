/**
 * The file plugins, for the catalogue. What runs them is imported when first used.
 */
import type { Plugin } from '../api/index.ts';
import { fileSinkConfig } from './sink-config.ts';
import { fileSourceConfig } from './source-config.ts';
import { type SpoolDirKind, spoolDirKeys } from './spooldir/keys.ts';

/** Kafka's spooldir connectors, by the middle of their names; those for Avro read files of a format we do not have. */
const spoolDirs: readonly (readonly [string, SpoolDirKind])[] = [
  ['Csv', 'csv'],
  ['Json', 'json'],
  ['SchemaLessJson', 'schemaless json'],
  ['LineDelimited', 'lines'],
  ['ELF', 'elf'],
  ['BinaryFile', 'binary'],
];

function spoolDirPlugin(name: string, kind: SpoolDirKind): Plugin {
  const original = `SpoolDir${name}SourceConnector`;
  return {
    type: 'source',
    class: `SpoolDir${name}Source`,
    aliases: [original, `com.github.jcustenborder.kafka.connect.spooldir.${original}`],
    version: '0.1.0',
    config: spoolDirKeys(kind),
    exactlyOnceSupport: () => 'supported',
    create: async () => new (await import('./spooldir/source.ts')).SpoolDirSource(kind),
  };
}

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
    // An offset is a byte position in a file that is recognised again: what follows it is exactly what is missing.
    exactlyOnceSupport: () => 'supported',
    create: async () => new (await import('./source/source.ts')).FileSource(),
  },
  {
    type: 'sink',
    class: 'FileSink',
    aliases: ['FileStreamSink', 'FileStreamSinkConnector', 'org.apache.kafka.connect.file.FileStreamSinkConnector'],
    version: '0.1.0',
    config: fileSinkConfig,
    create: async () => new (await import('./sink/sink.ts')).FileSink(),
  },
  ...spoolDirs.map(([name, kind]) => spoolDirPlugin(name, kind)),
];
