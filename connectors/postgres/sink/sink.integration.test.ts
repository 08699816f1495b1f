/**
 * The sink against a real server: what rows become of records, exactly once, and which error each mishap is.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../test/kit/postgres.ts';
import {
  type ConnectError,
  type Converter,
  DataError,
  parseConfig,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
  Schemas,
  type SinkRecord,
  type SourceRecord,
  struct,
} from '../../api/index.ts';
import { jsonPlugin } from '../../converters/json.ts';
import { postgresPlugins } from '../plugins.ts';
import { debeziumDefaults, ourDefaults, type SourceDefaults } from '../source/config/source-defaults.ts';
import { startSource } from '../source/source-harness.ts';
import { json, type RecordSpec, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

describe('PostgresSink', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const partitions = [{ topic: 't', partition: 0 }];

  const target = (sql = 'SELECT 1') => sinkTarget(server, sql);
  const rowsOf = async (client: Client, table = 't') =>
    (
      await client.query<{ row: unknown }>(`SELECT to_json(t) AS row FROM ${table} t ORDER BY to_json(t)::text`)
    ).rows.map(({ row }) => row);
  const row = (offset: number, id: number, more: string): RecordSpec => ({
    offset,
    key: json(`{"id":${id}}`),
    value: json(`{"id":${id},${more}}`),
  });

  test('the last change of each key in a batch wins, and deletes keep their place', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v text)');
    const sink = await startSink({ 'connection.url': url, 'delete.enabled': 'true' }, partitions);
    const gone = (offset: number, id: number) => ({ offset, key: json(`{"id":${id}}`), value: null });
    const records = [
      row(0, 1, '"v":"a"'),
      row(1, 1, '"v":"b"'),
      row(2, 2, '"v":"x"'),
      gone(3, 2),
      gone(4, 3),
      row(5, 3, '"v":"y"'),
    ];
    await sink.task.put(records.map(sinkRecord));
    assert.deepEqual(await rowsOf(client), [
      { id: 1, v: 'b' },
      { id: 3, v: 'y' },
    ]);
    await sink.stop();
  });

  test('a table named after the source loses the row by the delete event; its tombstone names no source and asks nothing', async () => {
    const { client, url } = await target('CREATE TABLE orders (id bigint PRIMARY KEY, v text)');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder.
    const config = { 'connection.url': url, 'delete.enabled': 'true', 'table.name.format': '${source.table}' };
    const sink = await startSink(config, partitions);
    const key = json('{"id":1}');
    const event = (offset: number, op: string, before: string, now: string) => {
      const text = `{"before":${before},"after":${now},"source":{"db":"d","schema":"s","table":"orders"},"op":"${op}"}`;
      return sinkRecord({ offset, key, value: json(text) });
    };
    const row1 = '{"id":1,"v":"a"}';
    await sink.task.put([event(0, 'c', 'null', row1)]);
    assert.deepEqual(await rowsOf(client, 'orders'), [{ id: 1, v: 'a' }]);
    await sink.task.put([event(1, 'd', row1, 'null'), sinkRecord({ offset: 2, key, value: null })]);
    assert.deepEqual(await rowsOf(client, 'orders'), []);
    await assert.rejects(sink.task.put([sinkRecord({ offset: 3, key, value: json(row1) })]), { name: 'DataError' });
    await sink.stop();
  });

  test('64-bit integers and long decimals arrive digit by digit, from text and from values', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v numeric)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    const v = '12345678901234567890.123456789';
    await sink.task.put([
      sinkRecord({ offset: 0, key: json('{"id":9007199254740993}'), value: json(`{"v":${v}}`) }),
      sinkRecord({ offset: 1, key: { id: 9007199254740995n }, value: { v } }),
    ]);
    const { rows } = await client.query('SELECT id::text, v::text FROM t ORDER BY id');
    assert.deepEqual(rows, [
      { id: '9007199254740993', v },
      { id: '9007199254740995', v },
    ]);
    await sink.stop();
  });

  test('a table is created from a schema, with the key, and widened by a later field', async () => {
    const { client, url } = await target();
    const sink = await startSink({ 'connection.url': url, 'auto.create': 'true', 'auto.evolve': 'true' }, partitions);
    const key = struct('k', [{ name: 'id', schema: Schemas.int32 }]);
    const at = { name: 'at', schema: { type: 'string', name: 'io.debezium.time.ZonedTimestamp' } as const };
    const value = struct('v', [{ name: 'name', schema: Schemas.optionalString }, at]);
    const wider = struct('v2', [...value.fields!, { name: 'seen', schema: Schemas.boolean }]);
    const base = { name: 'n', at: '2024-02-29T12:00:00.123456Z' };
    await sink.task.put([sinkRecord({ offset: 0, key: { id: 1 }, keySchema: key, value: base, valueSchema: value })]);
    await sink.task.put([
      sinkRecord({ offset: 1, key: { id: 2 }, keySchema: key, value: { ...base, seen: true }, valueSchema: wider }),
    ]);
    const { rows } = await client.query(
      "SELECT attname || ' ' || format_type(atttypid, atttypmod) AS c FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum",
    );
    assert.deepEqual(
      rows.map(({ c }) => c),
      ['id integer', 'name text', 'at timestamp with time zone', 'seen boolean'],
    );
    assert.deepEqual((await rowsOf(client)).length, 2);
    await sink.stop();
  });

  test('a table is created without a schema too, wide enough for what may come', async () => {
    const { client, url } = await target();
    const sink = await startSink({ 'connection.url': url, 'auto.create': 'true', 'auto.evolve': 'true' }, partitions);
    await sink.task.put([row(0, 1, '"lat":47,"on":true,"tags":["a"],"name":"x","later":null')].map(sinkRecord));
    await sink.task.put([row(1, 2, '"lat":47.5,"on":null,"tags":{},"name":null,"later":"now"')].map(sinkRecord));
    assert.deepEqual(await rowsOf(client), [
      { id: 1, lat: 47, on: true, tags: ['a'], name: 'x', later: null },
      { id: 2, lat: 47.5, on: null, tags: {}, name: null, later: 'now' },
    ]);
    await sink.stop();
  });

  test('a column that is null in the first row of a batch and told by a later one is added with its value', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY)');
    const sink = await startSink({ 'connection.url': url, 'auto.evolve': 'true' }, partitions);
    await sink.task.put([row(0, 1, '"extra":null'), row(1, 2, '"extra":"told"')].map(sinkRecord));
    assert.deepEqual(await rowsOf(client), [
      { id: 1, extra: null },
      { id: 2, extra: 'told' },
    ]);
    await sink.stop();
  });

  test('a batch that was delivered before is recognised, also by the next task, which goes on behind it', async () => {
    const { client, url } = await target('CREATE TABLE t (v text)');
    const config = { 'connection.url': url, 'insert.mode': 'insert', 'pk.mode': 'none' };
    const batch = [0, 1, 2].map((offset) => sinkRecord({ offset, value: json(`{"v":"${offset}"}`) }));
    const first = await startSink(config, partitions);
    await first.task.put(batch);
    await first.task.put(batch);
    await first.stop();
    const second = await startSink(config, partitions);
    assert.equal(second.seeks.get('t-0'), 3);
    await second.task.put(batch);
    assert.equal((await rowsOf(client)).length, 3);
    await second.stop();
  });

  test('a task that lost its partition writes nothing any more', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v text)');
    const old = await startSink({ 'connection.url': url }, partitions);
    const current = await startSink({ 'connection.url': url }, partitions);
    await current.task.put([sinkRecord(row(0, 1, '"v":"current"'))]);
    await assert.rejects(old.task.put([sinkRecord(row(0, 1, '"v":"old"'))]), { code: 'PG_FENCED' });
    assert.deepEqual(await rowsOf(client), [{ id: 1, v: 'current' }]);
    await old.stop();
    await current.stop();
  });

  test('a bad row is a DataError and leaves nothing of its batch behind', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v int NOT NULL)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    const isBad = (error: ConnectError) => error.name === 'DataError' && !error.retriable;
    await assert.rejects(sink.task.put([row(0, 1, '"v":1'), row(1, 2, '"v":"two"')].map(sinkRecord)), isBad);
    await assert.rejects(sink.task.put([row(0, 1, '"v":1'), row(1, 2, '"v":null')].map(sinkRecord)), isBad);
    await assert.rejects(sink.task.put([sinkRecord({ offset: 0, key: json('{"id":1}'), value: json('[1]') })]), isBad);
    await assert.rejects(
      sink.task.put([sinkRecord({ offset: 0, key: json('{"id":1}'), value: json('{"v":') })]),
      isBad,
    );
    await assert.rejects(sink.task.put([sinkRecord({ offset: 0, value: json('{"v":1}') })]), isBad);
    assert.deepEqual(await rowsOf(client), []);
    await sink.task.put([sinkRecord(row(0, 1, '"v":1'))]);
    assert.equal((await rowsOf(client)).length, 1);
    await sink.stop();
  });

  test('a missing table, column or key is told with the statement that adds it', async () => {
    const { client, url } = await target(
      'CREATE TABLE nokey (id bigint, v text); CREATE TABLE narrow (id bigint PRIMARY KEY)',
    );
    const put = async (table: string) => {
      const sink = await startSink({ 'connection.url': url, 'table.name.format': table }, partitions);
      await sink.task.put([sinkRecord(row(0, 1, '"v":"x"'))]).finally(() => sink.stop());
    };
    await assert.rejects(
      put('nowhere'),
      /CREATE TABLE IF NOT EXISTS "nowhere" \("id" bigint NOT NULL, "v" text, PRIMARY KEY \("id"\)\)/,
    );
    await assert.rejects(put('nokey'), /ALTER TABLE "nokey" ADD PRIMARY KEY \("id"\);/);
    await assert.rejects(put('narrow'), /ALTER TABLE "narrow" ADD COLUMN IF NOT EXISTS "v" text;/);
    assert.equal((await rowsOf(client, 'narrow')).length, 0);
  });

  test('a table altered in mid-stream is looked up again', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v int)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put([sinkRecord(row(0, 1, '"v":1'))]);
    await client.query('ALTER TABLE t ALTER v TYPE text');
    const next = [sinkRecord(row(1, 2, '"v":"two"'))];
    await sink.task.put(next).catch((error: ConnectError) => {
      assert.ok(error.retriable, error.message);
      return sink.task.put(next);
    });
    assert.deepEqual(await rowsOf(client), [
      { id: 1, v: '1' },
      { id: 2, v: 'two' },
    ]);
    await sink.stop();
  });

  test('a server that goes away is a reason to wait, and nothing is delivered twice', async () => {
    const { name, url } = await target('CREATE TABLE t (v text)');
    const sink = await startSink({ 'connection.url': url, 'insert.mode': 'insert', 'pk.mode': 'none' }, partitions);
    const batch = (offset: number) => [sinkRecord({ offset, value: json(`{"v":"${offset}"}`) })];
    await sink.task.put(batch(0));
    await server.kill('SIGQUIT');
    await assert.rejects(sink.task.put(batch(1)), (error: ConnectError) => error.retriable);
    await server.restart();
    await sink.task.put(batch(1));
    await sink.task.put(batch(1));
    const client = await server.connect(name);
    assert.deepEqual(await rowsOf(client), [{ v: '0' }, { v: '1' }]);
    await sink.stop();
  });

  test('an older record does not replace a newer row where a column says which is newer', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz, v int)');
    const sink = await startSink({ 'connection.url': url, 'merge.newer.column': 'at' }, partitions);
    const at = (offset: number, minute: number) =>
      sinkRecord(row(offset, 1, `"at":"2024-01-01T00:0${minute}:00Z","v":${minute}`));
    await sink.task.put([at(0, 5)]);
    await sink.task.put([at(1, 3)]);
    await sink.task.put([at(2, 7), at(3, 6)]);
    assert.equal(((await rowsOf(client))[0] as { v: number }).v, 7);
    await sink.stop();
  });

  test('a value that the source did not know leaves its column alone', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, v int, big text)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    const unknown = '"big":"__debezium_unavailable_value"';
    await sink.task.put(
      [row(0, 1, '"v":1,"big":"much"'), row(1, 2, '"v":1,"big":"more"'), row(2, 2, `"v":2,${unknown}`)].map(sinkRecord),
    );
    await sink.task.put([sinkRecord(row(3, 1, `"v":3,${unknown}`))]);
    assert.deepEqual(await rowsOf(client), [
      { id: 1, v: 3, big: 'much' },
      { id: 2, v: 2, big: 'more' },
    ]);
    await sink.stop();
  });

  const everyType = `id bigint PRIMARY KEY, n numeric, n2 numeric(12,3), i2 int2, f4 float4, f8 float8, b bool, t text,
    vc varchar(9), c char(4), by bytea, j jsonb, u uuid, d date, ti time, ts timestamp, ts3 timestamp(3), tz timestamptz,
    iv interval, ia int[], ta text[], na numeric[], p point, inet inet, r int4range`;
  const someRows = `(9007199254740993, -12345678901234567890.0123456789, -1.5, -7, 1.5, 1e300, true, 'tab'||chr(9)||'"\\ ünï', 'x', 'y',
      '\\x00ff10', '{"a": [1.10, null]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2024-02-29', '23:59:59.999999',
      '2024-01-01 00:00:00.000001', '1969-12-31 23:59:59.999', '2024-06-01 12:00:00.5+02', '1 day 02:03:04.5', '{1,NULL,-3}',
      '{"a,b","NULL",NULL,"q\\"x"}', '{1.10,NaN}', '(1.5,-2)', '10.0.0.0/8', '[1,5)'),
    (2, 'NaN', 0, 0, 'NaN', '-Infinity', false, '', '', '', '', 'null', NULL, '0044-03-15 BC', '00:00', 'infinity', '2024-01-01',
      NULL, '0', '{}', '{}', '{}', NULL, NULL, 'empty'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`;

  /** How records get from source to sink: as they are, without their schemas, or through JsonConverter with schemas. */
  type Way = 'direct' | 'schemaless' | 'converted';

  const converter = (isKey: boolean) => {
    const converts = jsonPlugin.create() as Converter;
    converts.configure(parseConfig(jsonPlugin.config, { 'schemas.enable': 'true' }).config, { isKey });
    return converts;
  };

  function carried(records: readonly SourceRecord[], way: Way): SinkRecord[] {
    const [keys, values] = [converter(true), converter(false)];
    const through = (by: Converter, topic: string, schema: Schema | null, value: RecordValue) =>
      by.toConnectData(topic, by.fromConnectData(topic, schema, value) as Uint8Array | null) as SchemaAndValue;
    return records.map((record, offset) => {
      const base = { ...record, offset, originalTopic: record.topic, originalPartition: 0 };
      if (way === 'direct') return base;
      if (way === 'schemaless') return { ...base, keySchema: null, valueSchema: null };
      const key = through(keys, record.topic, record.keySchema, record.key);
      const value = through(values, record.topic, record.valueSchema, record.value);
      return { ...base, keySchema: key.schema, key: key.value, valueSchema: value.schema, value: value.value };
    });
  }

  async function replicate(defaults: SourceDefaults, way: Way, create: string): Promise<[unknown[], unknown[]]> {
    const from = await target(`CREATE TABLE a (${everyType}); INSERT INTO a VALUES ${someRows}`);
    const to = await target(create);
    const source = await startSource({
      config: {
        'topic.prefix': 's',
        'slot.name': from.name,
        ...sourceAddress(server, from.name),
      },
      defaults,
    });
    await source.until((records) => records.length === 3);
    await from.client.query('UPDATE a SET id = id + 10'); // The stream's rows, beside the snapshot's.
    await from.client.query(`INSERT INTO a VALUES ${someRows}`);
    await source.until((records) => records.length === 3 + 9 + 3);
    await source.stop();
    const sink = await startSink(
      { 'connection.url': to.url, 'auto.create': 'true', 'delete.enabled': 'true', 'table.name.format': 'a' },
      [{ topic: 's.public.a', partition: 0 }],
    );
    await sink.task.put(carried(source.records, way));
    await sink.stop();
    const rows = async (client: Client) =>
      (await client.query<{ row: string }>('SELECT a::text AS row FROM a ORDER BY id')).rows.map(
        ({ row: text }) => text,
      );
    return [await rows(from.client), await rows(to.client)];
  }

  test('every type makes the round trip from table to table, without schemas, into a table of the same make', async () => {
    const [from, to] = await replicate(ourDefaults, 'schemaless', `CREATE TABLE a (${everyType})`);
    assert.deepEqual(to, from);
    assert.equal(from.length, 6);
  });

  test('every type makes the round trip through a converter with schemas, into a table the sink makes of them', async () => {
    const [from, to] = await replicate(ourDefaults, 'converted', 'SELECT 1');
    assert.deepEqual(to, from);
  });

  test("every type makes the round trip with Debezium's own forms and schemas", async () => {
    const [from, to] = await replicate(debeziumDefaults, 'direct', `CREATE TABLE a (${everyType})`);
    // Debezium has no form for NaN in precise decimals and says null; numeric intervals know no days.
    const told = (text: unknown) =>
      String(text)
        .replace(/^\((2|12),NaN,/, '($1,,')
        .replace('"{1.10,NaN}"', '"{1.1,NULL}"')
        .replace('"1 day 02:03:04.5"', '26:03:04.5');
    assert.deepEqual(to, from.map(told));
  });

  test('a row that the server refuses is told with its table, in whole sentences', async () => {
    const { url } = await target('CREATE TABLE "T" (id bigint PRIMARY KEY, n int)');
    const sink = await startSink({ 'connection.url': url, 'table.name.format': 'T' }, partitions);
    const row = sinkRecord({ offset: 0, key: json('{"id":1}'), value: json('{"id":1,"n":5000000000}') });
    await assert.rejects(sink.task.put([row]) as Promise<void>, (error: Error) => {
      assert.match(error.message, /22003 while writing to table "T" of database .* out of range for type integer\.$/);
      return error instanceof DataError;
    });
    await sink.stop();
  });

  test('a target that takes no writes for a while is written to as soon as it takes them again', async () => {
    const { client, name, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    const row = (offset: number) =>
      sinkRecord({ offset, key: json(`{"id":${offset}}`), value: json(`{"id":${offset}}`) });
    await sink.task.put([row(0)]);
    await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    // Sessions from before do not know; this one ends.
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace %' AND datname = current_database()",
    );
    // First the connection is lost, then a new one takes no writes.
    const attempt = () =>
      Promise.resolve(sink.task.put([row(1)])).then(
        () => assert.fail('A read-only database took a row.'),
        (error: Error & { retriable?: boolean }) => error,
      );
    const errors = [await attempt(), await attempt(), await attempt()];
    assert.deepEqual(
      errors.map(({ retriable }) => retriable),
      [true, true, true],
    );
    assert.match(errors.at(-1)!.message, /25006/);
    await client.query(`SET default_transaction_read_only = off`);
    await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    await sink.task.put([row(1)]);
    assert.deepEqual((await rowsOf(client)).length, 2);
    await sink.stop();
  });

  test('an infinite interval is one in the target, and a server that knows none refuses it alone', async () => {
    const { client, url } = await target('CREATE TABLE t (id bigint PRIMARY KEY, i interval)');
    const sink = await startSink({ 'connection.url': url }, [{ topic: 't', partition: 0 }]);
    const duration = { type: 'int64', name: 'io.debezium.time.MicroDuration' } as const;
    const valueSchema = struct('row', [
      { name: 'id', schema: Schemas.int64 },
      { name: 'i', schema: duration },
    ]);
    const row = (id: number, i: string) =>
      sinkRecord({ offset: id, key: json(`{"id":${id}}`), value: json(`{"id":${id},"i":${i}}`), valueSchema });
    await sink.task.put([row(1, '1000000')]);
    const infinite = () => sink.task.put([row(2, '9223372036854775807'), row(3, '-9223372036854775808')]);
    const { rows } = await client.query("SELECT current_setting('server_version_num')::int >= 170000 AS knows");
    if (rows[0].knows) await infinite();
    else await assert.rejects(infinite, DataError);
    await sink.stop();
    const told = await client.query('SELECT i::text AS i FROM t ORDER BY id');
    const expected = rows[0].knows ? ['00:00:01', 'infinity', '-infinity'] : ['00:00:01'];
    assert.deepEqual(
      told.rows.map(({ i }) => i),
      expected,
    );
  });

  test('other names of the sink take their own keys and refuse those of the others', async () => {
    const { client, url } = await target('CREATE SCHEMA s; CREATE TABLE s.t (id bigint PRIMARY KEY, v int)');
    const confluent = {
      'connection.url': url.replace(/^/, 'jdbc:').replace(/\/\/.*@/, '//'),
      'connection.user': server.user,
      'connection.password': server.password,
    };
    const keys = { 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id' };
    const sink = await startSink({ ...confluent, ...keys }, [], 'confluent');
    await sink.task.put([sinkRecord({ ...row(0, 1, '"v":1'), topic: 's.t' })]);
    assert.deepEqual(await rowsOf(client, 's.t'), [{ id: 1, v: 1 }]);
    await sink.stop();
    await assert.rejects(startSink({ ...confluent, ...keys }, [], 'debezium'), /Unknown configuration "pk.mode"/);
    assert.equal(postgresPlugins.length, 5);
  });

  test('rows that point to one another arrive in any order within a batch', async () => {
    const { url, client } = await target(
      'CREATE TABLE shop_customers (id int PRIMARY KEY); CREATE TABLE shop_orders (id int PRIMARY KEY, customer int REFERENCES shop_customers)',
    );
    const sink = await startSink({ 'connection.url': url, 'delete.enabled': 'true' }, [
      { topic: 'shop.orders', partition: 0 },
      { topic: 'shop.customers', partition: 0 },
    ]);
    const order = (id: number, buyer: number, offset: number) =>
      sinkRecord({
        topic: 'shop.orders',
        offset,
        key: json(`{"id":${id}}`),
        value: json(`{"id":${id},"customer":${buyer}}`),
      });
    const customer = (id: number, offset: number) =>
      sinkRecord({ topic: 'shop.customers', offset, key: json(`{"id":${id}}`), value: json(`{"id":${id}}`) });
    await sink.task.put([order(1, 1, 0), order(2, 2, 1), customer(1, 0), customer(2, 1)]);
    const gone = sinkRecord({ topic: 'shop.customers', offset: 2, key: json('{"id":1}'), value: null });
    const goneToo = sinkRecord({ topic: 'shop.orders', offset: 2, key: json('{"id":1}'), value: null });
    await sink.task.put([gone, goneToo, order(3, 3, 3), customer(3, 3)]);
    const { rows } = await client.query('SELECT id, customer FROM shop_orders ORDER BY id');
    assert.deepEqual(rows, [
      { id: 2, customer: 2 },
      { id: 3, customer: 3 },
    ]);
    await sink.stop();
  });

  test('a large batch is one transaction: a bad row at its end leaves nothing of its beginning', async () => {
    const { url, client } = await target('CREATE TABLE shop_t (id int PRIMARY KEY, v int CHECK (v >= 0))');
    const sink = await startSink({ 'connection.url': url }, [{ topic: 'shop.t', partition: 0 }]);
    const row = (id: number, v: number) =>
      sinkRecord({ topic: 'shop.t', offset: id, key: json(`{"id":${id}}`), value: json(`{"id":${id},"v":${v}}`) });
    const many = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => row(from + index, 0));
    await sink.task.put(many(0, 10));
    await assert.rejects(sink.task.put([...many(10, 900), row(900, -1)]), { code: 'PG_BAD_ROW' });
    const count = async () => Number((await client.query('SELECT count(*) FROM shop_t')).rows[0].count);
    assert.equal(await count(), 10);
    await sink.task.put([...many(10, 900), row(900, 1)]);
    assert.equal(await count(), 901);
    await sink.stop();
  });

  test('a topic that was deleted and made again is delivered from its beginning', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v text)');
    const at = (timestamp: number, record: RecordSpec) => ({ ...sinkRecord(record), timestamp });
    const first = await startSink({ 'connection.url': url }, partitions);
    await first.task.put(Array.from({ length: 10 }, (_, id) => at(id, row(id, id, '"v":"old"'))));
    await first.stop();
    const second = await startSink({ 'connection.url': url }, partitions);
    await second.task.put([at(20, row(0, 100, '"v":"new"')), at(21, row(1, 101, '"v":"new"'))]);
    await second.task.put([at(21, row(1, 101, '"v":"again"')), at(22, row(2, 102, '"v":"new"'))]);
    const { rows } = await client.query('SELECT id, v FROM t WHERE id >= 100 ORDER BY id');
    assert.deepEqual(rows, [
      { id: 100, v: 'new' },
      { id: 101, v: 'new' },
      { id: 102, v: 'new' },
    ]);
    await second.stop();
  });
});
