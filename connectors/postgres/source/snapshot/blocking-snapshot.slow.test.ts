/**
 * Snapshots that the stream stands still for: nothing of the stream comes meanwhile, nothing is missing or stale afterwards,
 * and a pause, a stop, a crash or a refusal leaves no half of it. Real Postgres; what Debezium writes is debezium.slow.test.ts.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, plainValue, type SourceOffset } from '../../../api/index.ts';
import { envelope, materialise, type RunningSource, startSource, startWriter, stopAll } from '../source-harness.ts';

const ROWS = 300;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const both = { type: 'blocking', 'data-collections': ['public.t', 'public.u'] };

describe('a blocking snapshot', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  /** Two tables with rows that no first snapshot reads; the stream is being read. */
  async function streaming(more: Record<string, string> = {}, logger: Logger = silent) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, ${ROWS}) i;
      CREATE TABLE u (id int PRIMARY KEY, v int); INSERT INTO u SELECT i, 0 FROM generate_series(1, ${ROWS}) i;
      CREATE TABLE signals (id text PRIMARY KEY, type text, data text)`);
    const config = {
      'topic.prefix': 'shop',
      ...sourceAddress(server, name),
      'slot.name': name,
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'max.batch.size': '20',
      ...more,
    };
    const source = await startSource({ config, logger });
    // A change ends the poll that begins the stream.
    const begun = source.poll();
    const active = 'SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active';
    while ((await client.query(active, [name])).rowCount === 0) await sleep(5);
    await client.query("INSERT INTO signals VALUES ('begin', 'log', '{}')");
    await begun;
    await source.until((records) => records.length === 1);
    source.records.length = 0;
    return { client, config, source, name };
  }

  const signal = (source: RunningSource, type: string, data: object) =>
    source.task.signal!({ id: type, type, data: { ...data } });
  const read = (source: RunningSource, table: string) =>
    source.records.filter(
      (record) => record.topic === `shop.public.${table}` && record.value !== null && envelope(record).op === 'r',
    ).length;
  const isOver = (source: RunningSource) => {
    const offset = source.offset();
    return offset !== null && offset.blocking_snapshot === undefined;
  };
  const copy = (offset: SourceOffset | null) => JSON.parse(JSON.stringify(offset)) as SourceOffset;

  /** What a consumer of both tables ends up with is what the tables hold, once the stream has caught up. */
  async function assertEqual(client: Client, sources: readonly RunningSource[]): Promise<void> {
    const last = sources.at(-1)!;
    await client.query("INSERT INTO signals VALUES ('end-of-test', 'log', '{}') ON CONFLICT DO NOTHING");
    await last.untilRecord(({ topic, key }) => {
      return topic === 'shop.public.signals' && JSON.stringify(plainValue(key)).includes('end-of-test');
    });
    const rows = materialise(sources.flatMap(({ records }) => records));
    for (const table of ['t', 'u']) {
      const expected = (await client.query(`SELECT id, v FROM ${table} ORDER BY id`)).rows;
      const found = [...rows].filter(([key]) => key.startsWith(`shop.public.${table} `)).map(([, row]) => row);
      assert.deepEqual(
        found.sort((a, b) => Number(a.id) - Number(b.id)),
        expected,
      );
    }
  }

  test('nothing of the stream comes between its rows, whatever is written meanwhile, and everything behind them', async () => {
    const { client, source } = await streaming();
    await client.query(`INSERT INTO signals VALUES ('one', 'execute-snapshot', '${JSON.stringify(both)}')`);
    await source.until(() => read(source, 't') > 0);
    await client.query(
      'UPDATE t SET v = 1 WHERE id % 2 = 0; DELETE FROM u WHERE id > 250; INSERT INTO t VALUES (0, 9)',
    );
    await source.until(() => read(source, 'u') === ROWS && isOver(source));
    const tables = source.records.filter(({ topic }) => topic !== 'shop.public.signals');
    assert.deepEqual([...new Set(tables.slice(0, 2 * ROWS).map((record) => envelope(record).op))], ['r']);
    await assertEqual(client, [source]);
  });

  test('under constant writes every key ends at its newest version', async () => {
    const { client, source } = await streaming({ 'snapshot.max.threads': '3' });
    const writer = startWriter(async (count) => {
      const id = (count % ROWS) + 1;
      await client.query(`UPDATE t SET v = ${count} WHERE id = ${id}; DELETE FROM u WHERE id = ${(count * 7) % ROWS}`);
      await client.query(`INSERT INTO u VALUES (${ROWS + count}, ${count})`);
    });
    await source.until((records) => records.length > 20);
    await signal(source, 'execute-snapshot', both);
    await source.until(() => read(source, 't') >= ROWS);
    await source.until(() => isOver(source));
    await writer.stop();
    await assertEqual(client, [source]);
  });

  test('a crash right behind the signal, and one between two tables: the next start reads what is left, then the stream', async () => {
    const { client, config, source } = await streaming();
    await client.query(`INSERT INTO signals VALUES ('one', 'execute-snapshot', '${JSON.stringify(both)}')`);
    await source.until((records) => records.length > 0);
    assert.equal(read(source, 't'), 0);
    await source.stop();
    const second = await startSource({ config, offset: copy(source.offset()) });
    await second.until(() => read(second, 'u') >= 40);
    assert.equal(read(second, 't'), ROWS);
    await second.stop();
    await client.query('DELETE FROM t WHERE id = 5; DELETE FROM u WHERE id = 6; UPDATE u SET v = 3 WHERE id = 250');
    const third = await startSource({ config, offset: copy(second.offset()) });
    await third.until(() => isOver(third));
    assert.equal(read(third, 't'), 0, 'a table that was done is not read again');
    await assertEqual(client, [source, second, third]);
  });

  test('of a large table a crash loses no more than the ranges under way', async () => {
    const { client, config, source } = await streaming({ 'snapshot.max.threads': '1', 'max.batch.size': '500' });
    await source.stop();
    const pages = 3 * 2048;
    await client.query(`CREATE TABLE large (id int PRIMARY KEY, pad text) WITH (fillfactor = 10);
      INSERT INTO large SELECT i, repeat('x', 700) FROM generate_series(1, ${pages}) i`);
    const first = await startSource({ config, offset: copy(source.offset()) });
    await first.poll();
    await signal(first, 'execute-snapshot', { type: 'blocking', 'data-collections': ['public.large'] });
    await first.until(() => read(first, 'large') >= 5000);
    await first.stop();
    const second = await startSource({ config, offset: copy(first.offset()) });
    await second.until(() => isOver(second));
    const again = read(first, 'large') + read(second, 'large') - pages;
    assert.ok(again >= 0 && again < 2048 + 1000, `${again} rows came twice`);
  });

  test('pause lets go of the connections, also over a restart; resume goes on with the tables that are left', async () => {
    const { client, config, source, name } = await streaming();
    await signal(source, 'execute-snapshot', both);
    await source.until(() => read(source, 'u') >= 20);
    await signal(source, 'pause-snapshot', { type: 'blocking' });
    await source.until(
      () => (source.offset()?.blocking_snapshot as { isPaused: boolean } | undefined)?.isPaused === true,
    );
    await client.query('INSERT INTO t VALUES (0, 1)');
    const paused = source.records.length;
    await source.poll();
    assert.equal(source.records.length, paused, 'neither rows nor changes come while it is paused');
    const sessions = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND application_name LIKE 'millrace % snapshot'`,
    );
    assert.equal(sessions.rowCount, 0);
    await source.stop();
    const second = await startSource({ config, offset: copy(source.offset()) });
    await second.poll();
    assert.equal(second.records.length, 0);
    await signal(second, 'resume-snapshot', {});
    await second.until(() => isOver(second));
    assert.equal(read(second, 't'), 0);
    assert.equal(read(second, 'u'), ROWS);
    await assertEqual(client, [source, second]);
  });

  test('stop ends it, or takes tables out of it, and the stream goes on', async () => {
    const { client, source } = await streaming();
    await signal(source, 'execute-snapshot', both);
    await source.until(() => read(source, 't') >= 20);
    await signal(source, 'stop-snapshot', { type: 'blocking', 'data-collections': ['public.u'] });
    await source.until(() => isOver(source));
    assert.ok(read(source, 't') >= ROWS);
    assert.equal(read(source, 'u'), 0);
    await signal(source, 'execute-snapshot', both);
    await source.until(() => read(source, 'u') >= 20);
    await signal(source, 'stop-snapshot', {});
    await source.until(() => isOver(source));
    await client.query('INSERT INTO t VALUES (0, 1)');
    await source.untilRecord((record) => record.value !== null && envelope(record).op === 'c');
    assert.ok(read(source, 'u') < ROWS);
  });

  test('conditions: a SELECT as in Debezium, or a condition alone; one that the server refuses is given up, and that is told', async () => {
    const warned: string[] = [];
    const { client, source } = await streaming(
      { 'notification.enabled.channels': 'sink', 'notification.sink.topic.name': 'notes' },
      { ...silent, warn: (_, message) => warned.push(message) },
    );
    const filtered = (t: string, u: string) => ({
      ...both,
      'additional-conditions': [
        { 'data-collection': 'public.t', filter: t },
        { 'data-collection': 'public.u', filter: u },
      ],
    });
    await signal(source, 'execute-snapshot', filtered('SELECT * FROM public.t WHERE id < 4 ORDER BY id;', 'id < 3'));
    await source.until(() => isOver(source) && read(source, 'u') > 0);
    assert.deepEqual([read(source, 't'), read(source, 'u')], [3, 2]);
    await signal(source, 'execute-snapshot', filtered('SELECT nothing', 'true'));
    await signal(source, 'execute-snapshot', { type: 'blocking', 'data-collections': ['public.u'] });
    await source.until(() => read(source, 'u') >= 2 + ROWS && isOver(source));
    assert.match(warned.join('\n'), /blocking snapshot of the signal "execute-snapshot" is given up.*column "nothing"/);
    const types = source.records
      .filter(({ topic }) => topic === 'notes')
      .map(({ value }) => (plainValue(value) as { type: string }).type);
    assert.ok(types.includes('ABORTED') && types.at(-1) === 'COMPLETED', types.join());
    await client.query('INSERT INTO t VALUES (0, 1)');
    await source.untilRecord(
      (record) => record.value !== null && record.topic.endsWith('.t') && envelope(record).op === 'c',
    );
  });

  test('a column added between the stream’s place and the snapshot is in its rows, and not in older changes', async () => {
    const { client, source } = await streaming();
    await client.query('UPDATE t SET v = 1 WHERE id = 1');
    await source.until((records) => records.length === 1);
    await signal(source, 'execute-snapshot', { type: 'blocking', 'data-collections': ['public.t'] });
    await client.query(
      'UPDATE t SET v = 2 WHERE id = 1; ALTER TABLE t ADD w int DEFAULT 7; UPDATE t SET v = 3 WHERE id = 1',
    );
    await source.until(() => read(source, 't') === ROWS && source.records.length === ROWS + 3);
    const ofFirst = source.records.map((record) => envelope(record)).filter(({ after }) => after!.id === 1);
    assert.deepEqual(
      ofFirst.map(({ op, after }) => [op, after!.v, after!.w]),
      [
        ['u', 1, undefined],
        ['r', 3, 7],
        ['u', 2, undefined],
        ['u', 3, 7],
      ],
    );
  });

  test('the server hears that the reader of its stream lives, however seldom a position is due', async () => {
    const { client, source, name } = await streaming({ 'status.update.interval.ms': '600000' });
    await signal(source, 'execute-snapshot', both);
    await signal(source, 'pause-snapshot', {});
    const heard = async () => {
      const sql = `SELECT r.pid, r.reply_time::text AS at FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_name = $1`;
      return (await client.query<{ pid: number; at: string }>(sql, [name])).rows[0]!;
    };
    await source.poll();
    const before = await heard();
    let now = before;
    for (let turn = 0; turn < 60 && now.at === before.at; turn++) {
      await source.poll();
      now = await heard();
    }
    assert.notEqual(now.at, before.at);
    assert.equal(now.pid, before.pid);
  });

  test('its connections may break: it goes on when the server can be reached again', async () => {
    const { client, source, name } = await streaming();
    await signal(source, 'execute-snapshot', both);
    await source.until(() => read(source, 't') >= 20);
    const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name LIKE 'millrace %'`;
    await client.query(kill);
    for (let failures = 0; ; failures++) {
      try {
        await source.until(() => isOver(source) && read(source, 'u') >= ROWS);
        await assertEqual(client, [source]);
        return;
      } catch (error) {
        const { code } = error as { code?: string };
        assert.ok(failures < 50 && (code === 'PG_CONNECTION' || code === 'PG_SLOT_IN_USE'), String(error));
        await sleep(20);
      }
    }
  });
});
