/** Shapes, bits, hstore and the like from table to table, in our forms and in Debezium's. Real Postgres. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../test/kit/postgres.ts';
import type { SinkRecord } from '../../api/index.ts';
import { debeziumDefaults, ourDefaults } from '../source/config/source-defaults.ts';
import { startSource, stopAll } from '../source/source-harness.ts';
import { startSink } from './sink-harness.ts';

const columns = `id int PRIMARY KEY, l line, s lseg, bx box, pa path, po path, pg polygon, c circle, p point, b1 bit, b5 bit(5), b70 bit(70), h hstore,
  m8 macaddr8, cd cidr[], tr tsrange[], jb jsonb[], u uuid[], n52 numeric(5,2)[], e mood, es mood[], iv interval[],
  bxs box[], b3s bit(3)[], cs circle[]`;
const rows = `(1, '{1.5,-2,3e-5}', '[(0,0.1),(-1e10,2)]', '(1,1),(-0.25,0)', '((0,0),(1,1),(2,0))', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(1,2),3.5>', '(1,2)', B'1', B'10100',
    B'1'::bit(70), 'a=>1, "b c"=>NULL, "q\\"x"=>"y\\\\z"', '08:00:2b:01:02:03:04:05', '{10.0.0.0/8}', '{"[2024-01-01,2024-02-01)"}', ARRAY['{"a":1}'::jsonb],
    '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{1.50,NULL}', 'ok', '{sad,ok}', '{"1 day"}',
    '{(1,1),(0,0);NULL;(2,2),(1,1)}', '{101,NULL,010}', '{"<(1,2),3>"}'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, B'0', B'00000', NULL, '', NULL, '{}', '{}', '{}', '{}', '{}', NULL, NULL, NULL, NULL, '{}', NULL)`;

describe('special columns', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  async function database(sql: string) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(`CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'ok'); ${sql}`);
    return { name, client };
  }

  for (const [how, defaults, more] of [
    ['in our forms', ourDefaults, {}],
    ['in the forms of Debezium', debeziumDefaults, { 'include.unknown.datatypes': 'true' }],
    ['with hstore as a map', debeziumDefaults, { 'hstore.handling.mode': 'map', 'binary.handling.mode': 'bytes' }],
  ] as const) {
    test(`every shape and its like arrives as it was, ${how}`, async () => {
      const from = await database(`CREATE TABLE a (${columns}); INSERT INTO a VALUES ${rows}`);
      const to = await database(`CREATE TABLE a (${columns})`);
      const address = sourceAddress(server, from.name);
      const own = { 'topic.prefix': 's', 'slot.name': from.name, 'column.exclude.list': 'public.a.iv' };
      const source = await startSource({ config: { ...own, ...address, ...more }, defaults });
      await source.until((records) => records.length === 2);
      await source.stop();
      const sink = await startSink({ 'connection.url': server.url(to.name), 'table.name.format': 'a' }, [
        { topic: 's.public.a', partition: 0 },
      ]);
      const records = source.records.map((record, offset): SinkRecord => {
        return { ...record, partition: 0, offset, originalTopic: record.topic, originalPartition: 0 };
      });
      await sink.task.put(records);
      await sink.stop();
      const sql = `SELECT (a.*)::text AS row FROM (SELECT ${columnNames} FROM a) a ORDER BY id`;
      const [expected, found] = [await from.client.query(sql), await to.client.query(sql)];
      assert.deepEqual(found.rows, expected.rows);
    });
  }
});

const columnNames = columns
  .split(/,\s+/)
  .map((column) => column.trim().split(' ')[0]!)
  .filter((name) => name !== 'iv')
  .join(', ');
