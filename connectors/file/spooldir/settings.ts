/**
 * What a spooldir configuration means in ours: a folder of files that are read once, when they have stopped changing, and
 * put away when what was read is committed.
 */
import { basename } from 'node:path';
import { type Config, javaRegex, type Schema } from '../../api/index.ts';
import { badFileConfig, messageOf } from '../errors.ts';
import type { TextEncoding } from '../formats/encoding.ts';
import type { ColumnType, FileSourceSettings } from '../source-config.ts';
import { encodingOf, type SpoolDirKind } from './keys.ts';
import { parseSchemaText } from './schema-text.ts';

const formats: Readonly<Record<SpoolDirKind, FileSourceSettings['format']>> = {
  csv: 'csv',
  json: 'json',
  'schemaless json': 'lines',
  lines: 'lines',
  elf: 'elf',
  binary: 'whole',
};

/** As in the original: files that are longer are none of these connectors' business. */
const maxRecordBytes = 128 * 1024 * 1024;
const scanFirst = ['.PROCESSING'];

/** What the records get beside what the file source gives them. */
export interface SpoolDirExtras {
  /** Fields of the value that make the key. */
  readonly keyFields: readonly string[];
  readonly keyName: string | undefined;
  readonly timestamp: 'PROCESS_TIME' | 'FILE_TIME' | 'FIELD';
  readonly timestampField: string | null;
  readonly hasHeaders: boolean;
  readonly haltsOnError: boolean;
  readonly inputPath: string;
}

/** Throws ConfigError naming the key where keys do not fit together. */
export function spoolDirSettings(kind: SpoolDirKind, config: Config): FileSourceSettings {
  const schema = kind === 'csv' || kind === 'json' ? schemaAt(config, 'value.schema') : null;
  const infers = (kind === 'csv' || kind === 'json') && config.boolean('schema.generation.enabled');
  const format = formats[kind];
  const policy = config.string('cleanup.policy');
  const finished = config.optionalString('finished.path') || null;
  if (policy.startsWith('MOVE') && finished === null) {
    throw badFileConfig('finished.path', null, `With "cleanup.policy" ${policy}, say where: set "finished.path".`);
  }
  const isMarker = (name: string) =>
    [...scanFirst, config.string('processing.file.extension')].some((end) => end !== '' && name.endsWith(end));
  const pattern = javaRegex(config.string('input.file.pattern'));
  return {
    file: config.string('input.path'),
    pattern: config.boolean('input.path.walk.recursively') ? '**/*' : '*',
    accepts: (path) => pattern.test(basename(path)) && !isMarker(path),
    topic: config.string('topic'),
    format,
    asBytes: kind === 'binary',
    encoding: encodingFor(kind, config),
    unpacks: true,
    isOnce: true,
    stableMs: config.number('file.minimum.age.ms'),
    doneMarker: null,
    order: config.string('files.sort.attributes') === 'LastModifiedAsc' ? 'mtime' : 'name',
    afterRead: policy === 'NONE' ? 'keep' : policy === 'DELETE' ? 'delete' : 'move',
    moveTo: finished,
    movesByDate: policy === 'MOVEBYDATE',
    keepsFolders: config.boolean('cleanup.policy.maintain.relative.path'),
    moveBadTo: config.optionalString('error.path') || null,
    schema: infers ? null : schema,
    infersSchema: infers,
    share: { index: config.number('task.index'), count: config.number('task.count') },
    hasHeaders: false,
    batchSize: config.number('batch.size'),
    maxRecordBytes,
    scanIntervalMs: config.number('empty.poll.wait.ms'),
    rotateWaitMs: 0,
    csv: csvSettings(kind, config, infers ? null : schema),
  };
}

export function spoolDirExtras(kind: SpoolDirKind, config: Config): SpoolDirExtras {
  const hasFields = kind === 'csv' || kind === 'json';
  const key = hasFields ? schemaAt(config, 'key.schema') : null;
  const generated =
    hasFields && config.boolean('schema.generation.enabled') ? config.list('schema.generation.key.fields') : null;
  const timestamp = config.string('timestamp.mode') as SpoolDirExtras['timestamp'];
  const timestampField = config.optionalString('timestamp.field') || null;
  if (timestamp === 'FIELD' && timestampField === null) {
    throw badFileConfig('timestamp.field', null, 'With "timestamp.mode" FIELD, say which: set "timestamp.field".');
  }
  return {
    keyFields: generated ?? key?.fields?.map(({ name }) => name) ?? [],
    keyName: (generated === null ? key?.name : config.optionalString('schema.generation.key.name')) ?? undefined,
    timestamp,
    timestampField,
    hasHeaders: config.string('metadata.location') === 'HEADERS',
    haltsOnError: config.boolean('halt.on.error'),
    inputPath: config.string('input.path'),
  };
}

function schemaAt(config: Config, key: string): Schema | null {
  const text = config.optionalString(key) || null;
  if (text === null) return null;
  try {
    return parseSchemaText(text);
  } catch (error) {
    throw badFileConfig(key, text, `The schema in "${key}" ${messageOf(error)}.`);
  }
}

function encodingFor(kind: SpoolDirKind, config: Config): TextEncoding {
  if (kind === 'binary') return 'utf-8';
  return encodingOf(config.string(kind === 'csv' ? 'csv.file.charset' : 'file.charset')) as TextEncoding;
}

function csvSettings(kind: SpoolDirKind, config: Config, schema: Schema | null): FileSourceSettings['csv'] {
  const isCsv = kind === 'csv';
  const hasHeader = isCsv && config.boolean('csv.first.row.as.header');
  const columns = schema?.fields?.map(({ name }) => name) ?? [];
  if (isCsv && !hasHeader && columns.length === 0) {
    throw badFileConfig(
      'csv.first.row.as.header',
      false,
      'Without "csv.first.row.as.header" the columns need names: set "value.schema".',
    );
  }
  return {
    separator: isCsv ? config.number('csv.separator.char') : 44,
    quote: isCsv ? config.number('csv.quote.char') : 34,
    hasHeader,
    skipLines: isCsv ? config.number('csv.skip.lines') : 0,
    columns,
    types: new Map((schema?.fields ?? []).map(({ name, schema: { type } }) => [name, columnType(type)])),
    schema,
    nullText: null,
    hasSchema: true,
    keyColumn: null,
    unclosedQuoteMs: 0,
  };
}

function columnType(type: Schema['type']): ColumnType {
  if (type.startsWith('int')) return 'int';
  if (type.startsWith('float')) return 'double';
  if (type === 'boolean' || type === 'string') return type;
  throw badFileConfig('value.schema', type, `A column of CSV cannot be ${type}; give it a simple type.`);
}
