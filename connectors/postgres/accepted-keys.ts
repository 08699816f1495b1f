/**
 * Keys that existing configs bring along and that have nothing to decide here: accepted, so that the config runs unchanged,
 * with the reason why they have no effect. A key whose other values would mean something we do not do takes its default only.
 */
import type { ConfigDef, ConfigKey, ConfigType } from '../api/index.ts';

type Default = string | number | boolean | null;

/** A key that may have any value. */
const any = (type: ConfigType, value: Default, why: string): ConfigKey => {
  return { type, default: value, importance: 'low', doc: `Accepted; ${why}` };
};

/** A key that may only have this value. */
const only = (type: ConfigType, value: string | number | boolean, why: string): ConfigKey => {
  return { type, default: value, oneOf: [String(value)], importance: 'low', doc: `Only \`${value}\`; ${why}` };
};

const WORKER_RETRIES = 'the worker tries again by itself (`errors.retry.timeout`, `restart.on.failure`).';
const ONE_CONNECTION = 'a task has one connection.';

/** Debezium's source. */
export const acceptedSourceKeys: ConfigDef = {
  'slot.max.retries': any('int', 6, WORKER_RETRIES),
  'slot.retry.delay.ms': any('long', 10_000, WORKER_RETRIES),
  'errors.max.retries': any('int', -1, WORKER_RETRIES),
  'retriable.restart.connector.wait.ms': any('long', 10_000, WORKER_RETRIES),
  'snapshot.lock.timeout.ms': any('long', 10_000, 'tables are never locked.'),
  'snapshot.tables.order.by.row.count': any('string', 'disabled', 'several readers share the largest table.'),
  'snapshot.query.mode': only('string', 'select_all', 'a SELECT of yours is `snapshot.select.statement.overrides`.'),
  'streaming.delay.ms': only('long', 0, 'the stream begins when the snapshot is done.'),
  'read.only': any('boolean', false, 'nothing is written to the database but marks in its WAL.'),
  'lsn.flush.mode': only('string', 'connector', 'what is durable in the log is confirmed.'),
  'lsn.flush.timeout.ms': any('long', 30_000, 'a confirmation is never waited for.'),
  'lsn.flush.timeout.action': any('string', 'fail', 'a confirmation is never waited for.'),
  'xmin.fetch.interval.ms': only('long', 0, '`source.xmin` is null.'),
  'schema.refresh.mode': any('string', 'columns_diff', 'the stream describes every table before its first row.'),
  'topic.naming.strategy': only(
    'class',
    'io.debezium.schema.SchemaTopicNamingStrategy',
    'topics are named prefix.schema.table.',
  ),
  'event.processing.failure.handling.mode': only('string', 'fail', "bad records are `errors.tolerance`'s."),
  'event.converting.failure.handling.mode': any('string', 'warn', "bad records are `errors.tolerance`'s."),
  'custom.metric.tags': any('string', null, 'metrics are named after connector and task.'),
  'statistics.metrics.enabled': any('boolean', true, 'metrics are always counted.'),
  'extended.headers.enabled': any('boolean', true, 'those headers are not written.'),
  'guardrail.collections.max': any('int', 0, 'tables have no bound.'),
  'guardrail.collections.limit.action': any('string', 'warn', 'tables have no bound.'),
  'offset.mismatch.strategy': any(
    'string',
    'no_validation',
    'the stored position is always checked against the server.',
  ),
  'min.row.count.to.stream.results': any('int', 0, 'rows arrive by COPY.'),
};

/** Confluent's JDBC sink. */
export const acceptedConfluentKeys: ConfigDef = {
  'max.retries': any('int', 10, WORKER_RETRIES),
  'retry.backoff.ms': any('int', 3000, WORKER_RETRIES),
  'connection.attempts': any('int', 3, WORKER_RETRIES),
  'connection.backoff.ms': any('long', 10_000, WORKER_RETRIES),
  'dialect.name': {
    type: 'string',
    default: '',
    oneOf: ['', 'PostgreSqlDatabaseDialect'],
    importance: 'low',
    doc: 'Only `PostgreSqlDatabaseDialect`, or nothing; this is the sink for Postgres.',
  },
  'db.timezone.date': any('string', 'none', 'a date has no zone and stays the day it is.'),
  'replace.null.with.default': any('boolean', true, 'what a null becomes is decided by the converter.'),
  'trim.sensitive.log': any('boolean', false, 'values are never logged.'),
  'mssql.use.merge.holdlock': any('boolean', true, 'this is the sink for Postgres.'),
};

/** Debezium's JDBC sink. */
export const acceptedJdbcKeys: ConfigDef = {
  'connection.provider': any('string', null, ONE_CONNECTION),
  'connection.pool.min_size': any('int', 5, ONE_CONNECTION),
  'connection.pool.max_size': any('int', 32, ONE_CONNECTION),
  'connection.pool.acquire_increment': any('int', 32, ONE_CONNECTION),
  'connection.pool.timeout': any('long', 1800, ONE_CONNECTION),
  'connection.restart.on.errors': any('boolean', false, WORKER_RETRIES),
  'flush.max.retries': any('int', 5, WORKER_RETRIES),
  'flush.retry.delay.ms': any('long', 1000, WORKER_RETRIES),
  'use.time.zone': any(
    'string',
    'UTC',
    "no time depends on it, as in Debezium's own sink: an instant is one in any zone, other times have none.",
  ),
  'database.time_zone': any('string', 'UTC', 'the former name of use.time.zone.'),
  'use.reduction.buffer': any('boolean', false, 'the last change of each key in a batch is what is written.'),
  'dialect.postgres.unnest.insert.enabled': any('boolean', false, 'a batch is one statement.'),
  'dialect.postgres.postgis.schema': any('string', 'public', 'types are those of the table.'),
  'dialect.sqlserver.identity.insert': any('boolean', false, 'this is the sink for Postgres.'),
  'cloud.events.schema.name.pattern': only(
    'string',
    '.*CloudEvents\\.Envelope$',
    'CloudEvents are not unwrapped: take the `data` out with a transform (ExtractField).',
  ),
  'table.naming.strategy': {
    type: 'class',
    default: 'io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy',
    oneOf: [
      'io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy',
      'io.debezium.sink.naming.DefaultCollectionNamingStrategy',
    ],
    importance: 'low',
    doc: 'The former name of collection.naming.strategy; only the default. See collection.name.format.',
  },
  'column.naming.strategy': only(
    'class',
    'io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy',
    'columns are named as fields; rename fields with a transform (ReplaceField).',
  ),
};
