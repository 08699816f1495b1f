/**
 * The figures of a task as columns: name, help, and where it stands in the task's books. Kafka Connect's attributes of
 * connector-task, source-task, sink-task and task-error metrics; what is ours alone stands in `ownColumns`.
 */
import type { Task } from './connector-life.ts';

export interface Column {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: (task: Task) => number;
}

const column = (name: string, type: 'counter' | 'gauge', help: string, value: (task: Task) => number): Column => ({
  name,
  type,
  help,
  value,
});

export const taskColumns: readonly Column[] = [
  column('task_batch_size_avg', 'gauge', 'Records per batch.', ({ measures }) => measures.batchSize.average),
  column('task_batch_size_max', 'gauge', 'Records in the largest batch.', ({ measures }) => measures.batchSize.max),
  column(
    'task_offset_commit_avg_time_ms',
    'gauge',
    'Time of an offset commit.',
    ({ measures }) => measures.commitMs.average,
  ),
  column('task_offset_commit_max_time_ms', 'gauge', 'Longest offset commit.', ({ measures }) => measures.commitMs.max),
  column('task_running_ratio', 'gauge', 'Share of its life spent running.', ({ life }) => life.ratio('RUNNING')),
  column('task_pause_ratio', 'gauge', 'Share of its life spent paused.', ({ life }) => life.ratio('PAUSED')),
  column('task_offset_commit_success_percentage', 'gauge', 'Offset commits that succeeded.', ({ measures }) =>
    share(measures.commitMs.count, measures.commitFailures),
  ),
  column('task_offset_commit_failure_percentage', 'gauge', 'Offset commits that failed.', ({ measures }) =>
    share(measures.commitFailures, measures.commitMs.count),
  ),
];

export const errorColumns: readonly Column[] = [
  column('task_error_total_record_failures', 'counter', 'Record failures.', ({ errors }) => errors.recordFailures),
  column(
    'task_error_total_record_errors',
    'counter',
    'Failures that failed the task.',
    ({ errors }) => errors.recordErrors,
  ),
  column('task_error_total_records_skipped', 'counter', 'Records skipped.', ({ errors }) => errors.recordsSkipped),
  column('task_error_total_retries', 'counter', 'Operations tried again.', ({ errors }) => errors.retries),
  column('task_error_total_errors_logged', 'counter', 'Errors logged.', ({ errors }) => errors.errorsLogged),
  column(
    'task_error_deadletterqueue_produce_requests',
    'counter',
    'Writes to the dead letter queue.',
    ({ errors }) => errors.deadLetterRequests,
  ),
  column(
    'task_error_deadletterqueue_produce_failures',
    'counter',
    'Failed writes to it.',
    ({ errors }) => errors.deadLetterFailures,
  ),
  column(
    'task_error_last_error_timestamp',
    'gauge',
    'When a record last failed, ms.',
    ({ errors }) => errors.lastErrorTimestamp,
  ),
];

export const sourceColumns: readonly Column[] = [
  column('source_task_source_record_poll_total', 'counter', 'Records polled.', ({ ledger }) => ledger.read),
  column('source_task_source_record_write_total', 'counter', 'Records written.', ({ ledger }) => ledger.written),
  column('source_task_source_record_poll_rate', 'gauge', 'Records polled per second.', ({ ledger, measures }) =>
    measures.readRate.perSecond(ledger.read),
  ),
  column('source_task_source_record_write_rate', 'gauge', 'Records written per second.', ({ ledger, measures }) =>
    measures.writeRate.perSecond(ledger.written),
  ),
  column(
    'source_task_source_record_active_count_avg',
    'gauge',
    'Records in flight, on average.',
    ({ measures }) => measures.active.average,
  ),
  column('source_task_transaction_size_avg', 'gauge', 'Records of a transaction.', ({ measures }) => {
    return measures.transactionSize.average;
  }),
  column('source_task_transaction_size_min', 'gauge', 'Records of the smallest transaction.', ({ measures }) => {
    return measures.transactionSize.min;
  }),
  column('source_task_transaction_size_max', 'gauge', 'Records of the largest transaction.', ({ measures }) => {
    return measures.transactionSize.max;
  }),
  column('source_task_source_record_active_count', 'gauge', 'Records in flight.', ({ ledger }) => ledger.inFlight),
  column('source_task_source_record_active_count_max', 'gauge', 'Most in flight.', ({ ledger }) => ledger.inFlightMax),
  column('source_task_poll_batch_avg_time_ms', 'gauge', 'Time of a poll.', ({ measures }) => measures.callMs.average),
  column('source_task_poll_batch_max_time_ms', 'gauge', 'Longest poll.', ({ measures }) => measures.callMs.max),
];

export const sinkColumns: readonly Column[] = [
  column('sink_task_sink_record_read_total', 'counter', 'Records read.', ({ ledger }) => ledger.read),
  column('sink_task_sink_record_send_total', 'counter', 'Records put.', ({ ledger }) => ledger.written),
  column('sink_task_sink_record_read_rate', 'gauge', 'Records read per second.', ({ ledger, measures }) =>
    measures.readRate.perSecond(ledger.read),
  ),
  column('sink_task_sink_record_send_rate', 'gauge', 'Records put per second.', ({ ledger, measures }) =>
    measures.writeRate.perSecond(ledger.written),
  ),
  column(
    'sink_task_sink_record_active_count_avg',
    'gauge',
    'Records in flight, on average.',
    ({ measures }) => measures.active.average,
  ),
  column('sink_task_offset_commit_completion_rate', 'gauge', 'Commits per second.', ({ measures }) =>
    measures.commitRate.perSecond(measures.commitMs.count),
  ),
  column('sink_task_offset_commit_skip_rate', 'gauge', 'Skipped commits per second.', ({ measures }) =>
    measures.skipRate.perSecond(measures.commitSkips),
  ),
  column('sink_task_sink_record_active_count', 'gauge', 'Records in flight.', ({ ledger }) => ledger.inFlight),
  column('sink_task_sink_record_active_count_max', 'gauge', 'Most in flight.', ({ ledger }) => ledger.inFlightMax),
  column(
    'sink_task_sink_record_lag_max',
    'gauge',
    'Records behind the end of the log.',
    ({ measures }) => measures.lag,
  ),
  column('sink_task_partition_count', 'gauge', 'Partitions owned.', ({ measures }) => measures.partitions),
  column('sink_task_put_batch_avg_time_ms', 'gauge', 'Time of a put.', ({ measures }) => measures.callMs.average),
  column('sink_task_put_batch_max_time_ms', 'gauge', 'Longest put.', ({ measures }) => measures.callMs.max),
  column('sink_task_offset_commit_seq_no', 'counter', 'Commits so far.', ({ measures }) => measures.commitSequence),
  column(
    'sink_task_offset_commit_completion_total',
    'counter',
    'Commits done.',
    ({ measures }) => measures.commitMs.count,
  ),
  column(
    'sink_task_offset_commit_skip_total',
    'counter',
    'Commits with nothing new.',
    ({ measures }) => measures.commitSkips,
  ),
];

export const ledgerColumns: readonly Column[] = [
  column('ledger_read', 'counter', 'Records taken in.', ({ ledger }) => ledger.read),
  column('ledger_written', 'counter', 'Records delivered.', ({ ledger }) => ledger.written),
  column('ledger_filtered', 'counter', 'Records dropped by a transform.', ({ ledger }) => ledger.filtered),
  column('ledger_dead_lettered', 'counter', 'Records dead-lettered.', ({ ledger }) => ledger.deadLettered),
  column('ledger_skipped', 'counter', 'Bad records skipped.', ({ ledger }) => ledger.skipped),
  column('ledger_released', 'counter', 'Records given back unprocessed.', ({ ledger }) => ledger.released),
  column('ledger_in_flight', 'gauge', 'Records in flight.', ({ ledger }) => ledger.inFlight),
  column('ledger_mismatch', 'gauge', 'Records lost track of: alarm when not 0.', ({ ledger }) => ledger.mismatch()),
  column(
    'lag_seconds',
    'gauge',
    'Age of what was delivered last, while there is more (sinks); of what was written last (sources).',
    ({ measures }) => measures.lagMs / 1_000,
  ),
  column(
    'last_progress_timestamp',
    'gauge',
    'When it last read a record or committed, ms.',
    ({ measures }) => measures.lastProgressAt,
  ),
  column('restarts', 'counter', 'Restarts after failures.', ({ life }) => life.restarts),
];

function share(part: number, rest: number): number {
  return part + rest === 0 ? 0 : part / (part + rest);
}
