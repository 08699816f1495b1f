/**
 * Shapes of the real PostGIS from table to table: source and sink, in our forms and in Debezium's, into columns that are there and
 * columns that the sink makes, with the extension in a schema of its own too. `.ci/run` installs it from the system's packages.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { JsonText, type SinkRecord } from '../../../../connectors/api/index.ts';
import { json, sinkRecord, startSink } from '../../../../connectors/postgres/sink/sink-harness.ts';
import { debeziumDefaults, ourDefaults } from '../../../../connectors/postgres/source/config/source-defaults.ts';
import { startSource, stopAll } from '../../../../connectors/postgres/source/source-harness.ts';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../kit/postgres.ts';
import { skipUnlessInstalled } from '../installed.ts';

/** Where Debian's packages put it. */
const VERSIONS = '/usr/lib/postgresql';
const version = (existsSync(VERSIONS) ? readdirSync(VERSIONS) : []).find((each) =>
  existsSync(`/usr/share/postgresql/${each}/extension/postgis.control`),
);
const binaries = join(VERSIONS, version ?? 'none', 'bin');

const columns = `id int PRIMARY KEY, g geometry, p geometry(Point, 4326), z geometry(PointZM), gg geography, gp geography(Point, 4326), l geometry[]`;
const shapes = `
  (1, 'POINT(1.5 -2)', 'SRID=4326;POINT(7.447 46.948)', 'POINT ZM (1 2 3 4)', 'POINT(-110 30)', 'POINT(7 46)', ARRAY['POINT(1 2)'::geometry, NULL]),
  (2, 'SRID=3857;LINESTRING(0 0, 1 1, 2 0)', NULL, NULL, 'LINESTRING(0 0, 10 10)', NULL, '{}'),
  (3, 'POLYGON((0 0, 10 0, 10 10, 0 0), (2 1, 3 1, 3 2, 2 1))', 'SRID=4326;POINT EMPTY', NULL, 'POLYGON((0 0, 10 0, 10 10, 0 0))', NULL, NULL),
  (4, 'MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))', NULL, NULL, NULL, NULL, NULL),
  (5, 'GEOMETRYCOLLECTION(POINT(1 1), CIRCULARSTRING(0 0, 1 1, 2 0))', NULL, NULL, NULL, NULL, NULL),
  (6, 'GEOMETRYCOLLECTION EMPTY', NULL, NULL, NULL, NULL, NULL)`;
const readable = `SELECT id, ST_AsEWKT(g) g, ST_AsEWKT(p) p, ST_AsEWKT(z) z, ST_AsEWKT(gg) gg, ST_SRID(gg::geometry) gs, ST_AsEWKT(gp) gp,
  ARRAY(SELECT ST_AsEWKT(e) FROM unnest(l) e) l, l IS NULL n FROM t ORDER BY id`;

describe('PostGIS', { skip: skipUnlessInstalled('postgis', binaries) }, () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    process.env['TEST_POSTGRES_BINARIES'] = binaries;
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server?.stop());

  async function database(schema: string, sql = '') {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; CREATE EXTENSION postgis SCHEMA ${schema}; ${sql}`);
    return { name, client };
  }

  /** Rows of the snapshot and of the stream. */
  async function recordsOf(from: { name: string; client: { query(sql: string): Promise<unknown> } }, isOurs: boolean) {
    const config = {
      'topic.prefix': 's',
      'slot.name': from.name,
      'table.include.list': 'public.t',
      ...sourceAddress(server, from.name),
    };
    const source = await startSource({ config, defaults: isOurs ? ourDefaults : debeziumDefaults });
    await source.until((records) => records.length === 6);
    await from.client.query('UPDATE t SET id = id WHERE id < 4');
    await source.until((records) => records.length === 9);
    await source.stop();
    return source.records.map((record, offset): SinkRecord => {
      return { ...record, topic: 't', partition: 0, offset, originalTopic: 't', originalPartition: 0 };
    });
  }

  for (const forms of ['our', 'Debezium']) {
    for (const schema of ['public', 'gis']) {
      for (const isMade of [false, true]) {
        const where = `${isMade ? 'a table the sink makes' : 'a table of the same make'}, PostGIS in ${schema}`;
        test(`every shape arrives as it was, in ${forms} forms, in ${where}`, async () => {
          const from = await database('public', `CREATE TABLE t (${columns}); INSERT INTO t VALUES ${shapes}`);
          const path = `SET search_path TO public, ${schema}`;
          const to = await database(schema, isMade ? '' : `${path}; CREATE TABLE t (${columns})`);
          await to.client.query(path);
          const records = await recordsOf(from, forms === 'our');
          const config = {
            'connection.url': server.url(to.name),
            'insert.mode': 'upsert',
            'primary.key.mode': 'record_key',
            'schema.evolution': 'basic',
            'dialect.postgres.postgis.schema': schema,
          };
          const sink = await startSink(config, [{ topic: 't', partition: 0 }], 'debezium');
          await sink.task.put(records.slice(0, 6));
          await sink.task.put(records.slice(6));
          await sink.stop();
          const [expected, found] = [await from.client.query(readable), await to.client.query(readable)];
          assert.deepEqual(found.rows, expected.rows);
        });
      }
    }
  }

  test('a source that tells the SRID beside the shape is heard', async () => {
    const to = await database('public', 'CREATE TABLE t (id int PRIMARY KEY, g geometry(Point, 4326), gg geography)');
    const sink = await startSink({ 'connection.url': server.url(to.name) }, [{ topic: 't', partition: 0 }]);
    const wkb = Buffer.from('0101000000000000000000f03f0000000000000040', 'hex').toString('base64');
    const value = (srid: number | null) => JSON.stringify({ wkb, srid });
    const row = `{"id":1,"g":${value(4326)},"gg":${value(null)}}`;
    await sink.task.put([sinkRecord({ offset: 0, key: json('{"id":1}'), value: json(row) })]);
    const { rows } = await to.client.query('SELECT ST_AsEWKT(g) g, ST_AsEWKT(gg) gg FROM t');
    assert.deepEqual(rows, [{ g: 'SRID=4326;POINT(1 2)', gg: 'SRID=4326;POINT(1 2)' }]);
    await sink.stop();
  });

  test('without PostGIS in the target a shape is kept as JSON', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    const from = await database('public', `CREATE TABLE t (${columns}); INSERT INTO t VALUES ${shapes}`);
    const records = await recordsOf(from, true);
    const sink = await startSink({ 'connection.url': server.url(name), 'auto.create': 'true' }, [
      { topic: 't', partition: 0 },
    ]);
    await sink.task.put(records);
    const { rows } = await client.query("SELECT jsonb_typeof(g) g, g->>'srid' AS srid FROM t WHERE id = 2");
    assert.deepEqual(rows, [{ g: 'object', srid: '3857' }]);
    assert.ok(records[0]!.value instanceof JsonText);
    await sink.stop();
  });
});
