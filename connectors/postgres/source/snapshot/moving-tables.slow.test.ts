/**
 * Tables that are altered or emptied while their rows are read: by a snapshot at the start, and by one beside the stream.
 * Postgres writes an altered table anew without telling a change, and whoever looks from before sees it empty. Real Postgres.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { assertSameRows } from '../../../../test/kit/same-rows.ts';
import { type Logger, parseConfig, plainValue, RetriableError, type SourceRecord } from '../../../api/index.ts';
import { sourceSettings } from '../config/source-config.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { capturedTables } from '../server/publication.ts';
import { openSession } from '../server/sessions.ts';
import { envelope, type RunningSource, startSource, stopAll } from '../source-harness.ts';
import { Notifications } from '../tables/notifications.ts';
import { RecordBatch } from '../tables/record-batch.ts';
import { Tables } from '../tables/tables.ts';
import { IncrementalSnapshot } from './incremental-snapshot.ts';

const ROWS = 3000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('tables that move while they are read', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_replication_slots: '30' } });
  });
  afterEach(stopAll);
  after(() => server.stop());

  const table = (name: string) =>
    `CREATE TABLE ${name} (id int PRIMARY KEY, gone text, v int, note text); INSERT INTO ${name} SELECT i, 'gone', i, 'row ' || i FROM generate_series(1, ${ROWS}) i;`;

  const topicOf = (name: string) => `shop.public.${name}`;

  /** Rows by key, as their topic tells them. */
  function rowsOf(records: readonly SourceRecord[], name: string): Map<unknown, unknown> {
    const rows = new Map<unknown, unknown>();
    for (const record of records.filter(({ topic }) => topic === topicOf(name))) {
      const change = record.value === null ? null : envelope(record);
      if (change?.op === 't') rows.clear();
      if (record.key === null) continue;
      const { id } = plainValue(record.key) as { id: number };
      if (change?.after == null) rows.delete(id);
      else rows.set(id, { v: Number(change.after.v), note: change.after.note });
    }
    return rows;
  }

  async function rowsIn(client: Client, name: string) {
    const { rows } = await client.query<{ id: number; v: string; note: string }>(`SELECT id, v, note FROM ${name}`);
    return new Map(rows.map(({ id, v, note }) => [id, { v: Number(v), note }]));
  }

  /** Polls as the worker does, which calls again after an error that may pass. */
  async function until(source: RunningSource, holds: () => boolean): Promise<void> {
    for (;;) {
      try {
        return await source.until(holds);
      } catch (error) {
        if (!(error instanceof RetriableError)) throw error;
      }
    }
  }

  test('a table that is written anew before the snapshot reaches it is read all the same', async () => {
    const { client, config } = await sourceDatabase(server, table('first') + table('second'));
    const source = await startSource({
      config: { ...config, 'snapshot.max.threads': '1', 'max.batch.size': '100' },
    });
    await source.poll();
    await client.query('ALTER TABLE second ALTER v TYPE bigint USING v + 1');
    await client.query('INSERT INTO second VALUES (0, NULL, 0, NULL)');
    await until(
      source,
      () => rowsOf(source.records.slice(-1), 'second').has(0) && envelope(source.records.at(-1)!).op === 'c',
    );
    for (const name of ['first', 'second']) {
      assertSameRows(rowsOf(source.records, name), await rowsIn(client, name), `${name}: `);
    }
  });

  /** A source that streams, and is asked for the rows of `t`. */
  async function reading(more: Readonly<Record<string, string>> = {}) {
    const { client, config } = await sourceDatabase(server, table('t'));
    const keys = { 'snapshot.mode': 'no_data', 'skipped.operations': 'none', 'max.batch.size': '20' };
    const source = await startSource({ config: { ...config, ...keys, ...more } });
    await source.poll();
    const ask = () => {
      const data = { 'data-collections': ['public.t'] };
      source.task.signal!({ id: 'again', type: 'execute-snapshot', data });
    };
    /** Until everything that was written so far has come. */
    const caughtUp = async () => {
      await client.query('INSERT INTO t (id, v) VALUES (-1, 0)');
      await source.untilRecord((record) => {
        const change = record.value === null ? null : envelope(record);
        return change?.op === 'c' && change.after!.id === -1;
      });
      await source.until(() => source.offset()?.incremental_snapshot === undefined);
    };
    return { client, source, ask, caughtUp };
  }

  test('rows that are read beside the stream are told in their new shape, rows that wait in the stream in their old one', async () => {
    const { client, source, ask, caughtUp } = await reading({ 'incremental.snapshot.chunk.size': '100' });
    await client.query("UPDATE t SET note = 'before' WHERE id = 1");
    await source.untilRecord((record) => record.value !== null && envelope(record).op === 'u');
    await client.query("UPDATE t SET note = 'waits' WHERE id <= 1000");
    await client.query('ALTER TABLE t DROP COLUMN gone');
    await client.query("UPDATE t SET note = 'new' WHERE id > 2000");
    ask();
    await caughtUp();
    assertSameRows(rowsOf(source.records, 't'), await rowsIn(client, 't'));
    for (const record of source.records) {
      const { op, after } = envelope(record);
      if (op === 'u') assert.match(String(after!.note), /^(before|waits|new)$/);
    }
  });

  /** The mark of the chunk that was read, as the stream brings it. */
  async function markOf(client: Client, slot: string): Promise<string> {
    const sql = `SELECT data FROM pg_logical_slot_get_binary_changes('${slot}', NULL, NULL, 'proto_version', '1', 'publication_names', 'p', 'messages', 'true')`;
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
      const { rows } = await client.query<{ data: Buffer }>(sql);
      const found = rows.map(({ data }) => /millrace\.mark\.([\d.]+)/.exec(data.toString('latin1'))?.[1]);
      const mark = found.find((it) => it !== undefined);
      if (mark !== undefined) return mark;
    }
    throw new Error('No chunk was read.');
  }

  test('rows of a chunk do not come back behind the truncate of their table', async () => {
    const { client, config } = await sourceDatabase(server, `${table('t')} CREATE PUBLICATION p FOR TABLE t`);
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), { ...config, 'publication.name': 'p' });
    const settings = sourceSettings(parsed, false);
    const slot = `${config['slot.name']}_marks`;
    await client.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const { oid } = (await client.query<{ oid: number }>("SELECT 't'::regclass::oid::int AS oid")).rows[0]!;
    for (const isTruncated of [false, true]) {
      const incremental = new IncrementalSnapshot(
        {
          settings,
          tables: new Tables(settings),
          notifications: new Notifications(settings, silent),
          logger: silent,
          kept: null,
          blocking: { offset: null },
          open: () => openSession(settings, 'test'),
          captured: (connection) => capturedTables(connection, settings),
        },
        null,
      );
      incremental.execute('again', ['public.t'], {});
      incremental.step();
      assert.ok(incremental.marked(await markOf(client, slot)));
      if (isTruncated) incremental.truncated(oid);
      const batch = new RecordBatch({ server: 'shop' }, ROWS, []);
      incremental.flush(batch, { lsn: 1 });
      assert.equal(batch.records.length, isTruncated ? 0 : settings.snapshot.chunkRows);
      incremental.close();
    }
  });

  test('a table that is written anew while a chunk waits for it is read to its end', async () => {
    const { client, source, ask } = await reading({ 'incremental.snapshot.chunk.size': '500' });
    await client.query('BEGIN; ALTER TABLE t ALTER v TYPE bigint USING v + 1');
    ask();
    const other = await server.connect(client.database!);
    const waits = "SELECT count(*)::int AS waiting FROM pg_locks WHERE relation = 't'::regclass AND NOT granted";
    while ((await other.query<{ waiting: number }>(waits)).rows[0]!.waiting === 0) await source.poll();
    await client.query('COMMIT');
    await until(source, () => rowsOf(source.records, 't').size >= ROWS);
    assertSameRows(rowsOf(source.records, 't'), await rowsIn(client, 't'));
  });
});
