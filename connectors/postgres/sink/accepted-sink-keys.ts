/**
 * Keys of the JDBC sinks of Confluent and Debezium that have nothing to decide here: accepted, so that a config runs unchanged,
 * with the reason why they have no effect. A key whose other values would mean something we do not do takes its default only.
 */
import type { ConfigDef } from '../../api/index.ts';
import { any, only, WORKER_RETRIES, word } from '../key-kinds.ts';

const ONE_CONNECTION = 'a task has one connection.';
const NOT_POSTGRES = 'this is the sink for Postgres.';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: what users write.
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
  'date.timezone': word(['DB_TIMEZONE', 'UTC'], 'a date has no zone and stays the day it is, as with `UTC`.'),
  'date.calendar.system': word(
    ['LEGACY', 'PROLEPTIC_GREGORIAN'],
    "days are those of Postgres' calendar, which is Gregorian throughout.",
  ),
  'jdbc.credentials.provider.class': only(
    'class',
    'io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider',
    'Java classes cannot run here: `connection.password` may be a reference to a secret (`${file:…}`, `${env:…}`).',
  ),
  'replace.null.with.default': any('boolean', true, 'what a null becomes is decided by the converter.'),
  'trim.sensitive.log': any('boolean', false, 'values are never logged.'),
  'mssql.use.merge.holdlock': any('boolean', true, NOT_POSTGRES),
};

/** Debezium's JDBC sink. */
export const acceptedJdbcKeys: ConfigDef = {
  'connection.provider': any('string', 'org.hibernate.c3p0.internal.C3P0ConnectionProvider', ONE_CONNECTION),
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
  'keyed.message.batch.mode': any(
    'string',
    'deduplication',
    'the last change of each key in a batch is what is written, which is where passing all of them through ends, too.',
  ),
  'dialect.postgres.unnest.insert.enabled': any('boolean', false, 'a batch is one statement.'),
  'dialect.sqlserver.identity.insert': any('boolean', false, NOT_POSTGRES),
  'collection.table.format': any('string', '${table}', "nothing reads it in Debezium's own sink either."),
  'column.naming.strategy': only(
    'class',
    'io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy',
    'Java classes cannot run here: columns are named as fields, and a transform renames fields (FieldNameTransformation, ReplaceField).',
  ),
};
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: until here.
