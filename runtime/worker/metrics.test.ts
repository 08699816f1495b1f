/** The worker's figures under Kafka Connect's names: which there are, what they say, and that a failure does not end them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plugin } from '../../connectors/api/index.ts';
import { eventually, harness, range, steeredSink, steeredSource } from './harness.ts';
import { SampledRate } from './measure.ts';

/** Attributes of Kafka Connect's MBeans (ConnectMetricsRegistry of 4.x), as its Prometheus exporters write them. */
const expected = [
  ...['connector_count', 'task_count', 'connector_startup_attempts_total', 'connector_startup_success_total'],
  ...['connector_startup_failure_total', 'connector_startup_success_percentage', 'task_startup_attempts_total'],
  ...['task_startup_success_total', 'task_startup_failure_total', 'task_startup_failure_percentage'],
  ...['rebalance_completed_rebalances_total', 'rebalance_rebalancing', 'connector_running_task_count'],
  ...['rebalance_epoch', 'rebalance_rebalance_avg_time_ms', 'rebalance_time_since_last_rebalance_ms'],
]
  .map((name) => `kafka_connect_worker_${name}`)
  .concat(
    ['running_ratio', 'pause_ratio', 'batch_size_avg', 'batch_size_max', 'offset_commit_avg_time_ms'].map(
      (name) => `kafka_connect_connector_task_${name}`,
    ),
    [
      'poll_total',
      'poll_rate',
      'write_total',
      'write_rate',
      'active_count',
      'active_count_avg',
      'active_count_max',
    ].map((name) => `kafka_connect_source_task_source_record_${name}`),
    ['min', 'max', 'avg'].map((name) => `kafka_connect_source_task_transaction_size_${name}`),
    ['read_total', 'read_rate', 'send_total', 'send_rate', 'active_count_avg', 'lag_max'].map(
      (name) => `kafka_connect_sink_task_sink_record_${name}`,
    ),
    ['seq_no', 'completion_total', 'completion_rate', 'skip_total', 'skip_rate'].map(
      (name) => `kafka_connect_sink_task_offset_commit_${name}`,
    ),
    [
      'total_record_failures',
      'total_record_errors',
      'total_records_skipped',
      'total_retries',
      'last_error_timestamp',
    ].map((name) => `kafka_connect_task_error_${name}`),
  );

test('every figure has Kafka Connect’s name, and counts what was done, also after the task has failed', async (t) => {
  const source = steeredSource({ exactlyOnceSupport: () => 'supported' });
  const sink = steeredSink();
  const { create, running, values } = await harness(t, [source.plugin, sink.plugin]);
  source.values.push(...range(30));
  await create('from', { 'connector.class': 'SteeredSource' });
  await create('to', { 'connector.class': 'SteeredSink', topics: 'out' });
  await eventually(() => assert.deepEqual(sink.received, range(30)));
  const figure = (name: string, labels: Record<string, string> = {}) => {
    const family = running.collect().find((each) => each.name === name);
    assert.ok(family, `${name} is missing`);
    const isWanted = (of: Readonly<Record<string, string>>) =>
      Object.keys(labels).every((key) => of[key] === labels[key]);
    return family.samples.find((sample) => isWanted(sample.labels))?.value;
  };
  for (const name of expected) figure(name);
  await eventually(() => assert.equal(figure('kafka_connect_source_task_source_record_write_total'), 30));
  assert.ok(figure('kafka_connect_source_task_source_record_poll_rate')! > 0);
  assert.ok(figure('kafka_connect_source_task_transaction_size_max')! >= 10);
  assert.equal(figure('kafka_connect_sink_task_sink_record_send_total'), 30);
  assert.equal(figure('kafka_connect_worker_task_startup_success_total'), 2);
  assert.ok(figure('kafka_connect_connector_task_running_ratio', { connector: 'to' })! > 0);
  // The steered source stamps its records with a day in 2023.
  assert.ok(figure('millrace_connect_task_lag_seconds', { connector: 'from' })! > 86_400);

  source.values.push('bad one');
  await eventually(() => assert.equal(running.worker.status('from').tasks[0]?.state, 'FAILED'));
  assert.equal(figure('kafka_connect_source_task_source_record_write_total'), 30);
  assert.equal(figure('kafka_connect_connector_task_status', { connector: 'from', status: 'failed' }), 1);
  assert.equal(figure('kafka_connect_task_error_total_record_errors', { connector: 'from' }), 1);
  assert.equal(values('out').length, 30);
});

test('a rate is over the last half minute, whoever looks how often', () => {
  const rate = new SampledRate(0);
  assert.equal(rate.perSecond(0, 0), 0);
  assert.equal(rate.perSecond(100, 10_000), 10);
  assert.equal(rate.perSecond(100, 10_001), 100_000 / 10_001);
  for (let second = 11; second <= 60; second++) rate.perSecond(100, second * 1_000);
  assert.equal(rate.perSecond(100, 60_000), 0);
});

test('a worker alone says of rebalances what is so: one, at its start', async (t) => {
  const { running, create } = await harness(t, [steeredSource().plugin]);
  await create('s', { 'connector.class': 'SteeredSource' });
  const sample = (name: string) =>
    running.collect().find((each) => each.name === `kafka_connect_worker_rebalance_${name}`)!.samples[0]!;
  assert.equal(sample('completed_rebalances_total').value, 1);
  assert.equal(sample('epoch').value, 1);
  assert.equal(sample('rebalancing').value, 0);
  assert.ok(sample('rebalance_max_time_ms').value > 0);
  assert.ok(sample('time_since_last_rebalance_ms').value < 60_000);
  assert.equal(sample('leader_info').labels.leader_name, `${running.url}/`);
});

test('each task, transform and predicate says of which class and version it is (KIP-891)', async (t) => {
  const never: Plugin = {
    type: 'predicate',
    class: 'Never',
    version: '7.0',
    config: {},
    create: () => ({ configure() {}, test: () => false }),
  };
  const { running, create } = await harness(t, [steeredSource().plugin, never]);
  await create('s', {
    'connector.class': 'org.example.SteeredSourceConnector',
    'tasks.max': '2',
    transforms: 'a,b',
    'transforms.a.type': 'DropSome',
    'transforms.a.predicate': 'p',
    'transforms.b.type': 'DropSome',
    'transforms.b.predicate': 'p',
    predicates: 'p',
    'predicates.p.type': 'Never',
  });
  const labels = (what: string) => {
    const family = running.collect().find(({ name }) => name === `kafka_connect_connector_${what}_info`);
    return family!.samples.map((sample) => sample.labels);
  };
  const drop = { connector: 's', transform_class: 'DropSome', transform_version: '1' };
  const text = { class: 'TextConverter', version: '1' };
  assert.deepEqual(labels('transform'), [
    { ...drop, task: '0', transform: 'a' },
    { ...drop, task: '0', transform: 'b' },
    { ...drop, task: '1', transform: 'a' },
    { ...drop, task: '1', transform: 'b' },
  ]);
  assert.deepEqual(labels('predicate')[0], {
    connector: 's',
    task: '0',
    predicate: 'p',
    predicate_class: 'Never',
    predicate_version: '7.0',
  });
  assert.equal(labels('predicate').length, 2, 'one a task, however often it is referred to');
  assert.deepEqual(labels('task')[1], {
    connector: 's',
    task: '1',
    connector_type: 'source',
    connector_class: 'SteeredSource',
    connector_version: '1.2.3',
    task_class: 'SteeredSource',
    task_version: '1.2.3',
    key_converter_class: text.class,
    key_converter_version: text.version,
    value_converter_class: text.class,
    value_converter_version: text.version,
    header_converter_class: 'TextHeaderConverter',
    header_converter_version: '1',
  });
});

test('a task’s own figures stand in its status and in the metrics while it lives; what cannot be told is left out', async (t) => {
  const source = steeredSource();
  const sink = steeredSink();
  const { create, running } = await harness(t, [source.plugin, sink.plugin]);
  let level: number | null = 7;
  source.onPoll = (context) => {
    context.gauge?.('level', () => level);
    context.gauge?.('broken', () => {
      throw new Error('It does not know.');
    });
    context.gauge?.('endless', () => Number.POSITIVE_INFINITY);
  };
  source.onRecords = (records, context) => context.count?.('taken', records.length);
  source.values.push(...range(3));
  await create('from', { 'connector.class': 'SteeredSource' });
  await create('to', { 'connector.class': 'SteeredSink', topics: 'out' });
  await eventually(() => assert.equal(sink.received.length, 3));
  sink.context!.gauge?.('open', () => 2);
  sink.context!.count?.('rows', 3);
  const figures = (name: string) => running.worker.status(name).tasks[0]!.figures;
  const samples = (name: string) => running.collect().find((family) => family.name === name)!;
  assert.deepEqual(figures('from'), { level: 7, taken: 3 });
  assert.deepEqual(figures('to'), { open: 2, rows: 3 });
  const labels = { connector: 'from', task: '0', figure: 'level' };
  assert.deepEqual(samples('millrace_connect_source_task_own').samples, [{ labels, value: 7 }]);
  assert.equal(samples('millrace_connect_source_task_own').type, 'gauge');
  assert.equal(samples('millrace_connect_sink_task_own').samples[0]!.value, 2);
  assert.equal(samples('millrace_connect_sink_task_own_total').samples[0]!.value, 3);
  level = null;
  assert.deepEqual(figures('from'), { taken: 3 });

  source.onPoll = () => {
    throw new Error('It ends.');
  };
  level = 8;
  await eventually(() => assert.equal(running.worker.status('from').tasks[0]!.state, 'FAILED'));
  assert.deepEqual(figures('from'), { taken: 3 });
});
