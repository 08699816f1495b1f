/**
 * What `replica.test.ts` does to its database meanwhile: its tables, and writers whose transactions come from a seed. Every
 * kind of change that a replica has to follow, among them rolled back savepoints, truncated tables, columns that are added
 * and retyped in mid-stream, large values, transactions that the server streams from its disk, and signals that ask for rows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { EmbeddedPostgresServer } from '../kit/postgres.ts';
import { seededRandom } from '../kit/random.ts';

const TABLES = 20;
const ROWS = 60;
/** The rows of these are not in the snapshot at the start: only a signal brings them. */
const LATE = 4;
const LARGE_VALUE = 300_000;
/** More than `logical_decoding_work_mem` of the test's server: it goes over the disk. */
const LARGE_TRANSACTION_ROWS = 1500;
const columns = 'id int PRIMARY KEY, v int, note text, big text';

type Random = ReturnType<typeof seededRandom>;

export const tables = Array.from({ length: TABLES }, (_, index) => `t${index}`);
export const lateTables = tables.slice(-LATE);
/** Parents and children; on the source, what happens to a parent happens to its children. */
export const families = ['families', 'members'];
export const allTables: readonly string[] = [...families, ...tables];

export const SIGNALS = 'public.signals';

/** Makes the tables: with rows on the source, empty on the replica. */
export async function prepare(server: EmbeddedPostgresServer, shop: string, copy: string): Promise<void> {
  const [source, replica] = [await server.connect(shop), await server.connect(copy)];
  await source.query('CREATE TABLE signals (id text PRIMARY KEY, type text, data text)');
  for (const table of tables) {
    await source.query(`CREATE TABLE ${table} (${columns}); ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL;
      INSERT INTO ${table} SELECT i, 0, 'row ' || i, CASE WHEN i % 10 = 0 THEN repeat(i::text, 3000) END FROM generate_series(1, ${ROWS}) i`);
    await replica.query(`CREATE TABLE ${table} (${columns})`);
  }
  const child = 'CREATE TABLE members (id int PRIMARY KEY, v int, note text, big text, family int REFERENCES families';
  await source.query(`CREATE TABLE families (${columns}); ${child} ON DELETE CASCADE ON UPDATE CASCADE)`);
  await replica.query(`CREATE TABLE families (${columns}); ${child})`);
  await source.end();
  await replica.end();
}

/** Every table has all its columns from here on; what a killed source sends again comes before these rows. */
export async function conclude(source: Client): Promise<void> {
  await askForRows(source, 'last', lateTables);
  for (const table of tables) await source.query(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS extra text`);
  for (const table of tables) await source.query(`INSERT INTO ${table} (id, v, extra) VALUES (1000000, 1, 'end')`);
  for (const table of families) await source.query(`INSERT INTO ${table} (id, v) VALUES (1000000, 1)`);
}

async function askForRows(client: Client, id: string, wanted: readonly string[]): Promise<void> {
  const names = wanted.map((table) => `public.${table}`);
  const data = JSON.stringify({ type: 'incremental', 'data-collections': names });
  await client.query("INSERT INTO signals VALUES ($1, 'execute-snapshot', $2)", [id, data]);
}

/** Transactions until told to stop; answers how many were committed for certain. */
export async function write(
  server: EmbeddedPostgresServer,
  database: string,
  seed: number,
  number: number,
  stop: AbortSignal,
): Promise<number> {
  const random = seededRandom(seed);
  let committed = 0;
  while (!stop.aborted) {
    let client: Client | null = null;
    try {
      client = await server.connect(database);
      // Another writer's lock on a table may wait for ours on another: an error ends both.
      await client.query("SET lock_timeout = '2s'");
      while (!stop.aborted) {
        if (await transaction(client, random, number)) committed++;
      }
    } catch {
      await sleep(100); // The server is being killed; deadlocks between the writers end here too.
    } finally {
      // What fails behind a savepoint leaves its transaction open, and its locks would stop everybody for ever. Not waited
      // for: the server may be gone in the middle of it.
      client?.end().catch(() => {});
    }
  }
  return committed;
}

/** Answers whether it was committed. */
async function transaction(client: Client, random: Random, number: number): Promise<boolean> {
  await client.query('BEGIN');
  for (let left = 1 + random.below(6); left > 0; left--) {
    if (random.next() < 0.15) await changeInVain(client, random, number);
    else await change(client, random, number);
  }
  const isKept = random.next() < 0.85;
  await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
  return isKept;
}

/** Changes of a savepoint that is rolled back, and perhaps some of one that is not. */
async function changeInVain(client: Client, random: Random, number: number): Promise<void> {
  await client.query('SAVEPOINT here');
  await change(client, random, number);
  if (random.next() < 0.7) await client.query('ROLLBACK TO here');
  await change(client, random, number);
  await client.query('RELEASE here');
}

async function change(client: Client, random: Random, number: number): Promise<void> {
  if (random.next() < 0.2) return changeFamily(client, random, number);
  if (random.next() < 0.04) return changeRarely(client, random, number);
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

/** What happens to a table now and then. */
async function changeRarely(client: Client, random: Random, number: number): Promise<void> {
  const [table, other] = [tables[random.below(TABLES)]!, tables[random.below(TABLES)]!];
  const id = 1 + random.below(ROWS);
  switch (random.below(7)) {
    case 0:
      await client.query(`TRUNCATE ${table}`);
      break;
    case 1:
      await client.query(`TRUNCATE ${table === other ? table : `${table}, ${other}`}`);
      await client.query(`INSERT INTO ${table} SELECT i, 0, 'anew' FROM generate_series(1, ${ROWS}) i`);
      break;
    case 2:
      // In the middle of a transaction, with rows of both shapes.
      await client.query(`UPDATE ${table} SET v = v + 1 WHERE id % 5 = 0`);
      await client.query(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS extra text`);
      await client.query(`UPDATE ${table} SET extra = $1 WHERE id % 3 = 0`, [`by ${number}`]);
      break;
    case 3:
      // The table is written anew, and no change tells.
      await client.query(`ALTER TABLE ${table} ALTER v TYPE bigint`);
      break;
    case 4:
      await client.query(`UPDATE ${table} SET big = repeat($2, ${LARGE_VALUE}) WHERE id = $1`, [id, `${id % 10}`]);
      break;
    case 5: {
      const first = 100_000 + number * 10_000;
      await client.query(`DELETE FROM ${table} WHERE id BETWEEN $1 AND $1 + 9999`, [first]);
      await client.query(
        `INSERT INTO ${table} (id, v, note) SELECT $1 + i, 0, 'many' FROM generate_series(1, ${LARGE_TRANSACTION_ROWS}) i`,
        [first],
      );
      break;
    }
    default:
      await askForRows(client, `${number}-${random.below(2 ** 31)}`, [table, ...lateTables]);
  }
}

/** Parents with their children: born, taken away and renamed together. */
async function changeFamily(client: Client, random: Random, number: number): Promise<void> {
  const id = 1 + random.below(ROWS);
  switch (random.below(4)) {
    case 0:
    case 1:
      await client.query('INSERT INTO families VALUES ($1, 0) ON CONFLICT DO NOTHING', [id]);
      await client.query(
        'INSERT INTO members SELECT $1 * 10 + i, 0, NULL, NULL, $1 FROM generate_series(1, 3) i ON CONFLICT DO NOTHING',
        [id],
      );
      break;
    case 2:
      await client.query('DELETE FROM families WHERE id = $1', [id]);
      break;
    default:
      await client.query(
        'UPDATE families SET id = $2 WHERE id = $1 AND NOT EXISTS (SELECT FROM families WHERE id = $2)',
        [id, id + number * 1000],
      );
  }
}
