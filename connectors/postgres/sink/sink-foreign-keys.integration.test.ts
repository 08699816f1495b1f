/**
 * Foreign keys of the target, while source transactions come in pieces: other topics, other batches, other orders.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import type { SinkRecord } from '../../api/index.ts';
import { json, type RunningSink, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

const partitions = ['customers', 'orders', 'lines'].map((topic) => ({ topic, partition: 0 }));
const tables = `CREATE TABLE customers (id int PRIMARY KEY, name text UNIQUE);
  CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
  CREATE TABLE lines (id int PRIMARY KEY, "order" int REFERENCES orders)`;
const DEADLINE_MS = 60_000;

describe('foreign keys of the target', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const target = (sql = tables) => sinkTarget(server, sql);
  /** Patient, so that a machine that stands still for a while changes nothing. */
  const patient = { 'delete.enabled': 'true', 'foreign.key.wait.ms': '600000' };
  const start = (url: string, more: Record<string, string> = {}, tolerates = false) =>
    startSink({ 'connection.url': url, ...patient, ...more }, partitions, 'own', tolerates);
  const row = (topic: string, offset: number, id: number, more = '') =>
    sinkRecord({ topic, offset, key: json(`{"id":${id}}`), value: json(`{"id":${id}${more}}`) });
  const gone = (topic: string, offset: number, id: number) =>
    sinkRecord({ topic, offset, key: json(`{"id":${id}}`), value: null });
  const customer = (offset: number, id: number) => row('customers', offset, id, `,"name":"c${id}"`);
  const order = (offset: number, id: number, buyer: number) => row('orders', offset, id, `,"customer":${buyer}`);
  const line = (offset: number, id: number, of: number) => row('lines', offset, id, `,"order":${of}`);
  const count = async (client: Client) => {
    const { rows } = await client.query(
      'SELECT (SELECT count(*)::int FROM customers) AS c, (SELECT count(*)::int FROM orders) AS o, (SELECT count(*)::int FROM lines) AS l',
    );
    return Object.values(rows[0] as Record<string, number>);
  };
  /** As the worker does while it reads nothing. */
  async function tick(sink: RunningSink, until: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !(await until()); await sleep(20)) {
      assert.ok(Date.now() < deadline, 'nothing happened in time');
      await sink.task.put([]);
    }
  }

  test('a source transaction that spans batches becomes one transaction of the target, whatever comes first', async () => {
    const { client, url } = await target();
    const sink = await start(url);
    const offsets = partitions.map((each) => ({ ...each, offset: 1 }));
    await sink.task.put([line(0, 1, 1)]);
    await sink.task.put([order(0, 1, 1)]);
    assert.deepEqual(await count(client), [0, 0, 0]);
    assert.deepEqual(
      (await sink.task.flush?.(offsets))?.map(({ offset }) => offset),
      [1, 0, 0],
      'no offset passes what waits',
    );
    await sink.task.put([customer(0, 1)]);
    await tick(sink, async () => (await count(client)).join() === '1,1,1');
    assert.equal(sink.paused.size, 0);
    assert.equal(await sink.task.flush?.(offsets), undefined);
    const { rows } = await client.query('SELECT topic, next_offset::int AS next FROM millrace_offsets ORDER BY topic');
    assert.deepEqual(
      rows,
      ['customers', 'lines', 'orders'].map((topic) => ({ topic, next: 1 })),
    );
    await sink.stop();
  });

  test('rows that follow a truncate stay, though a parent in the same batch changes its key', async () => {
    const { client, url } = await target(`${tables}; CREATE TABLE notes (id int PRIMARY KEY)`);
    const sink = await start(url, { 'truncate.enabled': 'true' });
    await sink.task.put([customer(0, 1), order(0, 1, 1), row('notes', 0, 1)]);
    const truncate = sinkRecord({
      topic: 'notes',
      offset: 1,
      key: null,
      value: json('{"op":"t","before":null,"after":null,"source":{}}'),
    });
    // The customer goes before its order points elsewhere: only with deletes at the end does it work out.
    await sink.task.put([gone('customers', 1, 1), customer(2, 2), order(1, 1, 2), truncate, row('notes', 2, 2)]);
    await tick(sink, async () => (await client.query('SELECT FROM customers WHERE id = 2')).rowCount === 1);
    assert.deepEqual((await client.query('SELECT id FROM notes')).rows, [{ id: 2 }]);
    assert.deepEqual((await client.query('SELECT * FROM orders')).rows, [{ id: 1, customer: 2 }]);
    await sink.stop();
  });

  test('what waits holds up nobody else, and what follows it waits behind it', async () => {
    const { client, url } = await target();
    const sink = await start(url);
    await sink.task.put([order(0, 1, 7), customer(0, 1), customer(1, 2)]);
    assert.deepEqual(await count(client), [2, 0, 0]);
    await sink.task.put([order(1, 2, 1), customer(2, 3)]);
    await sink.task.put([order(1, 2, 1)]); // Put again by the worker: it waits once.
    assert.deepEqual(await count(client), [3, 0, 0]);
    await sink.task.put([customer(3, 7)]);
    await tick(sink, async () => (await count(client)).join() === '4,2,0');
    await sink.stop();
  });

  test('a parent is deleted when its children are, in whichever batch that is told', async () => {
    const { client, url } = await target();
    const sink = await start(url);
    await sink.task.put([customer(0, 1), order(0, 1, 1), line(0, 1, 1)]);
    await sink.task.put([gone('customers', 1, 1)]);
    await sink.task.put([gone('lines', 1, 1)]);
    await sink.task.put([gone('orders', 1, 1)]);
    await tick(sink, async () => (await count(client)).join() === '0,0,0');
    await sink.stop();
  });

  test("a parent's key changes under its children in one batch", async () => {
    const { client, url } = await target();
    const sink = await start(url);
    await sink.task.put([customer(0, 1), order(0, 1, 1)]);
    await sink.task.put([gone('customers', 1, 1), customer(2, 2), order(1, 1, 2)]);
    assert.deepEqual((await client.query('SELECT customer FROM orders')).rows, [{ customer: 2 }]);
    assert.deepEqual(await count(client), [1, 1, 0]);
    await sink.stop();
  });

  test('rows in a circle come in one transaction where their keys may be deferred', async () => {
    const { client, url } = await target(
      `CREATE TABLE customers (id int PRIMARY KEY, best int);
       CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers DEFERRABLE);
       ALTER TABLE customers ADD FOREIGN KEY (best) REFERENCES orders DEFERRABLE; CREATE TABLE lines (id int PRIMARY KEY)`,
    );
    const sink = await start(url);
    await sink.task.put([row('customers', 0, 1, ',"best":1')]);
    assert.deepEqual(await count(client), [0, 0, 0]);
    await sink.task.put([order(0, 1, 1)]);
    await tick(sink, async () => (await count(client)).join() === '1,1,0');
    await sink.stop();
  });

  test('a row that points nowhere is a bad record once nothing as old as it arrives, and its neighbours are delivered', async () => {
    const { client, url } = await target();
    const sink = await start(url, { 'foreign.key.wait.ms': '50' }, true);
    const at = (timestamp: number, record: SinkRecord) => ({ ...record, timestamp });
    await sink.task.put([at(10, order(0, 1, 1)), at(11, order(1, 2, 99)), at(12, order(2, 3, 1))]);
    await sleep(100);
    await sink.task.put([at(9, customer(0, 5))]); // As old as they: what they wait for may come.
    assert.equal(sink.reported.length, 0);
    await sink.task.put([at(10, customer(1, 1))]);
    await tick(sink, () => sink.reported.length > 0);
    assert.deepEqual(
      sink.reported.map(({ record: { topic, offset } }) => `${topic}@${offset}`),
      ['orders@1'],
    );
    assert.match(sink.reported[0]!.error.message, /23503.*"orders_customer_fkey"/);
    assert.deepEqual(await count(client), [2, 2, 0]);
    assert.equal(sink.paused.size, 0);
    await sink.task.put([at(20, order(3, 4, 1))]);
    assert.deepEqual(await count(client), [2, 3, 0]);
    await sink.stop();
  });

  test('where the policy is to fail, nothing is delivered any more after a row that points nowhere', async () => {
    const { client, url } = await target();
    const sink = await start(url, { 'foreign.key.wait.ms': '1' });
    await sink.task.put([order(0, 1, 99)]);
    await assert.rejects(
      tick(sink, () => false),
      /23503/,
    );
    await assert.rejects(sink.task.put([customer(0, 1)]), /23503/);
    assert.deepEqual(await count(client), [0, 0, 0]);
    await sink.stop();
    const strict = await start(url, { 'foreign.key.wait.ms': '0' });
    await assert.rejects(strict.task.put([order(0, 1, 99)]), { code: 'PG_BAD_ROW' });
    await strict.stop();
  });

  test('a partition that is lost while its rows wait takes them along; the next owner reads them again', async () => {
    const { client, url } = await target();
    const first = await start(url);
    await first.task.put([order(0, 1, 1)]);
    await first.stop();
    const second = await start(url);
    assert.equal(second.seeks.get('orders-0') ?? 0, 0);
    await second.task.put([customer(0, 1), order(0, 1, 1)]);
    assert.deepEqual(await count(client), [1, 1, 0]);
    await second.stop();
  });
});
