/**
 * Snapshots against a real server, the long ones: crashes between ranges of a large table, and a table read again beside
 * the stream while somebody writes all the time.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { assertSameRows } from '../../../../test/kit/same-rows.ts';
import { type Logger, plainValue, type SourceOffset, type SourceRecord } from '../../../api/index.ts';
import { envelope, materialise, startSource, startWriter, stopAll, stored } from '../source-harness.ts';
import { RANGE_PAGES_MIN } from './snapshot-plan.ts';
import { markers, WIDE_ROWS, wide } from './wide-table-fixture.ts';

const PLACEHOLDER = '__debezium_unavailable_value';

describe('snapshots that take long', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_replication_slots: '30' } });
  });
  afterEach(stopAll);
  after(() => server.stop());

  const database = (sql: string) => sourceDatabase(server, sql);

  /** The rows as a sink has them: a value that was not sent stays what it was. */
  function replicated(records: readonly SourceRecord[]): Map<number, { v: unknown; big: unknown }> {
    const rows = new Map<number, { v: unknown; big: unknown }>();
    for (const record of records) {
      const { id } = plainValue(record.key) as { id: number };
      const row = record.value === null ? null : envelope(record).after;
      if (row === null) rows.delete(id);
      else rows.set(id, { v: row.v, big: row.big === PLACEHOLDER ? rows.get(id)?.big : row.big });
    }
    return rows;
  }

  test('after a crash the ranges that were done stay done, moved rows keep their large values, and no key is stale', async () => {
    const { client, config } = await database(wide);
    const quick = { ...config, 'snapshot.max.threads': '2', 'max.batch.size': '500' };
    const first = await startSource({ config: quick });
    await first.until(() => JSON.stringify(first.offset() ?? {}).includes('snapshot_ranges'));
    await first.stop();
    const offset = stored(first.offset()) as SourceOffset & { snapshot_ranges: { done: number[] }[] };
    assert.ok(offset.snapshot_ranges[0]!.done.length > 0);
    // Updated rows move, without their large values being sent; some land where all is done.
    await client.query('DELETE FROM t WHERE id % 7 = 0');
    await client.query('VACUUM t');
    await client.query('UPDATE t SET v = v + 1 WHERE id % 5 = 0; UPDATE t SET id = -id WHERE id % 300 = 0');
    const second = await startSource({ config: quick, offset });
    await client.query('INSERT INTO t (id) VALUES (0)');
    // The snapshot reads this row too, and whoever stopped there would miss the deletes behind it.
    await second.untilRecord(
      (record) => record.value !== null && envelope(record).op === 'c' && envelope(record).after!.id === 0,
    );
    const read = second.records.filter((record) => record.value !== null && envelope(record).op === 'r').length;
    const { rows } = await client.query<{ id: number; v: number; big: string | null }>('SELECT id, v, big FROM t');
    const all = replicated([...first.records, ...second.records]);
    assertSameRows(all, new Map(rows.map(({ id, v, big }) => [id, { v, big }])));
    assert.ok(read < rows.length, `${read} of ${rows.length} rows were read again`);
    await second.stop();
  });

  test('a crash sends again what was in the hands of the readers and no more, however often it comes; the progress goes on', async () => {
    const { client, config } = await database(
      `${wide} CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1)`,
    );
    await client.query('ANALYZE');
    const size = "SELECT pg_relation_size('t') / current_setting('block_size')::int AS pages";
    const { pages } = (await client.query<{ pages: number }>(size)).rows[0]!;
    const ranges = Math.ceil(pages / RANGE_PAGES_MIN);
    assert.ok(ranges >= 3, `${ranges} ranges prove nothing`);
    const readers = 1;
    const rowsInRange = Math.ceil((WIDE_ROWS / pages) * RANGE_PAGES_MIN);
    const told: { rows: number; expectedRows: number | null; secondsLeft: number | null }[] = [];
    const logger: Logger = {
      debug() {},
      warn() {},
      error() {},
      info: (fields) => told.push(fields as (typeof told)[0]),
    };
    const quick = { ...config, 'snapshot.max.threads': String(readers), 'max.batch.size': '500' };
    const doneOf = (offset: SourceOffset | null) =>
      (stored(offset ?? {}) as { snapshot_ranges?: { done: number[] }[] }).snapshot_ranges?.[0]?.done.length ?? 0;
    const records: SourceRecord[] = [];
    let offset: SourceOffset | null = null;
    // Killed in the second range, in the third, and left alone.
    for (const wanted of [1, 2]) {
      const source = await startSource({ config: quick, offset, logger });
      await source.until((all) => all.length > rowsInRange * 1.2);
      assert.equal(doneOf(source.offset()), wanted);
      await source.stop();
      records.push(...source.records);
      offset = stored(source.offset());
    }
    const last = await startSource({ config: quick, offset, logger });
    await last.until((all) => all.length > 0 && markers(all.slice(-1), 'last') === 1);
    records.push(...last.records);
    await last.stop();
    const rows = materialise(records).size;
    assert.equal(rows, WIDE_ROWS + 1);
    const again = records.length - rows;
    assert.ok(
      again <= 2 * readers * rowsInRange,
      `${again} rows were sent again, more than ${2 * readers * rowsInRange}`,
    );
    const end = told.find((fields) => 'secondsLeft' in fields)!;
    assert.equal(end.expectedRows, WIDE_ROWS + 1);
    assert.ok(Math.abs(end.rows - WIDE_ROWS) < rowsInRange, `${end.rows} of ${WIDE_ROWS} rows are said to be read`);
  });

  test('a table read again beside the stream ends up as it is, while somebody writes all the time', async () => {
    const { client, config } = await database(
      `CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 3000) i;
       CREATE TABLE signals (id text PRIMARY KEY, type text NOT NULL, data text)`,
    );
    const source = await startSource({
      config: {
        ...config,
        'snapshot.mode': 'no_data',
        // The signal table needs no mention, as in Debezium.
        'table.include.list': 'public.t',
        'signal.data.collection': 'public.signals',
        'incremental.snapshot.chunk.size': '100',
        'notification.enabled.channels': 'sink',
        'notification.sink.topic.name': 'notes',
      },
    });
    await source.poll();
    const connection = await server.connect(config['database.dbname']!);
    const writer = startWriter(async (i) => {
      await connection.query('UPDATE t SET v = v + 1 WHERE id = $1', [(i * 37) % 3000]);
      if (i % 3 === 0) await connection.query('DELETE FROM t WHERE id = $1', [(i * 11) % 3000]);
      // A key that came again after it moved stays where it is.
      const move = 'UPDATE t SET id = -id WHERE id = $1 AND NOT EXISTS (SELECT FROM t WHERE id = -$1)';
      if (i % 5 === 0) await connection.query(move, [(i * 13) % 3000]);
      if (i % 7 === 0) await connection.query('INSERT INTO t VALUES ($1, 0) ON CONFLICT DO NOTHING', [(i * 17) % 6000]);
    });
    const again = `{"type": "incremental", "data-collections": ["public.t"]}`;
    await client.query("INSERT INTO signals VALUES ('again', 'execute-snapshot', $1)", [again]);
    await source.untilRecord(
      ({ topic, value }) => topic === 'notes' && (plainValue(value) as { type: string }).type === 'COMPLETED',
    );
    await writer.stop();
    await client.query('INSERT INTO t VALUES (100000, 0)');
    const isKey = ({ topic, key }: SourceRecord) =>
      topic === 'shop.public.t' && (plainValue(key) as { id: number }).id === 100_000;
    await source.untilRecord(isKey);
    const changes = source.records.filter(({ topic }) => topic === 'shop.public.t');
    const { rows } = await client.query<{ id: number; v: number }>('SELECT id, v FROM t');
    assertSameRows(materialise(changes), new Map(rows.map(({ id, v }) => [`shop.public.t {"id":${id}}`, { id, v }])));
    await source.stop();
  });
});
