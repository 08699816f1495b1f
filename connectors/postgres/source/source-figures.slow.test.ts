/** The source's figures against a real server: in the status and the metrics of a worker, and from the task itself. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually, harness } from '../../../runtime/worker/harness.ts';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../test/kit/postgres.ts';
import type { SourceOffset } from '../../api/index.ts';
import { catalogue } from '../../catalogue.ts';
import { startSource, stopAll } from './source-harness.ts';

const ROWS = 3000;
const tables = `CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY);
  INSERT INTO t SELECT i, 0 FROM generate_series(1, ${ROWS}) i; INSERT INTO u VALUES (1);`;

describe('figures of the source', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  test('a snapshot that is held up shows in the status and the metrics how far it is, how fast and how long', async (t) => {
    const { client, config } = await sourceDatabase(server, tables);
    await client.query('ANALYZE');
    const { create, running } = await harness(t, catalogue, {
      config: { 'key.converter': 'JsonConverter', 'value.converter': 'JsonConverter' },
    });
    // At this pace it would take minutes: it is underway whenever somebody looks.
    const slow = { 'max.batch.size': '10', 'snapshot.max.rows.per.second': '10' };
    await create('shop', { 'connector.class': 'PostgresSource', ...config, ...slow });
    const figures = await eventually(() => {
      const shown = running.worker.status('shop').tasks[0]?.figures ?? {};
      assert.ok(shown.snapshot_rows! >= 20 && shown.snapshot_rows_per_second! > 0);
      return shown;
    });
    assert.equal(figures.snapshot_running, 1);
    assert.equal(figures.snapshot_rows_expected, ROWS + 1);
    assert.ok(figures.snapshot_rows! < ROWS);
    assert.ok(figures.snapshot_seconds_left! > 0);
    assert.equal(figures.total_table_count, 2);
    assert.ok(figures.remaining_table_count! >= 1);
    const family = running.collect().find(({ name }) => name === 'millrace_connect_source_task_own')!;
    assert.equal(family.type, 'gauge');
    const sample = family.samples.find(({ labels }) => labels.figure === 'snapshot_rows')!;
    assert.deepEqual(sample.labels, { connector: 'shop', task: '0', figure: 'snapshot_rows' });
    assert.ok(sample.value >= figures.snapshot_rows!);

    await running.worker.setTarget('shop', 'STOPPED');
    await eventually(() => assert.equal(running.worker.status('shop').connector.state, 'STOPPED'));
    assert.equal(running.worker.status('shop').tasks[0]?.figures?.snapshot_rows, undefined);
  });

  test('behind the snapshot its figures are gone; changes are counted, and the end of the stream is no time away', async () => {
    const { client, config } = await sourceDatabase(server, tables);
    const source = await startSource({ config: { ...config, 'max.batch.size': '1000' } });
    await source.until((records) => records.length > 0);
    assert.equal(source.gauge('snapshot_running'), 1);
    assert.equal(source.gauge('milliseconds_behind_source'), null);
    await source.until(() => source.gauge('milliseconds_behind_source') === 0);
    assert.equal(source.gauge('snapshot_running'), 0);
    assert.equal(source.gauge('snapshot_rows'), null);
    assert.equal(source.gauge('remaining_table_count'), null);

    await client.query('INSERT INTO u VALUES (2), (3)');
    await client.query('UPDATE t SET v = 1 WHERE id <= 5; DELETE FROM t WHERE id = 9');
    await client.query('TRUNCATE u');
    const counted = (figure: string) => source.figures.get(figure) ?? 0;
    await source.until(() => counted('number_of_committed_transactions') === 3);
    assert.equal(counted('total_number_of_create_events_seen'), 2);
    assert.equal(counted('total_number_of_update_events_seen'), 5);
    assert.equal(counted('total_number_of_delete_events_seen'), 1);
    assert.equal(counted('total_number_of_truncate_events_seen'), 1);
  });

  test('a task that comes back is behind by what was committed meanwhile, until it has read that', async () => {
    const { client, config } = await sourceDatabase(server, tables);
    const first = await startSource({ config });
    await first.until(() => first.gauge('milliseconds_behind_source') === 0);
    await client.query('INSERT INTO u VALUES (2)');
    await first.until((records) => records.length === ROWS + 2);
    await first.stop();
    const offset = JSON.parse(JSON.stringify(first.offset())) as SourceOffset;
    const committed = Date.now();
    await client.query('UPDATE t SET v = v + 1');
    const second = await startSource({ config: { ...config, 'max.batch.size': '100' }, offset });
    await second.until((records) => records.length > 0);
    const behind = second.gauge('milliseconds_behind_source');
    const elapsed = Date.now() - committed;
    assert.ok(behind !== null && behind > 0 && behind <= elapsed + 1000, `${behind} of ${elapsed} ms`);
    await second.until(() => second.gauge('milliseconds_behind_source') === 0);
    assert.equal(second.records.length, ROWS);
  });

  test('tables that are read beside the stream show what is left of them', async () => {
    const { client, config } = await sourceDatabase(server, tables);
    await client.query('ANALYZE');
    const keys = { 'snapshot.mode': 'no_data', 'incremental.snapshot.chunk.size': '100' };
    const source = await startSource({ config: { ...config, ...keys } });
    await source.until(() => source.gauge('milliseconds_behind_source') === 0);
    assert.equal(source.gauge('incremental_snapshot_running'), 0);
    assert.equal(source.gauge('incremental_snapshot_rows'), null);
    const data = { type: 'incremental', 'data-collections': ['public.t', 'public.u'] };
    await source.task.signal!({ id: 's', type: 'execute-snapshot', data });
    await source.until((records) => records.length >= 100);
    assert.equal(source.gauge('incremental_snapshot_running'), 1);
    assert.ok(source.gauge('incremental_snapshot_rows')! >= 100);
    assert.equal(source.gauge('incremental_snapshot_rows_expected'), ROWS);
    assert.equal(source.gauge('incremental_snapshot_remaining_table_count'), 2);
    await source.until(() => source.gauge('incremental_snapshot_running') === 0);
    assert.equal(source.records.length, ROWS + 1);
  });
});
