/**
 * The keys of a worker and of a connector that belong to the runtime, not to a plugin: declared once.
 *
 * Names, defaults and meaning are Kafka Connect's (ConnectorConfig, SourceConnectorConfig, SinkConnectorConfig,
 * WorkerConfig of 4.x). Where a default differs the comment says why; docs/deviations.md lists them.
 */
import { type ConfigDef, type ConfigKey, javaRegexProblem } from '../../connectors/api/index.ts';
import { policyProblem } from './client-overrides.ts';

const optional = (doc: string, type: ConfigKey['type'] = 'string'): ConfigKey => ({
  type,
  default: null,
  doc,
  importance: 'low',
});

/** Given to clients as written. */
const overrides: ConfigDef = {
  'producer.override.*': optional('Producer settings for this connector alone.'),
  'consumer.override.*': optional('Consumer settings for this connector alone.'),
  'admin.override.*': optional('Admin client settings for this connector alone.'),
};

const errorKeys: ConfigDef = {
  'errors.retry.timeout': {
    type: 'long',
    default: 0,
    min: -1,
    doc: 'How long, in ms, a failed operation on a record is tried again; 0 is not at all, -1 for ever.',
    importance: 'medium',
  },
  'errors.retry.delay.max.ms': {
    type: 'long',
    default: 60_000,
    min: 1,
    doc: 'The longest wait between two tries, in ms. The first is 300 ms, each next one twice as long, with jitter.',
    importance: 'medium',
  },
  'errors.tolerance': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'all'],
    doc: 'none: a bad record fails the task. all: it is dead-lettered (or skipped where there is no queue).',
    importance: 'medium',
  },
  'errors.log.enable': { type: 'boolean', default: false, doc: 'Log every tolerated error.', importance: 'medium' },
  'errors.log.include.messages': {
    type: 'boolean',
    default: false,
    doc: 'Log the coordinates of the record with the error.',
    importance: 'medium',
  },
  'errors.deadletterqueue.topic.name': {
    type: 'string',
    default: '',
    doc: 'The topic for bad records; empty is none. Works for sinks and (unlike in Kafka Connect) for sources.',
    importance: 'medium',
  },
  'errors.deadletterqueue.topic.replication.factor': {
    type: 'int',
    // Kafka's 3 cannot be met by one broker; -1 asks the cluster for its own default.
    default: -1,
    min: -1,
    doc: 'Replication factor of that topic when it has to be created; -1 is the default of the cluster.',
    importance: 'medium',
  },
  'errors.deadletterqueue.context.headers.enable': {
    type: 'boolean',
    // Kafka's false leaves dead letters without their cause.
    default: true,
    doc: 'Add the __connect.errors.* headers: where the record came from and why it is here.',
    importance: 'medium',
  },
};

/** What becomes of a task or connector that failed; read by failure-policy.ts. */
export const restartKeys: ConfigDef = {
  'restart.on.failure': {
    type: 'string',
    default: 'transient',
    oneOf: ['transient', 'always', 'never'],
    doc: 'Which failures restart a task by themselves: those that may pass (connection lost, broker away), all, or none.',
    importance: 'medium',
  },
  'restart.backoff.ms': { type: 'long', default: 1_000, min: 1, doc: 'The first wait before such a restart.' },
  'restart.backoff.max.ms': { type: 'long', default: 60_000, min: 1, doc: 'The longest wait before such a restart.' },
  'restart.max.attempts': {
    type: 'int',
    default: -1,
    min: -1,
    doc: 'Restarts in a row, with nothing done in between, before the task stays FAILED; -1: no limit for what may pass, else 10.',
  },
};

const pluginVersions: ConfigDef = Object.fromEntries(
  ['connector', 'key.converter', 'value.converter', 'header.converter'].map((what) => [
    `${what}.plugin.version`,
    {
      ...optional(`Version of the ${what} plugin (KIP-891); the newest when absent.`),
      importance: what === 'connector' ? 'medium' : 'low',
    },
  ]),
);

/** Keys of every connector. */
export const connectorKeys: ConfigDef = {
  name: { type: 'string', doc: 'The name of the connector, unique in the worker.', importance: 'high' },
  'connector.class': { type: 'class', doc: 'The plugin: its name or one of its aliases.', importance: 'high' },
  'tasks.max': { type: 'int', default: 1, min: 1, doc: 'How many tasks it may have at most.', importance: 'high' },
  'tasks.max.enforce': {
    type: 'boolean',
    default: true,
    doc: 'Fail a connector that asks for more tasks than tasks.max (KIP-1004).',
    importance: 'low',
  },
  'key.converter': optional("Writes keys to bytes and back; the worker's when absent.", 'class'),
  'value.converter': optional("Writes values to bytes and back; the worker's when absent.", 'class'),
  'header.converter': optional("Writes header values to bytes and back; the worker's when absent.", 'class'),
  transforms: { type: 'list', default: [], doc: 'Names of the transforms, in the order they apply.' },
  predicates: { type: 'list', default: [], doc: 'Names of the predicates that transforms refer to.' },
  'config.action.reload': {
    type: 'string',
    default: 'restart',
    oneOf: ['restart', 'none'],
    doc: "Whether to start anew when a value from outside has changed; looked at after its provider's param.ttl.ms.",
    importance: 'low',
  },
  'trace.context': {
    type: 'string',
    default: 'carry',
    oneOf: ['carry', 'begin'],
    doc: 'W3C trace headers: carry them from source to sink, or also begin a trace for records of a source that have none.',
    importance: 'low',
  },
  'config.unknown.keys': {
    type: 'string',
    default: 'refuse',
    oneOf: ['refuse', 'warn', 'ignore'],
    doc: 'What to do with keys that nobody declares: refuse the configuration, warn, or ignore as Kafka Connect does.',
    importance: 'low',
  },
  ...errorKeys,
  ...restartKeys,
  ...pluginVersions,
  ...overrides,
};

/** Keys of source connectors, on top. */
export const sourceKeys: ConfigDef = {
  'topic.creation.groups': { type: 'list', default: [], doc: 'Groups of topics created with settings of their own.' },
  'topic.creation.*': optional('Settings of topics that do not exist yet, per group (KIP-158).'),
  'exactly.once.support': {
    type: 'string',
    default: 'requested',
    oneOf: ['requested', 'required'],
    doc: 'required: refuse the connector unless it is exactly once (KIP-618). requested: exactly once where it can be.',
    importance: 'medium',
  },
  'transaction.boundary': {
    type: 'string',
    default: 'poll',
    oneOf: ['poll', 'interval', 'connector'],
    doc: 'Where an exactly-once source ends its transactions: with each poll, after an interval, or where it says so.',
    importance: 'medium',
  },
  'transaction.boundary.interval.ms': {
    ...optional('For transaction.boundary=interval; offset.flush.interval.ms of the worker when absent.', 'long'),
    min: 1,
  },
  'offsets.storage.topic': optional('A topic of its own for the source offsets of this connector.'),
};

/** Keys of sink connectors, on top. */
export const sinkKeys: ConfigDef = {
  topics: {
    type: 'list',
    default: [],
    doc: 'The topics to read. Give either this or topics.regex.',
    importance: 'high',
  },
  'topics.regex': {
    type: 'string',
    default: '',
    doc: 'Reads every topic whose whole name matches. Give either this or topics.',
    importance: 'high',
    validate: (value) => javaRegexProblem(String(value)),
  },
};

/** Keys of one transform in a chain, beside those of its plugin; the prefix is `transforms.<alias>.`. */
export const transformKeys: ConfigDef = {
  type: { type: 'class', doc: 'The transform.', importance: 'high' },
  predicate: {
    ...optional('The predicate that decides whether the transform applies to a record.'),
    importance: 'medium',
  },
  negate: { type: 'boolean', default: false, doc: 'Apply where the predicate says no.', importance: 'medium' },
  'plugin.version': optional('KIP-891.'),
};

/** Keys of one predicate, beside those of its plugin; the prefix is `predicates.<alias>.`. */
export const predicateKeys: ConfigDef = {
  type: { type: 'class', doc: 'The predicate.', importance: 'high' },
  'plugin.version': optional('KIP-891.'),
};

/** Keys of the worker. */
export const workerKeys: ConfigDef = {
  'group.id': { type: 'string', default: 'millrace', doc: 'Names this group of workers.' },
  'key.converter': { type: 'class', default: 'JsonConverter', doc: 'For connectors that name none.' },
  'value.converter': { type: 'class', default: 'JsonConverter', doc: 'For connectors that name none.' },
  'header.converter': { type: 'class', default: 'SimpleHeaderConverter', doc: 'For connectors that name none.' },
  'config.storage.topic': { type: 'string', default: 'connect-configs', doc: 'Where connector configs are kept.' },
  'offset.storage.topic': { type: 'string', default: 'connect-offsets', doc: 'Where source offsets are kept.' },
  'status.storage.topic': { type: 'string', default: 'connect-status', doc: 'Where statuses are kept.' },
  'secrets.storage.topic': {
    type: 'string',
    default: 'connect-secrets',
    doc: 'Where encrypted secrets are kept; created with the first.',
  },
  'secrets.key.file': {
    type: 'string',
    default: null,
    doc: 'The keys that open the secrets, in base64 or hex, one a line; the first encrypts. MILLRACE_SECRETS_KEY in the environment wins. `millrace up` keeps it in the data directory.',
  },
  'config.storage.replication.factor': { type: 'int', default: -1, min: -1, doc: '-1: the default of the cluster.' },
  // Kafka's 25 and 5 partitions spread load over a cluster; one process has nothing to spread.
  'offset.storage.partitions': { type: 'int', default: 1, min: 1, doc: 'Partitions of a new offsets topic.' },
  'offset.storage.replication.factor': { type: 'int', default: -1, min: -1, doc: '-1: the default of the cluster.' },
  'status.storage.partitions': { type: 'int', default: 1, min: 1, doc: 'Partitions of a new status topic.' },
  'status.storage.replication.factor': { type: 'int', default: -1, min: -1, doc: '-1: the default of the cluster.' },
  'exactly.once.source.support': {
    type: 'string',
    // Kafka's default is off, because every worker of a cluster has to be ready for it; here nobody is left behind.
    default: 'enabled',
    oneOf: ['disabled', 'preparing', 'enabled'],
    doc: 'enabled: sources that can be exactly once write in transactions (KIP-618). preparing: not yet, as in Kafka.',
    importance: 'high',
  },
  'connector.client.config.override.policy': {
    type: 'string',
    default: 'All',
    validate: policyProblem,
    doc: 'Which producer., consumer. and admin.override keys connectors may use: All, None, Principal or Allowlist.',
  },
  'connector.client.config.override.allowlist': {
    type: 'list',
    default: [],
    doc: 'The client settings that the policy Allowlist lets connectors override (KIP-1188).',
  },
  'offset.flush.interval.ms': {
    type: 'long',
    // Kafka's 60 s replay a minute after a crash. One small append per second and task is too little to measure.
    default: 1_000,
    min: 10,
    doc: 'How often source offsets are written, and sink offsets committed, in ms.',
  },
  'offset.flush.timeout.ms': { type: 'long', default: 5_000, min: 1, doc: 'How long such a write may take.' },
  'task.shutdown.graceful.timeout.ms': {
    type: 'long',
    default: 5_000,
    min: 1,
    doc: 'How long all tasks together may take to flush and stop.',
  },
  'session.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 1,
    doc: 'A worker on a cluster that has not heard from it for so long asks whether another has taken over before it writes, ms.',
  },
  'heartbeat.interval.ms': { type: 'int', default: 3_000, min: 1, doc: 'How often it asks, in ms.' },
  'topic.creation.enable': { type: 'boolean', default: true, doc: 'Create the topics of source connectors.' },
  'topic.tracking.enable': { type: 'boolean', default: true, doc: 'Remember which topics a connector uses (KIP-558).' },
  'topic.tracking.allow.reset': { type: 'boolean', default: true, doc: 'Allow PUT /connectors/{c}/topics/reset.' },
  'plugin.path': {
    type: 'list',
    default: [],
    doc: 'Plugins of others: modules (.js, .mjs, .ts), package folders, folders of these, or names of installed npm packages.',
  },
  'plugin.blocked.ms': {
    type: 'int',
    // Long enough for a batch that is worked through in one go, short enough to be felt by everybody else.
    default: 500,
    min: 50,
    doc: 'A plugin of plugin.path that keeps the event loop to itself for longer is named in log, status and metrics.',
  },
  'config.providers': {
    type: 'list',
    default: ['file', 'directory', 'env'],
    doc: 'Who resolves references to secrets.',
  },
};

/** The same declarations under a prefix (`transforms.route.`, `producer.override.`). */
export function withPrefix(def: ConfigDef, prefix: string): ConfigDef {
  if (prefix === '') return def;
  return Object.fromEntries(Object.entries(def).map(([key, declared]) => [prefix + key, declared]));
}
