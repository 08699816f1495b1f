/**
 * The keys of the sink under its three names, and the one set of settings they become.
 *
 * `PostgresSink` has the words of Confluent's JDBC sink with defaults for replication; the classes of Confluent and
 * Debezium have their own words and defaults. Keys that are not here are refused by name by the worker.
 */
import { type Config, type ConfigDef, ConfigError, type ConfigKey } from '../../api/index.ts';
import { acceptedConfluentKeys, acceptedJdbcKeys } from '../source/config/accepted-keys.ts';
import { DEFAULT_PLACEHOLDER } from '../source/config/source-defaults.ts';
import { urlProblem } from './sink-url.ts';

export const insertModes = ['insert', 'upsert', 'update', 'ignore'] as const;
export type InsertMode = (typeof insertModes)[number];
export const keyModes = ['none', 'kafka', 'record_key', 'record_value', 'record_header'] as const;
export type KeyMode = (typeof keyModes)[number];

/** Which of the three vocabularies a config is written in. */
export type SinkDialect = 'own' | 'confluent' | 'debezium';

export interface SinkSettings {
  readonly url: string;
  readonly user: string | null;
  readonly password: () => string | null;
  readonly insertMode: InsertMode;
  readonly keyMode: KeyMode;
  readonly keyFields: readonly string[];
  readonly deletes: boolean;
  /** Whether an envelope of a truncate empties the table. */
  readonly truncates: boolean;
  readonly creates: boolean;
  readonly evolves: boolean;
  /** Whether the tables must be there when partitions are assigned. */
  readonly validates: boolean;
  /** Columns of fields that always have a value are made NOT NULL, as the products do whose names these are. */
  readonly declaresRequired: boolean;
  /** Where PostGIS keeps its types. */
  readonly postgisSchema: string;
  readonly tableFormat: string;
  /** Whether a dot in a topic's name parts schema and table; else it becomes an underscore. */
  readonly dotsSeparate: boolean;
  /** Names are those that Postgres makes of names without quotes: in small letters. */
  readonly foldsNames: boolean;
  /** Of the session: what an instant becomes in a column without a zone. */
  readonly timeZone: string;
  /** Fields to write; empty is all. */
  readonly fields: readonly string[];
  /** Fields not to write. Both lists may name the topic: `topic:field`. */
  readonly fieldsLeftOut: readonly string[];
  /** An upsert only replaces a row whose value in this column is not newer. */
  readonly newerBy: string | null;
  /** The table that holds offsets; null leaves them to the log. */
  readonly offsetsTable: string | null;
  readonly batchRows: number;
  /** How long a row waits for those it points to. */
  readonly foreignKeyWaitMs: number;
  /** A text value that means "not known here, leave it". */
  readonly placeholder: string;
}

const flag = (doc: string): ConfigKey => ({ type: 'boolean', default: false, doc });

const url: ConfigKey = {
  type: 'string',
  importance: 'high',
  doc: 'Where to write: `postgres://host:port/database` or `jdbc:postgresql://host:port/database`, with `?sslmode=…`, `sslrootcert`, `sslcert`, `sslkey` and `currentSchema` where needed.',
  validate: (value) => urlProblem(String(value)),
};
const password: ConfigKey = { type: 'password', default: null, doc: 'The password of that user.', importance: 'high' };
const user: ConfigKey = { type: 'string', default: null, doc: 'The user to connect as.', importance: 'high' };
const fields: ConfigKey = {
  type: 'list',
  default: [],
  doc: 'Names of the key columns; empty takes all fields of the key (value, headers). Required where the key has no fields. With `kafka`, three names for topic, partition and offset.',
};
const deletes = flag(
  'Whether a tombstone or a delete event deletes the row. Tombstones need keys from the record key; a delete event may have them in headers or in the row it deletes, too.',
);
const truncates = flag('Whether a truncate event empties the table.');
const keyMode = (value: KeyMode, modes: readonly KeyMode[]): ConfigKey => ({
  type: 'string',
  default: value,
  oneOf: modes,
  doc: "Where the key comes from: the record's key, fields of its value, its headers, its coordinates in the log, or nowhere.",
});
const batchRows = (rows: number): ConfigKey => {
  return { type: 'int', default: rows, min: 1, doc: 'Rows per statement at most; a transaction holds a whole put.' };
};
const tableFormat: ConfigKey = {
  type: 'string',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder, resolved per record.
  default: '${topic}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: names the placeholders.
  doc: 'The table, as `schema.table` or `table`, from `${topic}`, `${source.db}`, `${source.schema}` and `${source.table}`.',
};

/** What all three have beyond the vocabulary they stand in for. */
const extras: ConfigDef = {
  'offsets.table': {
    type: 'string',
    default: 'millrace_offsets',
    doc: 'A table in the target for the offsets of delivered records, written in the same transaction as the rows: nothing is delivered twice. Empty leaves offsets to the log.',
  },
  'merge.newer.column': {
    type: 'string',
    default: null,
    doc: 'With upserts: a row is replaced only if its value in this column is not newer than the record.',
  },
  'foreign.key.wait.ms': {
    type: 'long',
    default: 10_000,
    min: 0,
    doc: 'How long a row waits for the rows it points to, once no records from before the wait arrive any more: source transactions span topics and batches. Then it is a bad record. 0 does not wait.',
  },
  'unavailable.value.placeholder': {
    type: 'string',
    default: DEFAULT_PLACEHOLDER,
    doc: 'A text value that stands for a column the source did not send; such a column keeps its value.',
  },
};

const confluentKeys = (
  insertMode: InsertMode,
  modes: readonly InsertMode[],
  mode: KeyMode,
  keyed: readonly KeyMode[],
): ConfigDef => ({
  'connection.url': url,
  'connection.user': user,
  'connection.password': password,
  'insert.mode': {
    type: 'string',
    default: insertMode,
    oneOf: modes,
    doc: 'Whether a record inserts, inserts or replaces (`upsert`), replaces only (`update`), or inserts only what is not there (`ignore`).',
  },
  'pk.mode': keyMode(mode, keyed),
  'pk.fields': fields,
  'delete.enabled': deletes,
  'auto.create': flag('Whether a missing table is created.'),
  'auto.evolve': flag('Whether a missing column is added, nullable.'),
  'table.name.format': tableFormat,
  'fields.whitelist': { type: 'list', default: [], doc: 'Fields of the value to write; empty is all.' },
  'batch.size': batchRows(3000),
});

const PASS_THROUGH = 'io.debezium.sink.naming.PassthroughCollectionNamingStrategy';
const namingStrategies = [
  'io.debezium.sink.naming.DefaultCollectionNamingStrategy',
  'io.debezium.connector.jdbc.naming.DefaultCollectionNamingStrategy',
  PASS_THROUGH,
];

const debeziumKeys: ConfigDef = {
  'connection.url': url,
  'connection.username': user,
  'connection.password': password,
  'insert.mode': {
    type: 'string',
    default: 'insert',
    oneOf: ['insert', 'upsert', 'update'],
    doc: 'Whether a record inserts, inserts or replaces (`upsert`), or replaces only (`update`).',
  },
  'primary.key.mode': keyMode('none', keyModes),
  'primary.key.fields': fields,
  'delete.enabled': deletes,
  'truncate.enabled': truncates,
  'schema.evolution': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'validate-only', 'basic'],
    doc: 'With `basic`, missing tables are created and missing columns added; else what is missing is an error, with `validate-only` for tables at the start.',
  },
  'collection.name.format': tableFormat,
  'table.name.format': { ...tableFormat, default: null, doc: 'The former name of collection.name.format.' },
  'field.include.list': {
    type: 'list',
    default: [],
    excludes: ['field.exclude.list'],
    doc: 'Fields to write, as `topic:field` or `field`; empty is all. Key columns are always written.',
  },
  'field.exclude.list': { type: 'list', default: [], doc: 'Fields to leave out, likewise.' },
  'quote.identifiers': flag(
    'Whether names keep their capitals; else they become small letters, as Postgres makes them.',
  ),
  'collection.naming.strategy': {
    type: 'class',
    default: namingStrategies[0]!,
    oneOf: namingStrategies,
    importance: 'low',
    doc: 'The default strategy uses collection.name.format with dots of a topic as underscores; the one that passes through takes the topic as it is, as `schema.table`.',
  },
  'dialect.postgres.postgis.schema': {
    type: 'string',
    default: 'public',
    importance: 'low',
    doc: 'Where PostGIS keeps the types of columns to be made.',
  },
  'batch.size': batchRows(500),
};

export const sinkConfigDefs: Readonly<Record<SinkDialect, ConfigDef>> = {
  own: {
    ...confluentKeys('upsert', insertModes, 'record_key', keyModes),
    'fields.blacklist': {
      type: 'list',
      default: [],
      doc: 'Fields of the value not to write. Key columns are always written.',
    },
    'truncate.enabled': truncates,
    ...extras,
  },
  confluent: {
    ...confluentKeys('insert', ['insert', 'upsert', 'update'], 'none', ['none', 'kafka', 'record_key', 'record_value']),
    'db.timezone': {
      type: 'string',
      default: 'UTC',
      doc: "The zone whose time of day Connect's timestamps have in columns without a zone.",
      validate: zoneProblem,
    },
    'quote.sql.identifiers': {
      type: 'string',
      default: 'always',
      oneOf: ['always', 'never'],
      doc: 'Whether names keep their capitals; with `never` they become small letters, as Postgres makes them.',
    },
    'table.types': {
      type: 'list',
      default: ['TABLE'],
      doc: 'Accepted; rows are written to tables, partitioned or not, and to views that Postgres can write to.',
      validate: tableTypeProblem,
    },
    ...extras,
    ...acceptedConfluentKeys,
  },
  debezium: { ...debeziumKeys, ...extras, ...acceptedJdbcKeys },
};

function tableTypeProblem(types: unknown): string | null {
  const other = (types as readonly string[]).find((type) => !/^\s*((PARTITIONED )?TABLE|VIEW)\s*$/i.test(type));
  return other === undefined ? null : `names ${other}; there are TABLE, PARTITIONED TABLE and VIEW`;
}

function zoneProblem(zone: unknown): string | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: String(zone) });
    return null;
  } catch {
    return 'must be the name of a time zone, such as UTC or Europe/Berlin';
  }
}

/** The settings a parsed config stands for. Throws ConfigError where keys contradict one another. */
export function sinkSettings(config: Config, dialect: SinkDialect): SinkSettings {
  const words = dialect === 'debezium' ? debeziumWords(config) : confluentWords(config, dialect === 'confluent');
  const problems: string[] = [];
  const { keyMode, keyFields, insertMode, deletes: wantsDeletes, newerBy } = words;
  const deleting: readonly KeyMode[] =
    dialect === 'confluent' ? ['record_key'] : ['record_key', 'record_value', 'record_header'];
  if (wantsDeletes && !deleting.includes(keyMode)) {
    problems.push(
      `Deleting needs a key that a delete brings: set pk.mode (primary.key.mode) to ${deleting.join(', ')}, or delete.enabled to false.`,
    );
  }
  if (insertMode !== 'insert' && keyMode === 'none') {
    problems.push(
      `Insert mode ${insertMode} needs a key: set pk.mode (primary.key.mode) to record_key or record_value.`,
    );
  }
  if (keyMode === 'kafka' && keyFields.length !== 0 && keyFields.length !== 3) {
    problems.push(
      'Coordinates are topic, partition and offset: give pk.fields (primary.key.fields) three names, or none.',
    );
  }
  if (newerBy !== null && insertMode !== 'upsert') problems.push('merge.newer.column needs insert.mode upsert.');
  if (problems.length > 0) {
    throw new ConfigError(problems.map((message) => ({ key: 'pk.mode', value: keyMode, message })));
  }
  return words;
}

function common(config: Config) {
  const table = config.string('offsets.table');
  return {
    url: config.string('connection.url'),
    password: () => config.optionalSecret('connection.password')?.reveal() ?? null,
    insertMode: config.string('insert.mode') as InsertMode,
    deletes: config.boolean('delete.enabled'),
    newerBy: config.optionalString('merge.newer.column'),
    offsetsTable: table === '' ? null : table,
    foreignKeyWaitMs: config.number('foreign.key.wait.ms'),
    placeholder: config.string('unavailable.value.placeholder'),
    batchRows: config.number('batch.size'),
  };
}

function confluentWords(config: Config, isConfluent: boolean): SinkSettings {
  return {
    ...common(config),
    user: config.optionalString('connection.user'),
    keyMode: config.string('pk.mode') as KeyMode,
    keyFields: config.list('pk.fields'),
    creates: config.boolean('auto.create'),
    evolves: config.boolean('auto.evolve'),
    validates: false,
    declaresRequired: isConfluent,
    postgisSchema: 'public',
    tableFormat: config.string('table.name.format'),
    dotsSeparate: isConfluent,
    foldsNames: isConfluent && config.string('quote.sql.identifiers') === 'never',
    timeZone: isConfluent ? config.string('db.timezone') : 'UTC',
    truncates: !isConfluent && config.boolean('truncate.enabled'),
    fields: config.list('fields.whitelist'),
    fieldsLeftOut: isConfluent ? [] : config.list('fields.blacklist'),
  };
}

function debeziumWords(config: Config): SinkSettings {
  const evolves = config.string('schema.evolution') === 'basic';
  const passesThrough = config.string('collection.naming.strategy') === PASS_THROUGH;
  const format = config.optionalString('table.name.format') ?? config.string('collection.name.format');
  return {
    ...common(config),
    user: config.optionalString('connection.username'),
    keyMode: config.string('primary.key.mode') as KeyMode,
    keyFields: config.list('primary.key.fields'),
    creates: evolves,
    evolves,
    validates: config.string('schema.evolution') === 'validate-only',
    declaresRequired: true,
    postgisSchema: config.string('dialect.postgres.postgis.schema'),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder that stands for the topic.
    tableFormat: passesThrough ? '${topic}' : format,
    dotsSeparate: passesThrough,
    foldsNames: !config.boolean('quote.identifiers'),
    timeZone: 'UTC',
    truncates: config.boolean('truncate.enabled'),
    fields: config.list('field.include.list'),
    fieldsLeftOut: config.list('field.exclude.list'),
  };
}
