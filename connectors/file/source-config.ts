/**
 * The keys of the file source, declared once: Kafka's FileStream names (`file`, `topic`, `batch.size`) where it has one,
 * ours beside them. Those of Kafka's spooldir connectors are in `spooldir/`.
 */
import type { Config, ConfigDef } from '../api/index.ts';
import { badFileConfig } from './errors.ts';

function oneCharacter(value: unknown): string | null {
  const text = value as string;
  const isAscii = text.length === 1 && text.charCodeAt(0) < 0x80;
  return text === '\\t' || isAscii ? null : 'must be one ASCII character, or \\t for a tab';
}

const columnTypes = ['string', 'int', 'double', 'boolean'] as const;
/** Types a CSV column may be given. */
export type ColumnType = (typeof columnTypes)[number];

function judgeTypes(value: unknown): string | null {
  const wrong = (value as readonly string[]).find((item) => {
    const type = item.slice(item.lastIndexOf(':') + 1);
    return !item.includes(':') || !(columnTypes as readonly string[]).includes(type);
  });
  return wrong === undefined
    ? null
    : `must be a list of column:type with ${columnTypes.join(', ')}; "${wrong}" is none`;
}

export const fileSourceConfig = {
  file: {
    type: 'string',
    onChange: 'Files that were not read before are read from their beginning; places in the old ones are kept.',
    doc: 'What to read: a file (which may appear later), a folder, or a glob such as /data/in/**/*.csv.',
    importance: 'high',
    group: 'Input',
  },
  'file.pattern': {
    type: 'string',
    default: '*',
    doc: 'Where file is a folder: the glob its files must match (**/* goes down). Names that begin with a dot or end in .tmp, .part or ~ are never read.',
    group: 'Input',
  },
  topic: { type: 'string', doc: 'Topic to write to.', importance: 'high', group: 'Output' },
  format: {
    type: 'string',
    default: 'lines',
    oneOf: ['lines', 'jsonl', 'csv'],
    doc: 'What a record is: a line of text, a line of JSON, or a CSV record (quoted fields may hold line ends).',
    importance: 'high',
    group: 'Input',
  },
  'value.format': {
    type: 'string',
    default: 'string',
    oneOf: ['string', 'bytes'],
    doc: 'For lines: whether the value is text (checked to be in its encoding) or the bytes as they are.',
    group: 'Output',
  },
  encoding: {
    type: 'string',
    default: 'utf-8',
    oneOf: ['utf-8', 'latin1'],
    doc: 'Encoding of the text. A UTF-8 byte order mark is skipped.',
    group: 'Input',
  },
  'key.column': {
    type: 'string',
    default: null,
    doc: 'For csv: the column whose text becomes the record key. Without it records have no key.',
    group: 'Output',
  },
  'file.headers': {
    type: 'boolean',
    default: false,
    doc: 'Adds the header file.path to every record.',
    group: 'Output',
  },
  'batch.size': {
    type: 'int',
    default: 2000,
    min: 1,
    doc: 'Records one poll returns at most.',
    importance: 'low',
    group: 'Flow',
  },
  'max.record.bytes': {
    type: 'int',
    default: 10_485_760,
    min: 64,
    doc: 'A longer record is skipped up to the next line end and reported as bad input, so that it cannot fill the memory.',
    importance: 'low',
    group: 'Flow',
  },
  'scan.interval.ms': {
    type: 'int',
    default: 1000,
    min: 10,
    doc: 'How often the folder (or the path of the one file) is looked at for new and rotated files. Less often when that takes long; open files that grow are looked at 20 times a second.',
    importance: 'low',
    group: 'Flow',
  },
  'rotate.wait.ms': {
    type: 'int',
    default: 5000,
    min: 0,
    doc: 'How long a file that was renamed or deleted is still read for what its writer may yet add.',
    importance: 'low',
    group: 'Flow',
  },
  'csv.separator': { type: 'string', default: ',', validate: oneCharacter, doc: 'Field separator.', group: 'CSV' },
  'csv.quote': {
    type: 'string',
    default: '"',
    validate: oneCharacter,
    doc: 'Quote character; doubled inside a quoted field.',
    group: 'CSV',
  },
  'csv.header': {
    type: 'boolean',
    default: true,
    doc: 'Whether the first record of each file names the columns.',
    group: 'CSV',
  },
  'csv.columns': {
    type: 'list',
    default: [],
    doc: 'Names of the columns where csv.header is false.',
    group: 'CSV',
  },
  'csv.types': {
    type: 'list',
    default: [],
    validate: judgeTypes,
    doc: 'Types of columns as column:type with string, int, double or boolean; the others stay strings. An empty field of a typed column is null.',
    group: 'CSV',
  },
  'csv.null': {
    type: 'string',
    default: null,
    doc: 'A text that means null in any column, for example \\N.',
    group: 'CSV',
  },
  'csv.schema': {
    type: 'boolean',
    default: true,
    doc: 'Whether values carry a schema (a struct with one field per column); false hands over plain objects.',
    group: 'CSV',
  },
  'csv.unclosed.quote.ms': {
    type: 'int',
    default: 10_000,
    min: 0,
    doc: 'When a file has not changed for so long and ends inside a quoted field, the line with the opening quote is reported as bad input and reading goes on after it.',
    importance: 'low',
    group: 'CSV',
  },
} as const satisfies ConfigDef;

export type SourceFormat = 'lines' | 'jsonl' | 'csv';

/** The configuration of a file source task, ready to use. */
export interface FileSourceSettings {
  readonly file: string;
  readonly pattern: string;
  readonly topic: string;
  readonly format: SourceFormat;
  readonly asBytes: boolean;
  readonly isLatin1: boolean;
  readonly hasHeaders: boolean;
  readonly batchSize: number;
  readonly maxRecordBytes: number;
  readonly scanIntervalMs: number;
  readonly rotateWaitMs: number;
  readonly csv: CsvSettings;
}

export interface CsvSettings {
  /** Byte values. */
  readonly separator: number;
  readonly quote: number;
  readonly hasHeader: boolean;
  readonly columns: readonly string[];
  readonly types: ReadonlyMap<string, ColumnType>;
  readonly nullText: string | null;
  readonly hasSchema: boolean;
  readonly keyColumn: string | null;
  readonly unclosedQuoteMs: number;
}

/** Reads the settings; throws ConfigError naming the key where keys do not fit together. */
export function fileSourceSettings(config: Config): FileSourceSettings {
  const format = config.string('format') as SourceFormat;
  const settings: FileSourceSettings = {
    file: config.string('file'),
    pattern: config.string('file.pattern'),
    topic: config.string('topic'),
    format,
    asBytes: config.string('value.format') === 'bytes',
    isLatin1: config.string('encoding') === 'latin1',
    hasHeaders: config.boolean('file.headers'),
    batchSize: config.number('batch.size'),
    maxRecordBytes: config.number('max.record.bytes'),
    scanIntervalMs: config.number('scan.interval.ms'),
    rotateWaitMs: config.number('rotate.wait.ms'),
    csv: csvSettings(config),
  };
  if (settings.file === '') throw badFileConfig('file', '', '"file" is empty: name a file, a folder or a glob.');
  if (settings.topic === '') throw badFileConfig('topic', '', '"topic" is empty: name the topic to write to.');
  if (format === 'csv' && !settings.csv.hasHeader && settings.csv.columns.length === 0) {
    throw badFileConfig('csv.columns', null, 'With "csv.header" false the columns need names: set "csv.columns".');
  }
  return settings;
}

function csvSettings(config: Config): CsvSettings {
  const byteOf = (key: string): number => (config.string(key) === '\\t' ? 9 : config.string(key).charCodeAt(0));
  const typed = config.list('csv.types').map((item): [string, ColumnType] => {
    const colon = item.lastIndexOf(':');
    return [item.slice(0, colon), item.slice(colon + 1) as ColumnType];
  });
  return {
    separator: byteOf('csv.separator'),
    quote: byteOf('csv.quote'),
    hasHeader: config.boolean('csv.header'),
    columns: config.list('csv.columns'),
    types: new Map(typed),
    nullText: config.optionalString('csv.null'),
    hasSchema: config.boolean('csv.schema'),
    keyColumn: config.optionalString('key.column'),
    unclosedQuoteMs: config.number('csv.unclosed.quote.ms'),
  };
}
