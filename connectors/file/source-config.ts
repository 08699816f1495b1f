/**
 * The keys of the file source, declared once: Kafka's FileStream names (`file`, `topic`, `batch.size`) where it has one,
 * ours beside them. Those of Kafka's spooldir connectors are in `spooldir/`.
 */
import type { Config, ConfigDef, Schema } from '../api/index.ts';
import { badFileConfig } from './errors.ts';
import { type TextEncoding, textEncodings } from './formats/encoding.ts';
import { judgeJsonSchema, parseJsonSchema } from './formats/json-schema.ts';

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
    oneOf: ['lines', 'jsonl', 'json', 'csv', 'parquet', 'elf', 'whole'],
    doc: 'What a record is: a line of text, a line of JSON, an element of a JSON list (or a value of a JSON document), a CSV record (quoted fields may hold line ends), a Parquet row, a line of a W3C extended log, or the whole file.',
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
    oneOf: textEncodings,
    doc: 'Encoding of the text. A byte order mark of UTF-8 or UTF-16 is skipped, and says more than this key.',
    group: 'Input',
  },
  compression: {
    type: 'string',
    default: 'auto',
    oneOf: ['auto', 'none'],
    doc: 'auto unpacks files that begin like gzip or zstd; places in them are counted in unpacked bytes.',
    group: 'Input',
  },
  'read.mode': {
    type: 'string',
    default: 'tail',
    oneOf: ['tail', 'once'],
    onChange: 'Places are kept; with once, files that do not change are read to their last byte and are then done.',
    doc: 'tail goes on as files grow; once reads a file when it has stopped changing (stable.ms), its last line too, and is then done with it.',
    importance: 'high',
    group: 'Input',
  },
  'stable.ms': {
    type: 'int',
    default: 1000,
    min: 0,
    doc: 'With read.mode once, and for archives (.gz, .zst): a file is read when its size and time have not changed for so long.',
    group: 'Input',
  },
  'done.marker': {
    type: 'string',
    default: null,
    doc: 'With read.mode once: a file is read only when a file of its name and this suffix (.done) stands beside it.',
    group: 'Input',
  },
  'file.order': {
    type: 'string',
    default: 'name',
    oneOf: ['name', 'mtime'],
    doc: 'Which of the files found is first: by natural order of names (a2 before a10), or the oldest.',
    group: 'Input',
  },
  'after.read': {
    type: 'string',
    default: 'keep',
    oneOf: ['keep', 'move', 'delete'],
    onChange: 'Files that were read before and are still there are moved or deleted too.',
    doc: 'With read.mode once: what becomes of a file once the offset behind its last record is committed.',
    group: 'After reading',
  },
  'move.to': {
    type: 'string',
    default: null,
    doc: 'For after.read move: the folder to move to, on another file system too.',
    group: 'After reading',
  },
  'move.bad.to': {
    type: 'string',
    default: null,
    doc: 'A folder for files that cannot be read at all (no header that fits, a torn archive). Without it they are left alone.',
    group: 'After reading',
  },
  'schema.json': {
    type: 'string',
    default: null,
    validate: judgeJsonSchema,
    doc: 'For jsonl, json and csv: a JSON Schema; its types are those of the fields, and values carry it as their schema, which the converter registers.',
    group: 'Output',
  },
  'schema.infer': {
    type: 'boolean',
    default: false,
    doc: 'For jsonl, json and csv: learns the types of fields from the values. Fields become wider where a value does not fit (a new version of the schema); JSON that has nothing in common with what came before keeps the schema and is judged by the converter.',
    group: 'Output',
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
  'task.index': { type: 'int', default: 0, doc: 'Which share of the files is this task’s.', group: 'Internal' },
  'task.count': { type: 'int', default: 1, doc: 'How many tasks share the files.', group: 'Internal' },
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

export type SourceFormat = 'lines' | 'jsonl' | 'json' | 'csv' | 'parquet' | 'elf' | 'whole';

/** The configuration of a file source task, ready to use. */
export interface FileSourceSettings {
  readonly file: string;
  readonly pattern: string;
  /** Whether a file that matches is read; null for all. */
  readonly accepts: ((path: string) => boolean) | null;
  readonly topic: string;
  readonly format: SourceFormat;
  readonly asBytes: boolean;
  readonly encoding: TextEncoding;
  readonly unpacks: boolean;
  /** Files are complete when they are read, and done when they were. */
  readonly isOnce: boolean;
  readonly stableMs: number;
  readonly doneMarker: string | null;
  readonly order: 'name' | 'mtime';
  readonly afterRead: 'keep' | 'move' | 'delete';
  readonly moveTo: string | null;
  /** Into a folder of the day below it. */
  readonly movesByDate: boolean;
  /** Whether moved files keep the folders they were in below `file`. */
  readonly keepsFolders: boolean;
  readonly moveBadTo: string | null;
  /** What values are of, where the configuration says. */
  readonly schema: Schema | null;
  readonly infersSchema: boolean;
  readonly share: { readonly index: number; readonly count: number };
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
  /** Lines before the header that are left out. */
  readonly skipLines: number;
  readonly columns: readonly string[];
  readonly types: ReadonlyMap<string, ColumnType>;
  /** Where it gives a column a schema, that is the column's; null where columns are optional and of their type. */
  readonly schema: Schema | null;
  readonly nullText: string | null;
  readonly hasSchema: boolean;
  readonly keyColumn: string | null;
  readonly unclosedQuoteMs: number;
}

/** Reads the settings; throws ConfigError naming the key where keys do not fit together. */
export function fileSourceSettings(config: Config): FileSourceSettings {
  const format = config.string('format') as SourceFormat;
  const schema = config.optionalString('schema.json');
  const settings: FileSourceSettings = {
    file: config.string('file'),
    pattern: config.string('file.pattern'),
    accepts: null,
    topic: config.string('topic'),
    format,
    asBytes: config.string('value.format') === 'bytes',
    encoding: config.string('encoding') as TextEncoding,
    unpacks: config.string('compression') === 'auto',
    isOnce: config.string('read.mode') === 'once',
    stableMs: config.number('stable.ms'),
    doneMarker: config.optionalString('done.marker') || null,
    order: config.string('file.order') as 'name' | 'mtime',
    afterRead: config.string('after.read') as FileSourceSettings['afterRead'],
    moveTo: config.optionalString('move.to') || null,
    movesByDate: false,
    keepsFolders: true,
    moveBadTo: config.optionalString('move.bad.to') || null,
    schema: schema === null ? null : parseJsonSchema(schema),
    infersSchema: config.boolean('schema.infer'),
    share: { index: config.number('task.index'), count: config.number('task.count') },
    hasHeaders: config.boolean('file.headers'),
    batchSize: config.number('batch.size'),
    maxRecordBytes: config.number('max.record.bytes'),
    scanIntervalMs: config.number('scan.interval.ms'),
    rotateWaitMs: config.number('rotate.wait.ms'),
    csv: csvSettings(config),
  };
  refuseMisfits(settings);
  return settings;
}

function refuseMisfits(settings: FileSourceSettings): void {
  const { format, csv, isOnce, afterRead, moveTo, schema, infersSchema, asBytes, encoding } = settings;
  const refuse = (key: string, value: unknown, message: string): never => {
    throw badFileConfig(key, value, message);
  };
  if (settings.file === '') refuse('file', '', '"file" is empty: name a file, a folder or a glob.');
  if (settings.topic === '') refuse('topic', '', '"topic" is empty: name the topic to write to.');
  if (format === 'csv' && !csv.hasHeader && csv.columns.length === 0) {
    refuse('csv.columns', null, 'With "csv.header" false the columns need names: set "csv.columns".');
  }
  if ((format === 'parquet' || format === 'whole') && !isOnce) {
    refuse('read.mode', 'tail', `"format" ${format} needs complete files: set "read.mode" to once.`);
  }
  if (afterRead !== 'keep' && !isOnce) {
    refuse('after.read', afterRead, `"after.read" ${afterRead} is for files that end: set "read.mode" to once.`);
  }
  if (afterRead === 'move' && moveTo === null)
    refuse('move.to', null, 'With "after.read" move, say where: set "move.to".');
  if (settings.doneMarker !== null && !isOnce) {
    refuse('done.marker', settings.doneMarker, '"done.marker" is for files that end: set "read.mode" to once.');
  }
  if (schema !== null && infersSchema) {
    refuse('schema.infer', true, 'A schema is given or inferred, not both: remove "schema.infer" or "schema.json".');
  }
  const hasFields = format === 'jsonl' || format === 'json' || format === 'csv';
  if ((schema !== null || infersSchema) && !hasFields) {
    refuse(
      schema !== null ? 'schema.json' : 'schema.infer',
      null,
      `"format" ${format} has no fields to give types to.`,
    );
  }
  if (format === 'lines' && asBytes && encoding.startsWith('utf-16')) {
    refuse('value.format', 'bytes', 'Lines of UTF-16 are text: set "value.format" to string.');
  }
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
    skipLines: 0,
    columns: config.list('csv.columns'),
    types: new Map(typed),
    schema: null,
    nullText: config.optionalString('csv.null'),
    hasSchema: config.boolean('csv.schema'),
    keyColumn: config.optionalString('key.column'),
    unclosedQuoteMs: config.number('csv.unclosed.quote.ms'),
  };
}
