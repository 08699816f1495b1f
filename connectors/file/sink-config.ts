/**
 * The keys of the file sink, declared once, and what they mean together.
 */
import type { Config, ConfigDef } from '../api/index.ts';
import { badFileConfig } from './errors.ts';

export const fileSinkConfig = {
  file: {
    type: 'string',
    default: null,
    excludes: ['directory'],
    requiredUnless: ['directory'],
    doc: 'File to append to, one line per record. It belongs to this connector: after a crash, what was written beyond the last flush is cut off and written again.',
    importance: 'high',
    group: 'Output',
  },
  directory: {
    type: 'string',
    default: null,
    onChange: 'What was written before stays in the old folder.',
    doc: 'Instead of file: a folder to write finished files to, named by topic, partition and offsets, each exactly once. Another program may take them away at any time.',
    importance: 'high',
    group: 'Output',
  },
  format: {
    type: 'string',
    default: 'lines',
    oneOf: ['lines', 'jsonl'],
    doc: 'lines writes text and bytes as they are and anything else as JSON; jsonl writes every value as JSON.',
    importance: 'high',
    group: 'Output',
  },
  'roll.records': {
    type: 'long',
    default: 100_000,
    min: 1,
    doc: 'With directory: a file is finished at this many records …',
    group: 'Rolling',
  },
  'roll.bytes': {
    type: 'long',
    default: 134_217_728,
    min: 1,
    doc: '… or this many bytes …',
    group: 'Rolling',
  },
  'roll.interval.ms': {
    type: 'long',
    default: 60_000,
    min: 1,
    doc: '… or this long after its first record.',
    group: 'Rolling',
  },
} as const satisfies ConfigDef;

/** The configuration of a file sink task, ready to use. */
export interface FileSinkSettings {
  readonly target: { readonly mode: 'append' | 'roll'; readonly path: string };
  readonly isJson: boolean;
  readonly rollRecords: number;
  readonly rollBytes: number;
  readonly rollIntervalMs: number;
}

/** Reads the settings; throws ConfigError when neither or both of `file` and `directory` are set. */
export function fileSinkSettings(config: Config): FileSinkSettings {
  const file = config.optionalString('file') || null;
  const directory = config.optionalString('directory') || null;
  if ((file === null) === (directory === null)) {
    throw badFileConfig(
      'file',
      file,
      'Set one of "file" (append to one file) and "directory" (finished files, each exactly once).',
    );
  }
  return {
    target: file !== null ? { mode: 'append', path: file } : { mode: 'roll', path: directory! },
    isJson: config.string('format') === 'jsonl',
    rollRecords: config.number('roll.records'),
    rollBytes: config.number('roll.bytes'),
    rollIntervalMs: config.number('roll.interval.ms'),
  };
}
