/**
 * The sink's keys, one by one, in the words of each of its names: what Debezium's own JDBC sink (3.5.0) was seen to make of
 * the same records stands here as what is expected, where nothing else is said.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import { LogicalNames, type Schema, Schemas, struct } from '../../api/index.ts';
import { json, type RecordSpec, sinkRecord, startSink } from './sink-harness.ts';
import type { SinkDialect } from './sink-keys.ts';

describe('keys of the sink', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const key = (id: number) => json(`{"id":${id}}`);
  const order: RecordSpec = {
    topic: 'Shop.Orders',
    offset: 0,
    key: key(1),
    value: json('{"id":1,"Name":"n","order":"o"}'),
  };
  const envelope = (op: string, after: string) =>
    json(`{"before":null,"after":${after},"source":{"db":"d","schema":"s","table":"Orders"},"op":"${op}"}`);

  /** Puts the batches into an empty database, and answers it. */
  async function put(
    dialect: SinkDialect,
    config: Readonly<Record<string, string>>,
    batches: readonly (readonly RecordSpec[])[],
    sql = 'SELECT 1',
  ): Promise<Client> {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(sql);
    const url = `jdbc:postgresql://${server.host}:${server.port}/${name}`;
    const login = { [dialect === 'debezium' ? 'connection.username' : 'connection.user']: server.user };
    const whole = { 'connection.url': url, ...login, 'connection.password': server.password, ...config };
    const sink = await startSink(whole, [], dialect);
    try {
      for (const batch of batches) await sink.task.put(batch.map(sinkRecord));
    } finally {
      await sink.stop();
    }
    return client;
  }

  const rowsOf = async (client: Client, table: string) =>
    (
      await client.query<{ row: object }>(`SELECT to_json(t) AS row FROM ${table} t ORDER BY to_json(t)::text`)
    ).rows.map(({ row }) => row);
  const keyOf = async (client: Client, table: string) =>
    (
      await client.query(
        `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'p'`,
      )
    ).rows[0]?.key;
  const basic = { 'schema.evolution': 'basic' };
  const upsert = { ...basic, 'insert.mode': 'upsert' };

  test('quote.identifiers=false makes small letters of all names, reserved words too; true leaves them as they are', async () => {
    assert.deepEqual(await rowsOf(await put('debezium', basic, [[order]]), 'shop_orders'), [
      { id: 1, name: 'n', order: 'o' },
    ]);
    const quoted = await put('debezium', { ...basic, 'quote.identifiers': 'true' }, [[order]]);
    assert.deepEqual(await rowsOf(quoted, '"Shop_Orders"'), [{ id: 1, Name: 'n', order: 'o' }]);
    const existing = 'CREATE TABLE shop_orders (id int PRIMARY KEY, name text, "order" text)';
    const config = { 'insert.mode': 'upsert', 'primary.key.mode': 'record_key', 'primary.key.fields': 'ID' };
    const capitals = { ...order, key: json('{"ID":7}'), value: json('{"NAME":"m"}') };
    assert.deepEqual(await rowsOf(await put('debezium', config, [[capitals]], existing), 'shop_orders'), [
      { id: 7, name: 'm', order: null },
    ]);
  });

  test('quote.sql.identifiers=never does the same for the names of Confluent, with types from the schema', async () => {
    const value = struct('v', [
      { name: 'Id', schema: Schemas.int32 },
      { name: 'At', schema: { type: 'int64', name: 'io.debezium.time.MicroTimestamp' } },
    ]);
    const record = { offset: 0, topic: 'Orders', value: json('{"Id":1,"At":1700000000000000}'), valueSchema: value };
    const config = { 'auto.create': 'true', 'quote.sql.identifiers': 'never' };
    assert.deepEqual(await rowsOf(await put('confluent', config, [[record]]), 'orders'), [
      { id: 1, at: '2023-11-14T22:13:20' },
    ]);
  });

  test('names of tables: a format, its former name, source names, and the topic passed through', async () => {
    const schema = 'CREATE SCHEMA s; CREATE SCHEMA shop';
    const one = [{ ...order, value: json('{"id":1}') }];
    const is = async (config: Record<string, string>, table: string, records: readonly RecordSpec[] = one) => {
      assert.deepEqual(await rowsOf(await put('debezium', { ...basic, ...config }, [records], schema), table), [
        { id: 1 },
      ]);
    };
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the user's placeholders.
    await is({ 'collection.name.format': 's.${topic}' }, 's.shop_orders');
    await is({ 'table.name.format': 'x_${topic}' }, 'x_shop_orders');
    const named = [{ ...order, value: envelope('c', '{"id":1}') }];
    await is({ 'collection.name.format': '${source.schema}.${source.table}' }, 's.orders', named);
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: until here.
    await is(
      { 'collection.naming.strategy': 'io.debezium.sink.naming.PassthroughCollectionNamingStrategy' },
      'shop.orders',
    );
  });

  test('primary.key.mode: coordinates, fields of the key, all of the value, headers', async () => {
    const one = [{ ...order, value: json('{"id":1,"Name":"n"}') }];
    const made = async (mode: string, more: Record<string, string> = {}, records: readonly RecordSpec[] = one) => {
      const client = await put('debezium', { ...upsert, 'primary.key.mode': mode, ...more }, [records, records]);
      const rows = await rowsOf(client, 'shop_orders');
      assert.equal(rows.length, 1);
      return [await keyOf(client, 'shop_orders'), rows[0]];
    };
    const coordinates = { __connect_topic: 'Shop.Orders', __connect_partition: 0, __connect_offset: 0 };
    assert.deepEqual(await made('kafka'), [
      'PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset)',
      { ...coordinates, id: 1, name: 'n' },
    ]);
    assert.deepEqual(await made('record_value'), ['PRIMARY KEY (id, name)', { id: 1, name: 'n' }]);
    assert.deepEqual(await made('record_value', { 'primary.key.fields': 'Name' }), [
      'PRIMARY KEY (name)',
      { id: 1, name: 'n' },
    ]);
    const wide = [{ ...one[0]!, key: json('{"a":1,"b":2}') }];
    assert.deepEqual(await made('record_key', { 'primary.key.fields': 'a' }, wide), [
      'PRIMARY KEY (a)',
      { a: 1, id: 1, name: 'n' },
    ]);
    const headers = [
      { key: 'Tenant', value: 'old', schema: Schemas.string },
      { key: 'Tenant', value: 'x', schema: Schemas.string },
      { key: 'no', value: 5, schema: Schemas.int32 },
    ];
    const headed = [{ ...one[0]!, key: null, headers }];
    assert.deepEqual(await made('record_header', {}, headed), [
      'PRIMARY KEY (tenant, no)',
      { tenant: 'x', no: 5, id: 1, name: 'n' },
    ]);
    assert.deepEqual(await made('record_header', { 'primary.key.fields': 'no' }, headed), [
      'PRIMARY KEY (no)',
      { no: 5, id: 1, name: 'n' },
    ]);
    await assert.rejects(put('debezium', { ...upsert, 'primary.key.mode': 'record_header' }, [one]), /has no headers/);
    const single = [{ ...one[0]!, key: 7, keySchema: Schemas.int32 }];
    assert.deepEqual(await made('record_key', { 'primary.key.fields': 'k' }, single), [
      'PRIMARY KEY (k)',
      { k: 7, id: 1, name: 'n' },
    ]);
  });

  test('fields in and fields out, by name alone or with their topic; the key is always written', async () => {
    const fields = async (config: Record<string, string>) => {
      const client = await put('debezium', { ...basic, 'primary.key.mode': 'record_key', ...config }, [[order]]);
      return Object.keys((await rowsOf(client, 'shop_orders'))[0]!);
    };
    assert.deepEqual(await fields({ 'field.include.list': 'Name' }), ['id', 'name']);
    assert.deepEqual(await fields({ 'field.include.list': 'Shop.Orders:Name,Other:order' }), ['id', 'name']);
    assert.deepEqual(await fields({ 'field.exclude.list': 'Shop.Orders:Name' }), ['id', 'order']);
    assert.deepEqual(await fields({ 'field.exclude.list': 'Name,order' }), ['id']);
    const both = { 'field.include.list': 'Name', 'field.exclude.list': 'order' };
    await assert.rejects(fields(both), /exclude each other/);
    const own = await put('own', { 'auto.create': 'true', 'fields.blacklist': 'order' }, [[order]]);
    assert.deepEqual(await rowsOf(own, '"Shop_Orders"'), [{ id: 1, Name: 'n' }]);
    const confluent = { 'auto.create': 'true', 'fields.whitelist': 'order', 'pk.mode': 'record_key' };
    const listed = await put('confluent', confluent, [[{ ...order, topic: 'orders' }]]);
    assert.deepEqual(await rowsOf(listed, 'orders'), [{ id: 1, order: 'o' }]);
  });

  test('a truncate event empties the table where truncate.enabled says so, in its place among the changes', async () => {
    const at = (offset: number, id: number) => ({
      ...order,
      offset,
      key: key(id),
      value: envelope('c', `{"id":${id}}`),
    });
    const truncate = (offset: number) => ({ ...order, offset, key: null, value: envelope('t', 'null') });
    const config = { ...upsert, 'primary.key.mode': 'record_key' };
    const batch = [at(0, 1), at(1, 2), truncate(2), at(3, 3)];
    const left = await put('debezium', { ...config, 'truncate.enabled': 'true' }, [
      [at(0, 9)],
      batch.map((each) => ({ ...each, offset: each.offset + 1 })),
    ]);
    assert.deepEqual(await rowsOf(left, 'shop_orders'), [{ id: 3 }]);
    assert.equal((await rowsOf(await put('debezium', config, [batch]), 'shop_orders')).length, 3);
    const early = await put('debezium', { ...config, 'truncate.enabled': 'true' }, [[truncate(0)], [at(1, 1)]]);
    assert.deepEqual(await rowsOf(early, 'shop_orders'), [{ id: 1 }]);
    const family =
      'CREATE TABLE "Shop_Orders" (id int PRIMARY KEY); CREATE TABLE lines (id int REFERENCES "Shop_Orders")';
    const referenced = await put('own', { 'truncate.enabled': 'true' }, [[at(0, 1)], [truncate(1)]], family);
    assert.deepEqual(await rowsOf(referenced, '"Shop_Orders"'), []);
  });

  test("db.timezone is the zone of Connect's instants in columns without one; other times stay what they are", async () => {
    const types: readonly [string, Schema][] = [
      ['ct', { type: 'int64', name: LogicalNames.timestamp }],
      ['dt', { type: 'int64', name: 'io.debezium.time.Timestamp' }],
      ['zt', { type: 'string', name: 'io.debezium.time.ZonedTimestamp' }],
      ['dd', { type: 'int32', name: 'io.debezium.time.Date' }],
    ];
    const valueSchema = struct(
      'v',
      types.map(([name, schema]) => ({ name, schema })),
    );
    const raw = json('{"ct":1700000000000,"dt":1700000000000,"zt":"2023-11-14T22:13:20Z","dd":19675}');
    const plain = { ct: new Date(1700000000000), dt: 1700000000000, zt: '2023-11-14T22:13:20Z', dd: 19675 };
    for (const value of [raw, plain]) {
      const config = { 'auto.create': 'true', 'db.timezone': 'Europe/Berlin' };
      const client = await put('confluent', config, [[{ topic: 'times', offset: 0, value, valueSchema }]]);
      await client.query("SET TIME ZONE 'UTC'");
      assert.deepEqual(await rowsOf(client, 'times'), [
        { ct: '2023-11-14T23:13:20', dt: '2023-11-14T22:13:20', zt: '2023-11-14T22:13:20+00:00', dd: '2023-11-14' },
      ]);
    }
    await assert.rejects(put('confluent', { 'db.timezone': 'Berlin' }, []), /must be the name of a time zone/);
  });

  test('a value that is a text, and fields that count from 1970, need no schema', async () => {
    const texts = ['plain', json('"as \\"JSON\\""')].map((value, offset) => ({ topic: 'lines', offset, value }));
    const lines = await put('confluent', { 'auto.create': 'true', 'string.output.value.column.name': 'line' }, [texts]);
    assert.deepEqual(await rowsOf(lines, 'lines'), [{ line: 'as "JSON"' }, { line: 'plain' }]);
    const counted = { 'timestamp.fields.list': 'at,seen', 'db.timezone': 'Asia/Kolkata' };
    const table = 'CREATE TABLE times (at timestamp, seen timestamptz, n bigint)';
    const value = json('{"at":1709208896789123,"seen":"1709208896789123","n":5}');
    const times = await put('confluent', counted, [[{ topic: 'times', offset: 0, value }]], table);
    await times.query("SET TIME ZONE 'UTC'");
    assert.deepEqual(await rowsOf(times, 'times'), [
      { at: '2024-02-29T17:44:56.789123', seen: '2024-02-29T12:14:56.789123+00:00', n: 5 },
    ]);
  });

  test('every insert mode, as each name calls it', async () => {
    const table = 'CREATE TABLE "Shop_Orders" (id int PRIMARY KEY, v int); INSERT INTO "Shop_Orders" VALUES (1, 0)';
    const at = (id: number) => ({ ...order, offset: id, key: key(id), value: json(`{"id":${id},"v":1}`) });
    const after = async (dialect: SinkDialect, mode: string) => {
      const names = {
        own: {},
        confluent: { 'table.name.format': 'Shop_Orders', 'pk.mode': 'record_key' },
        debezium: { 'quote.identifiers': 'true', 'primary.key.mode': 'record_key' },
      };
      return rowsOf(
        await put(dialect, { 'insert.mode': mode, ...names[dialect] }, [[at(1), at(2)]], table),
        '"Shop_Orders"',
      );
    };
    for (const dialect of ['own', 'confluent', 'debezium'] as const) {
      assert.deepEqual(
        await after(dialect, 'upsert'),
        [
          { id: 1, v: 1 },
          { id: 2, v: 1 },
        ],
        dialect,
      );
      assert.deepEqual(await after(dialect, 'update'), [{ id: 1, v: 1 }], dialect);
      await assert.rejects(after(dialect, 'insert'), { code: 'PG_BAD_ROW' }, dialect);
    }
    assert.deepEqual(await after('own', 'ignore'), [
      { id: 1, v: 0 },
      { id: 2, v: 1 },
    ]);
  });

  test('columns that Postgres numbers or computes by itself: its numbers are those of the source, what it computes is left to it', async () => {
    const create =
      'CREATE TABLE t (v int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, w int GENERATED ALWAYS AS (v * 2) STORED)';
    const row = (offset: number, v: number): RecordSpec => {
      return { topic: 't', offset, key: key(7), value: json(`{"v":${v},"id":7,"n":5,"w":0}`) };
    };
    for (const mode of ['upsert', 'update', 'insert']) {
      const config = { 'insert.mode': mode, 'primary.key.mode': 'record_key' };
      const before = mode === 'update' ? '; INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (0, 7, 5)' : '';
      const batches = mode === 'insert' ? [[row(0, 2)]] : [[row(0, 1)], [row(1, 2)]];
      const client = await put('debezium', config, batches, create + before);
      assert.deepEqual(await rowsOf(client, 't'), [{ v: 2, id: 7, n: 5, w: 4 }], mode);
    }
  });

  test('what the keys of a config mean together is judged before anything is written', async () => {
    const refused = async (dialect: SinkDialect, config: Record<string, string>, why: RegExp) =>
      assert.rejects(put(dialect, config, []), why, JSON.stringify(config));
    await refused('confluent', { 'pk.mode': 'kafka', 'pk.fields': 'a,b' }, /three names, or none/);
    await refused('confluent', { 'insert.mode': 'upsert' }, /needs a key/);
    await refused('debezium', { 'delete.enabled': 'true' }, /Deleting needs a key/);
    await refused('confluent', { 'delete.enabled': 'true', 'pk.mode': 'record_value' }, /Deleting needs a key/);
    await refused('confluent', { 'pk.mode': 'record_header' }, /pk.mode/);
    await refused('confluent', { 'table.types': 'TABLE,SYNONYM' }, /names SYNONYM/);
    await refused('confluent', { 'dialect.name': 'MySqlDatabaseDialect' }, /dialect.name/);
    await refused('debezium', { 'cloud.events.schema.name.pattern': '(' }, /cloud.events.schema.name.pattern/);
    await refused('debezium', { 'column.naming.strategy': 'com.example.Mine' }, /column.naming.strategy/);
    await refused('debezium', { 'schema.evolution': 'advanced' }, /schema.evolution/);
    await refused('debezium', { 'connection.url': 'jdbc:mysql://h/d' }, /must look like/);
    await refused('debezium', { 'connection.url': 'jdbc:postgresql://a,b/d' }, /several servers/);
    await refused(
      'debezium',
      { 'connection.url': 'jdbc:postgresql://h/d?socketFactory=x' },
      /"socketFactory", which is not understood/,
    );
    await refused('own', { 'truncate.enabled': 'perhaps' }, /truncate.enabled/);
  });

  test('parameters of the URL: a schema to look in, user and password, and those of the driver that change nothing', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE SCHEMA "in here"; CREATE TABLE "in here".t (id int PRIMARY KEY)');
    const login = `user=${server.user}&password=${server.password}`;
    const url = `jdbc:postgresql://${server.host}:${server.port}/${name}?currentSchema=%22in%20here%22&${login}&reWriteBatchedInserts=true`;
    const sink = await startSink({ 'connection.url': url }, []);
    await sink.task.put([sinkRecord({ offset: 0, key: key(1), value: json('{"id":1}') })]);
    await sink.stop();
    assert.deepEqual(await rowsOf(client, '"in here".t'), [{ id: 1 }]);
  });
});
