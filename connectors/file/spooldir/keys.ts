/**
 * The keys of Kafka's spooldir connectors (kafka-connect-spooldir 2), as far as they mean something here; a key that is
 * not here is refused by the worker, by name. `settings.ts` says what they mean in ours.
 */
import { type ConfigDef, javaRegexProblem } from '../../api/index.ts';

/** Of which of the spooldir connectors. */
export type SpoolDirKind = 'csv' | 'json' | 'schemaless json' | 'lines' | 'elf' | 'binary';

const charsets: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'utf-16': 'utf-16be',
  'iso-8859-1': 'latin1',
  'windows-1252': 'windows-1252',
};

/** Our name of a Java charset, or null. */
export function encodingOf(charset: string): string | null {
  return charsets[charset.toLowerCase()] ?? null;
}

function judgeCharset(value: unknown): string | null {
  if (encodingOf(value as string) !== null) return null;
  return `must be one of ${Object.keys(charsets).join(', ')}; convert the files to UTF-8 otherwise`;
}

function judgePattern(value: unknown): string | null {
  return javaRegexProblem(value as string);
}

const general = {
  topic: { type: 'string', doc: 'Topic to write to.', importance: 'high', group: 'General' },
  'input.path': { type: 'string', doc: 'Folder to read.', importance: 'high', group: 'General' },
  'input.file.pattern': {
    type: 'string',
    validate: judgePattern,
    doc: 'Regular expression that the names of the files match as a whole.',
    importance: 'high',
    group: 'General',
  },
  'input.path.walk.recursively': {
    type: 'boolean',
    default: false,
    doc: 'Whether folders below are read too.',
    group: 'General',
  },
  'finished.path': {
    type: 'string',
    default: null,
    doc: 'For cleanup.policy MOVE and MOVEBYDATE: where files go once what was read is committed.',
    group: 'General',
  },
  'error.path': {
    type: 'string',
    default: null,
    doc: 'Where files go that cannot be read at all.',
    group: 'General',
  },
  'halt.on.error': {
    type: 'boolean',
    default: true,
    doc: 'Whether bad input goes to the error policy (errors.tolerance; by default the task fails). With false it is logged and left out.',
    group: 'General',
  },
  'cleanup.policy': {
    type: 'string',
    default: 'MOVE',
    oneOf: ['NONE', 'DELETE', 'MOVE', 'MOVEBYDATE'],
    doc: 'What becomes of a file once the offset behind its last record is committed. MOVEBYDATE moves to a folder of the day (UTC).',
    group: 'General',
  },
  'cleanup.policy.maintain.relative.path': {
    type: 'boolean',
    default: false,
    doc: 'Whether files keep the folders below input.path when they are moved.',
    group: 'General',
  },
  'file.minimum.age.ms': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'How long a file must not have changed before it is read.',
    group: 'General',
  },
  'files.sort.attributes': {
    type: 'string',
    default: 'NameAsc',
    oneOf: ['NameAsc', 'LastModifiedAsc'],
    doc: 'Which file is first.',
    group: 'General',
  },
  'batch.size': { type: 'int', default: 1000, min: 1, doc: 'Records one poll returns at most.', group: 'General' },
  'empty.poll.wait.ms': {
    type: 'int',
    default: 500,
    min: 10,
    doc: 'How often the folder is looked at.',
    group: 'General',
  },
  'processing.file.extension': {
    type: 'string',
    default: '.PROCESSING',
    doc: 'Marker files of the original, which are not read. None are made: the offset says which file is being read.',
    group: 'General',
  },
  'task.partitioner': {
    type: 'string',
    default: 'ByName',
    oneOf: ['ByName'],
    doc: 'How several tasks share the files; here by the identity of each file, so that renaming is harmless.',
    group: 'General',
  },
  'timestamp.mode': {
    type: 'string',
    default: 'PROCESS_TIME',
    oneOf: ['PROCESS_TIME', 'FILE_TIME', 'FIELD'],
    doc: "The record's time: that of reading, that of the file, or a field's (milliseconds or ISO 8601).",
    group: 'General',
  },
  'timestamp.field': { type: 'string', default: null, doc: 'For timestamp.mode FIELD.', group: 'General' },
  'metadata.location': {
    type: 'string',
    default: 'HEADERS',
    oneOf: ['HEADERS', 'NONE'],
    doc: 'Whether records have the headers file.path, file.name, file.name.without.extension, file.parent.dir.name, file.relative.path, file.length, file.last.modified and file.offset.',
    group: 'General',
  },
  'task.index': { type: 'int', default: 0, doc: 'Which share of the files is this task’s.', group: 'Internal' },
  'task.count': { type: 'int', default: 1, doc: 'How many tasks share the files.', group: 'Internal' },
} as const satisfies ConfigDef;

const charset = (key: string): ConfigDef => ({
  [key]: { type: 'string', default: 'UTF-8', validate: judgeCharset, doc: 'Encoding of the files.', group: 'Format' },
});

const schemas = {
  'value.schema': {
    type: 'string',
    default: null,
    doc: 'Schema of the values, in the JSON of the original (type, name, fieldSchemas).',
    group: 'Schema',
  },
  'key.schema': {
    type: 'string',
    default: null,
    doc: 'Schema of the keys: their fields are taken from the value. Without fields records have no key.',
    group: 'Schema',
  },
  'schema.generation.enabled': {
    type: 'boolean',
    default: false,
    doc: 'Types are learnt from the values, and become wider where one does not fit; the original makes text of everything.',
    group: 'Schema',
  },
  'schema.generation.key.fields': {
    type: 'list',
    default: [],
    doc: 'With schema.generation.enabled: fields of the value that make the key.',
    group: 'Schema',
  },
  'schema.generation.key.name': { type: 'string', default: null, doc: "Name of the key's schema.", group: 'Schema' },
  'schema.generation.value.name': {
    type: 'string',
    default: null,
    doc: "Name of the value's schema.",
    group: 'Schema',
  },
} as const satisfies ConfigDef;

const byteCode = (fallback: number, doc: string) =>
  ({ type: 'int', default: fallback, min: 1, max: 127, doc, group: 'Format' }) as const;

const csv = {
  'csv.first.row.as.header': {
    type: 'boolean',
    default: false,
    doc: 'Whether the first record names the columns; else they are the fields of value.schema, in order.',
    group: 'Format',
  },
  'csv.skip.lines': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'Lines before the header that are left out.',
    group: 'Format',
  },
  'csv.separator.char': byteCode(44, 'Code of the separator.'),
  'csv.quote.char': byteCode(34, 'Code of the quote character, doubled inside a quoted field.'),
  'csv.escape.char': {
    type: 'int',
    default: 92,
    oneOf: ['0', '34', '92'],
    doc: 'Files are read by RFC 4180, where a quote is doubled; a backslash is a character like others.',
    group: 'Format',
  },
  'csv.rfc.4180.parser.enabled': {
    type: 'boolean',
    default: true,
    doc: 'Files are read by RFC 4180 either way.',
    group: 'Format',
  },
  'csv.null.field.indicator': {
    type: 'string',
    default: 'NEITHER',
    oneOf: ['NEITHER'],
    doc: 'An empty field is an empty text, or null where its type is not text.',
    group: 'Format',
  },
  'csv.case.sensitive.field.names': {
    type: 'boolean',
    default: true,
    oneOf: ['true'],
    doc: 'Names of columns and fields must be the same, upper and lower case too.',
    group: 'Format',
  },
} as const satisfies ConfigDef;

/** The keys of one of them. */
export function spoolDirKeys(kind: SpoolDirKind): ConfigDef {
  switch (kind) {
    case 'csv':
      return { ...general, ...csv, ...charset('csv.file.charset'), ...schemas };
    case 'json':
      return { ...general, ...charset('file.charset'), ...schemas };
    case 'binary':
      return general;
    default:
      return { ...general, ...charset('file.charset') };
  }
}
