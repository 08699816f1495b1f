/**
 * Slots that somebody moved, servers that shut down, standbys that take over: what the stored position proves, on real
 * servers. Nothing is skipped in silence.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import type { SourceOffset } from '../../../api/index.ts';
import { envelope, type RunningSource, startSource, stopAll, stored } from '../source-harness.ts';

const DEADLINE_MS = 60_000;
const storedOf = (source: RunningSource) => stored(source.offset()) as SourceOffset;
const ids = (source: RunningSource) => source.records.map((record) => envelope(record).after!.id);

async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited ${DEADLINE_MS} ms for ${what}.`);
    await sleep(50);
  }
}

describe('what a stored position proves', () => {
  let server: EmbeddedPostgresServer;
  let standby: EmbeddedPostgresServer | null = null;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(async () => {
    await standby?.stop();
    await server.stop();
  });

  function configOf(of: EmbeddedPostgresServer, name: string): Record<string, string> {
    return {
      'topic.prefix': 'shop',
      ...sourceAddress(of, name),
      'table.include.list': 'public.t',
      'slot.name': name,
    };
  }

  /** A table with a row that was read; the source has stopped. */
  async function readOnce(more: Record<string, string> = {}) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE other (x text)');
    const config = { ...configOf(server, name), ...more };
    const source = await startSource({ config });
    await source.until((records) => records.length === 1);
    await source.poll();
    return { name, client, config, source };
  }

  const isFree = (client: Client, slot: string) => async () =>
    (await client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot])).rowCount === 0;

  test('a slot that was advanced over changes is an error, and when_needed reads all rows again', async () => {
    const { name, client, config, source } = await readOnce();
    await source.stop();
    await eventually(isFree(client, name), 'the slot to be free');
    await client.query('INSERT INTO t VALUES (2)');
    await client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [name]);
    await client.query('INSERT INTO t VALUES (3)');
    const offset = storedOf(source);
    const second = await startSource({ config, offset });
    await assert.rejects(second.poll(), { code: 'PG_SLOT_MOVED', retriable: false });
    const third = await startSource({ config: { ...config, 'snapshot.mode': 'when_needed' }, offset });
    await third.until((records) => records.length === 3);
    assert.deepEqual(ids(third), [1, 2, 3]);
  });

  test('a slot that was dropped and made again is an error, though it has the same name', async () => {
    const { name, client, config, source } = await readOnce();
    await source.stop();
    await eventually(isFree(client, name), 'the slot to be free');
    await client.query('SELECT pg_drop_replication_slot($1)', [name]);
    await client.query('INSERT INTO t VALUES (2)');
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
    const second = await startSource({ config, offset: storedOf(source) });
    await assert.rejects(second.poll(), { code: 'PG_SLOT_MOVED' });
  });

  test('WAL of others that an idle source confirmed is stored first: a restart neither errs nor skips', async () => {
    const { name, client, config, source } = await readOnce({ 'status.update.interval.ms': '20' });
    const confirmed = async () => {
      const sql = 'SELECT confirmed_flush_lsn - $2::pg_lsn AS ahead FROM pg_replication_slots WHERE slot_name = $1';
      return Number((await client.query(sql, [name, lsn])).rows[0]!.ahead);
    };
    await client.query("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 500)");
    const { lsn } = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0];
    await eventually(async () => {
      await client.query('INSERT INTO other VALUES (1)');
      await source.poll();
      return (await confirmed()) >= 0;
    }, 'the position behind the writes of others to be confirmed');
    assert.equal(source.records.length, 1, 'without a record of ours');
    await source.stop();
    await client.query('INSERT INTO t VALUES (2)');
    const second = await startSource({ config, offset: storedOf(source) });
    await second.until((records) => records.length === 1);
    assert.deepEqual(ids(second), [2]);
  });

  test('files of the server that were put back are known by the slot, also once more was written than was read', async () => {
    const { name, client, config, source } = await readOnce({ 'status.update.interval.ms': '20' });
    await source.stop();
    const copy = `${server.data}-copy`;
    await server.kill('SIGINT');
    const files = (command: string, ...args: string[]) => assert.equal(spawnSync(command, args).status, 0, command);
    files('cp', '-a', server.data, copy);
    await server.restart();

    const moved = await server.connect(name);
    const restartLsn = async () =>
      (await moved.query('SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = $1', [name])).rows[0]
        .restart_lsn;
    const old = await restartLsn();
    const second = await startSource({ config, offset: storedOf(source) });
    await eventually(async () => {
      await moved.query('CHECKPOINT; INSERT INTO other VALUES (1)');
      await second.poll();
      return (await restartLsn()) !== old;
    }, 'the slot to move on');
    await second.stop();
    await eventually(isFree(moved, name), 'the slot to be free');
    const third = await startSource({ config, offset: storedOf(second) });
    await moved.query('INSERT INTO t VALUES (2)');
    await third.untilRecord((record) => envelope(record).after!.id === 2);
    await third.stop();

    await server.kill('SIGINT');
    files('rm', '-rf', server.data);
    files('mv', copy, server.data);
    await server.restart();
    const restored = await server.connect(name);
    const { lsn } = storedOf(third) as { lsn: number };
    await eventually(async () => {
      await restored.query('INSERT INTO t VALUES ((SELECT max(id) + 100 FROM t)); SELECT pg_switch_wal()');
      const { rows } = await restored.query("SELECT (pg_current_wal_lsn() - '0/0')::text AS at");
      return Number(rows[0].at) > lsn;
    }, 'more to be written than was read');
    const refused = await startSource({ config, offset: storedOf(third) });
    await assert.rejects(refused.poll(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'PG_OTHER_SERVER');
      return /its replication slot would read from .*, and was at/.test(error.message);
    });
    const again = await startSource({
      config: { ...config, 'snapshot.mode': 'when_needed' },
      offset: storedOf(third),
    });
    await again.until((records) => records.length > 1);
    await again.stop();
    await client.end().catch(() => {});
  });

  test('a server that shuts down gets its confirmation at once, however seldom the position is told', async () => {
    const { client, config, source } = await readOnce({ 'status.update.interval.ms': '600000' });
    await client.query('INSERT INTO t VALUES (2); INSERT INTO other VALUES (1)');
    await source.until((records) => records.length === 2);
    const reading = source.untilRecord(() => false).catch((error: Error & { code?: string }) => error.code);
    await server.kill('SIGINT'); // It waits for walsenders whose readers have not confirmed all of it.
    assert.equal(await reading, 'PG_CONNECTION');
    await server.restart();
    const again = await startSource({ config, offset: storedOf(source) });
    const after = await server.connect(config['database.dbname']!);
    await after.query('INSERT INTO t VALUES (3)');
    await again.until((records) => records.length > 0);
    assert.deepEqual(ids(again), [3]);
  });

  test('a promoted standby is read on where it has all that was read, and refused where it has not', async (t) => {
    const admin = await server.connect('postgres');
    const { rows } = await admin.query("SELECT current_setting('server_version_num')::int AS version");
    if (rows[0].version < 170_000) {
      await assert.rejects(readOnce({ 'slot.failover': 'true' }), { code: 'PG_SETUP', message: /came with 17/ });
      t.skip('Postgres 17 and later have slots that follow to standbys; here the config is refused.');
      return;
    }
    const follow = { hot_standby_feedback: 'on', sync_replication_slots: 'on', wal_retrieve_retry_interval: '100' };
    standby = await startPostgres({ follows: server, settings: follow });
    const first = await readOnce({ 'slot.failover': 'true', 'status.update.interval.ms': '20' });
    const { name, client: primary, source } = first;
    const follower = await standby.connect(name);
    await eventually(async () => {
      // The standby keeps the slot once the primary's has moved on to WAL that the standby has.
      await primary.query('SELECT pg_log_standby_snapshot(); INSERT INTO other VALUES (1)');
      // As a worker does: until it has read and confirmed all of it. A slot that runs ahead of the standby all the time is not
      // taken over, so there is a rest behind it, in which the standby looks.
      for (let round = 0; round < 3; round++) {
        await source.poll();
        await sleep(50);
      }
      // A connection wakes the standby's postmaster, which else looks only once a minute whether the worker that fetches slots
      // is to be started again (it ends when it comes too early, and may come back after ten seconds).
      await (await standby!.connect(name)).end();
      const { rowCount } = await follower.query('SELECT FROM pg_replication_slots WHERE synced AND NOT temporary');
      return rowCount === 1;
    }, 'the slot to reach the standby');
    await source.stop();
    await eventually(isFree(primary, name), 'the slot to be free');
    await primary.query('INSERT INTO t VALUES (2)');
    const second = await startSource({ config: configOf(server, name), offset: storedOf(source) });
    await second.until((records) => records.length === 1);
    const { lsn } = (await primary.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0];
    await eventually(
      async () => (await follower.query('SELECT pg_last_wal_replay_lsn() >= $1 AS has', [lsn])).rows[0].has,
      'the standby to follow',
    );
    const shared = storedOf(second);

    // From here on the standby misses what the source reads.
    await standby.kill('SIGINT');
    await primary.query('INSERT INTO t VALUES (3)');
    await second.until((records) => records.length === 2);
    const beyond = storedOf(second);
    await second.stop();
    await server.kill('SIGQUIT');
    await standby.restart();
    const promoted = await standby.connect(name);
    await promoted.query('SELECT pg_promote()');
    await promoted.query('INSERT INTO t VALUES (4)');

    const config = configOf(standby, name);
    const refused = await startSource({ config, offset: beyond });
    await assert.rejects(refused.poll(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'PG_OTHER_SERVER');
      return /timeline 1, which was read up to .* was left at/.test(error.message);
    });
    const third = await startSource({ config, offset: shared });
    await third.until((records) => records.length > 0);
    assert.deepEqual(ids(third), [4]);
    assert.equal(storedOf(third).timeline, 2);
  });
});
