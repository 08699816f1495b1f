/**
 * Question: how fast is change capture from Postgres into a topic, and from a topic into Postgres, beside Kafka with Kafka
 * Connect, Debezium and its JDBC sink, and beside what Postgres itself hands out?
 * Method: one server (fsync off: the question is the pipeline, not the disk), one table of five columns. Each house in turn:
 * snapshot of ROWS rows from the first record in the topic to the last; CHANGES updates that were made while the connector
 * stood still, likewise; latency of LATENCY_SECONDS of 200 transactions a second, from the commit to a consumer; SINK_ROWS
 * upserts from the topic into an empty table and over it again. Limits in the same run: COPY, pg_recvlogical.
 * Run: node bench/postgres/compare.bench.ts     ROWS=10000000 CHANGES=1000000 SINK_ROWS=1000000 for the figures of docs;
 *      ONLY=ours leaves the peer out, ONLY=peer us.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, startPostgres } from '../../test/kit/postgres.ts';
import { type Row, report, timed } from '../report.ts';
import { createConnector, failure, filling, follow, type House, setState, startOurs } from './house.ts';
import { startPeer } from './peer.ts';

const ROWS = Number(process.env.ROWS ?? 1_000_000);
const CHANGES = Number(process.env.CHANGES ?? Math.min(1_000_000, ROWS));
const SINK_ROWS = Number(process.env.SINK_ROWS ?? Math.min(500_000, ROWS));
const LATENCY_SECONDS = Number(process.env.LATENCY_SECONDS ?? 15);
const RATE = 200;
const COLUMNS = 'id bigint PRIMARY KEY, customer text NOT NULL, amount numeric(10,2), at timestamptz, note text';
const ROW = `i, 'customer-' || i % 1000, (i % 10000) / 100.0, now(), 'a note of some length, as shops have it, number ' || i`;

const server = await startPostgres({
  settings: { max_wal_size: '8GB', max_replication_slots: '20', max_wal_senders: '20' },
});
const shop = await server.createDatabase('shop');
const client = await server.connect(shop);
await client.query(
  `CREATE TABLE orders (${COLUMNS}); CREATE TABLE few (${COLUMNS}); CREATE TABLE beats (id bigint PRIMARY KEY, sent_at bigint)`,
);
await client.query(`INSERT INTO orders SELECT ${ROW} FROM generate_series(1, ${ROWS}) i`);
await client.query(`INSERT INTO few SELECT ${ROW} FROM generate_series(1, ${SINK_ROWS}) i`);
await client.query('VACUUM ANALYZE orders');

const snapshot: Row[] = [await timed('COPY TO STDOUT, thrown away', ROWS, copyAll)];
const stream: Row[] = [await drainRaw()];
const sinks: Row[] = [];
const latencies: string[] = [];

const houses = { ours: startOurs, peer: startPeer };
const only = process.env.ONLY as keyof typeof houses | undefined;
for (const start of only === undefined ? [startOurs, startPeer] : [houses[only]]) {
  const house = await start();
  try {
    await measure(house);
  } finally {
    await house.stop();
  }
}
report('Snapshot', 'rows', snapshot);
report('Streaming drain', 'rows', stream);
report('Sink, upserts', 'rows', sinks);
console.log(
  `\nCommit to consumer at ${RATE} transactions/s\n\n| what | p50 ms | p99 ms | worst |\n|---|---:|---:|---:|\n${latencies.join('\n')}`,
);
await server.stop();

/** What is going on, for whoever waits. */
function say(house: House, what: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${house.name}: ${what}\n`);
}

async function measure(house: House): Promise<void> {
  const tag = house.name.slice(0, 4).toLowerCase();
  const source = (tables: string, slot: string) => ({
    'connector.class': house.sourceClass,
    'topic.prefix': slot,
    'database.hostname': server.host,
    'database.port': String(server.port),
    'database.user': server.user,
    'database.password': server.password,
    'database.dbname': shop,
    'table.include.list': tables,
    'slot.name': slot,
    'publication.name': slot,
    'publication.autocreate.mode': 'filtered',
    'plugin.name': 'pgoutput',
  });
  const main = `${tag}_main`;
  say(house, 'snapshot');
  await createConnector(house, main, { ...source('public.orders,public.beats', main), ...house.converter(false) });
  snapshot.push({ what: house.name, count: ROWS, ms: await filling(house, main, `${main}.public.orders`, 0, ROWS) });
  say(house, 'latency');
  await latency(house, main);
  say(house, 'changes');
  await setState(house, main, 'stop');
  await sleep(2000);
  await client.query(`UPDATE orders SET amount = amount + 1 WHERE id <= ${CHANGES}`);
  await setState(house, main, 'resume');
  stream.push({
    what: house.name,
    count: CHANGES,
    ms: await filling(house, main, `${main}.public.orders`, ROWS, CHANGES),
  });
  await setState(house, main, 'stop');

  const few = `${tag}_few`;
  say(house, 'topic for the sink');
  await createConnector(house, few, { ...source('public.few', few), ...house.converter(true) });
  await filling(house, few, `${few}.public.few`, 0, SINK_ROWS);
  await setState(house, few, 'stop');
  say(house, 'sink');
  await sinkRun(house, `${few}.public.few`, `${tag}_copy`);
}

async function sinkRun(house: House, topic: string, database: string): Promise<void> {
  const copy = await server.connect(await server.createDatabase(database));
  await copy.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, customer text, amount ${house.name === 'Millrace' ? 'numeric(10,2)' : 'numeric'}, at timestamptz, note text)`,
  );
  const config = { ...house.sink({ ...server, database }), ...house.converter(true), topics: topic };
  await createConnector(house, `${database}_sink`, { ...config, 'consumer.override.auto.offset.reset': 'earliest' });
  sinks.push({
    what: `${house.name}, inserts`,
    count: SINK_ROWS,
    ms: await delivered(house, `${database}_sink`, copy),
  });
}

/** Milliseconds from the first row until all are there. */
async function delivered(house: House, connector: string, copy: Client): Promise<number> {
  let began = 0;
  for (let turn = 1; ; turn++) {
    const trace = turn % 100 === 0 ? await failure(house, connector) : null;
    if (trace !== null) throw new Error(`${connector} failed: ${trace}`);
    const count = Number((await copy.query('SELECT count(*) FROM orders')).rows[0].count);
    if (began === 0 && count > 0) began = performance.now();
    if (count >= SINK_ROWS) return performance.now() - began;
    await sleep(50);
  }
}

async function latency(house: House, prefix: string): Promise<void> {
  const waits: number[] = [];
  await client.query(`INSERT INTO beats VALUES (${-Date.now()}, 0)`);
  await sleep(3000);
  const reading = follow(house, `${prefix}.public.beats`, (text, at) => {
    const { after } = JSON.parse(text) as { after: { sent_at: number | string } | null };
    if (after !== null) waits.push(at - Number(after.sent_at));
  });
  await sleep(1000);
  const writer = await server.connect(shop);
  const began = Date.now();
  const base = began * 1000;
  for (let beat = 0; beat < RATE * LATENCY_SECONDS; beat++) {
    const due = began + (beat * 1000) / RATE;
    if (due > Date.now()) await sleep(due - Date.now());
    await writer.query('INSERT INTO beats VALUES ($1, $2)', [base + beat, Date.now()]);
  }
  await sleep(2000);
  reading.stop();
  await writer.end();
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
  latencies.push(`| ${house.name} (${waits.length} transactions) | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
}

async function copyAll(): Promise<void> {
  await psql(server, 'COPY orders TO STDOUT');
}

/** COPY by psql, its output thrown away. */
async function psql({ host, port, user, password }: EmbeddedPostgresServer, sql: string): Promise<void> {
  const env = { ...process.env, PGPASSWORD: password };
  const args = ['-h', host, '-p', String(port), '-U', user, '-d', shop, '-q', '-c', sql];
  const child = spawn('psql', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`psql ended with ${code}.`);
}

/** The stream of CHANGES updates as pg_recvlogical writes it to nowhere. */
async function drainRaw(): Promise<Row> {
  await client.query('CREATE PUBLICATION raw FOR TABLE orders');
  await client.query("SELECT pg_create_logical_replication_slot('raw', 'pgoutput')");
  await client.query(`UPDATE orders SET amount = amount + 1 WHERE id <= ${CHANGES}`);
  const end = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0].lsn as string;
  const login = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', shop, '--slot', 'raw'];
  const options = ['-o', 'proto_version=1', '-o', 'publication_names=raw', '--endpos', end, '-f', '/dev/null'];
  const env = { ...process.env, PGPASSWORD: server.password };
  const row = await timed('pg_recvlogical, thrown away', CHANGES, async () => {
    execFileSync('pg_recvlogical', [...login, '--start', '--no-loop', ...options], { env, stdio: 'ignore' });
  });
  await client.query("SELECT pg_drop_replication_slot('raw')");
  return row;
}
