/**
 * Change capture against a real server: no gap between snapshot and stream, restarts, lost connections, idle WAL.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../test/kit/postgres.ts';
import { assertSameRows } from '../../../test/kit/same-rows.ts';
import { parseConfig, plainValue, type SourceRecord } from '../../api/index.ts';
import { sourceSettings } from './config/source-config.ts';
import { ourDefaults } from './config/source-defaults.ts';
import { sourceConfigDef } from './config/source-keys.ts';
import { ReplicationClient } from './server/replication-client.ts';
import { openSession, wireOptions } from './server/sessions.ts';
import { createSlot } from './server/slot-creation.ts';
import { envelope, materialise, startSource, startWriter, stopAll, stored } from './source-harness.ts';
import { PostgresSourceTask } from './source-task.ts';

/** What the connectors' worker stores and gives back is JSON. */
const ops = (records: readonly SourceRecord[]) => records.map((r) => (r.value === null ? 'tombstone' : envelope(r).op));

describe('PostgresSource', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  const database = (sql: string) => sourceDatabase(server, sql, { 'status.update.interval.ms': '50' });

  /**
   * Commits wait for a standby that never comes: they are in the WAL, and to everybody else their transactions still run.
   * Answers how to let them go.
   */
  async function holdCommits(): Promise<() => Promise<void>> {
    const [admin, probe] = [await server.connect('postgres'), await server.connect('postgres')];
    const set = async (sql: string) => {
      await admin.query(sql);
      await admin.query('SELECT pg_reload_conf()');
    };
    await set("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    let isOver = false;
    // The server comes to know in its own time.
    const probing = (async () => {
      while (!isOver) await probe.query("SELECT pg_logical_emit_message(true, 'probe', '')");
    })();
    const release = async () => {
      isOver = true;
      await set('ALTER SYSTEM RESET synchronous_standby_names');
      await probing;
    };
    await isHeld(admin, probe);
    return release;
  }

  async function isHeld(client: Client, waiting: Client): Promise<void> {
    const sql = 'SELECT wait_event FROM pg_stat_activity WHERE pid = $1';
    const { processID } = waiting as unknown as { processID: number };
    while ((await client.query(sql, [processID])).rows[0].wait_event !== 'SyncRep') await sleep(10);
  }

  /** The table as the database has it, in the shape of {@link materialise}. */
  async function rowsOf(client: Client, table: string): Promise<Map<string, unknown>> {
    const { rows } = await client.query(`SELECT id, v FROM ${table}`);
    return new Map(rows.map((row) => [`shop.public.${table} {"id":${row.id}}`, { id: row.id, v: row.v }]));
  }

  test('nothing is missing between snapshot and stream while somebody writes all the time', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 20000) i',
    );
    const connection = await server.connect(config['database.dbname']!);
    const writer = startWriter(async (i) => {
      await connection.query('INSERT INTO t VALUES ($1, $1)', [20_000 + i]);
      await connection.query('UPDATE t SET v = v + 1 WHERE id = $1', [(i * 37) % 20_000]);
      if (i % 3 === 0) await connection.query('DELETE FROM t WHERE id = $1', [(i * 11) % 20_000]);
      if (i % 50 === 0) await connection.query('UPDATE t SET id = -id WHERE id = $1', [20_000 + i]);
    });
    const source = await startSource({ config: { ...config, 'max.batch.size': '500' } });
    await source.until((records) => records.length > 22_000);
    await writer.stop();
    await client.query('INSERT INTO t VALUES (0, 0)');
    await source.untilRecord((record) => isKey(record, 0));
    assertSameRows(materialise(source.records), await rowsOf(client, 't'));
    await source.stop();
  });

  const isKey = (record: SourceRecord, id: number) => (plainValue(record.key) as { id: number } | null)?.id === id;

  test('goes on in the middle of a transaction where it was stopped, with no change twice and none missing', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const seen: number[] = [];
    let offset = null;
    const first = await startSource({ config: { ...config, 'snapshot.mode': 'no_data', 'max.batch.size': '7' } });
    await first.poll();
    // COPY-like inserts share WAL positions; single ones do not. Both are cut.
    await client.query('BEGIN; INSERT INTO t SELECT i, 1 FROM generate_series(1, 40) i');
    for (let i = 41; i <= 60; i++) await client.query('INSERT INTO t VALUES ($1, 1)', [i]);
    await client.query('COMMIT; INSERT INTO t VALUES (61, 1)');
    await first.stop();
    for (let run = 0; seen.length < 61 && run < 50; run++) {
      const source = await startSource({
        config: { ...config, 'snapshot.mode': 'no_data', 'max.batch.size': '7' },
        offset,
      });
      await source.until((records) => records.length > 0);
      seen.push(...source.records.map((record) => Number(envelope(record).after!.id)));
      offset = stored(source.offset());
      await source.stop();
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 61 }, (_, i) => i + 1),
    );
  });

  test('what was polled but never committed comes again after a restart', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (0, 0)',
    );
    const first = await startSource({ config });
    await first.until((records) => records.length === 1);
    await first.poll();
    await client.query('INSERT INTO t VALUES (1, 1), (2, 2)');
    const deadline = Date.now() + 60_000;
    while (first.records.length < 3 && Date.now() < deadline) await first.poll(false);
    await sleep(120); // Two status intervals: time enough to confirm too much.
    await first.stop();
    const second = await startSource({ config, offset: stored(first.offset()) });
    await second.until((records) => records.length === 2);
    assert.deepEqual(
      second.records.map((record) => envelope(record).after!.id),
      [1, 2],
    );
    await second.stop();
  });

  test('a snapshot cut short is read again without leaving stale rows behind', async () => {
    const { client, config } = await database(
      `CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT i, 0 FROM generate_series(1, 30) i;
       CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 3000) i`,
    );
    const first = await startSource({ config: { ...config, 'max.batch.size': '100' } });
    await first.until((records) => records.length >= 1000);
    await first.stop();
    await client.query(
      'DELETE FROM t WHERE id <= 500; UPDATE t SET v = 9 WHERE id > 2900; DELETE FROM a WHERE id = 7; INSERT INTO t VALUES (5000, 5)',
    );
    const second = await startSource({ config, offset: stored(first.offset()) });
    await second.until((records) => records.some((record) => record.value !== null && envelope(record).op === 'c'));
    assert.ok(
      !second.records.some((r) => r.topic === 'shop.public.a' && r.value !== null && envelope(r).op === 'r'),
      'table a was done',
    );
    const all = materialise([...first.records, ...second.records]);
    const expected = new Map([...(await rowsOf(client, 'a')), ...(await rowsOf(client, 't'))]);
    assertSameRows(all, expected);
    await second.stop();
  });

  test('deletes bring tombstones, a new key deletes the old one, and both name each other', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const source = await startSource({ config });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    await client.query('INSERT INTO t VALUES (1, 1); UPDATE t SET id = 2; DELETE FROM t');
    await source.until((records) => records.length === 6);
    assert.deepEqual(ops(source.records), ['c', 'd', 'tombstone', 'c', 'd', 'tombstone']);
    assert.deepEqual(
      source.records.map((record) => plainValue(record.key)),
      [1, 1, 1, 2, 2, 2].map((id) => ({ id })),
    );
    const header = (record: SourceRecord) => record.headers.map(({ key, value }) => [key, plainValue(value)]);
    assert.deepEqual(header(source.records[1]!), [['__debezium.newkey', { id: 2 }]]);
    assert.deepEqual(header(source.records[3]!), [['__debezium.oldkey', { id: 1 }]]);
    await source.stop();
  });

  test('full replica identity shows the row before, and fills unchanged large values', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int, big text)');
    await client.query('ALTER TABLE t ALTER big SET STORAGE EXTERNAL');
    const source = await startSource({ config: { ...config, 'unavailable.value.lookup': 'none' } });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    await client.query("INSERT INTO t VALUES (1, 1, repeat('x', 9000))");
    await client.query('UPDATE t SET v = 2');
    await client.query('ALTER TABLE t REPLICA IDENTITY FULL');
    await client.query('UPDATE t SET v = 3');
    await source.until((records) => records.length === 3);
    const [, withDefault, withFull] = source.records.map(envelope);
    assert.equal(withDefault!.before, null);
    assert.equal(withDefault!.after!.big, '__debezium_unavailable_value');
    assert.equal(withFull!.before!.v, 2);
    assert.equal(String(withFull!.after!.big).length, 9000);
    await source.stop();
  });

  test('a row under a new key brings its large values along, though Postgres does not send them', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int, part text, v int, big text, PRIMARY KEY (id, part)); ALTER TABLE t ALTER big SET STORAGE EXTERNAL',
    );
    const source = await startSource({ config });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    await client.query("INSERT INTO t VALUES (1, 'it''s', 1, repeat('x', 9000)), (2, 'b', 1, repeat('y', 9000))");
    await client.query('UPDATE t SET id = 10 WHERE id = 1');
    await client.query(
      'UPDATE t SET id = 20 WHERE id = 2; UPDATE t SET id = 30 WHERE id = 20; DELETE FROM t WHERE id = 30',
    );
    await source.until((records) => records.length === 13);
    const created = source.records
      .filter((r) => r.value !== null && envelope(r).op === 'c')
      .map((r) => envelope(r).after!);
    assert.equal(created.find(({ id }) => id === 10)!.big, 'x'.repeat(9000));
    assert.equal(created.find(({ id }) => id === 30)!.big, '__debezium_unavailable_value', 'the row is gone by now');
    await source.stop();
  });

  test('a commit that the stream tells before anybody sees it is waited for: large values, new types and keys are asked of the table then', async () => {
    const { client, config } = await database(
      "CREATE TABLE t (id int PRIMARY KEY, v int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL; INSERT INTO t VALUES (1, 1, repeat('x', 9000))",
    );
    const source = await startSource({ config: { ...config, 'snapshot.mode': 'no_data' } });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    const writer = await server.connect(config['database.dbname']!);
    const release = await holdCommits();
    let isCommitted = false;
    try {
      const sql =
        "BEGIN; CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TABLE t ADD m mood DEFAULT 'ok'; UPDATE t SET id = 2; COMMIT";
      const committing = writer.query(sql).then(() => {
        isCommitted = true;
      });
      await isHeld(client, writer);
      for (let turn = 0; turn < 20; turn++) await source.poll();
      assert.equal(isCommitted, false);
      assert.equal(source.records.length, 0);
      await release();
      await committing;
    } finally {
      await release();
    }
    await source.until((records) => records.length === 3);
    assert.deepEqual(envelope(source.records[2]!).after, { id: 2, v: 1, big: 'x'.repeat(9000), m: 'ok' });
  });

  test('a large transaction with savepoints that is rolled back, which Postgres 18 tells though nobody asked, goes by', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, pad text); INSERT INTO t VALUES (0)',
    );
    await client.query(`ALTER DATABASE ${client.database} SET logical_decoding_work_mem = '64kB'`);
    const source = await startSource({ config });
    await source.until((records) => records.length === 1);
    const many = "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(100, 4000) i";
    await client.query(`BEGIN; SAVEPOINT a; INSERT INTO t VALUES (1); RELEASE a; ${many}; ROLLBACK`);
    await client.query(`BEGIN; SAVEPOINT a; ${many}; ROLLBACK TO a; INSERT INTO t VALUES (2); COMMIT`);
    await source.until((records) => records.length >= 2);
    assert.deepEqual(
      source.records.map((record) => envelope(record).after!.id),
      [0, 2],
    );
    await source.stop();
  });

  test('a column added in mid-stream appears with the next row', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const source = await startSource({ config });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    await client.query(
      'INSERT INTO t VALUES (1, 1); ALTER TABLE t ADD w text; INSERT INTO t VALUES (2, 2, $$two$$); ALTER TABLE t DROP v; INSERT INTO t VALUES (3, $$three$$)',
    );
    await source.until((records) => records.length === 3);
    assert.deepEqual(
      source.records.map((record) => envelope(record).after),
      [
        { id: 1, v: 1 },
        { id: 2, v: 2, w: 'two' },
        { id: 3, w: 'three' },
      ],
    );
    await source.stop();
  });

  test('goes on after the server was killed and came back, with nothing lost and nothing twice', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const source = await startSource({ config });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    await client.query('INSERT INTO t SELECT i, i FROM generate_series(1, 100) i');
    await source.until((records) => records.length >= 1);
    await server.kill('SIGQUIT');
    await assert.rejects(
      async () => {
        for (;;) await source.poll();
      },
      (error: Error & { retriable?: boolean }) => error.retriable === true,
    );
    await assert.rejects(source.poll(), { code: 'PG_CONNECTION' });
    await server.restart();
    const again = await server.connect(config['database.dbname']!);
    await again.query('INSERT INTO t VALUES (101, 101)');
    const deadline = Date.now() + 60_000;
    while (source.records.length < 101 && Date.now() < deadline) await source.poll().catch(() => sleep(50));
    assert.deepEqual(
      source.records.map((record) => envelope(record).after!.id),
      Array.from({ length: 101 }, (_, i) => i + 1),
    );
    await source.stop();
  });

  test('an idle table does not pin WAL: the slot follows writes to tables nobody captures', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE other (x text)',
    );
    const source = await startSource({ config: { ...config, 'table.include.list': 'public.t' } });
    await source.poll(); // Creates the slot; what is written from here on is in the stream.
    const slot = async () => {
      const sql =
        'SELECT restart_lsn - $2::pg_lsn AS moved, confirmed_flush_lsn >= $2 AS confirmed FROM pg_replication_slots WHERE slot_name = $1';
      return (await client.query(sql, [config['slot.name'], lsn])).rows[0] as { moved: string; confirmed: boolean };
    };
    await client.query("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 2000)");
    const { lsn } = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0];
    const deadline = Date.now() + 60_000;
    while (Number((await slot()).moved) < 0 && Date.now() < deadline) {
      await client.query('CHECKPOINT'); // Logs the running transactions that let restart_lsn move.
      await client.query('INSERT INTO other VALUES (1)');
      await source.poll();
    }
    assert.ok((await slot()).confirmed, 'the position behind the writes is confirmed');
    assert.ok(Number((await slot()).moved) >= 0, 'WAL before it may go');
    assert.equal(source.records.length, 0);
    await source.stop();
  });

  test('slot.drop.on.stop leaves no slot behind, and one that was never made is none', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)',
    );
    const settings = { ...config, 'slot.drop.on.stop': 'true' };
    await (await startSource({ config: settings })).stop();
    const source = await startSource({ config: settings });
    await source.until((records) => records.length === 1);
    const slots = 'SELECT FROM pg_replication_slots WHERE slot_name = $1';
    assert.equal((await client.query(slots, [config['slot.name']])).rowCount, 1);
    await source.stop();
    assert.equal((await client.query(slots, [config['slot.name']])).rowCount, 0);
  });

  test('a slot that somebody else reads is a reason to wait, and the message names the reader', async () => {
    const { config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const first = await startSource({ config });
    await first.poll();
    await first.poll();
    const second = await startSource({ config });
    await assert.rejects(second.poll(), (error: Error & { retriable?: boolean; code?: string }) => {
      assert.equal(error.code, 'PG_SLOT_IN_USE');
      assert.match(error.message, /in use by process \d+ \("millrace test"/);
      return error.retriable === true;
    });
    await second.stop();
    await first.stop();
  });

  test('a slot that is gone while the position is kept is an error, not silence; when_needed reads again', async () => {
    const { client, config } = await database(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)',
    );
    const first = await startSource({ config });
    await first.until((records) => records.length === 1);
    await first.stop();
    const drop = () => client.query('SELECT pg_drop_replication_slot($1)', [config['slot.name']]);
    const inUse = async () => (await drop().catch((error: { code?: string }) => error.code)) === '55006';
    for (const deadline = Date.now() + 60_000; await inUse(); await sleep(20)) assert.ok(Date.now() < deadline);
    const offset = stored(first.offset());
    const second = await startSource({ config, offset });
    await assert.rejects(second.poll(), { code: 'PG_SLOT_LOST' });
    await second.stop();
    const third = await startSource({ config: { ...config, 'snapshot.mode': 'when_needed' }, offset });
    await third.until((records) => records.length === 1);
    assert.deepEqual(ops(third.records), ['r']);
    await third.stop();
  });

  test('a slot that waits for open transactions says whose they are, and begins when they have ended', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY)');
    const idler = await server.connect(config['database.dbname']!);
    await idler.query("SET application_name = 'forgotten'; BEGIN; INSERT INTO t VALUES (1)");
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), config);
    const settings = sourceSettings(parsed, false);
    const replication = await ReplicationClient.open(wireOptions(settings, 'test'));
    const catalog = await openSession(settings, 'test catalog');
    const told: string[] = [];
    const tell = (_: object, message: string) => told.push(message);
    const logger = { debug() {}, info: tell, warn: tell, error: tell };
    const { signal } = new AbortController();
    const creation = createSlot({ client: replication, catalog, settings, logger, signal, tellMs: 50 });
    for (const deadline = Date.now() + 60_000; told.length === 0; await sleep(20)) {
      assert.ok(Date.now() < deadline, 'nobody is told');
    }
    assert.match(told[0]!, /begins when the transactions have ended.*"forgotten", user postgres.*Let them end, or/);
    const end = told[0]!.slice(told[0]!.indexOf('SELECT pg_terminate'));
    await client.query(end);
    await creation;
    assert.match(told.at(-1)!, /Created the replication slot/);
    replication.destroy();
    catalog.destroy();
  });

  test('a task that nobody asks for records lets go of the stream, so that the server can shut down, and goes on when asked', async () => {
    const { client, config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const told: string[] = [];
    const logger = { debug() {}, info: (_: object, message: string) => told.push(message), warn() {}, error() {} };
    const source = await startSource({ config, logger, task: new PostgresSourceTask(false, 200) });
    await source.poll();
    await client.query('INSERT INTO t VALUES (1, 1)');
    await source.until((records) => records.length === 1);
    await client.query('INSERT INTO t VALUES (2, 2)');
    await server.kill('SIGINT'); // It waits for walsenders whose readers have not confirmed all of it.
    await server.restart();
    assert.match(told.at(-1)!, /Nobody takes records.*slot ".*" stays and holds WAL back/);
    const again = await server.connect(config['database.dbname']!);
    await again.query('INSERT INTO t VALUES (3, 3)');
    await source.until((records) => records.length === 3);
    assert.deepEqual(
      source.records.map((record) => envelope(record).after!.id),
      [1, 2, 3],
    );
  });

  test('heartbeats tell that the source lives, in a topic of their own', async () => {
    const { config } = await database('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const source = await startSource({ config: { ...config, 'heartbeat.interval.ms': '20' } });
    await source.until((records) => records.length >= 2);
    assert.equal(source.records[0]!.topic, '__debezium-heartbeat.shop');
    assert.deepEqual(plainValue(source.records[0]!.key), { serverName: 'shop' });
    await source.stop();
  });
});
