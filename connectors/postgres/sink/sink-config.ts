/**
 * The one set of settings that the keys of the sink (sink-keys.ts) become, whichever of its three names they were written for.
 */
import { type Config, ConfigError, type ConfigProblem, javaRegex } from '../../api/index.ts';
import { driverParameters } from './driver-keys.ts';
import { type InsertMode, type KeyMode, PASS_THROUGH, type SinkDialect } from './sink-keys.ts';
import { urlProblem, withParameters } from './sink-url.ts';

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
  /** The column of a value that is a text and no object; null: it is a bad record. */
  readonly textColumn: string | null;
  /** Fields that are instants, counted since 1970 in this unit; empty where schemas say what numbers are. */
  readonly instantFields: readonly string[];
  readonly instantUnit: 'microseconds' | 'nanoseconds';
  /** Values whose schema's name matches are CloudEvents, whose `data` is the value; null looks at none. */
  readonly cloudEvents: RegExp | null;
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

/** The settings a parsed config stands for. Throws ConfigError where keys contradict one another. */
export function sinkSettings(config: Config, dialect: SinkDialect): SinkSettings {
  const words = dialect === 'debezium' ? debeziumWords(config) : confluentWords(config, dialect === 'confluent');
  const problems: ConfigProblem[] = [...keyProblems(words, dialect), ...urlProblems(words)];
  if (problems.length > 0) throw new ConfigError(problems);
  return words;
}

/** What is wrong with a URL that keys beside it make wrong. */
function urlProblems({ url }: SinkSettings): readonly ConfigProblem[] {
  const problem = urlProblem(url);
  if (problem === null) return [];
  return [{ key: 'connection.url', value: null, message: `With the parameters beside it, the URL ${problem}.` }];
}

function keyProblems(words: SinkSettings, dialect: SinkDialect): readonly ConfigProblem[] {
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
  return problems.map((message) => ({ key: 'pk.mode', value: keyMode, message }));
}

function common(config: Config, dialect: SinkDialect) {
  const table = config.string('offsets.table');
  const url = config.string('connection.url');
  const parameters = dialect === 'own' ? new Map<string, string>() : driverParameters(config, dialect);
  return {
    url: withParameters(url, parameters),
    password: () => config.optionalSecret('connection.password')?.reveal() ?? null,
    insertMode: config.string('insert.mode') as InsertMode,
    deletes: config.boolean('delete.enabled'),
    newerBy: config.optionalString('merge.newer.column'),
    offsetsTable: table === '' ? null : table,
    foreignKeyWaitMs: config.number('foreign.key.wait.ms'),
    placeholder: config.string('unavailable.value.placeholder'),
    batchRows: Math.max(1, config.number('batch.size')),
  };
}

function confluentWords(config: Config, isConfluent: boolean): SinkSettings {
  return {
    ...common(config, isConfluent ? 'confluent' : 'own'),
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
    textColumn: isConfluent ? config.string('string.output.value.column.name') : null,
    instantFields: isConfluent ? config.list('timestamp.fields.list') : [],
    instantUnit:
      isConfluent && config.string('timestamp.precision.mode') === 'NANOSECONDS' ? 'nanoseconds' : 'microseconds',
    cloudEvents: null,
  };
}

function debeziumWords(config: Config): SinkSettings {
  const evolves = config.string('schema.evolution') === 'basic';
  const keyMode = config.string('primary.key.mode') as KeyMode;
  const strategy = config.optionalString('table.naming.strategy') ?? config.string('collection.naming.strategy');
  const passesThrough = strategy === PASS_THROUGH;
  const format = config.optionalString('table.name.format') ?? config.string('collection.name.format');
  return {
    ...common(config, 'debezium'),
    user: config.optionalString('connection.username'),
    keyMode,
    // Debezium's own sink reads no names for coordinates.
    keyFields: keyMode === 'kafka' ? [] : config.list('primary.key.fields'),
    creates: evolves,
    evolves,
    validates: config.string('schema.evolution') === 'validate-only',
    declaresRequired: true,
    postgisSchema: config.string('dialect.postgres.postgis.schema'),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder that stands for the topic.
    tableFormat: passesThrough && format === '' ? '${topic}' : format,
    dotsSeparate: passesThrough,
    foldsNames: !config.boolean('quote.identifiers'),
    timeZone: 'UTC',
    truncates: config.boolean('truncate.enabled'),
    fields: config.list('field.include.list'),
    fieldsLeftOut: config.list('field.exclude.list'),
    textColumn: null,
    instantFields: [],
    instantUnit: 'microseconds',
    cloudEvents: javaRegex(config.string('cloud.events.schema.name.pattern')),
  };
}
