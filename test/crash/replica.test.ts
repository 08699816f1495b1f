/**
 * Postgres to topics to Postgres while everything is killed: broker and worker by SIGKILL, the connectors by a restart, and
 * the database server by SIGQUIT, at moments that a seed chooses, under the transactions of `replica-load.ts`: updates,
 * deletes, new keys, changed keys of parents, rollbacks, truncated and altered tables, and rows that are asked for by signal.
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
import { allTables, conclude, lateTables, prepare, SIGNALS, write } from './replica-load.ts';

const SECONDS = Number(process.env.CRASH_SECONDS ?? 5);
const SEED = Number(process.env.CRASH_SEED ?? 20_261_122);
const PROCESSES = Number(process.env.CRASH_PROCESSES ?? 1);
/** A group waits 45 seconds for a member that was killed; in one process its group dies with it. */
const SETTLE_MS = PROCESSES === 1 ? 60_000 : 150_000;

it('source, replica and topics agree after every kill', { timeout: SECONDS * 1000 + SETTLE_MS + 90_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}; repeat with CRASH_SEED=${SEED}`);
  const server = await startPostgres({ settings: { max_connections: '60', logical_decoding_work_mem: '64kB' } });
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
  // Who waits for a lock for ever would be told by nothing but the test's own limit.
  for (const client of [source, replica]) await client.query(`SET statement_timeout = ${SETTLE_MS}`);
  await conclude(source);
  await equal(source, replica, house);
  for (const table of allTables) {
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

type Connectors = Readonly<Record<string, Readonly<Record<string, string>>>>;

function connectorsBetween(server: EmbeddedPostgresServer, shop: string, copy: string): Connectors {
  const source = {
    'connector.class': 'PostgresSource',
    'topic.prefix': 'shop',
    'signal.data.collection': SIGNALS,
    'incremental.snapshot.chunk.size': '10',
    'snapshot.include.collection.list': allTables
      .filter((table) => !lateTables.includes(table))
      .map((table) => `public.${table}`)
      .join(','),
    'skipped.operations': 'none',
    ...sourceAddress(server, shop),
  };
  const sink = {
    'connector.class': 'PostgresSink',
    topics: allTables.map((table) => `shop.public.${table}`).join(','),
    'connection.url': server.url(copy),
    'delete.enabled': 'true',
    'truncate.enabled': 'true',
    'auto.evolve': 'true',
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
  for (const table of allTables) {
    const sql = `SELECT id, v::text, note, md5(big) AS big, to_jsonb(${table}) ->> 'extra' AS extra,
      to_jsonb(${table}) ->> 'family' AS family FROM ${table} ORDER BY id`;
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
    if (key !== null && (JSON.parse(key.toString()) as { id: number }).id !== id) continue;
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

/** Key to version, large value and added column, as the topic tells them from its beginning: of every row, whole. */
async function replay(brokers: string, table: string): Promise<Map<number, string>> {
  const rows = new Map<number, string>();
  for await (const { key, value } of recordsOf(brokers, table)) {
    const { op, after } = JSON.parse(value?.toString() ?? '{}') as { op?: string; after?: Told | null };
    if (op === 't') rows.clear();
    const id = key === null ? null : (JSON.parse(key.toString()) as { id: number }).id;
    if (id === null) assert.equal(op, 't', 'only a truncate has no key');
    else if (after == null) rows.delete(id);
    else rows.set(id, told(after));
  }
  return new Map([...rows].sort(([a], [b]) => a - b));
}

interface Told {
  readonly v: number | string;
  readonly big: string | null;
  /** Of the tables that were altered. */
  readonly extra?: string | null;
}

function told({ v, big, extra = null }: Told): string {
  return `v=${v} big=${big === null ? null : `${big[0]} x ${big.length}`} extra=${extra}`;
}

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
  const sql = `SELECT id, v, big, to_jsonb(${table}) ->> 'extra' AS extra FROM ${table} ORDER BY id`;
  const { rows } = await source.query<Told & { id: number }>(sql);
  return new Map(rows.map((row) => [row.id, told(row)]));
}
