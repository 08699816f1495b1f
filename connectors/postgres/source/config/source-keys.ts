/**
 * The keys of the source, declared once: type, default, documentation. What they become is source-config.ts.
 *
 * The names are those of Debezium's Postgres connector. Two classes share them: `PostgresSource` with our defaults and
 * `io.debezium.connector.postgresql.PostgresConnector` with Debezium's, so that an existing config behaves as it did.
 * Keys that are not here are refused by name by the worker.
 */
import type { ConfigDef } from '../../../api/index.ts';
import { sslModes } from '../../wire/socket.ts';
import { acceptedSourceKeys } from './accepted-keys.ts';
import { identitiesProblem, keyColumnsProblem } from './key-problems.ts';
import { adjustmentModes } from './name-adjustment.ts';
import { controlKeys, regexList } from './source-control-keys.ts';
import { DEFAULT_PLACEHOLDER, type SourceDefaults, schemaPolicies, snapshotModes } from './source-defaults.ts';
import { streamKeys } from './source-stream-keys.ts';

/** Beyond this a server feels it more than a snapshot gains. */
const READERS_MAX = 32;

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
  'database.initial.statements': {
    type: 'string',
    default: null,
    doc: 'Statements run on every connection that asks the catalogue or reads rows, separated by semicolons (two stand for one).',
  },
  'database.query.timeout.ms': {
    type: 'int',
    default: 600_000,
    min: 1,
    doc: 'How long a query, or the wait for the next row of a snapshot, may take.',
  },
};

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
    validate: keyColumnsProblem,
    doc: 'Keys other than the primary key: `schema.table:column,column;…`, the table as a regular expression.',
  },
  'column.mask.*': {
    type: 'list',
    default: [],
    doc: 'Text columns hidden: `column.mask.with.N.chars` shows N asterisks, `column.mask.hash.SHA-256.with.salt.SALT` (or `.hash.v2.`) a hash; the value lists regular expressions for `schema.table.column`.',
  },
  'column.truncate.*': {
    type: 'list',
    default: [],
    doc: 'Text columns cut to N characters: `column.truncate.to.N.chars`, with regular expressions for `schema.table.column`.',
  },
  'column.propagate.source.type': regexList(
    'Columns, as `schema.table.column`, whose schemas tell type, length and scale in Postgres.',
  ),
  'datatype.propagate.source.type': regexList(
    'Types, as `database.schema.table.TYPE` or `schema.TYPE`, whose columns do the same.',
  ),
  'replica.identity.autoset.values': {
    type: 'string',
    default: null,
    validate: identitiesProblem,
    doc: 'Replica identities to set at the start: `schema.table:FULL;schema.table:INDEX name`, the table as a regular expression, the identity DEFAULT, FULL, NOTHING or INDEX.',
  },
  'table.ignore.builtin': {
    type: 'boolean',
    default: true,
    oneOf: ['true'],
    doc: 'System tables are never captured.',
  },
};

const snapshotKeys = (defaults: SourceDefaults): ConfigDef => ({
  'snapshot.mode': {
    type: 'string',
    default: 'initial',
    oneOf: snapshotModes,
    doc: 'When the rows already there are read: once (`initial`), once and then nothing more (`initial_only`), at every start (`always`), also when the slot was lost (`when_needed`), not at all (`no_data`, formerly `never`), or as the keys `snapshot.mode.configuration.based.*` say.',
  },
  'snapshot.mode.configuration.based.snapshot.data': {
    type: 'boolean',
    default: false,
    doc: 'With `snapshot.mode=configuration_based`: whether rows are read, at every start.',
  },
  'snapshot.mode.configuration.based.start.stream': {
    type: 'boolean',
    default: false,
    doc: 'With `snapshot.mode=configuration_based`: whether the stream is read.',
  },
  'snapshot.mode.configuration.based.snapshot.on.data.error': {
    type: 'boolean',
    default: false,
    doc: 'With `snapshot.mode=configuration_based`: whether rows are read again when the slot was lost.',
  },
  'snapshot.mode.configuration.based.snapshot.schema': {
    type: 'boolean',
    default: false,
    doc: 'Accepted for Debezium; the stream describes every table.',
  },
  'snapshot.mode.configuration.based.snapshot.on.schema.error': {
    type: 'boolean',
    default: false,
    doc: 'Accepted for Debezium; the stream describes every table.',
  },
  'snapshot.include.collection.list': regexList('Regular expressions for `schema.table` of the tables to snapshot.'),
  'snapshot.locking.mode': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'shared'],
    doc: 'A table is locked while its rows are read, against changes of its shape only (ACCESS SHARE), whatever is said here; with `shared` the wait for that lock ends as `snapshot.lock.timeout.ms` says.',
  },
  'snapshot.lock.timeout.ms': {
    type: 'long',
    default: 10_000,
    min: 0,
    max: 2 ** 31 - 1,
    doc: 'With `snapshot.locking.mode=shared`: how long a snapshot waits for a table that somebody holds for himself (ALTER TABLE, VACUUM FULL). Then the task says so and tries again. 0 waits as for any query.',
  },
  'snapshot.max.threads': {
    type: 'int',
    default: defaults.readers,
    min: 1,
    max: READERS_MAX,
    doc: 'Connections that read the rows at once, several within one large table; all see the same moment.',
  },
  'snapshot.max.rows.per.second': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'The pace of a snapshot at most; 0 is as fast as it goes.',
  },
  'snapshot.max.active.sessions': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'A snapshot waits while more sessions than this are at work on the server, its own not counted; 0 does not look.',
  },
  'snapshot.select.statement.overrides': regexList(
    'Tables, as `schema.table`, that a snapshot reads with a SELECT of yours.',
  ),
  'snapshot.select.statement.overrides.*': {
    type: 'string',
    default: null,
    doc: 'That SELECT, one key per table: `snapshot.select.statement.overrides.schema.table`.',
  },
  'snapshot.delay.ms': { type: 'long', default: 0, min: 0, doc: 'How long to wait before a snapshot begins.' },
  'incremental.snapshot.chunk.size': {
    type: 'int',
    default: 1024,
    min: 1,
    doc: 'Rows read at once by a snapshot that runs beside the stream.',
  },
  'incremental.snapshot.watermarking.strategy': {
    type: 'string',
    default: 'insert_insert',
    oneOf: ['insert_insert', 'insert_delete'],
    doc: 'Accepted for Debezium; watermarks are logical messages in the WAL and need no table.',
  },
  'snapshot.fetch.size': { type: 'int', default: 10_240, min: 1, doc: 'Accepted for Debezium; rows arrive by COPY.' },
  'snapshot.isolation.mode': {
    type: 'string',
    default: 'serializable',
    oneOf: ['serializable', 'repeatable_read', 'read_committed', 'read_uncommitted'],
    doc: 'Accepted for Debezium; a snapshot sees one moment whatever is said here.',
  },
});

const valueKeys = (defaults: SourceDefaults): ConfigDef => ({
  'extended.headers.enabled': {
    type: 'boolean',
    default: false,
    doc: 'Whether every record says in headers `__debezium.context.*` which connector and task it came from.',
  },
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
  'unavailable.value.lookup': {
    type: 'string',
    default: defaults.isCompatible ? 'none' : 'log',
    oneOf: ['log', 'table', 'none', 'true', 'false'],
    doc: 'Where large values come from that an update did not change and Postgres therefore did not send: the last row known to the log, and the table where that knows none (`log`, or `true`); the table (`table`), which may be newer; or nowhere, as in Debezium, and the placeholder is written (`none`, or `false`).',
  },
  'schema.name.adjustment.mode': {
    type: 'string',
    default: 'none',
    oneOf: adjustmentModes,
    doc: 'How names of schemas are made fit for Avro.',
  },
  'field.name.adjustment.mode': {
    type: 'string',
    default: 'none',
    oneOf: adjustmentModes,
    doc: 'How names of fields are made fit for Avro.',
  },
  'schema.change.policy': {
    type: 'string',
    default: 'evolve',
    oneOf: schemaPolicies,
    doc: 'What happens when the registry refuses the shape a table has now, asked before a record of it flows: its records go to the error policy one by one (`evolve`), its rows wait in the topic `….parked` until the shape is accepted and are read again then (`park`), or the task stops (`fail`).',
  },
  'skip.messages.without.change': {
    type: 'boolean',
    default: false,
    doc: 'Whether an update that changed no captured column is left out; needs full replica identity to tell.',
  },
  'skipped.operations': {
    type: 'list',
    default: ['t'],
    oneOf: ['c', 'u', 'd', 't', 'none'],
    doc: 'Operations that are not written: create, update, delete, truncate.',
  },
});

/** The declaration for one of the two classes. */
export function sourceConfigDef(defaults: SourceDefaults): ConfigDef {
  const keys = declarations(defaults);
  return defaults.isCompatible ? inAnyCase(keys) : keys;
}

function declarations(defaults: SourceDefaults): ConfigDef {
  return {
    'topic.prefix': {
      type: 'string',
      onChange: 'Offsets are kept under the prefix: a new one snapshots all rows again, into topics of new names.',
      doc: 'Begins the topic names `prefix.schema.table` and names this server in every record.',
      importance: 'high',
      validate: (value) =>
        /^[\w.-]+$/.test(String(value)) ? null : 'may hold only letters, digits, dots, underscores and hyphens',
    },
    'topic.delimiter': { type: 'string', default: '.', doc: 'Stands between the parts of a topic name.' },
    ...grouped('Connection', connectionKeys),
    ...grouped('Tables and columns', filterKeys),
    ...grouped('Snapshot', snapshotKeys(defaults)),
    ...grouped('Stream', streamKeys(defaults)),
    ...grouped('Values', valueKeys(defaults)),
    ...grouped('Signals, notifications, guards', controlKeys),
    ...(defaults.isCompatible ? grouped('Accepted for Debezium', acceptedSourceKeys) : {}),
  };
}

/** Debezium takes its words in any case of letters. */
function inAnyCase(keys: ConfigDef): ConfigDef {
  const entries = Object.entries(keys).map(([key, declared]) => {
    return [key, declared.oneOf === undefined ? declared : { ...declared, ignoresCase: true }] as const;
  });
  return Object.fromEntries(entries);
}

function grouped(group: string, keys: ConfigDef): ConfigDef {
  return Object.fromEntries(Object.entries(keys).map(([key, declared]) => [key, { ...declared, group }]));
}
