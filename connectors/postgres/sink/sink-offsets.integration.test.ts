/**
 * The offsets table beside those who use it already: older tasks, other tasks of the same start, readers, users with few
 * rights. And what happens to a batch that the server asks to send again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import type { ConnectError } from '../../api/index.ts';
import { json, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

/** As the first version made it, and as that version writes to it. */
const FORMER_TABLE = `CREATE TABLE millrace_offsets (connector text, topic text, partition int, next_offset bigint,
  epoch bigint NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connector, topic, partition))`;
const formerWrite = (next: number) => ({
  name: 'millrace-offsets',
  text: `UPDATE millrace_offsets o SET next_offset = x.next_offset, updated_at = now()
         FROM json_to_recordset($2::json) AS x(topic text, partition int, epoch bigint, next_offset bigint)
         WHERE o.connector = $1 AND o.topic = x.topic AND o.partition = x.partition AND o.epoch = x.epoch`,
  values: ['test', JSON.stringify([{ topic: 'old', partition: 0, epoch: 1, next_offset: next }])],
});
const partitions = [{ topic: 't', partition: 0 }];
const TABLE = 'CREATE TABLE t (id int PRIMARY KEY, v int)';

describe('offsets of the sink', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const target = (sql: string) => sinkTarget(server, sql);
  const record = (offset: number, id = offset, v = 0) =>
    sinkRecord({ offset, key: json(`{"id":${id}}`), value: json(`{"id":${id},"v":${v}}`) });
  const nextOffset = async (client: Client, topic = 't') =>
    Number(
      (await client.query('SELECT next_offset FROM millrace_offsets WHERE topic = $1', [topic])).rows[0].next_offset,
    );

  test('a table of the first version gets its column while a task of that version writes to it, and that task goes on', async () => {
    const { client, name, url } = await target(`${TABLE}; ${FORMER_TABLE}`);
    await client.query("INSERT INTO millrace_offsets VALUES ('test', 'old', 0, 0, 1)");
    const older = await server.connect(name);
    await older.query(formerWrite(1));
    await older.query('BEGIN');
    await older.query(formerWrite(2));
    const starting = startSink({ 'connection.url': url }, partitions);
    await sleep(50); // The new task waits for the table, if it has come that far.
    await older.query(formerWrite(3));
    await older.query('COMMIT');
    const sink = await starting;
    await sink.task.put([record(0)]);
    const { rowCount } = await older.query(formerWrite(4));
    assert.equal(rowCount, 1);
    assert.equal(await nextOffset(client, 'old'), 4);
    assert.equal(await nextOffset(client), 1);
    await sink.stop();
  });

  test('a table that is being read for long is not waited for: tasks that write to it go on, and the new one comes later', async () => {
    const { client, name, url } = await target(`${TABLE}; ${FORMER_TABLE}`);
    await client.query("INSERT INTO millrace_offsets VALUES ('test', 'old', 0, 0, 1)");
    const reader = await server.connect(name);
    await reader.query('BEGIN; SELECT count(*) FROM millrace_offsets');
    const sink = await startSink({ 'connection.url': url }, partitions);
    await assert.rejects(sink.task.put([record(0)]), (error: ConnectError) => error.retriable);
    const older = await server.connect(name);
    assert.equal((await older.query(formerWrite(1))).rowCount, 1);
    await reader.query('COMMIT');
    await sink.task.put([record(0)]);
    assert.equal(await nextOffset(client), 1);
    await sink.stop();
  });

  test('tasks that start at the same moment make the table once', async () => {
    const { client, url } = await target(TABLE);
    const topics = Array.from({ length: 6 }, (_, index) => `t${index}`);
    const sinks = await Promise.all(
      topics.map((topic) => startSink({ 'connection.url': url, 'table.name.format': 't' }, [{ topic, partition: 0 }])),
    );
    for (const [index, sink] of sinks.entries())
      await sink.task.put([{ ...record(0, index), originalTopic: topics[index]! }]);
    assert.equal((await client.query('SELECT FROM millrace_offsets WHERE next_offset = 1')).rowCount, topics.length);
    for (const sink of sinks) await sink.stop();
  });

  test('a user who may write to the table but does not own it needs no more than that', async () => {
    const { client, name, url } = await target(TABLE);
    const owner = await startSink({ 'connection.url': url }, partitions);
    await owner.stop();
    await client.query(
      `CREATE ROLE few LOGIN PASSWORD 'few'; GRANT SELECT, INSERT, UPDATE ON t, millrace_offsets TO few`,
    );
    const few = `postgres://few:few@${server.host}:${server.port}/${name}`;
    const sink = await startSink({ 'connection.url': few }, partitions);
    await sink.task.put([record(0)]);
    assert.equal(await nextOffset(client), 1);
    await sink.stop();
  });

  test('a deadlock and a serialization failure are reasons to send the batch again, which then counts once', async () => {
    const { client, name, url } = await target(`${TABLE}; INSERT INTO t VALUES (1, 0), (2, 0)`);
    await client.query(`ALTER DATABASE ${name} SET deadlock_timeout = '50ms'`);
    const sink = await startSink({ 'connection.url': url }, partitions);
    const other = await server.connect(name);
    // It shall be the sink that the server sacrifices: the one that has waited longer than its own patience.
    await other.query("SET deadlock_timeout = '600s'");
    await other.query('BEGIN');
    await other.query('UPDATE t SET v = 5 WHERE id = 2');
    const batch = [record(0, 1, 1), record(1, 2, 1)];
    const putting = sink.task.put(batch).then(
      () => null,
      (error: ConnectError) => error,
    );
    await waiting(client, 1);
    const crossing = other.query('UPDATE t SET v = 5 WHERE id = 1');
    const deadlock = await putting;
    assert.ok(deadlock?.retriable && /40P01/.test(deadlock.message), String(deadlock));
    await crossing;
    await other.query('COMMIT');
    await sink.task.put(batch);
    await client.query(`ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`);
    await sink.stop();

    const strict = await startSink({ 'connection.url': url }, partitions);
    await other.query('BEGIN');
    await other.query('UPDATE t SET v = 6 WHERE id = 1');
    const second = [record(2, 1, 2)];
    const refused = strict.task.put(second).then(
      () => null,
      (error: ConnectError) => error,
    );
    await waiting(client, 1);
    await other.query('COMMIT');
    const failure = await refused;
    assert.ok(failure?.retriable && /40001/.test(failure.message), String(failure));
    await strict.task.put(second);
    assert.deepEqual((await client.query('SELECT id, v FROM t ORDER BY id')).rows, [
      { id: 1, v: 2 },
      { id: 2, v: 1 },
    ]);
    assert.equal(await nextOffset(client), 3);
    await strict.stop();
  });

  /** Until so many sessions of this database wait for a lock. */
  async function waiting(client: Client, count: number): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(10)) {
      const { rowCount } = await client.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if (rowCount! >= count) return;
    }
    assert.fail('nobody came to wait for a lock');
  }
});
