/**
 * Incremental snapshots that write nothing: `read.only` on a primary, and on a standby, while others write on the primary. Real
 * servers; where they have no slots on standbys (Postgres 14 and 15), the refusal.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import {
  type EmbeddedPostgresServer,
  type PostgresServer,
  sourceAddress,
  startPostgres,
} from '../../../../test/kit/postgres.ts';
import { type Logger, parseConfig, plainValue } from '../../../api/index.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { PostgresSource } from '../source.ts';
import { envelope, materialise, type RunningSource, startSource, startWriter, stopAll } from '../source-harness.ts';

const ROWS = 2000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('incremental snapshots that write nothing', () => {
  let primary: EmbeddedPostgresServer;
  let standby: EmbeddedPostgresServer | null = null;
  let version: number;
  before(async () => {
    primary = await startPostgres();
    const admin = await primary.connect('postgres');
    version = (await admin.query("SELECT current_setting('server_version_num')::int AS version")).rows[0].version;
    await admin.end();
  });
  afterEach(stopAll);
  after(async () => {
    await standby?.stop();
    await primary.stop();
  });

  function configOf(of: PostgresServer, name: string, more: Record<string, string> = {}): Record<string, string> {
    return {
      'topic.prefix': 'shop',
      ...sourceAddress(of, name),
      'table.include.list': 'public.t',
      'slot.name': name,
      'snapshot.mode': 'no_data',
      'incremental.snapshot.chunk.size': '100',
      ...more,
    };
  }

  async function filled() {
    const name = await primary.createDatabase();
    const client = await primary.connect(name);
    await client.query(
      `CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, ${ROWS}) i`,
    );
    return { name, client };
  }

  /** Inserts, updates of several keys twice, deletes and rollbacks, all the time. */
  function writing(client: Client) {
    return startWriter(async (count) => {
      const id = ((count * 7919) % ROWS) + 1;
      await client.query('BEGIN');
      await client.query('UPDATE t SET v = v + 1 WHERE id BETWEEN $1 AND $1 + 5', [id]);
      await client.query('UPDATE t SET v = v + 1 WHERE id = $1', [id + 2]);
      await client.query('INSERT INTO t VALUES ($1, $2) ON CONFLICT DO NOTHING', [ROWS + count, count]);
      await client.query('DELETE FROM t WHERE id = $1', [count % 3 === 0 ? id : ROWS + count - 5]);
      await client.query(count % 4 === 0 ? 'ROLLBACK' : 'COMMIT');
    });
  }

  const reads = (source: RunningSource, before: number) =>
    source.records.slice(before).filter((record) => record.value !== null && envelope(record).op === 'r');

  /** Asks for a back-fill and waits for its end. */
  async function backfill(source: RunningSource) {
    const before = source.records.length;
    await source.task.signal!({ id: 'again', type: 'execute-snapshot', data: { 'data-collections': ['public.t'] } });
    await source.until(() => source.offset()?.incremental_snapshot !== undefined);
    await source.until(() => source.offset()?.incremental_snapshot === undefined);
    return reads(source, before);
  }

  /** Reads on until everything written is there, and compares it with the table. */
  async function assertSame(source: RunningSource, client: Client) {
    await client.query('INSERT INTO t VALUES (1000000, 1)');
    await source.untilRecord(({ key }) => JSON.stringify(plainValue(key)).includes('1000000'));
    const { rows } = await client.query('SELECT id, v FROM t');
    const replica = [...materialise(source.records).values()];
    const text = (list: readonly unknown[]) => list.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(text(replica), text(rows));
  }

  test('on a primary no mark is written, a quiet database comes to an end, and writers do not disturb it', async () => {
    const { name, client } = await filled();
    const config = configOf(primary, name, { 'read.only': 'true' });
    const source = await startSource({ config });
    await source.poll();
    await client.query(`SELECT pg_create_logical_replication_slot('${name}_all', 'pgoutput')`);
    assert.equal((await backfill(source)).length, ROWS);

    const writer = writing(await primary.connect(name));
    const read = await backfill(source);
    await writer.stop();
    assert.ok(read.length > 0 && read.length <= ROWS * 2, `${read.length} rows`);
    await assertSame(source, client);

    const peek = `SELECT convert_from(substring(data, 11, 13), 'LATIN1') AS prefix FROM pg_logical_slot_peek_binary_changes('${name}_all', NULL, NULL, 'proto_version', '1', 'messages', 'true', 'publication_names', 'millrace') WHERE get_byte(data, 0) = ascii('M')`;
    assert.deepEqual((await client.query(peek)).rows, []);
    await client.query("SELECT pg_logical_emit_message(false, 'millrace.mark.', ''), pg_current_xact_id()");
    assert.equal((await client.query(peek)).rowCount, 1, 'the slot would have shown a mark');
  });

  test('a standby is read without a write, and what its primary has to be told comes as SQL', async () => {
    const follow = { hot_standby_feedback: 'on', wal_retrieve_retry_interval: '100' };
    standby = await startPostgres({ follows: primary, settings: follow });
    const { name, client } = await filled();
    const replayed = async () => {
      const { lsn } = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0];
      const admin = await standby!.connect('postgres');
      const deadline = Date.now() + 60_000;
      for (;;) {
        if ((await admin.query('SELECT pg_last_wal_replay_lsn() >= $1 AS has', [lsn])).rows[0].has) break;
        assert.ok(Date.now() < deadline, 'the standby follows');
      }
      await admin.end();
    };
    await replayed();
    const problems = async (more: Record<string, string>) => {
      const { config } = parseConfig(sourceConfigDef(ourDefaults), configOf(standby!, name, more));
      return (await new PostgresSource(false).check(config)).map(({ message }) => message);
    };
    if (version < 160_000) {
      assert.ok((await problems({})).some((message) => /change capture from standbys came with 16/.test(message)));
      return;
    }
    const said = await problems({
      'replica.identity.autoset.values': 'public.t:FULL',
      'heartbeat.action.query': "SELECT pg_logical_emit_message(false, 'beat', '')",
      'slot.failover': version < 170_000 ? 'false' : 'true',
    });
    const sql = said.flatMap((message) => /Run on its primary: (.*)$/.exec(message)?.[1] ?? []);
    assert.deepEqual(sql.sort(), [
      'ALTER TABLE "public"."t" REPLICA IDENTITY FULL;',
      'CREATE PUBLICATION "millrace" FOR TABLE "public"."t";',
    ]);
    assert.equal(said.length, version < 170_000 ? 3 : 4, said.join('\n'));
    for (const statement of sql) await client.query(statement);
    await client.query(
      'CREATE TABLE signals (id text PRIMARY KEY, type text, data text); ALTER PUBLICATION millrace ADD TABLE signals',
    );
    await replayed();
    const more = {
      'replica.identity.autoset.values': 'public.t:FULL',
      'signal.data.collection': 'public.signals',
      'snapshot.mode': 'initial',
      'table.discovery.interval.ms': '50',
    };
    assert.deepEqual(await problems(more), []);

    const lines: string[] = [];
    const logger: Logger = {
      ...silent,
      info: (_, line) => void lines.push(line),
      warn: (_, line) => void lines.push(line),
    };
    const source = await startSource({ config: configOf(standby, name, more), logger });
    // A slot on a standby waits for what a primary logs now and then.
    const primer = startWriter(
      async () => void (await client.query('SELECT pg_log_standby_snapshot(), pg_sleep(0.1)')),
    );
    await source.until((records) => records.length >= ROWS);
    await primer.stop();
    assert.ok(
      lines.some((line) => /SELECT pg_log_standby_snapshot\(\);/.test(line)),
      lines.join('\n'),
    );

    await source.poll();
    assert.equal((await backfill(source)).length, ROWS, 'where the primary is quiet');
    const writer = writing(await primary.connect(name));
    await client.query('CREATE TABLE late (id int PRIMARY KEY)');
    const read = await backfill(source);
    const before = source.records.length;
    await client.query(`INSERT INTO signals VALUES ('row', 'execute-snapshot', '{"data-collections":["public.t"]}')`);
    await source.until(() => source.offset()?.incremental_snapshot !== undefined);
    await source.until(() => source.offset()?.incremental_snapshot === undefined);
    await writer.stop();
    assert.ok(read.length > 0 && reads(source, before).length > 0);
    const rows = source.records.filter(({ topic }) => topic === 'shop.public.t');
    source.records.splice(0, source.records.length, ...rows);
    await assertSame(source, client);
  });
});
