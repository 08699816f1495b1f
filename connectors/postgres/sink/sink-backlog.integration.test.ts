/**
 * Large puts, as they come out of a backlog: new rows by COPY, and one transaction under way while the next is made. Both
 * must not show in what is there at the end.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import type { ConnectError, SinkRecord } from '../../api/index.ts';
import { json, type RunningSink, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

const partitions = [{ topic: 't', partition: 0 }];
const PUT = 1500;

describe('the sink in a backlog', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  /** `how` has a line per statement that inserted into t, in its first word. */
  const WITH_LOG = `CREATE TABLE how (said text);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO how VALUES (split_part(current_query(), ' ', 1)); RETURN NULL; END $$;
    CREATE TRIGGER tell AFTER INSERT ON t EXECUTE FUNCTION tell()`;

  const target = (sql: string) => sinkTarget(server, sql);
  const event = (offset: number, id: number, rest: string, op = 'c') =>
    sinkRecord({
      offset,
      key: json(`{"id":${id}}`),
      value: json(
        `{"before":null,"after":{"id":${id},${rest}},"source":{"db":"shop","lsn":${offset * 7}},"op":"${op}","ts_ms":${offset}}`,
      ),
    });
  const events = (from: number, to: number, rest: (id: number) => string, op = 'c'): SinkRecord[] =>
    Array.from({ length: to - from }, (_, index) => event(from + index, from + index, rest(from + index), op));
  const numbers = async (client: Client, sql: string) =>
    (await client.query({ text: sql, rowMode: 'array' })).rows[0]!.map(Number) as number[];
  const how = async (client: Client) =>
    (await client.query('SELECT said FROM how ORDER BY ctid')).rows.map(({ said }) => said as string);
  const settled = (sink: RunningSink) => sink.task.flush?.([]);

  test('rows, deletes and transactions are counted as the server did them, whichever way they went', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (0, 1)');
    const sink = await startSink({ 'connection.url': url, 'delete.enabled': 'true' }, partitions);
    const counted = () => Object.fromEntries([...sink.figures].sort());
    const gone = (offset: number, id: number) => sinkRecord({ offset, key: json(`{"id":${id}}`), value: null });
    await sink.task.put([event(0, 1, '"v":1'), event(1, 2, '"v":1'), event(2, 2, '"v":2', 'u')]);
    assert.deepEqual(counted(), { rows_written: 2, transactions_committed: 1 });
    await sink.task.put([gone(3, 1), gone(4, 99)]);
    assert.deepEqual(counted(), { rows_deleted: 1, rows_written: 2, transactions_committed: 2 });
    await sink.task.put(events(10, PUT + 10, () => '"v":3'));
    await settled(sink);
    assert.deepEqual(counted(), { rows_deleted: 1, rows_written: PUT + 2, transactions_committed: 3 });
    await assert.rejects(sink.task.put([event(PUT + 10, 5, '"v":"none"')]));
    assert.equal(sink.figures.get('transactions_failed'), 1);
    assert.equal(sink.figures.get('transactions_committed'), 3);
    assert.deepEqual(await numbers(client, 'SELECT count(*) FROM t'), [PUT + 2]);
    await sink.stop();
  });

  test('new rows go by COPY, and are what statements would have made of them', async () => {
    const columns = `id int PRIMARY KEY, a text, b numeric(10,2), c timestamptz, d boolean, e double precision, f varchar(40),
      g date, h uuid, i timestamp(3), j bigint, k interval, l text GENERATED ALWAYS AS (a || '!') STORED`;
    const { client, url } = await target(`CREATE TABLE t (${columns}); CREATE TABLE s (${columns}); ${WITH_LOG}`);
    const texts = [
      '',
      'plain',
      'tab\tand\nline',
      'quote " back\\slash',
      '\\N',
      '\\.',
      'größer 🙂',
      'NULL',
      "it's",
      '{x}',
    ];
    const row = (id: number) => {
      const isNull = id % 7 === 0;
      return JSON.stringify({
        a: texts[id % texts.length],
        b: isNull ? null : `${id}.128`,
        c: isNull ? null : `2026-01-01T00:00:${String(id % 60).padStart(2, '0')}.123456Z`,
        d: id % 2 === 0,
        e: id / 3,
        f: isNull ? null : texts[id % 3],
        g: '2026-02-28',
        h: '01234567-89ab-cdef-0123-456789abcdef',
        i: '2026-01-01T00:00:00.987654',
        j: 9007199254740,
        k: 'P1DT2H',
        l: 'computed elsewhere',
      }).slice(1, -1);
    };
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put(events(0, 1, row));
    for (let from = 1; from < 3 * PUT; from += PUT) await sink.task.put(events(from, from + PUT, row, 'r'));
    await settled(sink);
    await sink.stop();
    const few = await startSink({ 'connection.url': url, 'table.name.format': 's', 'offsets.table': '' }, partitions);
    for (let from = 0; from <= 3 * PUT; from += 90) {
      await few.task.put(events(from, Math.min(from + 90, 3 * PUT + 1), row));
    }
    await few.stop();
    assert.deepEqual(await numbers(client, 'SELECT count(*) FROM t'), [3 * PUT + 1]);
    const difference = await client.query('(TABLE t EXCEPT TABLE s) UNION ALL (TABLE s EXCEPT TABLE t)');
    assert.deepEqual(difference.rows, []);
    const said = await how(client);
    assert.equal(said.filter((word) => word === 'COPY').length, 3);
    assert.ok(said.filter((word) => word === 'INSERT').length <= 2, 'only what the layout is learned from');
  });

  test('rows that are there already are replaced, by statements, and COPY is not tried again at once', async () => {
    const { client, url } = await target(`CREATE TABLE t (id int PRIMARY KEY, v int); ${WITH_LOG}`);
    await client.query(`INSERT INTO t SELECT i, -1 FROM generate_series(3000, 3100) i`);
    const sink = await startSink({ 'connection.url': url }, partitions);
    for (let from = 0; from < 4 * PUT; from += PUT) {
      await sink.task.put(events(from, from + PUT, (id) => `"v":${id}`));
    }
    await settled(sink);
    assert.deepEqual(await numbers(client, 'SELECT count(*), count(*) FILTER (WHERE v = id) FROM t'), [
      4 * PUT,
      4 * PUT,
    ]);
    const said = await how(client);
    assert.equal(said.lastIndexOf('COPY') < said.lastIndexOf('INSERT'), true);
    await sink.stop();
  });

  test('one transaction is under way while the next is made, and a flush waits for it', async () => {
    const { client, name, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put(events(0, 10, () => '"v":0'));
    const other = await server.connect(name);
    await other.query('BEGIN; LOCK TABLE t IN EXCLUSIVE MODE');
    await sink.task.put(events(10, PUT, () => '"v":1'));
    const next = sink.task.put(events(PUT, 2 * PUT, () => '"v":2'));
    assert.deepEqual(await numbers(client, 'SELECT count(*) FROM t'), [10]);
    await other.query('COMMIT');
    await next;
    await settled(sink);
    assert.deepEqual(await numbers(client, 'SELECT count(*), (SELECT next_offset FROM millrace_offsets) FROM t'), [
      2 * PUT,
      2 * PUT,
    ]);
    await sink.stop();
  });

  test('a bad row that shows after its put was answered is reported, and what came behind it stays behind it', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v >= 0))');
    const sink = await startSink({ 'connection.url': url }, partitions, 'own', true);
    await sink.task.put(events(0, 10, () => '"v":0'));
    const first = events(10, PUT, () => '"v":1');
    const [bad, changed] = [PUT - 5, PUT - 4];
    first[bad - 10] = event(bad, bad, '"v":-1');
    await sink.task.put(first);
    // The same row again in the put behind it: this version must win.
    await sink.task.put([...events(PUT, 2 * PUT, () => '"v":2'), event(2 * PUT, changed, '"v":7', 'u')]);
    await settled(sink);
    assert.deepEqual(
      sink.reported.map(({ record, error }) => [record.offset, (error as ConnectError).code]),
      [[bad, 'PG_BAD_ROW']],
    );
    assert.deepEqual((await client.query('SELECT v FROM t WHERE id = $1', [changed])).rows, [{ v: 7 }]);
    assert.deepEqual(await numbers(client, 'SELECT count(*), (SELECT next_offset FROM millrace_offsets) FROM t'), [
      2 * PUT - 1,
      2 * PUT + 1,
    ]);
    await sink.stop();
  });

  test('where the policy is to fail for it, every put behind it fails for it', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v >= 0))');
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put(events(0, 10, () => '"v":0'));
    await sink.task.put([...events(10, PUT, () => '"v":1'), event(PUT, PUT, '"v":-1')]);
    await assert.rejects(settled(sink)!, { code: 'PG_BAD_ROW' });
    await assert.rejects(sink.task.put(events(PUT + 1, 2 * PUT, () => '"v":2')), { code: 'PG_BAD_ROW' });
    assert.deepEqual(await numbers(client, 'SELECT count(*), (SELECT next_offset FROM millrace_offsets) FROM t'), [
      PUT,
      PUT,
    ]);
    await sink.stop();
  });

  test('a connection that is cut with transactions under way costs no row and makes none twice', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE log (id int)');
    await client.query(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO log VALUES (NEW.id); RETURN NEW; END $$;
      CREATE TRIGGER note AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()`);
    const sink = await startSink({ 'connection.url': url }, partitions);
    await sink.task.put(events(0, 10, () => '"v":0'));
    for (let from = 10; from < 10 + 12 * PUT; from += PUT) {
      const records = events(from, from + PUT, (id) => `"v":${id}`);
      for (let attempt = 0; ; attempt++) {
        try {
          await sink.task.put(records);
          break;
        } catch (error) {
          assert.equal((error as { retriable?: boolean }).retriable, true, String(error));
          assert.ok(attempt < 20, String(error));
        }
      }
      if (from % 4 !== 2) continue;
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace test' AND datname = current_database()`,
      );
    }
    for (let attempt = 0; attempt < 20; attempt++) {
      const failure = await Promise.resolve(settled(sink)).then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) break;
    }
    const last = 10 + 12 * PUT;
    assert.deepEqual(await numbers(client, 'SELECT count(*), (SELECT next_offset FROM millrace_offsets) FROM t'), [
      last,
      last,
    ]);
    assert.deepEqual(await numbers(client, 'SELECT count(*), count(DISTINCT id) FROM log'), [last, last]);
    await sink.stop();
  });

  test('a task that lost its partition writes nothing more, though its put was answered', async () => {
    const { client, url } = await target('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const older = await startSink({ 'connection.url': url }, partitions);
    await older.task.put(events(0, 10, () => '"v":0'));
    await older.task.put(events(10, PUT, () => '"v":1'));
    await settled(older);
    const newer = await startSink({ 'connection.url': url }, partitions);
    assert.equal(newer.seeks.get('t-0'), PUT);
    await older.task.put(events(PUT, 2 * PUT, () => '"v":2'));
    await assert.rejects(settled(older)!, { code: 'PG_FENCED' });
    assert.deepEqual(await numbers(client, 'SELECT count(*) FROM t'), [PUT]);
    await newer.stop();
    await older.stop();
  });
});
