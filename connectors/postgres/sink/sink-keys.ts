/**
 * The keys of the sink under its three names: `PostgresSink` has the words of Confluent's JDBC sink with defaults for
 * replication; the classes of Confluent and Debezium have their own words and defaults. What becomes of each key of theirs stands
 * in docs/jdbc-sink-keys.md. Keys that are not here are refused by name by the worker.
 */
import { type ConfigDef, type ConfigKey, javaRegexProblem } from '../../api/index.ts';
import { DEFAULT_PLACEHOLDER } from '../source/config/source-defaults.ts';
import { acceptedConfluentKeys, acceptedJdbcKeys } from './accepted-sink-keys.ts';
import { confluentDriverKeys, hibernateKeys } from './driver-keys.ts';
import { urlProblem } from './sink-url.ts';

export const insertModes = ['insert', 'upsert', 'update', 'ignore'] as const;
export type InsertMode = (typeof insertModes)[number];
export const keyModes = ['none', 'kafka', 'record_key', 'record_value', 'record_header'] as const;
export type KeyMode = (typeof keyModes)[number];

/** Which of the three vocabularies a config is written in. */
export type SinkDialect = 'own' | 'confluent' | 'debezium';

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
const batchRows = (rows: number, min = 1): ConfigKey => {
  return { type: 'int', default: rows, min, doc: 'Rows per statement at most; a transaction holds a whole put.' };
};
const tableFormat: ConfigKey = {
  type: 'string',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder, resolved per record.
  default: '${topic}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: names the placeholders.
  doc: "The table, as `schema.table` or `table`, from `${topic}` and the fields of an envelope's source: `${source.db}`, `${source.schema}`, `${source.table}`, `${source.name}` and so on.",
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
  // 0 is every record by itself, as it is in Confluent's.
  'batch.size': batchRows(3000, 0),
});

/** The strategy that leaves the dots of a topic in the name. */
export const PASS_THROUGH = 'io.debezium.sink.naming.PassthroughCollectionNamingStrategy';
/** The classes that are understood; one of your own is Java. */
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
  'primary.key.fields': {
    ...fields,
    doc: 'Names of the key columns; empty takes all fields of the key (value, headers). Required where the key has no fields. Not read with `kafka`, whose columns are `__connect_topic`, `__connect_partition` and `__connect_offset`.',
  },
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
    doc: 'Both fill in collection.name.format: the default with the dots of a topic as underscores; the one that passes through takes the topic as it is, as `schema.table`. A class of your own would be Java.',
  },
  'table.naming.strategy': {
    type: 'class',
    default: null,
    oneOf: [...namingStrategies, 'io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy'],
    importance: 'low',
    doc: 'The former name of collection.naming.strategy.',
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
  confluent: inAnyCase({
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
    'string.output.value.column.name': {
      type: 'string',
      default: 'record_value',
      importance: 'low',
      doc: 'The column of a value that is a text and no object.',
    },
    'timestamp.fields.list': {
      type: 'list',
      default: [],
      importance: 'low',
      doc: 'Fields of the value, whole numbers or digits as text, that are instants: counted since 1970 in `timestamp.precision.mode`, written in `db.timezone` where the column has no zone.',
    },
    'timestamp.precision.mode': {
      type: 'string',
      default: 'MICROSECONDS',
      oneOf: ['MICROSECONDS', 'NANOSECONDS'],
      importance: 'low',
      doc: 'What those fields count. Postgres keeps microseconds.',
    },
    ...extras,
    ...acceptedConfluentKeys,
    ...confluentDriverKeys,
  }),
  debezium: inAnyCase({
    ...debeziumKeys,
    'cloud.events.schema.name.pattern': {
      type: 'string',
      default: '.*CloudEvents\\.Envelope$',
      importance: 'low',
      doc: "A regular expression (Java's) for the names of schemas whose values are CloudEvents: their `data` is what is written.",
      validate: (value) => javaRegexProblem(String(value)),
    },
    ...extras,
    ...acceptedJdbcKeys,
    ...hibernateKeys,
  }),
};

/** The products take their words in any case of letters. */
function inAnyCase(def: ConfigDef): ConfigDef {
  const entries = Object.entries(def).map(([key, declared]) => {
    const isWords = declared.oneOf !== undefined && declared.type === 'string';
    return [key, isWords ? { ...declared, ignoresCase: true } : declared] as const;
  });
  return Object.fromEntries(entries);
}

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
