/**
 * The keys of the source, declared once, and the settings they become.
 *
 * The names are those of Debezium's Postgres connector. Two classes share them: `PostgresSource` with our defaults and
 * `io.debezium.connector.postgresql.PostgresConnector` with Debezium's, so that an existing config behaves as it did.
 * Keys that are not here are refused by name by the worker.
 */
import { type Config, type ConfigDef, ConfigError, type ConfigKey, type ConfigProblem } from '../api/index.ts';
import { compileFilters, type Filters } from './filters.ts';
import type { DecimalMode, TimeMode, TypeModes } from './types/mapping.ts';
import { type SslMode, sslModes } from './wire/socket.ts';

/** Debezium's word for a value that Postgres did not send. */
export const DEFAULT_PLACEHOLDER = '__debezium_unavailable_value';

export const snapshotModes = ['initial', 'initial_only', 'no_data', 'never', 'always', 'when_needed'] as const;
export type SnapshotMode = Exclude<(typeof snapshotModes)[number], 'never'>;
export const publicationModes = ['filtered', 'all_tables', 'disabled', 'no_tables'] as const;
export type PublicationMode = (typeof publicationModes)[number];

/** What differs between the two classes. */
export interface SourceDefaults {
  readonly decimal: DecimalMode;
  readonly time: TimeMode;
  readonly interval: TypeModes['interval'];
  readonly publication: string;
  readonly publicationMode: PublicationMode;
  readonly slot: string;
  readonly includeUnknown: boolean;
}

export const ourDefaults: SourceDefaults = {
  decimal: 'string',
  time: 'isostring',
  interval: 'string',
  publication: 'millrace',
  publicationMode: 'filtered',
  slot: 'millrace',
  includeUnknown: true,
};

export const debeziumDefaults: SourceDefaults = {
  decimal: 'precise',
  time: 'adaptive',
  interval: 'numeric',
  publication: 'dbz_publication',
  publicationMode: 'all_tables',
  slot: 'debezium',
  includeUnknown: false,
};

const connectionKeys: ConfigDef = {
  'database.hostname': { type: 'string', doc: 'Host name or address of the Postgres server.', importance: 'high' },
  'database.port': { type: 'int', default: 5432, min: 1, max: 65535, doc: 'Port of the Postgres server.' },
  'database.user': {
    type: 'string',
    doc: 'A user with the REPLICATION attribute and SELECT on the tables.',
    importance: 'high',
  },
  'database.password': { type: 'password', default: '', doc: 'The password of that user.', importance: 'high' },
  'database.dbname': { type: 'string', doc: 'The database whose changes are read.', importance: 'high' },
  'database.sslmode': {
    type: 'string',
    default: 'prefer',
    oneOf: sslModes,
    doc: 'Whether the connection is encrypted and the certificate checked, as in libpq.',
  },
  'database.sslrootcert': { type: 'string', default: null, doc: 'File with the certificates to trust (PEM).' },
  'database.sslcert': { type: 'string', default: null, doc: 'File with the client certificate (PEM).' },
  'database.sslkey': { type: 'string', default: null, doc: 'File with the key of the client certificate (PEM).' },
  'database.sslpassword': { type: 'password', default: null, doc: 'The password of that key.' },
  'database.tcpKeepAlive': { type: 'boolean', default: true, doc: 'Whether idle connections are probed.' },
  'database.query.timeout.ms': {
    type: 'int',
    default: 600_000,
    min: 1,
    doc: 'How long a query, or the wait for the next row of a snapshot, may take.',
  },
};

const regexList = (doc: string): ConfigKey => ({ type: 'list', default: [], doc, validate: regexProblem });

const filterKeys: ConfigDef = {
  'schema.include.list': regexList('Regular expressions for the schemas to capture; all but system schemas otherwise.'),
  'schema.exclude.list': regexList('Regular expressions for the schemas to leave out. Not with the include list.'),
  'table.include.list': regexList('Regular expressions for `schema.table` of the tables to capture.'),
  'table.exclude.list': regexList('Regular expressions for `schema.table` of the tables to leave out.'),
  'column.include.list': regexList('Regular expressions for `schema.table.column` of the columns in values.'),
  'column.exclude.list': regexList('Regular expressions for `schema.table.column` of the columns left out of values.'),
  'message.key.columns': {
    type: 'string',
    default: null,
    doc: 'Keys other than the primary key: `schema.table:column,column;…`, the table as a regular expression.',
  },
};

const snapshotKeys: ConfigDef = {
  'snapshot.mode': {
    type: 'string',
    default: 'initial',
    oneOf: snapshotModes,
    doc: 'When the rows already there are read: once (`initial`), once and then nothing more (`initial_only`), at every start (`always`), also when the slot was lost (`when_needed`), or not at all (`no_data`, formerly `never`).',
  },
  'snapshot.include.collection.list': regexList('Regular expressions for `schema.table` of the tables to snapshot.'),
  'snapshot.locking.mode': { type: 'string', default: 'none', oneOf: ['none'], doc: 'Tables are never locked.' },
};

const valueKeys = (defaults: SourceDefaults): ConfigDef => ({
  'tombstones.on.delete': { type: 'boolean', default: true, doc: 'Whether a delete is followed by a tombstone.' },
  'decimal.handling.mode': {
    type: 'string',
    default: defaults.decimal,
    oneOf: ['precise', 'string', 'double'],
    doc: 'How numeric and money are written: exact text, Connect Decimal bytes (`precise`), or a float that may round.',
  },
  'time.precision.mode': {
    type: 'string',
    default: defaults.time,
    oneOf: ['adaptive', 'adaptive_time_microseconds', 'connect', 'isostring', 'microseconds', 'nanoseconds'],
    doc: 'How dates and times are written: RFC 3339 text (`isostring`) or numbers since the epoch.',
  },
  'interval.handling.mode': {
    type: 'string',
    default: defaults.interval,
    oneOf: ['numeric', 'string'],
    doc: 'Intervals as microseconds (an average month) or as ISO 8601 text.',
  },
  'binary.handling.mode': {
    type: 'string',
    default: 'bytes',
    oneOf: ['bytes', 'base64', 'base64-url-safe', 'hex'],
    doc: 'How bytea is written.',
  },
  'hstore.handling.mode': { type: 'string', default: 'json', oneOf: ['json', 'map'], doc: 'How hstore is written.' },
  'money.fraction.digits': { type: 'int', default: 2, min: 0, max: 18, doc: 'Digits of money behind the point.' },
  'include.unknown.datatypes': {
    type: 'boolean',
    default: defaults.includeUnknown,
    doc: "Whether columns of types without a mapping are written, as Postgres's own text.",
  },
  'unavailable.value.placeholder': {
    type: 'string',
    default: DEFAULT_PLACEHOLDER,
    doc: 'Stands for a large unchanged value that Postgres did not send; `hex:` begins bytes.',
  },
  'skipped.operations': {
    type: 'list',
    default: ['t'],
    oneOf: ['c', 'u', 'd', 't', 'none'],
    doc: 'Operations that are not written: create, update, delete, truncate.',
  },
});

const streamKeys = (defaults: SourceDefaults): ConfigDef => ({
  'plugin.name': { type: 'string', default: 'pgoutput', oneOf: ['pgoutput'], doc: 'The decoding plugin.' },
  'slot.name': {
    type: 'string',
    default: defaults.slot,
    doc: 'The replication slot; created where missing. One per connector.',
    validate: (value) =>
      /^[a-z0-9_]{1,63}$/.test(String(value)) ? null : 'may hold only lower-case letters, digits and underscores',
  },
  'slot.drop.on.stop': {
    type: 'boolean',
    default: false,
    doc: 'Whether the slot is dropped at a stop. Changes made until the next start are lost; for tests.',
  },
  'slot.failover': { type: 'boolean', default: false, doc: 'Whether the slot follows to standbys (Postgres 17).' },
  'publication.name': { type: 'string', default: defaults.publication, doc: 'The publication to read.' },
  'publication.autocreate.mode': {
    type: 'string',
    default: defaults.publicationMode,
    oneOf: publicationModes,
    doc: 'Whether a missing publication is created: for the tables of the filters, for all tables (superuser), empty, or not at all.',
  },
  'publish.via.partition.root': {
    type: 'boolean',
    default: false,
    doc: 'Whether changes of partitions are read under the name of their root table.',
  },
  'status.update.interval.ms': {
    type: 'int',
    default: 10_000,
    min: 10,
    doc: 'How often the position is confirmed to the server at least.',
  },
  'heartbeat.interval.ms': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'How often a heartbeat record is written; 0 is never. Not needed to free WAL here.',
  },
  'topic.heartbeat.prefix': { type: 'string', default: '__debezium-heartbeat', doc: 'Begins the heartbeat topic.' },
  'max.batch.size': { type: 'int', default: 8192, min: 1, doc: 'Records handed over at once, at most.' },
  'max.queue.size.in.bytes': {
    type: 'long',
    default: 16 * 1024 * 1024,
    min: 65_536,
    doc: 'Bytes received and not yet handed over; beyond it the server has to wait.',
  },
});

/** The declaration for one of the two classes. */
export function sourceConfigDef(defaults: SourceDefaults): ConfigDef {
  return {
    'topic.prefix': {
      type: 'string',
      doc: 'Begins the topic names `prefix.schema.table` and names this server in every record.',
      importance: 'high',
      validate: (value) =>
        /^[\w.-]+$/.test(String(value)) ? null : 'may hold only letters, digits, dots, underscores and hyphens',
    },
    'topic.delimiter': { type: 'string', default: '.', doc: 'Stands between the parts of a topic name.' },
    ...grouped('Connection', connectionKeys),
    ...grouped('Tables and columns', filterKeys),
    ...grouped('Snapshot', snapshotKeys),
    ...grouped('Stream', streamKeys(defaults)),
    ...grouped('Values', valueKeys(defaults)),
  };
}

function grouped(group: string, keys: ConfigDef): ConfigDef {
  return Object.fromEntries(Object.entries(keys).map(([key, declared]) => [key, { ...declared, group }]));
}

export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: () => string;
  readonly database: string;
  readonly tls: {
    readonly mode: SslMode;
    readonly rootCertFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly keyPassword?: string;
  };
  readonly keepAlive: boolean;
  readonly queryTimeoutMs: number;
}

/** Everything the source wants to know, with names of its own. */
export interface SourceSettings {
  readonly database: DatabaseSettings;
  readonly prefix: string;
  readonly delimiter: string;
  readonly filters: Filters;
  readonly snapshotMode: SnapshotMode;
  readonly slot: { readonly name: string; readonly dropOnStop: boolean; readonly failover: boolean };
  readonly publication: { readonly name: string; readonly mode: PublicationMode; readonly viaRoot: boolean };
  readonly types: TypeModes;
  readonly tombstones: boolean;
  readonly skipped: ReadonlySet<string>;
  readonly statusIntervalMs: number;
  readonly heartbeat: { readonly intervalMs: number; readonly topic: string };
  readonly batchRecordsMax: number;
  readonly queueBytesMax: number;
}

/** The settings a parsed config stands for. Throws ConfigError where keys contradict one another. */
export function sourceSettings(config: Config): SourceSettings {
  const problems = contradictions(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const mode = config.string('snapshot.mode') as (typeof snapshotModes)[number];
  const prefix = config.string('topic.prefix');
  return {
    database: databaseSettings(config),
    prefix,
    delimiter: config.string('topic.delimiter'),
    filters: compileFilters({
      list: (key) => config.list(key),
      keyColumns: config.optionalString('message.key.columns'),
    }),
    snapshotMode: mode === 'never' ? 'no_data' : mode,
    slot: {
      name: config.string('slot.name'),
      dropOnStop: config.boolean('slot.drop.on.stop'),
      failover: config.boolean('slot.failover'),
    },
    publication: {
      name: config.string('publication.name'),
      mode: config.string('publication.autocreate.mode') as PublicationMode,
      viaRoot: config.boolean('publish.via.partition.root'),
    },
    types: typeModes(config),
    tombstones: config.boolean('tombstones.on.delete'),
    skipped: new Set(config.list('skipped.operations')),
    statusIntervalMs: config.number('status.update.interval.ms'),
    heartbeat: {
      intervalMs: config.number('heartbeat.interval.ms'),
      topic: `${config.string('topic.heartbeat.prefix')}.${prefix}`,
    },
    batchRecordsMax: config.number('max.batch.size'),
    queueBytesMax: config.number('max.queue.size.in.bytes'),
  };
}

function databaseSettings(config: Config): DatabaseSettings {
  const files = {
    rootCertFile: config.optionalString('database.sslrootcert'),
    certFile: config.optionalString('database.sslcert'),
    keyFile: config.optionalString('database.sslkey'),
    keyPassword: config.optionalSecret('database.sslpassword')?.reveal() ?? null,
  };
  const given = Object.fromEntries(Object.entries(files).filter(([, value]) => value !== null));
  return {
    host: config.string('database.hostname'),
    port: config.number('database.port'),
    user: config.string('database.user'),
    password: () => config.secret('database.password').reveal(),
    database: config.string('database.dbname'),
    tls: { mode: config.string('database.sslmode') as SslMode, ...given },
    keepAlive: config.boolean('database.tcpKeepAlive'),
    queryTimeoutMs: config.number('database.query.timeout.ms'),
  };
}

function typeModes(config: Config): TypeModes {
  const placeholder = config.string('unavailable.value.placeholder');
  return {
    decimal: config.string('decimal.handling.mode') as DecimalMode,
    time: config.string('time.precision.mode') as TimeMode,
    interval: config.string('interval.handling.mode') as TypeModes['interval'],
    binary: config.string('binary.handling.mode') as TypeModes['binary'],
    hstore: config.string('hstore.handling.mode') as TypeModes['hstore'],
    moneyFractionDigits: config.number('money.fraction.digits'),
    includeUnknown: config.boolean('include.unknown.datatypes'),
    unavailable: placeholder.startsWith('hex:')
      ? Buffer.from(placeholder.slice('hex:'.length), 'hex')
      : Buffer.from(placeholder),
  };
}

function contradictions(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const kind of ['schema', 'table', 'column']) {
    const [include, exclude] = [`${kind}.include.list`, `${kind}.exclude.list`];
    if (config.list(include).length > 0 && config.list(exclude).length > 0) {
      const message = `Configuration "${include}" and "${exclude}" cannot be used together; keep one of them.`;
      problems.push({ key: exclude, value: config.raw[exclude], message });
    }
  }
  return problems;
}

function regexProblem(value: unknown): string | null {
  for (const pattern of value as readonly string[]) {
    try {
      new RegExp(pattern);
    } catch (error) {
      return `holds a regular expression that does not parse: ${(error as Error).message}`;
    }
  }
  return null;
}
