/**
 * Kafka Connect's metrics under the names its JMX exporter gives them: `kafka_connect_<group>_<attribute>`.
 *
 * Read from the books of the tasks at each scrape; a failed task keeps its series, and every state of a status is a
 * series of its own with 0 or 1. `millrace_connect_task_ledger_*` are ours.
 */
import type { Task } from './connector-life.ts';
import { failureCauses } from './failure-policy.ts';
import type { Startups } from './measure.ts';
import { type Column, errorColumns, ledgerColumns, sinkColumns, sourceColumns, taskColumns } from './metric-columns.ts';
import { pluginFamilies } from './plugin-metrics.ts';
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

export function collectMetrics(worker: Worker): MetricFamily[] {
  const rows: Row[] = [];
  for (const life of worker.lives()) {
    for (const [id, task] of life.tasks.entries())
      rows.push({ task, labels: { connector: life.name, task: String(id) } });
  }
  const ofType = (type: string) => rows.filter(({ labels }) => worker.typeOf(labels.connector!) === type);
  return [
    ...startupFamilies('connector', worker.services.measures.connectors),
    ...startupFamilies('task', worker.services.measures.tasks),
    ...rebalanceFamilies(worker),
    ...connectorFamilies(worker),
    statusFamily(
      'kafka_connect_connector_task_status',
      'The state of a task.',
      taskStates,
      rows,
      ({ task }) => task.life.state,
    ),
    ...families('kafka_connect_connector_', taskColumns, rows),
    ...pluginFamilies(rows.map(({ labels, task: { plan } }) => ({ labels, plan }))),
    ...families('kafka_connect_', sourceColumns, ofType('source')),
    ...ownFamilies('source', ofType('source')),
    ...families('kafka_connect_', sinkColumns, ofType('sink')),
    ...ownFamilies('sink', ofType('sink')),
    ...families('kafka_connect_', errorColumns, rows),
    ...families('millrace_connect_task_', ledgerColumns, rows),
    failureFamily(rows),
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

/** What tasks count and measure themselves. */
function ownFamilies(type: 'source' | 'sink', rows: readonly Row[]): MetricFamily[] {
  const samples = (figuresOf: (task: Task) => Iterable<readonly [figure: string, value: number]>) =>
    rows.flatMap(({ task, labels }) =>
      [...figuresOf(task)].map(([figure, value]) => ({ labels: { ...labels, figure }, value })),
    );
  const name = `millrace_connect_${type}_task_own`;
  const [counted, measured] = [samples(({ measures }) => measures.own), samples(({ measures }) => measures.gauges())];
  return [
    { name: `${name}_total`, help: 'Figures of a connector of its own: counted.', type: 'counter', samples: counted },
    { name, help: 'Figures of a connector of its own: as they are now.', type: 'gauge', samples: measured },
  ];
}

/** How often tasks failed, and why. */
function failureFamily(rows: readonly Row[]): MetricFamily {
  const samples = rows.flatMap(({ task, labels }) =>
    failureCauses.map((cause) => ({ labels: { ...labels, cause }, value: task.failures.counts[cause] })),
  );
  return { name: 'millrace_connect_task_failures', help: 'Failures of the task, by cause.', type: 'counter', samples };
}

function workerFamily(name: string, type: 'counter' | 'gauge', help: string, value: number): MetricFamily {
  return { name: `kafka_connect_worker_${name}`, help, type, samples: [{ labels: {}, value }] };
}

/** Attempts to start connectors and tasks since the worker started. */
function startupFamilies(what: 'connector' | 'task', { attempts, successes, failures }: Startups): MetricFamily[] {
  const ended = Math.max(1, successes + failures);
  return [
    workerFamily(`${what}_startup_attempts_total`, 'counter', `Starts of a ${what}.`, attempts),
    workerFamily(`${what}_startup_success_total`, 'counter', `Starts of a ${what} that succeeded.`, successes),
    workerFamily(`${what}_startup_failure_total`, 'counter', `Starts of a ${what} that failed.`, failures),
    workerFamily(`${what}_startup_success_percentage`, 'gauge', 'Share of them that succeeded.', successes / ended),
    workerFamily(`${what}_startup_failure_percentage`, 'gauge', 'Share of them that failed.', failures / ended),
  ];
}

/**
 * What a group of one worker has to say: it took everything over when it started, leads itself, and never again deals
 * its work out anew, whatever is created or changed.
 */
function rebalanceFamilies(worker: Worker): MetricFamily[] {
  const { startMs, startedAt } = worker.services.measures;
  const isDone = startedAt !== null;
  const family = (name: string, type: 'counter' | 'gauge', help: string, value: number) =>
    workerFamily(`rebalance_${name}`, type, help, value);
  const leader = family('leader_info', 'gauge', 'Who leads the workers, and by which protocol.', 1);
  const labels = { leader_name: `http://${worker.services.statuses.workerId}/`, connect_protocol: 'sessioned' };
  return [
    { ...leader, samples: [{ labels, value: 1 }] },
    family('completed_rebalances_total', 'counter', 'Rebalances of this worker: its start.', isDone ? 1 : 0),
    family('epoch', 'gauge', 'Generation of the workers.', isDone ? 1 : 0),
    family('rebalancing', 'gauge', 'Whether this worker is still taking its connectors over.', isDone ? 0 : 1),
    family('rebalance_avg_time_ms', 'gauge', 'Time it took to take them over.', startMs),
    family('rebalance_max_time_ms', 'gauge', 'The longest.', startMs),
    family(
      'time_since_last_rebalance_ms',
      'gauge',
      'Time since.',
      startedAt === null ? Number.POSITIVE_INFINITY : Date.now() - startedAt,
    ),
  ];
}
