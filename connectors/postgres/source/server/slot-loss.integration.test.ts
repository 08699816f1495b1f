/**
 * A server that keeps little WAL for its slots: what is confirmed in time, what is said before and behind a loss, and how one
 * goes on. On a real server with `max_slot_wal_keep_size`.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, parseConfig, type SourceOffset } from '../../../api/index.ts';
import { sourceSettings } from '../config/source-config.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { PostgresSource } from '../source.ts';
import { envelope, type RunningSource, startSource, stopAll, stored } from '../source-harness.ts';
import { WalGuard } from './wal-guard.ts';

const DEADLINE_MS = 60_000;
const storedOf = (source: RunningSource) => stored(source.offset()) as SourceOffset;
const ids = (source: RunningSource) => source.records.map((record) => envelope(record).after!.id);

describe('a server that keeps little WAL', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_slot_wal_keep_size: '64MB', max_wal_size: '64MB' } });
  });
  afterEach(stopAll);
  after(() => server.stop());

  async function database(keys: Record<string, string> = {}) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); CREATE TABLE other (x text)',
    );
    const address = sourceAddress(server, name);
    const config = { 'topic.prefix': 'shop', ...address, 'table.include.list': 'public.t', 'slot.name': name, ...keys };
    return { name, client, config };
  }

  /** The source has stopped, and the server has removed WAL that it did not read. */
  async function lost(client: Client, slot: string): Promise<void> {
    const sql = 'SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1 AND NOT active';
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      if ((await client.query(sql, [slot])).rows[0]?.wal_status === 'lost') return;
      assert.ok(Date.now() < deadline, 'the server keeps all of it');
      // Each takes 16 MB of what is kept, however little was written.
      await client.query("SELECT pg_logical_emit_message(false, 'filler', 'x'), pg_switch_wal()");
      await client.query('CHECKPOINT');
      await sleep(10);
    }
  }

  async function checked(config: Record<string, string>): Promise<string[]> {
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), config);
    return (await new PostgresSource(false).check(parsed)).map(({ message }) => message);
  }

  test('a segment of WAL that others wrote is confirmed at once, however seldom the position is told', async () => {
    const { name, client, config } = await database({ 'status.update.interval.ms': '600000' });
    const source = await startSource({ config });
    await source.until((records) => records.length === 2);
    await source.poll();
    await client.query("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
    const { lsn } = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0];
    // Less than a segment may wait for the interval.
    const sql =
      'SELECT $2::pg_lsn - confirmed_flush_lsn < 16 * 1024 * 1024 AS done FROM pg_replication_slots WHERE slot_name = $1';
    assert.equal((await client.query(sql, [name, lsn])).rows[0].done, false, 'more than that was written');
    const deadline = Date.now() + DEADLINE_MS;
    while (!(await client.query(sql, [name, lsn])).rows[0].done) {
      assert.ok(Date.now() < deadline, 'it is not confirmed');
      await source.poll();
    }
    assert.equal(source.records.length, 2, 'without a record of ours');
  });

  test('a slot whose WAL was removed is PG_SLOT_LOST and says why; when_needed makes it anew and reads all rows again', async () => {
    const { name, client, config } = await database();
    const first = await startSource({ config });
    await first.until((records) => records.length === 2);
    await first.poll();
    await first.stop();
    await client.query('INSERT INTO t VALUES (3)');
    await lost(client, name);
    const why =
      /slot ".*" is lost: the server removed WAL .* max_slot_wal_keep_size=64MB.*snapshot.mode to when_needed/;
    assert.match((await checked(config)).join(), why);
    const offset = storedOf(first);
    const second = await startSource({ config, offset });
    await assert.rejects(second.poll(), { code: 'PG_SLOT_LOST', message: why });

    const told: string[] = [];
    const tell = (_: object, message: string) => told.push(message);
    const logger: Logger = { debug() {}, info() {}, warn: tell, error: tell };
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), config);
    const guard = new WalGuard(sourceSettings(parsed, false), logger, 'guard');
    assert.equal(await guard.look(), false);
    guard.close();
    assert.match(told.pop()!, /is lost: the server has removed WAL/);

    const again = { ...config, 'snapshot.mode': 'when_needed' };
    assert.deepEqual(await checked(again), []);
    const third = await startSource({ config: again, offset, logger });
    await third.until((records) => records.length === 3);
    assert.deepEqual(ids(third), [1, 2, 3]);
    assert.match(told.join(), /^All rows are read again\. .*is lost.*stay in the topics\.$/);
    assert.doesNotMatch(told.join(), /Set snapshot.mode/);
    await client.query('INSERT INTO t VALUES (4)');
    await third.until((records) => records.length === 4);
    assert.deepEqual(ids(third), [1, 2, 3, 4]);
  });

  test('without a stored position a lost slot is nobody’s: it is made anew', async () => {
    const { name, client, config } = await database();
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
    await lost(client, name);
    const source = await startSource({ config });
    await source.until((records) => records.length === 2);
    await client.query('INSERT INTO t VALUES (3)');
    await source.until((records) => records.length === 3);
    assert.deepEqual(ids(source), [1, 2, 3]);
  });
});
