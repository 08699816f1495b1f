/**
 * Snapshots against a real server: several readers in one table, tables read again beside the stream, and a server that is
 * not the one it was. Crashes between ranges take longer: `snapshot-crash.slow.test.ts`.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import type { Logger, SourceRecord } from '../../../api/index.ts';
import { envelope, materialise, startSource, stopAll, stored } from '../source-harness.ts';
import { markers, WIDE_ROWS, wide } from './wide-table-fixture.ts';

describe('snapshots', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_replication_slots: '30' } });
  });
  afterEach(stopAll);
  after(() => server.stop());

  const database = (sql: string) => sourceDatabase(server, sql);

  test('several readers share a table: every row once, one first and one last', async () => {
    const { config } = await database(`${wide} CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1)`);
    const told: string[] = [];
    const logger: Logger = { debug() {}, warn() {}, error() {}, info: (_, message) => told.push(message) };
    const source = await startSource({ config: { ...config, 'snapshot.max.threads': '3' }, logger });
    await source.until((records) => records.length > 0 && markers(records.slice(-1), 'last') === 1);
    assert.equal(source.records.length, WIDE_ROWS + 1);
    assert.equal(materialise(source.records).size, WIDE_ROWS + 1);
    assert.equal(markers(source.records, 'first'), 1);
    assert.ok(told.includes('The snapshot is done.'));
    await source.stop();
  });

  test('a snapshot beside the stream goes on after a restart where its last chunk ended, and stops when told to', async () => {
    const { client, config } = await database(
      `CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 1000) i;
       CREATE TABLE signals (id text PRIMARY KEY, type text NOT NULL, data text)`,
    );
    const settings = {
      ...config,
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '100',
    };
    const rowsOf = (records: readonly SourceRecord[]) =>
      records.filter(({ topic, value }) => topic === 'shop.public.t' && value !== null).length;
    const first = await startSource({ config: settings });
    await first.poll();
    const signal = (id: string, type: string, data: string) =>
      client.query('INSERT INTO signals VALUES ($1, $2, $3)', [id, type, data]);
    await signal('all', 'execute-snapshot', '{"data-collections": ["public.t"]}');
    await first.until((records) => rowsOf(records) >= 300);
    await first.stop();
    const second = await startSource({ config: settings, offset: stored(first.offset()) });
    await second.until((records) => rowsOf(records) + rowsOf(first.records) >= 1000);
    assert.equal(
      materialise([...first.records, ...second.records].filter(({ topic }) => topic === 'shop.public.t')).size,
      1000,
    );
    assert.ok(rowsOf(second.records) <= 700);
    await signal('more', 'execute-snapshot', '{"data-collections": ["public.t"]}');
    await signal('stop', 'stop-snapshot', '{}');
    await second.until((records) => records.filter(({ topic }) => topic === 'shop.public.signals').length >= 2);
    const before = rowsOf(second.records);
    for (let turn = 0; turn < 3; turn++) await second.poll();
    assert.ok(rowsOf(second.records) - before <= 100, 'one chunk at most was still under way');
    await second.stop();
  });

  test('a table that appears later is captured from its first row, rows from before it was published included', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const source = await startSource({ config: { ...config, 'table.discovery.interval.ms': '50' } });
    for (let turn = 0; turn < 2; turn++) await source.poll(); // The stream is being read.
    await client.query('CREATE TABLE later (id int PRIMARY KEY, v int); CREATE TABLE unfit (id int)');
    await client.query(
      'INSERT INTO later SELECT i, i FROM generate_series(1, 5) i; INSERT INTO unfit VALUES (1); UPDATE unfit SET id = 2',
    );
    await source.until((records) => records.length >= 5);
    await client.query('UPDATE later SET v = 10 WHERE id = 3; DELETE FROM later WHERE id = 4; UPDATE unfit SET id = 3');
    await source.until((records) => records.some(({ value }) => value === null));
    const rows = [1, 2, 3, 5].map((id) => [`shop.public.later {"id":${id}}`, { id, v: id === 3 ? 10 : id }] as const);
    assert.deepEqual(materialise(source.records), new Map(rows));
    await source.stop();
  });

  test('a table without columns has rows too, in the snapshot and the stream', async () => {
    const { client, config } = await database(
      'CREATE TABLE bare (); ALTER TABLE bare REPLICA IDENTITY FULL; INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES',
    );
    const source = await startSource({ config });
    await source.until((records) => records.length === 2);
    await source.poll();
    await client.query('INSERT INTO bare DEFAULT VALUES');
    await source.until((records) => records.length === 3);
    assert.deepEqual(
      source.records.map((record) => [record.key, envelope(record).op, envelope(record).after]),
      [
        [null, 'r', {}],
        [null, 'r', {}],
        [null, 'c', {}],
      ],
    );
  });

  test('another server, or a backup that knows less than we read, is an error and not a gap', async () => {
    const { config } = await database('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const first = await startSource({ config });
    await first.until((records) => records.length === 1);
    await first.stop();
    const offset = stored(first.offset()) as Record<string, unknown>;
    for (const [wrong, why] of [
      [{ system_id: '1' }, /belongs to system 1/],
      [{ lsn: 2 ** 45, snapshot_completed: true }, /its WAL ends at/],
      [{ timeline: 7 }, /timeline 7 was read before/],
    ] as const) {
      const source = await startSource({ config, offset: { ...offset, ...wrong } });
      await assert.rejects(source.poll(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'PG_OTHER_SERVER');
        return why.test(error.message);
      });
      await source.stop();
    }
    const again = { ...config, 'snapshot.mode': 'when_needed' };
    const source = await startSource({ config: again, offset: { ...offset, system_id: '1' } });
    await source.until((records) => records.length === 1);
    assert.equal(envelope(source.records[0]!).op, 'r');
    await source.stop();
  });
});
