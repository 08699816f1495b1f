/**
 * A connection that breaks between two tables of a snapshot: what was read from the first one by then is not lost with it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import type { ConnectError } from '../../../api/index.ts';
import { ConnectionLost } from '../../errors.ts';
import { WireConnection } from '../../wire/connection.ts';
import { startSource } from '../source-harness.ts';

describe('a snapshot that is cut short', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test('every row arrives, whichever COPY the connection breaks at', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    const tables = ['a', 'b', 'c', 'd'];
    for (const table of tables) {
      await client.query(
        `CREATE TABLE ${table} (id int PRIMARY KEY); INSERT INTO ${table} SELECT generate_series(1, 5)`,
      );
    }
    const address = sourceAddress(server, name);
    for (let breaksAt = 1; breaksAt <= tables.length; breaksAt++) {
      const slot = `slot${breaksAt}`;
      const config = { 'topic.prefix': 's', ...address, 'slot.name': slot, 'publication.name': slot };
      const source = await startSource({ config: { ...config, 'snapshot.max.threads': '1' } });
      let copies = 0;
      const { startStream } = WireConnection.prototype;
      const broken = mock.method(WireConnection.prototype, 'startStream', function (this: WireConnection, sql: string) {
        if (sql.startsWith('COPY') && ++copies === breaksAt) throw new ConnectionLost('The connection broke.');
        return startStream.call(this, sql);
      });
      const keys = new Set<string>();
      for (const deadline = Date.now() + 60_000; keys.size < tables.length * 5 && Date.now() < deadline; ) {
        const records = await source.poll().catch((error: ConnectError) => {
          assert.ok(error.retriable, error.message);
          return [];
        });
        for (const { topic, key } of records) keys.add(`${topic} ${Buffer.from((key as { bytes: Uint8Array }).bytes)}`);
        if (copies > breaksAt && records.length === 0) break; // Past the snapshot: what is missing stays missing.
      }
      broken.mock.restore();
      await source.stop();
      assert.equal(keys.size, tables.length * 5, `broken at COPY ${breaksAt}`);
    }
  });

  test('a table that somebody holds for himself is waited for as long as snapshot.lock.timeout.ms says, and read once it is free', async () => {
    const name = await server.createDatabase();
    const [client, holder] = [await server.connect(name), await server.connect(name)];
    for (const table of ['a', 'b'])
      await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY); INSERT INTO ${table} VALUES (1)`);
    const base = {
      'topic.prefix': 's',
      ...sourceAddress(server, name),
      'slot.name': 'held',
      'publication.name': 'held',
    };
    const locking = { 'snapshot.locking.mode': 'shared', 'snapshot.lock.timeout.ms': '100' };
    const source = await startSource({ config: { ...base, ...locking, 'snapshot.max.threads': '1' } });
    const { query } = WireConnection.prototype;
    let isHeld = false;
    const held = mock.method(WireConnection.prototype, 'query', async function (this: WireConnection, sql: string) {
      if (!isHeld && sql.startsWith('LOCK TABLE "public"."b"')) {
        isHeld = true;
        await holder.query('BEGIN; LOCK TABLE b IN ACCESS EXCLUSIVE MODE');
      }
      return query.call(this, sql);
    });
    const topics = new Set<string>();
    const errors: ConnectError[] = [];
    for (const deadline = Date.now() + 60_000; topics.size < 2 && Date.now() < deadline; ) {
      const records = await source.poll().catch(async (error: ConnectError) => {
        errors.push(error);
        await holder.query('ROLLBACK');
        return [];
      });
      for (const { topic } of records) topics.add(topic);
    }
    held.mock.restore();
    await source.stop();
    assert.deepEqual([...topics].sort(), ['s.public.a', 's.public.b']);
    assert.deepEqual(
      errors.map(({ code, retriable }) => [code, retriable]),
      [['PG_TABLE_LOCKED', true]],
    );
    assert.match(errors[0]!.message, /Table public.b is locked by another session/);
  });

  test('an unfinished snapshot whose slot is gone is an error, because stale keys would stay; when_needed reads again', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5000)');
    const address = sourceAddress(server, name);
    const base = { 'topic.prefix': 's', ...address, 'slot.name': 'gone', 'publication.name': 'gone' };
    const config = { ...base, 'max.batch.size': '100' };
    const first = await startSource({ config });
    await first.until((records) => records.length > 0);
    await first.stop();
    const offset = JSON.parse(JSON.stringify(first.offset()));
    assert.ok(first.records.length < 5000, 'the snapshot is unfinished');
    const free =
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active';
    for (const deadline = Date.now() + 60_000; (await client.query(free, ['gone'])).rowCount === 0; await sleep(50))
      assert.ok(Date.now() < deadline, 'the slot stays in use');

    const second = await startSource({ config, offset });
    await assert.rejects(second.poll(), { code: 'PG_SLOT_LOST' });
    await second.stop();
    const third = await startSource({ config: { ...config, 'snapshot.mode': 'when_needed' }, offset });
    await third.until((records) => records.length >= 5000);
    await third.stop();
  });
});
