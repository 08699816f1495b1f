/**
 * The keys of the file sink, declared once, and what they mean together.
 */
import type { Config, ConfigDef } from '../api/index.ts';
import { badFileConfig, messageOf } from './errors.ts';
import type { CsvOutput } from './formats/csv-encoder.ts';
import { judgeJsonSchema } from './formats/json-schema.ts';
import { type PartitionRules, partitionPath, type TimeSource } from './sink/partition-path.ts';
import type { RollRules } from './sink/rolling-target.ts';

function oneCharacter(value: unknown): string | null {
  return (value as string).length === 1 || value === '\\t' ? null : 'must be one character, or \\t for a tab';
}

function judgePartitionBy(value: unknown): string | null {
  try {
    partitionPath({ by: value as readonly string[], timezone: 'UTC', time: { kind: 'record' } });
    return null;
  } catch (error) {
    return `must be a list of field:NAME and time:PATTERN: ${messageOf(error)}`;
  }
}

function judgeTimezone(value: unknown): string | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value as string });
    return null;
  } catch {
    return 'must be a time zone such as UTC or Europe/Zurich';
  }
}

function judgeTimestamp(value: unknown): string | null {
  return /^(record|wall|field:.+)$/.test(value as string) ? null : 'must be record, wall or field:NAME';
}

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
    oneOf: ['lines', 'jsonl', 'csv', 'parquet', 'raw'],
    onChange: 'Finished files stay as they are; new ones are in the new format.',
    doc: 'lines writes text and bytes as they are, a line each, and anything else as JSON; jsonl writes every value as a line of JSON; raw writes values one behind the other with nothing between; csv and parquet need values with fields, and a directory.',
    importance: 'high',
    group: 'Output',
  },
  compression: {
    type: 'string',
    default: null,
    oneOf: ['none', 'gzip', 'zstd', 'snappy'],
    doc: 'With directory: how files are packed. Nothing for text unless set; snappy (for parquet only) inside Parquet files.',
    group: 'Output',
  },
  'schema.json': {
    type: 'string',
    default: null,
    validate: judgeJsonSchema,
    doc: 'For parquet: a JSON Schema whose properties are the columns. Without it they come from the schema of the records, and where those have none from their values.',
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
    doc: '… or this long after the first record …',
    group: 'Rolling',
  },
  'roll.idle.ms': {
    type: 'long',
    default: null,
    min: 1,
    doc: '… or this long after the last one. All files of a partition of the topic are finished together.',
    group: 'Rolling',
  },
  'max.open.files': {
    type: 'int',
    default: 200,
    min: 1,
    doc: 'Files one task holds open at most; beyond it the partition with most of them finishes its files.',
    importance: 'low',
    group: 'Rolling',
  },
  'parquet.row.group.bytes': {
    type: 'long',
    default: 16_777_216,
    min: 1024,
    doc: 'For parquet: values are held in memory until they are about this many bytes, then written as a row group.',
    importance: 'low',
    group: 'Rolling',
  },
  'partition.by': {
    type: 'list',
    default: [],
    validate: judgePartitionBy,
    doc: "With directory: folders, from the outside in. field:NAME (or field:/json/pointer) makes NAME=value, time:PATTERN with yyyy, MM, dd, HH, mm makes a folder of the time; text stands in apostrophes: time:'day'=yyyy-MM-dd.",
    group: 'Folders',
  },
  'partition.timestamp': {
    type: 'string',
    default: 'record',
    validate: judgeTimestamp,
    doc: "The time that time: is about: the record's, the clock's (wall), or that of a field (field:NAME; milliseconds or ISO 8601).",
    group: 'Folders',
  },
  'partition.timezone': {
    type: 'string',
    default: 'UTC',
    validate: judgeTimezone,
    doc: 'The time zone of these folders.',
    group: 'Folders',
  },
  'csv.columns': {
    type: 'list',
    default: [],
    doc: 'Columns to write, in this order. Without it those of the schema of the records, else the fields of the value; records with others go to a file of their own.',
    group: 'CSV',
  },
  'csv.header': {
    type: 'boolean',
    default: true,
    doc: 'Whether files begin with the names of the columns.',
    group: 'CSV',
  },
  'csv.separator': { type: 'string', default: ',', validate: oneCharacter, doc: 'Field separator.', group: 'CSV' },
  'csv.quote': {
    type: 'string',
    default: '"',
    validate: oneCharacter,
    doc: 'Quote character; doubled inside a quoted field.',
    group: 'CSV',
  },
  'csv.null': {
    type: 'string',
    default: '',
    doc: 'What stands for null. An empty text is quoted, so that it is no null.',
    group: 'CSV',
  },
  'csv.escape.formulas': {
    type: 'boolean',
    default: false,
    doc: 'Puts an apostrophe before text that a spreadsheet would run as a formula (= + - @).',
    group: 'CSV',
  },
} as const satisfies ConfigDef;

export type SinkFormat = 'lines' | 'jsonl' | 'csv' | 'parquet' | 'raw';
export type Compression = 'none' | 'gzip' | 'zstd' | 'snappy';

/** The configuration of a file sink task, ready to use. */
export interface FileSinkSettings {
  readonly target: { readonly mode: 'append' | 'roll'; readonly path: string };
  readonly format: SinkFormat;
  readonly compression: Compression;
  /** JSON Schema text, or null. */
  readonly jsonSchema: string | null;
  readonly rowGroupBytes: number;
  readonly csv: CsvOutput;
  readonly rules: RollRules;
  readonly folders: PartitionRules;
}

/** Reads the settings; throws ConfigError when they do not fit together. */
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
  const format = config.string('format') as SinkFormat;
  const given = config.optionalString('compression') as Compression | null;
  const settings: FileSinkSettings = {
    target: file !== null ? { mode: 'append', path: file } : { mode: 'roll', path: directory! },
    format,
    compression: given ?? (format === 'parquet' ? 'snappy' : 'none'),
    jsonSchema: config.optionalString('schema.json'),
    rowGroupBytes: config.number('parquet.row.group.bytes'),
    csv: csvOutput(config),
    rules: {
      records: config.number('roll.records'),
      bytes: config.number('roll.bytes'),
      intervalMs: config.number('roll.interval.ms'),
      idleMs: config.optionalNumber('roll.idle.ms'),
      openFilesMax: config.number('max.open.files'),
    },
    folders: {
      by: config.list('partition.by'),
      timezone: config.string('partition.timezone'),
      time: timeSource(config.string('partition.timestamp')),
    },
  };
  refuseMisfits(settings);
  return settings;
}

function refuseMisfits({ target, format, compression, jsonSchema, folders }: FileSinkSettings): void {
  const needsDirectory = (key: string, value: unknown): never => {
    throw badFileConfig(
      key,
      value,
      `"${key}" ${String(value)} needs finished files: set "directory" instead of "file".`,
    );
  };
  if (target.mode === 'append' && (format === 'csv' || format === 'parquet')) needsDirectory('format', format);
  if (target.mode === 'append' && compression !== 'none') needsDirectory('compression', compression);
  if (target.mode === 'append' && folders.by.length > 0) needsDirectory('partition.by', folders.by.join(','));
  if (compression === 'snappy' && format !== 'parquet') {
    throw badFileConfig('compression', compression, '"compression" snappy is for "format" parquet; use gzip or zstd.');
  }
  if (jsonSchema !== null && format !== 'parquet') {
    throw badFileConfig(
      'schema.json',
      jsonSchema,
      '"schema.json" makes columns of Parquet files: set "format" parquet.',
    );
  }
}

function csvOutput(config: Config): CsvOutput {
  const character = (key: string): string => (config.string(key) === '\\t' ? '\t' : config.string(key));
  return {
    separator: character('csv.separator'),
    quote: character('csv.quote'),
    hasHeader: config.boolean('csv.header'),
    columns: config.list('csv.columns'),
    nullText: config.string('csv.null'),
    escapesFormulas: config.boolean('csv.escape.formulas'),
  };
}

function timeSource(text: string): TimeSource {
  if (text === 'record' || text === 'wall') return { kind: text };
  return { kind: 'field', field: text.slice('field:'.length) };
}
