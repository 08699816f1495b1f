/**
 * Modes of Debezium whose effect is seen on the server or after a restart: snapshot modes, publications, slots that stand
 * elsewhere than the stored position. Real Postgres.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../test/kit/postgres.ts';
import type { SourceOffset } from '../../api/index.ts';
import { debeziumDefaults } from './config/source-defaults.ts';
import { envelope, type RunningSource, startSource, stopAll } from './source-harness.ts';

const BASED = 'snapshot.mode.configuration.based';

describe('modes of Debezium', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  /** A database with a table of one row; `start` begins at an offset. */
  async function database(more: Record<string, string>) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE other (id int PRIMARY KEY)',
    );
    const own = { 'topic.prefix': 'shop', 'slot.name': name, 'table.include.list': 'public.t' };
    const config = { ...own, ...sourceAddress(server, name), ...more };
    const start = (before: RunningSource | null = null) => {
      const offset = before === null ? null : (JSON.parse(JSON.stringify(before.offset())) as SourceOffset);
      return startSource({ config, offset, defaults: debeziumDefaults });
    };
    return { client, name, start };
  }

  const opsOf = (source: RunningSource) =>
    source.records.map((record) => `${envelope(record).op}${envelope(record).after?.id}`);

  test('initial_only: what changes after the snapshot is not read, not after a restart either', async () => {
    const { client, start } = await database({ 'snapshot.mode': 'initial_only' });
    const source = await start();
    await source.until((records) => records.length === 1);
    await source.stop();
    await client.query('INSERT INTO t VALUES (2)');
    const second = await start(source);
    for (let turn = 0; turn < 3; turn++) await second.poll();
    assert.deepEqual(opsOf(second), []);
  });

  test('configuration_based: with data and stream rows are read at every start, and the stream behind them', async () => {
    const { client, start } = await database({
      'snapshot.mode': 'configuration_based',
      [`${BASED}.snapshot.data`]: 'true',
      [`${BASED}.start.stream`]: 'true',
    });
    const source = await start();
    await source.until((records) => records.length === 1);
    await client.query('INSERT INTO t VALUES (2)');
    await source.until((records) => records.length === 2);
    assert.deepEqual(opsOf(source), ['r1', 'c2']);
    await source.stop();
    const second = await start(source);
    await second.until((records) => records.length === 2);
    assert.deepEqual(opsOf(second), ['r1', 'r2']);
  });

  test('configuration_based: on a data error alone rows are read where the slot was lost, and not before', async () => {
    const { client, name, start } = await database({
      'snapshot.mode': 'configuration_based',
      [`${BASED}.start.stream`]: 'true',
      [`${BASED}.snapshot.on.data.error`]: 'true',
    });
    const source = await start();
    await source.poll();
    await client.query('INSERT INTO t VALUES (2)');
    await source.until((records) => records.length === 1);
    assert.deepEqual(opsOf(source), ['c2']);
    await source.stop();
    await client.query('SELECT pg_drop_replication_slot($1)', [name]);
    const second = await start(source);
    await second.until((records) => records.length === 2);
    assert.deepEqual(opsOf(second), ['r1', 'r2']);
  });

  for (const [strategy, isTrusted] of [
    ['no_validation', false],
    ['trust_offset', false],
    ['trust_greater_lsn', true],
  ] as const) {
    const what = isTrusted ? 'is where reading goes on' : 'is an error that names it';
    test(`offset.mismatch.strategy=${strategy}: a slot beyond the stored position ${what}`, async () => {
      const { client, name, start } = await database({
        'snapshot.mode': 'no_data',
        'offset.mismatch.strategy': strategy,
      });
      const source = await start();
      await source.poll();
      await client.query('INSERT INTO t VALUES (2)');
      await source.until((records) => records.length === 1);
      await source.stop();
      await client.query('INSERT INTO t VALUES (3)');
      await client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [name]);
      const second = await start(source);
      if (!isTrusted) {
        await assert.rejects(second.poll(), { code: 'PG_SLOT_MOVED' });
        return;
      }
      await second.poll();
      await client.query('INSERT INTO t VALUES (4)');
      await second.until((records) => records.length === 1);
      assert.deepEqual(opsOf(second), ['c4']);
    });
  }

  test('publication.autocreate.mode: the wanted tables, all tables, none, or an error that says how to make it', async () => {
    const publishedBy = async (mode: string) => {
      const { client, start } = await database({ 'snapshot.mode': 'no_data', 'publication.autocreate.mode': mode });
      const failure = await (await start()).poll().then(
        () => null,
        (error: Error) => error.message,
      );
      const tables = await client.query<{ name: string }>(
        'SELECT tablename AS name FROM pg_publication_tables ORDER BY 1',
      );
      const made = await client.query<{ all: boolean }>('SELECT puballtables AS all FROM pg_publication');
      await stopAll();
      return { failure, tables: tables.rows.map(({ name }) => name), isForAll: made.rows[0]?.all };
    };
    assert.deepEqual(await publishedBy('filtered'), { failure: null, tables: ['t'], isForAll: false });
    assert.deepEqual(await publishedBy('all_tables'), { failure: null, tables: ['other', 't'], isForAll: true });
    assert.deepEqual((await publishedBy('no_tables')).tables, []);
    const { failure, isForAll } = await publishedBy('disabled');
    assert.match(failure ?? '', /dbz_publication.*CREATE PUBLICATION/s);
    assert.equal(isForAll, undefined);
  });
});
