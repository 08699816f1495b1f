/**
 * The settings a source's config stands for, with names of their own; the keys are declared in source-keys.ts.
 */
import { createHash } from 'node:crypto';
import { type Config, ConfigError, type ConfigProblem } from '../../../api/index.ts';
import type { DecimalMode, TimeMode, TypeModes } from '../../types/mapping.ts';
import type { SslMode } from '../../wire/socket.ts';
import { type ColumnMask, compileMasks, maskKeyProblem } from './column-masks.ts';
import { anchored, compileFilters, type Filters } from './filters.ts';
import type { AdjustmentMode } from './name-adjustment.ts';
import {
  type PublicationMode,
  QUEUE_BYTES_MAX,
  type SchemaPolicy,
  type SnapshotMode,
  type snapshotModes,
} from './source-defaults.ts';
import { streamParams } from './stream-params.ts';

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
  readonly initialStatements: readonly string[];
}

export interface SnapshotSettings {
  readonly readers: number;
  readonly rowsPerSecondMax: number;
  readonly activeSessionsMax: number;
  readonly delayMs: number;
  /** Rows of one step of an incremental snapshot. */
  readonly chunkRows: number;
  /** How long a snapshot waits for a table that somebody holds for himself; null is as long as for any query. */
  readonly lockTimeoutMs: number | null;
  /** SELECT by `schema.table`. */
  readonly selects: ReadonlyMap<string, string>;
}

/** How names and schemas are written beyond the types. */
export interface NamingSettings {
  readonly schemaNames: AdjustmentMode;
  readonly fieldNames: AdjustmentMode;
  /** Whether a column's schema tells its type in Postgres; by full name and type name. */
  readonly propagatesType: (fullName: string, type: string) => boolean;
}

/** Everything the source wants to know, with names of its own. */
export interface SourceSettings {
  /** The keys as they were given: a thread makes these settings of them once more. */
  readonly raw: Readonly<Record<string, string>>;
  readonly database: DatabaseSettings;
  readonly prefix: string;
  readonly delimiter: string;
  readonly filters: Filters;
  readonly snapshotMode: SnapshotMode;
  /** Whether all rows are read again where the slot or its WAL was lost. */
  readonly rereads: boolean;
  readonly snapshot: SnapshotSettings;
  readonly slot: {
    readonly name: string;
    readonly dropOnStop: boolean;
    readonly failover: boolean;
    /** What of other origins is wanted, where that is said. */
    readonly origin: string | null;
    /** Whether large transactions are sent while they run. */
    readonly isStreaming: boolean;
    /** Whether positions are confirmed to the server. */
    readonly isConfirmed: boolean;
    /** Whether a slot that stands beyond the stored position is the place to go on from. */
    readonly isTrusted: boolean;
    /** How often to ask for its horizon; 0 is never. */
    readonly horizonMs: number;
  };
  /** For transactions that are not committed yet; the directory is one for temporary files where none is named. */
  readonly spool: { readonly directory: string | null; readonly bytesMax: number };
  readonly streamDelayMs: number;
  /** How often in a row it may fail with what may pass; -1 is always. */
  readonly retriesMax: number;
  readonly tablesMax: { readonly count: number; readonly isError: boolean };
  /** Whether records tell their connector and task in headers. */
  readonly tellsContext: boolean;
  readonly publication: { readonly name: string; readonly mode: PublicationMode; readonly viaRoot: boolean };
  /** How often to look for new tables; 0 is never. */
  readonly discoveryMs: number;
  readonly types: TypeModes;
  readonly schemaPolicy: SchemaPolicy;
  readonly naming: NamingSettings;
  readonly mask: (fullName: string) => ColumnMask | null;
  readonly identities: readonly { readonly table: RegExp; readonly identity: string }[];
  /** The topic of transaction metadata, or null where none is wanted. */
  readonly transactionTopic: string | null;
  readonly messages: { readonly topic: string; wants(prefix: string): boolean };
  readonly signalTable: string | null;
  readonly signals: {
    readonly file: string | null;
    readonly topic: string | null;
    readonly group: string;
    readonly pollMs: number;
  };
  /** Whether nothing is written to the database for incremental snapshots; a standby is read so whatever this says. */
  readonly isReadOnly: boolean;
  readonly notifications: { readonly topic: string | null; readonly isLogged: boolean };
  readonly guard: { readonly retainedBytesMax: number; readonly action: string };
  readonly skipsWithoutChange: boolean;
  /** Where large values come from that were not sent. */
  readonly unsentLookup: UnsentLookup;
  /** Changes with whatever decides which changes are seen, and of which columns. */
  readonly coverage: string;
  readonly tombstones: boolean;
  readonly skipped: ReadonlySet<string>;
  readonly statusIntervalMs: number;
  readonly heartbeat: { readonly intervalMs: number; readonly topic: string; readonly query: string | null };
  readonly batchRecordsMax: number;
  readonly queueBytesMax: number;
}

/** The settings a parsed config stands for. Throws ConfigError where keys contradict one another. */
export function sourceSettings(config: Config, isCompatible: boolean): SourceSettings {
  const problems = contradictions(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const prefix = config.string('topic.prefix');
  const delimiter = config.string('topic.delimiter');
  const { origin, isStreaming } = streamParams(config.optionalString('slot.stream.params'));
  return {
    ...controlSettings(config, prefix, delimiter),
    raw: config.raw,
    database: databaseSettings(config),
    prefix,
    delimiter,
    snapshot: snapshotSettings(config),
    naming: namingSettings(config),
    mask: compileMasks(config.raw),
    identities: identitiesOf(config.optionalString('replica.identity.autoset.values') ?? ''),
    unsentLookup: unsentLookup(config.string('unavailable.value.lookup')),
    coverage: coverageOf(config),
    skipsWithoutChange: config.boolean('skip.messages.without.change'),
    filters: compileFilters({
      list: (key) => config.list(key),
      keyColumns: config.optionalString('message.key.columns'),
      signalTable: signalTableOf(config),
    }),
    snapshotMode: snapshotModeOf(config),
    rereads: rereads(config),
    slot: {
      name: config.string('slot.name'),
      dropOnStop: config.boolean('slot.drop.on.stop'),
      failover: config.boolean('slot.failover'),
      origin,
      isStreaming,
      isConfirmed: config.string('lsn.flush.mode') !== 'manual' && config.boolean('flush.lsn.source'),
      isTrusted: ['trust_slot', 'trust_greater_lsn'].includes(config.string('offset.mismatch.strategy')),
      horizonMs: config.number('xmin.fetch.interval.ms'),
    },
    publication: {
      name: config.string('publication.name'),
      mode: config.string('publication.autocreate.mode') as PublicationMode,
      viaRoot: config.boolean('publish.via.partition.root'),
    },
    discoveryMs: config.number('table.discovery.interval.ms'),
    types: typeModes(config, isCompatible),
    schemaPolicy: config.string('schema.change.policy') as SchemaPolicy,
    tombstones: config.boolean('tombstones.on.delete'),
    skipped: new Set(config.list('skipped.operations')),
    spool: {
      directory: config.optionalString('streaming.spool.dir'),
      bytesMax: config.number('streaming.spool.max.bytes'),
    },
    streamDelayMs: config.number('streaming.delay.ms'),
    retriesMax: config.number('errors.max.retries'),
    tablesMax: {
      count: config.number('guardrail.collections.max'),
      isError: config.string('guardrail.collections.limit.action') === 'fail',
    },
    tellsContext: config.boolean('extended.headers.enabled'),
    statusIntervalMs: config.number('status.update.interval.ms'),
    heartbeat: {
      intervalMs: config.number('heartbeat.interval.ms'),
      topic: heartbeatTopic(config, prefix, delimiter),
      query: config.optionalString('heartbeat.action.query'),
    },
    batchRecordsMax: config.number('max.batch.size'),
    queueBytesMax: config.number('max.queue.size.in.bytes') || QUEUE_BYTES_MAX,
  };
}

function heartbeatTopic(config: Config, prefix: string, delimiter: string): string {
  const begin = config.optionalString('heartbeat.topics.prefix') ?? config.string('topic.heartbeat.prefix');
  return config.optionalString('topic.heartbeat.name') || [begin, prefix].join(delimiter);
}

/** The mode, of which one is spelt out in keys of its own. */
function snapshotModeOf(config: Config): SnapshotMode {
  const mode = config.string('snapshot.mode') as (typeof snapshotModes)[number];
  if (mode === 'never') return 'no_data';
  if (mode !== 'configuration_based') return mode;
  const says = (key: string) => config.boolean(`snapshot.mode.configuration.based.${key}`);
  if (!says('snapshot.data')) return 'no_data';
  // Debezium does not ask there whether rows were read before.
  return says('start.stream') ? 'always' : 'initial_only';
}

function rereads(config: Config): boolean {
  const mode = config.string('snapshot.mode');
  if (mode !== 'configuration_based') return mode === 'when_needed';
  return config.boolean('snapshot.mode.configuration.based.snapshot.on.data.error');
}

export type UnsentLookup = 'log' | 'table' | 'none';

function unsentLookup(text: string): UnsentLookup {
  if (text === 'true') return 'log';
  return text === 'false' ? 'none' : (text as UnsentLookup);
}

/** Keys that decide which changes of which columns are seen, and in the clear. */
const COVERAGE_KEY = /^(schema|table|column|publication|publish|slot|database\.dbname|topic\.prefix|skipped)(\.|$)/;

function coverageOf(config: Config): string {
  const keys = Object.keys(config.raw).filter((key) => COVERAGE_KEY.test(key) && !key.startsWith('table.discovery.'));
  const given = keys.sort().map((key) => [key, config.raw[key]]);
  return createHash('sha256').update(JSON.stringify(given)).digest('hex').slice(0, 12);
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
    initialStatements: statementsOf(config.optionalString('database.initial.statements') ?? ''),
  };
}

/** Statements part at semicolons; two of them stand for one within. */
function statementsOf(text: string): string[] {
  const statements = text.split(/(?<!;);(?!;)/).map((statement) => statement.replaceAll(';;', ';').trim());
  return statements.filter((statement) => statement !== '');
}

function snapshotSettings(config: Config): SnapshotSettings {
  const key = 'snapshot.select.statement.overrides';
  const selects = config.list(key).flatMap((table) => {
    const select = config.raw[`${key}.${table}`];
    return select === undefined ? [] : [[table, select.trim().replace(/;$/, '')] as const];
  });
  return {
    readers: config.number('snapshot.max.threads'),
    rowsPerSecondMax: config.number('snapshot.max.rows.per.second'),
    activeSessionsMax: config.number('snapshot.max.active.sessions'),
    delayMs: config.number('snapshot.delay.ms'),
    chunkRows: config.number('incremental.snapshot.chunk.size'),
    // Debezium locks tables with `shared` only, and so waits for locks with that only.
    lockTimeoutMs:
      config.string('snapshot.locking.mode') === 'shared' ? config.number('snapshot.lock.timeout.ms') : null,
    selects: new Map(selects),
  };
}

function namingSettings(config: Config): NamingSettings {
  const columns = config.list('column.propagate.source.type').map(anchored);
  const types = config.list('datatype.propagate.source.type').map(anchored);
  return {
    schemaNames: config.string('schema.name.adjustment.mode') as AdjustmentMode,
    fieldNames: config.string('field.name.adjustment.mode') as AdjustmentMode,
    propagatesType: (fullName, type) => {
      const schemaAndTable = fullName.slice(0, fullName.lastIndexOf('.'));
      const names = [`${schemaAndTable}.${type}`, `${schemaAndTable.split('.')[0]}.${type}`];
      return columns.some((it) => it.test(fullName)) || types.some((it) => names.some((name) => it.test(name)));
    },
  };
}

function controlSettings(config: Config, prefix: string, delimiter: string) {
  const include = config.list('message.prefix.include.list').map(anchored);
  const exclude = config.list('message.prefix.exclude.list').map(anchored);
  const channels = config.list('notification.enabled.channels');
  const ofTransactions = [prefix, config.string('topic.transaction')].join(delimiter);
  return {
    transactionTopic: config.boolean('provide.transaction.metadata') ? ofTransactions : null,
    messages: {
      // Whatever stands between the parts of other names.
      topic: `${prefix}.message`,
      wants: (name: string) =>
        include.length > 0 ? include.some((it) => it.test(name)) : !exclude.some((it) => it.test(name)),
    },
    isReadOnly: config.boolean('read.only'),
    signalTable: signalTableOf(config),
    signals: {
      file: config.list('signal.enabled.channels').includes('file') ? config.string('signal.file') : null,
      topic: config.list('signal.enabled.channels').includes('kafka')
        ? (config.optionalString('signal.kafka.topic') ?? `${prefix}-signal`)
        : null,
      group: config.string('signal.kafka.groupId'),
      pollMs: config.number('signal.poll.interval.ms'),
    },
    notifications: {
      topic: channels.includes('sink') ? config.optionalString('notification.sink.topic.name') : null,
      isLogged: channels.includes('log'),
    },
    guard: {
      retainedBytesMax: config.number('wal.retained.bytes.max'),
      action: config.string('wal.guard.action'),
    },
  };
}

/** `public.a:FULL;public.b:INDEX b_key` */
function identitiesOf(text: string) {
  return text.split(';').flatMap((entry) => {
    const [table, identity] = entry.split(':').map((part) => part.trim());
    return table && identity ? [{ table: anchored(table), identity }] : [];
  });
}

function typeModes(config: Config, isCompatible: boolean): TypeModes {
  const placeholder = config.string('unavailable.value.placeholder');
  return {
    decimal: config.string('decimal.handling.mode') as DecimalMode,
    time: config.string('time.precision.mode') as TimeMode,
    interval: config.string('interval.handling.mode') as TypeModes['interval'],
    binary: config.string('binary.handling.mode') as TypeModes['binary'],
    hstore: config.string('hstore.handling.mode') as TypeModes['hstore'],
    moneyFractionDigits: config.number('money.fraction.digits'),
    includeUnknown: config.boolean('include.unknown.datatypes'),
    isCompatible,
    unavailable: placeholder.startsWith('hex:')
      ? Buffer.from(placeholder.slice('hex:'.length), 'hex')
      : Buffer.from(placeholder),
  };
}

function contradictions(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const kind of ['schema', 'table', 'column', 'message.prefix']) {
    const [include, exclude] = [`${kind}.include.list`, `${kind}.exclude.list`];
    if (config.list(include).length > 0 && config.list(exclude).length > 0) {
      const message = `Configuration "${include}" and "${exclude}" cannot be used together; keep one of them.`;
      problems.push({ key: exclude, value: config.raw[exclude], message });
    }
  }
  for (const key of Object.keys(config.raw).filter((name) => MASK_KEY.test(name))) {
    const message = maskKeyProblem(key);
    if (message !== null) problems.push({ key, value: config.raw[key], message });
  }
  for (const table of config.list('snapshot.select.statement.overrides')) {
    const key = `snapshot.select.statement.overrides.${table}`;
    if (config.raw[key] !== undefined) continue;
    problems.push({ key, value: null, message: `Configuration "${key}" is missing: the SELECT that reads ${table}.` });
  }
  if (config.string('snapshot.mode') === 'configuration_based') {
    const key = 'snapshot.mode.configuration.based.snapshot.data';
    const [reads, streams] = [config.boolean(key), config.boolean('snapshot.mode.configuration.based.start.stream')];
    const message = `Neither rows nor the stream would be read: set "${key}" or "snapshot.mode.configuration.based.start.stream" to true.`;
    if (!reads && !streams) problems.push({ key, value: 'false', message });
  }
  const wantsTopic = config.list('notification.enabled.channels').includes('sink');
  if (wantsTopic && config.optionalString('notification.sink.topic.name') === null) {
    const message = 'Notifications to a topic need its name: set notification.sink.topic.name.';
    problems.push({ key: 'notification.sink.topic.name', value: null, message });
  }
  return problems;
}

const MASK_KEY = /^column\.(mask|truncate)\./;

/** The database that is read, for messages. */
export function placeOf({ database }: SourceSettings): string {
  return `database "${database.database}" at ${database.host}:${database.port}`;
}

function signalTableOf(config: Config): string | null {
  const isRead = config.list('signal.enabled.channels').includes('source');
  return isRead ? config.optionalString('signal.data.collection') : null;
}
