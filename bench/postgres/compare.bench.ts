/**
 * Question: how fast is change capture from Postgres into a topic, and from a topic into Postgres, beside Kafka with Kafka
 * Connect, Debezium and its JDBC sink, and beside what Postgres itself hands out?
 * Method: one server (fsync off: the question is the pipeline, not the disk), one table of five columns. Each house in turn:
 * snapshot of ROWS rows from the first record in the topic to the last; latency of LATENCY_SECONDS of 200 transactions a
 * second (beats.ts), while the kernel still writes the snapshot back, and once it has; CHANGES updates that were made while the
 * connector stood still; SINK_ROWS rows from the topic into an empty table, by upserts. Limits in the same run: COPY out and in,
 * pg_recvlogical, a program that brings a kilobyte per commit to the disk.
 * Run: node bench/postgres/compare.bench.ts --write     puts the figures into docs/benchmarks-postgres.md. Ten million rows
 *      take about 20 minutes and 20 GB of the temporary directory. ROWS=300000 is a look; PEER_ROWS, CHANGES, SINK_ROWS,
 *      LATENCY_SECONDS likewise; ONLY=ours leaves the peer out, ONLY=peer us.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from 'pg';
import { sourceAddress, startPostgres } from '../../test/kit/postgres.ts';
import { Report } from '../broker/report-tables.ts';
import { machine } from '../report.ts';
import { makeBeats, makeUnread, throughDisk, throughHouse, type Waits } from './beats.ts';
import { writeBytes } from './floor.ts';
import { cpuSecondsOf, createConnector, failure, filling, type House, setState, startOurs } from './house.ts';
import { percentile } from './latency-stages.ts';
import { PEER_NAME, startPeer } from './peer.ts';

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const ROWS = Number(process.env.ROWS ?? 10_000_000);
const PEER_ROWS = Number(process.env.PEER_ROWS ?? ROWS);
const CHANGES = Number(process.env.CHANGES ?? Math.min(1_000_000, ROWS, PEER_ROWS));
const SINK_ROWS = Number(process.env.SINK_ROWS ?? Math.min(500_000, ROWS));
const LATENCY_SECONDS = Number(process.env.LATENCY_SECONDS ?? 15);
const PACE = { perSecond: 200, seconds: LATENCY_SECONDS };
/** Files that a change of ours waits for: its topic's, that of the offsets, that of the transactions. */
const OUR_FILES = 3;
const ONLY_WRITTEN = 'The same events copied, checksummed, written, synced';
const COLUMNS = 'id bigint PRIMARY KEY, customer text NOT NULL, amount numeric(10,2), at timestamptz, note text';
const ROW = `i, 'customer-' || i % 1000, (i % 10000) / 100.0, now(), 'a note of some length, as shops have it, number ' || i`;

interface Figure {
  readonly what: string;
  readonly rows: number;
  readonly ms: number;
  /** Of the house's processes; not counted for tools of Postgres. */
  readonly cpuSeconds: number | null;
}

const began = performance.now();
const server = await startPostgres({
  settings: { max_wal_size: '8GB', max_replication_slots: '20', max_wal_senders: '20' },
});
const shop = await server.createDatabase('shop');
const client = await server.connect(shop);
say('Postgres', 'making tables');
for (const [table, rows] of [
  ['orders', ROWS],
  ['fewer', PEER_ROWS],
  ['few', SINK_ROWS],
] as const) {
  await client.query(`CREATE TABLE ${table} (${COLUMNS})`);
  // The same rows do for both houses where both read as many.
  if (table === 'fewer' && PEER_ROWS === ROWS) continue;
  await client.query(`INSERT INTO ${table} SELECT ${ROW} FROM generate_series(1, ${rows}) i`);
  await client.query(`VACUUM ANALYZE ${table}`);
}
await client.query(makeBeats);
await client.query(makeUnread);

// The rows are nobody's work: their way to the disk is over before a clock runs.
execFileSync('sync');

say('Postgres', 'limits');
const snapshot: Figure[] = [await limit('COPY TO STDOUT, thrown away', ROWS, () => psql('COPY orders TO STDOUT'))];
const stream: Figure[] = [await drainRaw()];
const sinks: Figure[] = [await upsertRaw(), await copyRaw()];
const latencies: (readonly [what: string, when: string, waits: Waits])[] = [];

const houses = { ours: startOurs, peer: startPeer };
const only = process.env.ONLY as keyof typeof houses | undefined;
for (const which of only === undefined ? (['ours', 'peer'] as const) : [only]) {
  const house = await houses[which]();
  try {
    const isFewer = which === 'peer' && PEER_ROWS !== ROWS;
    await measure(house, isFewer ? 'fewer' : 'orders', isFewer ? PEER_ROWS : ROWS);
  } finally {
    await house.stop();
  }
}
await server.stop();
tell();

/** What is going on, for whoever waits. */
function say(who: string, what: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${who}: ${what}\n`);
}

function tell(): void {
  const report = new Report('bench/postgres/compare.bench.ts');
  report.text(`${machine()} · Kafka 4.3.1, Debezium 3.7.0 (source) and 3.5.0 (JDBC sink)`);
  const columns = ['what', 'rows', 'rows/s', '% of the limit', 'times the peer', 'CPU s per million'];
  for (const [title, figures] of [
    ['Snapshot, table to topic', snapshot],
    ['Stream, changes made while the connector stood still', stream],
    ['Sink, topic to empty table, by upserts', sinks],
  ] as const) {
    report.table(title, columns);
    const rate = ({ rows, ms }: Figure) => (rows / ms) * 1000;
    const theirs = figures.find(({ what }) => what === PEER_NAME);
    const peer = theirs === undefined ? Number.NaN : rate(theirs);
    for (const figure of figures) {
      const cpu = figure.cpuSeconds === null ? Number.NaN : (figure.cpuSeconds / figure.rows) * 1e6;
      const share = (rate(figure) / rate(figures[0]!)) * 100;
      report.row([figure.what, figure.rows, rate(figure), share, rate(figure) / peer, cpu]);
    }
  }
  tellLatencies(report);
  report.text(`The whole run took ${((performance.now() - began) / 60_000).toFixed(0)} minutes.`);
  if (options.write) report.write(join(import.meta.dirname, '../../docs/benchmarks-postgres.md'));
}

function tellLatencies(report: Report): void {
  const shares = [0.5, 0.99, 1] as const;
  const columns = ['INSERT', 'commit'].flatMap((from) => ['p50', 'p99', 'worst'].map((share) => `${from}: ${share}`));
  const title = `Latency in ms at ${PACE.perSecond} transactions/s, from the INSERT sent, and from the commit confirmed`;
  report.table(title, ['what', 'when', 'transactions', ...columns]);
  for (const [what, when, { fromInsert, fromCommit }] of latencies) {
    const cells = [fromInsert, fromCommit].flatMap((waits) => shares.map((share) => percentile(waits, share)));
    report.row([what, when, fromInsert.length, ...cells]);
  }
}

/** One piece of a house's work: by the clock as `work` tells it, and by the CPU time of its processes. */
async function figureOf(house: House, rows: number, work: () => Promise<number>): Promise<Figure> {
  const before = cpuSecondsOf(house);
  const ms = await work();
  return { what: house.name, rows, ms, cpuSeconds: cpuSecondsOf(house) - before };
}

async function measure(house: House, table: string, rows: number): Promise<void> {
  const tag = house.name.slice(0, 4).toLowerCase();
  const source = (tables: string, slot: string) => ({
    'connector.class': house.sourceClass,
    'topic.prefix': slot,
    ...sourceAddress(server, shop),
    'table.include.list': tables,
    'slot.name': slot,
    'publication.name': slot,
    'publication.autocreate.mode': 'filtered',
    'plugin.name': 'pgoutput',
  });
  const main = `${tag}_main`;
  const topic = `${main}.public.${table}`;
  say(house.name, 'snapshot');
  const config = { ...source(`public.${table},public.beats`, main), ...house.converter(false) };
  snapshot.push(
    await figureOf(house, rows, async () => {
      await createConnector(house, main, config);
      return filling(house, main, topic, 0, rows);
    }),
  );
  const bytes = house.bytesOf(topic);
  say(house.name, 'latency');
  await latency(house, main, 'right after the snapshot');
  // Everybody's: of the house, of Postgres, and of whatever else has something unwritten.
  // What Postgres still holds in its own memory it would write in the middle of it.
  await client.query('CHECKPOINT');
  execFileSync('sync');
  await latency(house, main, 'on a quiet disk');
  // Behind both: its gigabytes, and the discards that follow their removal, would be the disk's work meanwhile.
  if (bytes !== null) snapshot.push({ what: ONLY_WRITTEN, rows, ...(await writeBytes(bytes)) });
  say(house.name, 'changes');
  await setState(house, main, 'stop');
  await sleep(2000);
  await client.query(`UPDATE ${table} SET amount = amount + 1 WHERE id <= ${CHANGES}`);
  stream.push(
    await figureOf(house, CHANGES, async () => {
      await setState(house, main, 'resume');
      return filling(house, main, topic, rows, CHANGES);
    }),
  );
  await setState(house, main, 'stop');

  const few = `${tag}_few`;
  say(house.name, 'topic for the sink');
  await createConnector(house, few, { ...source('public.few', few), ...house.converter(true) });
  await filling(house, few, `${few}.public.few`, 0, SINK_ROWS);
  await setState(house, few, 'stop');
  say(house.name, 'sink');
  await sinkRun(house, `${few}.public.few`, `${tag}_copy`);
}

async function sinkRun(house: House, topic: string, database: string): Promise<void> {
  const copy = await server.connect(await server.createDatabase(database));
  await copy.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, customer text, amount ${house.name === 'Millrace' ? 'numeric(10,2)' : 'numeric'}, at timestamptz, note text)`,
  );
  const config = { ...house.sink({ ...server, database }), ...house.converter(true), topics: topic };
  const name = `${database}_sink`;
  sinks.push(
    await figureOf(house, SINK_ROWS, async () => {
      await createConnector(house, name, { ...config, 'consumer.override.auto.offset.reset': 'earliest' });
      return delivered(house, name, copy);
    }),
  );
}

/** Milliseconds from the first row until all are there. Looking at the largest key costs the server nothing; counting would. */
async function delivered(house: House, connector: string, copy: Client): Promise<number> {
  let first = 0;
  for (let turn = 1; ; turn++) {
    const trace = turn % 100 === 0 ? await failure(house, connector) : null;
    if (trace !== null) throw new Error(`${connector} failed: ${trace}`);
    const largest = Number((await copy.query('SELECT max(id) AS id FROM orders')).rows[0].id ?? 0);
    if (first === 0 && largest > 0) first = performance.now();
    // The snapshot of the table may have come in any order, so that the largest need not be the last.
    if (largest >= SINK_ROWS && Number((await copy.query('SELECT count(*) FROM orders')).rows[0].count) >= SINK_ROWS) {
      return performance.now() - first;
    }
    await sleep(20);
  }
}

async function latency(house: House, prefix: string, when: string): Promise<void> {
  const writer = await server.connect(shop);
  latencies.push([house.name, when, await throughHouse(house, `${prefix}.public.beats`, writer, PACE)]);
  for (const files of [1, OUR_FILES]) {
    const what = files === 1 ? '1 KB to a file, fdatasync' : `1 KB to each of ${files} files, fdatasync`;
    latencies.push([`${what}, beside ${house.name}`, when, await throughDisk(files, writer, PACE)]);
  }
  await writer.end();
}

async function limit(what: string, rows: number, run: () => Promise<unknown>): Promise<Figure> {
  const first = performance.now();
  await run();
  return { what, rows, ms: performance.now() - first, cpuSeconds: null };
}

/** One statement by psql; what it answers is thrown away. */
async function psql(sql: string): Promise<void> {
  const { host, port, user, password } = server;
  const env = { ...process.env, PGPASSWORD: password };
  const args = ['-h', host, '-p', String(port), '-U', user, '-d', shop, '-q', '-c', sql];
  const child = spawn('psql', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`psql ended with ${code}.`);
}

/** The rows of the sink by one upsert within the server, out of the other table: what no client can outrun. */
async function upsertRaw(): Promise<Figure> {
  await client.query(`CREATE TABLE raw_upsert (${COLUMNS})`);
  const assigned = ['customer', 'amount', 'at', 'note'].map((name) => `${name} = EXCLUDED.${name}`);
  const sql = `INSERT INTO raw_upsert SELECT * FROM few ON CONFLICT (id) DO UPDATE SET ${assigned.join()}`;
  const figure = await limit('INSERT … ON CONFLICT within the server', SINK_ROWS, () => client.query(sql));
  await client.query('DROP TABLE raw_upsert');
  return figure;
}

/** The rows of the sink by COPY, from one table into an empty one of the same make. */
async function copyRaw(): Promise<Figure> {
  await client.query(`CREATE TABLE raw_copy (${COLUMNS})`);
  const login = `-h ${server.host} -p ${server.port} -U ${server.user} -d ${shop} -q`;
  const env = { ...process.env, PGPASSWORD: server.password };
  const figure = await limit('COPY FROM STDIN, out of the other table', SINK_ROWS, async () => {
    const pipe = `psql ${login} -c 'COPY few TO STDOUT' | psql ${login} -c 'COPY raw_copy FROM STDIN'`;
    const [code] = (await once(spawn('sh', ['-c', pipe], { env, stdio: 'inherit' }), 'exit')) as [number];
    if (code !== 0) throw new Error(`psql ended with ${code}.`);
  });
  await client.query('DROP TABLE raw_copy');
  return figure;
}

/** The stream of CHANGES updates as pg_recvlogical writes it to nowhere. */
async function drainRaw(): Promise<Figure> {
  await client.query('CREATE PUBLICATION raw FOR TABLE orders');
  await client.query("SELECT pg_create_logical_replication_slot('raw', 'pgoutput')");
  await client.query(`UPDATE orders SET amount = amount + 1 WHERE id <= ${CHANGES}`);
  const end = (await client.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0].lsn as string;
  const login = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', shop, '--slot', 'raw'];
  const wanted = ['-o', 'proto_version=1', '-o', 'publication_names=raw', '--endpos', end, '-f', '/dev/null'];
  const env = { ...process.env, PGPASSWORD: server.password };
  const figure = await limit('pg_recvlogical, thrown away', CHANGES, async () => {
    execFileSync('pg_recvlogical', [...login, '--start', '--no-loop', ...wanted], { env, stdio: 'ignore' });
  });
  await client.query("SELECT pg_drop_replication_slot('raw')");
  return figure;
}
