/**
 * Kafka Connect's metrics under the names its JMX exporter gives them: `kafka_connect_<group>_<attribute>`.
 *
 * Read from the books of the tasks at each scrape; a failed task keeps its series, and every state of a status is a
 * series of its own with 0 or 1. `millrace_connect_task_ledger_*` are ours.
 */
import type { Task } from './connector-life.ts';
import type { Worker } from './worker.ts';

/** One Prometheus family, ready to be printed. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const connectorStates = ['running', 'paused', 'failed', 'unassigned', 'restarting', 'stopped'];
const taskStates = ['running', 'paused', 'failed', 'unassigned', 'restarting'];

interface Row {
  readonly task: Task;
  readonly labels: Readonly<Record<string, string>>;
}

interface Column {
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

const taskColumns: readonly Column[] = [
  column('task_batch_size_avg', 'gauge', 'Records per batch.', ({ measures }) => measures.batchSize.average),
  column('task_batch_size_max', 'gauge', 'Records in the largest batch.', ({ measures }) => measures.batchSize.max),
  column(
    'task_offset_commit_avg_time_ms',
    'gauge',
    'Time of an offset commit.',
    ({ measures }) => measures.commitMs.average,
  ),
  column('task_offset_commit_max_time_ms', 'gauge', 'Longest offset commit.', ({ measures }) => measures.commitMs.max),
  column('task_offset_commit_success_percentage', 'gauge', 'Offset commits that succeeded.', ({ measures }) =>
    share(measures.commitMs.count, measures.commitFailures),
  ),
  column('task_offset_commit_failure_percentage', 'gauge', 'Offset commits that failed.', ({ measures }) =>
    share(measures.commitFailures, measures.commitMs.count),
  ),
];

const errorColumns: readonly Column[] = [
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

const sourceColumns: readonly Column[] = [
  column('source_task_source_record_poll_total', 'counter', 'Records polled.', ({ ledger }) => ledger.read),
  column('source_task_source_record_write_total', 'counter', 'Records written.', ({ ledger }) => ledger.written),
  column('source_task_source_record_active_count', 'gauge', 'Records in flight.', ({ ledger }) => ledger.inFlight),
  column('source_task_source_record_active_count_max', 'gauge', 'Most in flight.', ({ ledger }) => ledger.inFlightMax),
  column('source_task_poll_batch_avg_time_ms', 'gauge', 'Time of a poll.', ({ measures }) => measures.callMs.average),
  column('source_task_poll_batch_max_time_ms', 'gauge', 'Longest poll.', ({ measures }) => measures.callMs.max),
];

const sinkColumns: readonly Column[] = [
  column('sink_task_sink_record_read_total', 'counter', 'Records read.', ({ ledger }) => ledger.read),
  column('sink_task_sink_record_send_total', 'counter', 'Records put.', ({ ledger }) => ledger.written),
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

const ledgerColumns: readonly Column[] = [
  column('ledger_read', 'counter', 'Records taken in.', ({ ledger }) => ledger.read),
  column('ledger_written', 'counter', 'Records delivered.', ({ ledger }) => ledger.written),
  column('ledger_filtered', 'counter', 'Records dropped by a transform.', ({ ledger }) => ledger.filtered),
  column('ledger_dead_lettered', 'counter', 'Records dead-lettered.', ({ ledger }) => ledger.deadLettered),
  column('ledger_skipped', 'counter', 'Bad records skipped.', ({ ledger }) => ledger.skipped),
  column('ledger_released', 'counter', 'Records given back unprocessed.', ({ ledger }) => ledger.released),
  column('ledger_in_flight', 'gauge', 'Records in flight.', ({ ledger }) => ledger.inFlight),
  column('ledger_mismatch', 'gauge', 'Records lost track of: alarm when not 0.', ({ ledger }) => ledger.mismatch()),
  column('restarts', 'counter', 'Restarts after failures.', ({ life }) => life.restarts),
];

export function collectMetrics(worker: Worker): MetricFamily[] {
  const rows: Row[] = [];
  for (const life of worker.lives()) {
    for (const [id, task] of life.tasks.entries())
      rows.push({ task, labels: { connector: life.name, task: String(id) } });
  }
  const ofType = (type: string) => rows.filter(({ labels }) => worker.typeOf(labels.connector!) === type);
  return [
    ...connectorFamilies(worker),
    statusFamily(
      'kafka_connect_connector_task_status',
      'The state of a task.',
      taskStates,
      rows,
      ({ task }) => task.life.state,
    ),
    ...families('kafka_connect_connector_', taskColumns, rows),
    ...families('kafka_connect_', sourceColumns, ofType('source')),
    ...families('kafka_connect_', sinkColumns, ofType('sink')),
    ...families('kafka_connect_', errorColumns, rows),
    ...families('millrace_connect_task_', ledgerColumns, rows),
  ];
}

function families(prefix: string, columns: readonly Column[], rows: readonly Row[]): MetricFamily[] {
  return columns.map(({ name, help, type, value }) => ({
    name: prefix + name,
    help,
    type,
    samples: rows.map(({ task, labels }) => ({ labels, value: value(task) })),
  }));
}

function statusFamily<T extends { readonly labels: Readonly<Record<string, string>> }>(
  name: string,
  help: string,
  states: readonly string[],
  rows: readonly T[],
  stateOf: (row: T) => string,
): MetricFamily {
  const samples = rows.flatMap((row) => {
    const state = stateOf(row).toLowerCase();
    return states.map((status) => ({ labels: { ...row.labels, status }, value: status === state ? 1 : 0 }));
  });
  return { name, help, type: 'gauge', samples };
}

function connectorFamilies(worker: Worker): MetricFamily[] {
  const rows = worker.names().map((name) => ({ labels: { connector: name }, status: worker.status(name) }));
  const tasks = rows.flatMap(({ status }) => status.tasks);
  const gauge = (name: string, help: string, value: number): MetricFamily => ({
    name: `kafka_connect_worker_${name}`,
    help,
    type: 'gauge',
    samples: [{ labels: {}, value }],
  });
  const counts = (status: string, wanted: (state: string) => boolean): MetricFamily => ({
    name: `kafka_connect_worker_connector_${status}_task_count`,
    help: `Tasks of the connector: ${status}.`,
    type: 'gauge',
    samples: rows.map((row) => ({
      labels: row.labels,
      value: row.status.tasks.filter(({ state }) => wanted(state.toLowerCase())).length,
    })),
  });
  return [
    gauge('connector_count', 'Connectors of this worker.', rows.length),
    gauge('task_count', 'Tasks of this worker.', tasks.length),
    counts('total', () => true),
    ...taskStates.map((each) => counts(each, (state) => state === each)),
    statusFamily(
      'kafka_connect_connector_status',
      'The state of a connector.',
      connectorStates,
      rows,
      (row) => row.status.connector.state,
    ),
    {
      name: 'kafka_connect_connector_info',
      help: 'Type, class and version of a connector.',
      type: 'gauge',
      samples: rows.map(({ labels, status }) => ({
        labels: {
          ...labels,
          connector_type: status.type,
          connector_class: worker.config(status.name)['connector.class'] ?? '',
          connector_version: status.connector.version ?? '',
        },
        value: 1,
      })),
    },
  ];
}

function share(part: number, rest: number): number {
  return part + rest === 0 ? 0 : part / (part + rest);
}
