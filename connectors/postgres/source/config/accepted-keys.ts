/**
 * Keys that existing configs bring along and that have nothing to decide here: accepted, so that the config runs unchanged,
 * with the reason why they have no effect. A key whose other values would mean something we do not do takes its default only.
 */
import type { ConfigDef } from '../../../api/index.ts';
import { any, only, refused, WORKER_RETRIES, word } from '../../key-kinds.ts';

const NO_LINEAGE = 'lineage is not emitted, and `openlineage.integration.enabled` may only be false.';

/** Debezium's source. */
export const acceptedSourceKeys: ConfigDef = {
  'slot.max.retries': any('int', 6, WORKER_RETRIES),
  'slot.retry.delay.ms': any('long', 10_000, WORKER_RETRIES),
  'retriable.restart.connector.wait.ms': any('long', 10_000, WORKER_RETRIES),
  'snapshot.tables.order.by.row.count': word(
    ['disabled', 'ascending', 'descending'],
    'several readers share the largest table.',
  ),
  'snapshot.query.mode': only('string', 'select_all', 'a SELECT of yours is `snapshot.select.statement.overrides`.'),
  'lsn.flush.timeout.ms': any('long', 30_000, 'a confirmation is never waited for.'),
  'lsn.flush.timeout.action': word(['fail', 'warn', 'ignore'], 'a confirmation is never waited for.'),
  'schema.refresh.mode': word(
    ['columns_diff', 'columns_diff_exclude_unchanged_toast'],
    'the stream describes every table before its first row.',
  ),
  'topic.naming.strategy': only(
    'class',
    'io.debezium.schema.SchemaTopicNamingStrategy',
    'topics are named prefix.schema.table.',
  ),
  'event.processing.failure.handling.mode': only(
    'string',
    'fail',
    'a bad record is for `errors.tolerance`: `all` goes on behind it, and a dead letter topic keeps it.',
  ),
  'event.converting.failure.handling.mode': word(
    ['warn', 'fail', 'skip'],
    'no value fails to be converted; a bad record is for `errors.tolerance`.',
  ),
  'custom.metric.tags': any('list', null, 'metrics are named after connector and task.'),
  'statistics.metrics.enabled': any('boolean', true, 'metrics are always counted.'),
  'poll.dispatch.interval.ms': any('long', 0, 'records do not wait here.'),
  'query.fetch.size': any('int', 0, 'rows arrive by COPY.'),
  'queue.provider.type': only('string', 'memory', 'Java classes cannot run here; the bound of the queue is in bytes.'),
  'snapshot.max.threads.multiplier': any('int', 1, 'ranges are cut by pages.'),
  'legacy.snapshot.max.threads': any('boolean', false, 'several readers share a table.'),
  'snapshot.database.errors.max.retries': any('int', 0, WORKER_RETRIES),
  'connection.validation.timeout.ms': any('long', 60_000, '`check` and the start tell what is wrong.'),
  'executor.shutdown.timeout.ms': any(
    'long',
    4000,
    'the worker has a deadline of its own (`task.shutdown.graceful.timeout.ms`).',
  ),
  'incremental.snapshot.allow.schema.changes': any(
    'boolean',
    false,
    'the shape of a table is looked at for every chunk.',
  ),
  'signal.emit.failure.max.retries': any('int', 0, 'marks are written to the WAL, and again where that fails.'),
  'signal.emit.failure.backoff.ms': any('long', 10_000, 'marks are written to the WAL, and again where that fails.'),
  'signal.kafka.bootstrap.servers': any('list', null, 'the signal topic is in the log that the worker writes to.'),
  'signal.kafka.poll.timeout.ms': any('int', 0, 'signals are read in the background.'),
  'signal.consumer.*': any('string', null, 'the signal topic is read with the client of the worker.'),
  'topic.cache.size': any('int', 10_000, 'a topic is named once per table.'),
  'include.schema.changes': any('boolean', true, 'as with Debezium, Postgres has no topic of schema changes.'),
  'include.schema.comments': any('boolean', false, 'comments are in no record.'),
  'transaction.metadata.factory': only(
    'class',
    'io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory',
    'Java classes cannot run here.',
  ),
  'sourceinfo.struct.maker': only(
    'class',
    'io.debezium.connector.postgresql.PostgresSourceInfoStructMaker',
    'Java classes cannot run here.',
  ),
  converters: refused(
    'Java classes cannot run here. Type modes (`decimal.handling.mode` and its like), masks and transforms change values; `include.unknown.datatypes` takes types without a mapping as text.',
  ),
  'post.processors': refused(
    'Java classes cannot run here. What ReselectColumnsPostProcessor does is `unavailable.value.lookup`: `log` (exact) or `table` (as of now), without the keys of the processor.',
  ),
  'snapshot.mode.custom.name': refused('Java classes cannot run here: choose one of the modes of `snapshot.mode`.'),
  'snapshot.query.mode.custom.name': refused(
    'Java classes cannot run here: a SELECT of yours is `snapshot.select.statement.overrides`.',
  ),
  'snapshot.locking.mode.custom.name': refused(
    'Java classes cannot run here: a table is locked against changes of its shape while its rows are read.',
  ),
  'database.sslfactory': refused(
    'Java classes cannot run here: `database.sslmode` and the files of `database.sslrootcert`, `database.sslcert` and `database.sslkey` say what a factory would.',
  ),
  'notification.http.url': refused('an HTTP sink of the topic of notifications delivers them.'),
  'notification.http.timeout.ms': any('int', 5000, 'there is no such channel.'),
  'notification.http.retries': any('int', 2, 'there is no such channel.'),
  'notification.http.allow.private.networks': any('boolean', false, 'there is no such channel.'),
  'database.include.list': any('list', null, 'as with Debezium, a connector reads the one in `database.dbname`.'),
  'database.exclude.list': any('list', null, 'as with Debezium, a connector reads the one in `database.dbname`.'),
  'custom.sanitize.pattern': any('string', null, 'configs are not logged, and passwords are never shown.'),
  'memory.management.schemas.class': only(
    'class',
    'io.debezium.relational.ConcurrentMapTableMappingStorage',
    'Java classes cannot run here.',
  ),
  'memory.management.tables.class': only(
    'class',
    'io.debezium.relational.ConcurrentMapTableMappingStorage',
    'Java classes cannot run here.',
  ),
  'openlineage.integration.enabled': only('boolean', false, 'lineage is not emitted.'),
  'openlineage.integration.config.file.path': any('string', './openlineage.yml', NO_LINEAGE),
  'openlineage.integration.dataset.kafka.bootstrap.servers': any('string', null, NO_LINEAGE),
  'openlineage.integration.job.description': any('string', 'Debezium change data capture job', NO_LINEAGE),
  'openlineage.integration.job.namespace': any('string', null, NO_LINEAGE),
  'openlineage.integration.job.owners': any('list', null, NO_LINEAGE),
  'openlineage.integration.job.tags': any('list', null, NO_LINEAGE),
  'min.row.count.to.stream.results': any('int', 0, 'rows arrive by COPY.'),
};
