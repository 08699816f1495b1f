/**
 * Postgres to topics to Postgres while everything is killed: the whole house (broker, worker, connectors) by SIGKILL and the
 * database server by SIGQUIT, at moments that a seed chooses, under transactions with updates, deletes, new keys and
 * rollbacks over twenty tables.
 *
 * Promised: afterwards source and replica are equal row by row, and so is what the topics tell to whoever reads them from
 * the beginning. `CRASH_SEED` repeats a run, `CRASH_SECONDS` makes it longer.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { type Millrace, startMillrace } from '../kit/millrace.ts';
import { type EmbeddedPostgresServer, startPostgres } from '../kit/postgres.ts';
import { seededRandom } from '../kit/random.ts';

const TABLES = 20;
const ROWS = 60;
const SECONDS = Number(process.env.CRASH_SECONDS ?? 5);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31);
const SETTLE_MS = 60_000;
const tables = Array.from({ length: TABLES }, (_, index) => `t${index}`);
const columns = 'id int PRIMARY KEY, v int, note text, big text';

it('source, replica and topics agree after every kill', { timeout: SECONDS * 1000 + 120_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}; repeat with CRASH_SEED=${SEED}`);
  const server = await startPostgres({ settings: { max_connections: '60' } });
  t.after(() => server.stop());
  const [shop, copy] = [await server.createDatabase('shop'), await server.createDatabase('copy')];
  await prepare(server, shop, copy);
  const folder = await connectorFiles(server, shop, copy);
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using house = await startMillrace({ args: ['--connectors', folder] });

  const stop = new AbortController();
  const writers = [1, 2].map((number) => write(server, shop, SEED + number, number, stop.signal));
  const kills = await killAtRandom(server, house);
  stop.abort();
  const committed = (await Promise.all(writers)).reduce((sum, count) => sum + count, 0);
  assert.ok(committed > 50, `only ${committed} transactions were committed, so nothing was proved`);
  t.diagnostic(`${committed} transactions, ${kills} kills`);

  const source = await server.connect(shop);
  const replica = await server.connect(copy);
  // What a killed source sends again comes before this.
  await source.query(`${tables.map((table) => `INSERT INTO ${table} VALUES (1000000, 1)`).join(';')}`);
  await equal(source, replica, house);
  for (const table of tables) {
    assert.deepEqual(await replay(house.kafka, table), await keysOf(source, table), `topic of ${table}`);
  }
});

async function prepare(server: EmbeddedPostgresServer, shop: string, copy: string): Promise<void> {
  const [source, replica] = [await server.connect(shop), await server.connect(copy)];
  for (const table of tables) {
    await source.query(`CREATE TABLE ${table} (${columns}); ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL;
      INSERT INTO ${table} SELECT i, 0, 'row ' || i, CASE WHEN i % 10 = 0 THEN repeat(i::text, 3000) END FROM generate_series(1, ${ROWS}) i`);
    await replica.query(`CREATE TABLE ${table} (${columns})`);
  }
  await source.end();
  await replica.end();
}

async function connectorFiles(server: EmbeddedPostgresServer, shop: string, copy: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const source = {
    'connector.class': 'PostgresSource',
    'topic.prefix': 'shop',
    'database.hostname': server.host,
    'database.port': String(server.port),
    'database.user': server.user,
    'database.password': server.password,
    'database.dbname': shop,
  };
  const sink = {
    'connector.class': 'PostgresSink',
    topics: tables.map((table) => `shop.public.${table}`).join(','),
    'connection.url': server.url(copy),
    'delete.enabled': 'true',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder.
    'table.name.format': '${source.table}',
  };
  await writeFile(join(folder, 'source.json'), JSON.stringify({ name: 'source', config: source }));
  await writeFile(join(folder, 'sink.json'), JSON.stringify({ name: 'sink', config: sink }));
  return folder;
}

/** Transactions until told to stop; answers how many were committed for certain. */
async function write(
  server: EmbeddedPostgresServer,
  database: string,
  seed: number,
  number: number,
  stop: AbortSignal,
): Promise<number> {
  const random = seededRandom(seed);
  let committed = 0;
  while (!stop.aborted) {
    try {
      const client = await server.connect(database);
      while (!stop.aborted) {
        await client.query('BEGIN');
        for (let left = 1 + random.below(6); left > 0; left--) await change(client, random, number);
        const isKept = random.next() < 0.85;
        await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
        if (isKept) committed++;
      }
      await client.end();
    } catch {
      await sleep(100); // The server is being killed; deadlocks between the writers end here too.
    }
  }
  return committed;
}

async function change(client: Client, random: ReturnType<typeof seededRandom>, number: number): Promise<void> {
  const table = tables[random.below(TABLES)]!;
  const id = 1 + random.below(ROWS * 2);
  switch (random.below(6)) {
    case 0:
      await client.query(`INSERT INTO ${table} VALUES ($1, 0, 'new', NULL) ON CONFLICT DO NOTHING`, [id]);
      break;
    case 1:
      await client.query(`DELETE FROM ${table} WHERE id = $1`, [id]);
      break;
    case 2:
      await client.query(
        `UPDATE ${table} SET id = $2 WHERE id = $1 AND NOT EXISTS (SELECT FROM ${table} WHERE id = $2)`,
        [id, id + number * 1000],
      );
      break;
    case 3:
      await client.query(`UPDATE ${table} SET big = repeat($2, 3000) WHERE id = $1`, [id, String(random.below(9))]);
      break;
    default:
      await client.query(`UPDATE ${table} SET v = v + 1, note = $2 WHERE id % 7 = $1 % 7`, [id, `by ${number}`]);
  }
}

/** Kills what the seed says, when it says, and starts it again; answers how often. */
async function killAtRandom(server: EmbeddedPostgresServer, house: Millrace): Promise<number> {
  const random = seededRandom(SEED);
  const end = Date.now() + SECONDS * 1000;
  let kills = 0;
  await sleep(400);
  for (; Date.now() < end || kills < 4; kills++) {
    await sleep(200 + random.below(1200));
    if (random.next() < 0.6) {
      await house.kill();
      await house.restart();
    } else {
      await server.kill('SIGQUIT');
      await sleep(random.below(300));
      await server.restart();
    }
  }
  return kills;
}

/** Until the replica is the source; fails with the first table that differs when the time is up. */
async function equal(source: Client, replica: Client, house: Millrace): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  for (const table of tables) {
    const sql = `SELECT id, v, note, md5(big) AS big FROM ${table} ORDER BY id`;
    const expected = (await source.query(sql)).rows;
    let found = (await replica.query(sql)).rows;
    while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < deadline) {
      await sleep(100);
      found = (await replica.query(sql)).rows;
    }
    assert.deepEqual(found, expected, `table ${table}; the house said:\n${house.notices().slice(-2000)}`);
  }
}

/** Key to version, as the topic tells it from its beginning. */
async function replay(brokers: string, table: string): Promise<Map<number, number>> {
  const rows = new Map<number, number>();
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic(`shop.public.${table}`);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const from = await cluster.offsetsAt(topic, partitions, -2);
    const until = await cluster.offsetsAt(topic, partitions, -1);
    for await (const records of readTopic(cluster, { topic, from, until })) {
      for (const { key, value } of records) {
        const { id } = JSON.parse(key!.toString()) as { id: number };
        const after = value === null ? null : (JSON.parse(value.toString()) as { after: { v: number } | null }).after;
        if (after === null) rows.delete(id);
        else rows.set(id, after.v);
      }
    }
  });
  return new Map([...rows].sort(([a], [b]) => a - b));
}

async function keysOf(source: Client, table: string): Promise<Map<number, number>> {
  const { rows } = await source.query<{ id: number; v: number }>(`SELECT id, v FROM ${table} ORDER BY id`);
  return new Map(rows.map(({ id, v }) => [id, v]));
}
