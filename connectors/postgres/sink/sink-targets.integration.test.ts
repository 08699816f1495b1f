/** What the target is like decides how the sink writes: columns that must have a value, views, names, types of the source. Real Postgres. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import { Schemas, type SinkRecord, struct } from '../../api/index.ts';
import { json, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

const PLACEHOLDER = '__debezium_unavailable_value';

describe('targets of PostgresSink', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const target = (sql: string) => sinkTarget(server, sql);
  const partitions = [{ topic: 't', partition: 0 }];
  const row = (offset: number, id: number, more: string): SinkRecord =>
    sinkRecord({ offset, key: json(`{"id":${id}}`), value: json(`{"id":${id},${more}}`) });
  const rowsOf = async (client: Client) =>
    (await client.query<{ row: unknown }>('SELECT to_json(t) AS row FROM t ORDER BY id')).rows.map(({ row }) => row);

  test('a value that the source did not send stays in a column that must have one, and a new row without it is bad', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v text NOT NULL, n int)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put([row(0, 1, '"v":"large","n":1'), row(1, 2, '"v":"other","n":1')]);
    await sink.task.put([row(2, 1, `"v":"${PLACEHOLDER}","n":2`), row(3, 3, '"v":"new","n":3')]);
    assert.deepEqual(await rowsOf(client), [
      { id: 1, v: 'large', n: 2 },
      { id: 2, v: 'other', n: 1 },
      { id: 3, v: 'new', n: 3 },
    ]);
    await assert.rejects(sink.task.put([row(4, 9, `"v":"${PLACEHOLDER}","n":9`)]), { name: 'DataError' });
    await sink.stop();
  });

  test('an update of a row that is nothing but its key asks nothing', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY)');
    const sink = await startSink({ 'connection.url': url, 'insert.mode': 'update' }, partitions);
    await sink.task.put([sinkRecord({ offset: 0, key: json('{"id":1}'), value: json('{"id":1}') })]);
    assert.deepEqual(await rowsOf(client), []);
    await sink.stop();
  });

  test('a view that Postgres can write to takes rows, updates and deletes; a column it lacks is told', async () => {
    const sql =
      'CREATE TABLE base (id bigint PRIMARY KEY, v text, more int); CREATE VIEW t AS SELECT id, v FROM base WHERE id < 100';
    const { client, url } = await target(sql);
    const sink = await startSink(
      { 'connection.url': url, 'delete.enabled': 'true', 'auto.evolve': 'true' },
      partitions,
    );
    await sink.task.put([row(0, 1, '"v":"a"'), row(1, 2, '"v":"b"')]);
    await sink.task.put([row(2, 1, '"v":"c"'), sinkRecord({ offset: 3, key: json('{"id":2}'), value: null })]);
    assert.deepEqual(await rowsOf(client), [{ id: 1, v: 'c' }]);
    await assert.rejects(sink.task.put([row(4, 1, '"v":"d","more":1')]), /View "t" has no column for "more"/);
    await sink.stop();
  });

  test('schema.evolution=validate-only wants the tables at the start, where the topic alone tells which', async () => {
    const { client, url } = await target('SELECT 1');
    const config = { 'connection.url': url, 'schema.evolution': 'validate-only' };
    await assert.rejects(startSink(config, partitions, 'debezium'), /Table "t" for topic t does not exist/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder.
    const bySource = { ...config, 'collection.name.format': '${source.table}' };
    await (await startSink(bySource, partitions, 'debezium')).stop();
    await client.query('CREATE TABLE t (id int PRIMARY KEY)');
    await (await startSink(config, partitions, 'debezium')).stop();
  });

  test('a name that Postgres would cut is refused, and nothing is lost', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY)');
    const sink = await startSink({ 'connection.url': url, 'auto.evolve': 'true', 'auto.create': 'true' }, partitions);
    const long = 'é'.repeat(32);
    await assert.rejects(sink.task.put([row(0, 1, `"${long}":1`)]), /cuts names after 63 bytes/);
    const elsewhere = { ...row(1, 1, '"v":1'), topic: 'x'.repeat(64) };
    await assert.rejects(sink.task.put([elsewhere]), /A table cannot be named/);
    assert.deepEqual(await rowsOf(client), []);
    await sink.stop();
  });

  test('a column that is added has the default of the source, so that the rows before have what they have there', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const sink = await startSink({ 'connection.url': url, 'auto.evolve': 'true' }, partitions);
    const day = { type: 'int32', name: 'io.debezium.time.Date', defaultValue: 19782 } as const;
    const text = { type: 'string', optional: true, defaultValue: "it's" } as const;
    const value = struct('v', [
      { name: 'id', schema: Schemas.int32 },
      { name: 'day', schema: day },
      { name: 'text', schema: text },
      { name: 'flag', schema: Schemas.boolean },
    ]);
    const record = { key: json('{"id":2}'), value: { id: 2, day: 19783, text: null, flag: true }, valueSchema: value };
    await sink.task.put([sinkRecord({ offset: 0, ...record })]);
    assert.deepEqual(await rowsOf(client), [
      { id: 1, day: '2024-02-29', text: "it's", flag: null },
      { id: 2, day: '2024-03-01', text: null, flag: true },
    ]);
    await sink.stop();
  });

  test('an instant with an offset keeps its moment in a column without a zone', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, at timestamp, zoned timestamptz)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    const zoned = { type: 'string', name: 'io.debezium.time.ZonedTimestamp' } as const;
    const schema = struct('v', [
      { name: 'id', schema: Schemas.int32 },
      { name: 'at', schema: zoned },
      { name: 'zoned', schema: zoned },
    ]);
    const at = '2024-02-29T12:00:00+02:00';
    await sink.task.put([
      sinkRecord({ offset: 0, key: json('{"id":1}'), value: { id: 1, at, zoned: at }, valueSchema: schema }),
      sinkRecord({
        offset: 1,
        key: json('{"id":2}'),
        value: json(`{"id":2,"at":"${at}","zoned":"infinity"}`),
        valueSchema: schema,
      }),
    ]);
    const { rows } = await client.query("SELECT at::text, zoned AT TIME ZONE 'UTC' AS zoned FROM t ORDER BY id");
    assert.deepEqual(
      rows.map((each) => each.at),
      ['2024-02-29 10:00:00', '2024-02-29 10:00:00'],
    );
    await sink.stop();
  });
});
