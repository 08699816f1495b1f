/** The worker's figures under Kafka Connect's names: which there are, what they say, and that a failure does not end them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, harness, range, steeredSink, steeredSource } from './harness.ts';
import { SampledRate } from './measure.ts';

/** Attributes of Kafka Connect's MBeans (ConnectMetricsRegistry of 4.x), as its Prometheus exporters write them. */
const expected = [
  ...['connector_count', 'task_count', 'connector_startup_attempts_total', 'connector_startup_success_total'],
  ...['connector_startup_failure_total', 'connector_startup_success_percentage', 'task_startup_attempts_total'],
  ...['task_startup_success_total', 'task_startup_failure_total', 'task_startup_failure_percentage'],
  ...['rebalance_completed_rebalances_total', 'rebalance_rebalancing', 'connector_running_task_count'],
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
