/**
 * Postgres to topics to Postgres while everything is killed: broker and worker by SIGKILL, the connectors by a restart, and
 * the database server by SIGQUIT, at moments that a seed chooses, under transactions with updates, deletes, new keys,
 * changed keys of parents and rollbacks over twenty tables and a family of two with a foreign key.
 *
 * Promised: afterwards source and replica are equal row by row, and so is what the topics tell to whoever reads them from
 * the beginning. `CRASH_SEED` repeats a run, `CRASH_SECONDS` makes it longer, `CRASH_PROCESSES=2` runs broker and worker as
 * processes that die apart (`millrace worker`).
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { putConnector, startMillrace } from '../kit/millrace.ts';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../kit/postgres.ts';
import { seededRandom } from '../kit/random.ts';
import { startWorkerProcess } from '../kit/worker.ts';

const TABLES = 20;
const ROWS = 60;
const SECONDS = Number(process.env.CRASH_SECONDS ?? 5);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31);
const PROCESSES = Number(process.env.CRASH_PROCESSES ?? 1);
/** A group waits 45 seconds for a member that was killed; in one process its group dies with it. */
const SETTLE_MS = PROCESSES === 1 ? 60_000 : 150_000;
const tables = Array.from({ length: TABLES }, (_, index) => `t${index}`);
/** Parents and children; on the source, what happens to a parent happens to its children. */
const families = ['families', 'members'];
const columns = 'id int PRIMARY KEY, v int, note text, big text';

it('source, replica and topics agree after every kill', { timeout: SECONDS * 1000 + SETTLE_MS + 90_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}; repeat with CRASH_SEED=${SEED}`);
  const server = await startPostgres({ settings: { max_connections: '60' } });
  t.after(() => server.stop());
  const [shop, copy] = [await server.createDatabase('shop'), await server.createDatabase('copy')];
  await prepare(server, shop, copy);
  const connectors = connectorsBetween(server, shop, copy);
  const house = PROCESSES === 1 ? await oneProcess(connectors, t) : await twoProcesses(connectors, t);

  const stop = new AbortController();
  const writers = [1, 2].map((number) => write(server, shop, SEED + number, number, stop.signal));
  const kills = await killAtRandom(server, house);
  stop.abort();
  const committed = (await Promise.all(writers)).reduce((sum, count) => sum + count, 0);
  assert.ok(committed > 50, `only ${committed} transactions were committed, so nothing was proved`);
  t.diagnostic(`${committed} transactions; killed: ${JSON.stringify(kills)}`);

  const source = await server.connect(shop);
  const replica = await server.connect(copy);
  // What a killed source sends again comes before this.
  await source.query(
    `${[...families, ...tables].map((table) => `INSERT INTO ${table} (id, v) VALUES (1000000, 1)`).join(';')}`,
  );
  await equal(source, replica, house);
  for (const table of [...families, ...tables]) {
    const [replayed, expected] = [await replay(house.kafka, table), await keysOf(source, table)];
    const wrong = [...replayed, ...expected].map(([id]) => id).find((id) => replayed.get(id) !== expected.get(id));
    const history = wrong === undefined ? '' : await historyOf(house.kafka, table, wrong);
    assert.equal(
      wrong,
      undefined,
      `the topic of ${table} says ${replayed.get(wrong!)} of ${wrong}, not ${expected.get(wrong!)}:\n${history}\n${house.notices().slice(-4000)}`,
    );
  }
});

async function prepare(server: EmbeddedPostgresServer, shop: string, copy: string): Promise<void> {
  const [source, replica] = [await server.connect(shop), await server.connect(copy)];
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

type Connectors = Readonly<Record<string, Readonly<Record<string, string>>>>;

function connectorsBetween(server: EmbeddedPostgresServer, shop: string, copy: string): Connectors {
  const source = {
    'connector.class': 'PostgresSource',
    'topic.prefix': 'shop',
    ...sourceAddress(server, shop),
  };
  const sink = {
    'connector.class': 'PostgresSink',
    topics: [...families, ...tables].map((table) => `shop.public.${table}`).join(','),
    'connection.url': server.url(copy),
    'delete.enabled': 'true',
    'foreign.key.wait.ms': '120000',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder.
    'table.name.format': '${source.table}',
  };
  return { source, sink };
}

/** What is tried: where to read topics, and the ways in which it is killed, each with its share of the kills. */
interface House {
  readonly kafka: string;
  notices(): string;
  connect(): string;
  readonly kills: readonly { readonly what: string; readonly share: number; kill(): Promise<void> }[];
}

async function oneProcess(connectors: Connectors, t: TestContext): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, config] of Object.entries(connectors)) {
    await writeFile(join(folder, `${name}.json`), JSON.stringify({ name, config }));
  }
  const house = await startMillrace({ args: ['--connectors', folder] });
  t.after(() => house.remove());
  const kill = async () => {
    await house.kill();
    await house.restart();
  };
  return {
    kafka: house.kafka,
    notices: house.notices,
    connect: () => house.connect,
    kills: [
      { what: 'house', share: 0.45, kill },
      { what: 'connector', share: 0.2, kill: () => restartConnectors(house.connect) },
    ],
  };
}

async function twoProcesses(connectors: Connectors, t: TestContext): Promise<House> {
  const broker = await startMillrace();
  t.after(() => broker.remove());
  const worker = await startWorkerProcess({
    'bootstrap.servers': broker.kafka,
    'group.id': 'crash',
    'config.storage.topic': 'crash-configs',
    'offset.storage.topic': 'crash-offsets',
    'status.storage.topic': 'crash-status',
    'exactly.once.source.support': 'enabled',
    'key.converter': 'JsonConverter',
    'key.converter.schemas.enable': 'false',
    'value.converter': 'JsonConverter',
    'value.converter.schemas.enable': 'false',
  });
  t.after(() => worker.remove());
  for (const [name, config] of Object.entries(connectors)) await putConnector(worker, name, config);
  const again = async (one: { kill(): Promise<void>; restart(): Promise<void> }) => {
    await one.kill();
    await one.restart();
  };
  return {
    kafka: broker.kafka,
    notices: () => `${broker.notices()}\n${worker.notices()}`,
    connect: () => worker.connect,
    kills: [
      { what: 'worker', share: 0.3, kill: () => again(worker) },
      { what: 'broker', share: 0.3, kill: () => again(broker) },
      { what: 'connector', share: 0.1, kill: () => restartConnectors(worker.connect) },
    ],
  };
}

/** The tasks are ended in the middle of whatever they do; a worker that is busy with another restart says so, and that is one. */
async function restartConnectors(connect: string): Promise<void> {
  for (const name of ['source', 'sink']) {
    const url = `${connect}/connectors/${name}/restart?includeTasks=true`;
    const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(SETTLE_MS) });
    await answer.arrayBuffer();
    assert.ok(answer.ok || [404, 409, 503].includes(answer.status), `restart of ${name}: ${answer.status}`);
  }
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
  if (random.next() < 0.2) return changeFamily(client, random, number);
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

/** Parents with their children: born, taken away and renamed together. */
async function changeFamily(client: Client, random: ReturnType<typeof seededRandom>, number: number): Promise<void> {
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

/** Kills what the seed says, when it says, and starts it again; answers how often each. */
async function killAtRandom(server: EmbeddedPostgresServer, house: House): Promise<Record<string, number>> {
  const random = seededRandom(SEED);
  const end = Date.now() + SECONDS * 1000;
  const killed: Record<string, number> = {};
  await sleep(400);
  for (let kills = 0; Date.now() < end || kills < 4; kills++) {
    await sleep(200 + random.below(1200));
    let draw = random.next();
    const chosen = house.kills.find(({ share }) => {
      draw -= share;
      return draw < 0;
    });
    const what = chosen?.what ?? 'postgres';
    killed[what] = (killed[what] ?? 0) + 1;
    if (chosen === undefined) {
      await server.kill('SIGQUIT');
      await sleep(random.below(300));
      await server.restart();
    } else {
      await chosen.kill();
    }
  }
  return killed;
}

/** Until the replica is the source; fails with the first table that differs when the time is up. */
async function equal(source: Client, replica: Client, house: House): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  for (const table of [...families, ...tables]) {
    const family = table === 'members' ? ', family' : '';
    const sql = `SELECT id, v, note, md5(big) AS big${family} FROM ${table} ORDER BY id`;
    const expected = (await source.query(sql)).rows;
    let found = (await replica.query(sql)).rows;
    while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < deadline) {
      await sleep(100);
      found = (await replica.query(sql)).rows;
    }
    if (JSON.stringify(found) === JSON.stringify(expected)) continue;
    const reached = (await replica.query('SELECT topic, next_offset, updated_at FROM millrace_offsets')).rows;
    const states = await Promise.all(['source', 'sink'].map((name) => stateOf(house.connect(), name)));
    const wrong = [...expected, ...found].find(
      ({ id }) => JSON.stringify(rowOf(found, id)) !== JSON.stringify(rowOf(expected, id)),
    ).id;
    const rows = [rowOf(found, wrong), rowOf(expected, wrong)].map((row) => JSON.stringify(row)).join(' is not ');
    const history = await historyOf(house.kafka, table, wrong);
    const known = [rows, history, ...states, JSON.stringify(reached), house.notices().slice(-4000)];
    assert.fail(`table ${table} differs: ${known.join('\n')}`);
  }
}

const rowOf = (rows: readonly { readonly id: number }[], id: number) => rows.find((row) => row.id === id);

/** What the topic says of one key, for the message of a failed run: where, what, and from where in the source. */
async function historyOf(brokers: string, table: string, id: number): Promise<string> {
  const lines: string[] = [];
  for await (const { offset, key, value } of recordsOf(brokers, table)) {
    if ((JSON.parse(key!.toString()) as { id: number }).id !== id) continue;
    const text = (value?.toString() ?? 'tombstone').replace(/(\d)\1{99,}/g, '$1…');
    lines.push(`${offset}: ${text.replace(/"(version|connector|name|db|schema|ts_us|ts_ns)":[^,]*,/g, '')}`);
  }
  return lines.join('\n');
}

/** For the message of a failed run. */
async function stateOf(connect: string, name: string): Promise<string> {
  const texts = ['status', 'offsets'].map(async (what) => {
    const answer = await fetch(`${connect}/connectors/${name}/${what}`, { signal: AbortSignal.timeout(SETTLE_MS) });
    return answer.text();
  });
  return (await Promise.all(texts)).join('\n');
}

/** Key to version and large value, as the topic tells them from its beginning: of every row, whole. */
async function replay(brokers: string, table: string): Promise<Map<number, string>> {
  const rows = new Map<number, string>();
  for await (const { key, value } of recordsOf(brokers, table)) {
    const { id } = JSON.parse(key!.toString()) as { id: number };
    const after = value === null ? null : (JSON.parse(value.toString()) as { after: Told | null }).after;
    if (after === null) rows.delete(id);
    else rows.set(id, told(after));
  }
  return new Map([...rows].sort(([a], [b]) => a - b));
}

interface Told {
  readonly v: number;
  readonly big: string | null;
}

const told = ({ v, big }: Told) => `v=${v} big=${big === null ? null : `${big[0]} x ${big.length}`}`;

/** The whole topic of a table. */
async function* recordsOf(brokers: string, table: string) {
  const all: { readonly offset: number; readonly key: Uint8Array | null; readonly value: Uint8Array | null }[] = [];
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic(`shop.public.${table}`);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const from = await cluster.offsetsAt(topic, partitions, -2);
    const until = await cluster.offsetsAt(topic, partitions, -1);
    for await (const records of readTopic(cluster, { topic, from, until })) all.push(...records);
  });
  yield* all;
}

async function keysOf(source: Client, table: string): Promise<Map<number, string>> {
  const sql = `SELECT id, v, big FROM ${table} ORDER BY id`;
  const { rows } = await source.query<Told & { id: number }>(sql);
  return new Map(rows.map((row) => [row.id, told(row)]));
}
