/**
 * Question: where do the milliseconds of a change go, from the INSERT to a consumer, and what is late when one is late?
 * Method: one Postgres, one Millrace with latency-probe.ts loaded into it, 200 single-row transactions a second for SECONDS,
 * read over the Kafka protocol; the clocks of all stages are the machine's monotonic one. For the slowest 2 % the stage is
 * named that exceeds its own median most, and what went on in it: garbage collection, our own work, waiting for a CPU,
 * fdatasync.
 * Run: node bench/postgres/latency.bench.ts      PAIR=<another checkout> takes turns with it, ROUNDS times; SNAPSHOT=<rows> reads a
 *      table before, BESIDE=<rows> another one meanwhile; DATA=<directory> holds the log (a file system in memory leaves the disk out). As root `chrt -f 10` in
 *      front keeps the neighbours' work out of the figures, but not their fdatasyncs.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Client } from 'pg';
import { startMillrace } from '../../test/kit/millrace.ts';
import { sourceAddress, startPostgres } from '../../test/kit/postgres.ts';
import { machine } from '../report.ts';
import { createConnector, filling, follow, type House } from './house.ts';
import { monotonicMs, type ProbeLog, ROW_DIGITS } from './latency-probe.ts';
import { type Late, lateOnes, lives, percentile, type Sample, STAGES } from './latency-stages.ts';

const RATE = 200;
const SECONDS = Number(process.env.SECONDS ?? 15);
const ROUNDS = Number(process.env.ROUNDS ?? 1);
const SNAPSHOT_ROWS = Number(process.env.SNAPSHOT ?? 0);
/** Rows of a table that another connector of the same process reads meanwhile. */
const BESIDE_ROWS = Number(process.env.BESIDE ?? 0);
const SETTLE_MS = 2000;
const PROBE_DEADLINE_MS = 10_000;
const ROOT = join(import.meta.dirname, '../..');
/** Of V8's own numbers. */
const KINDS: Readonly<Record<number, string>> = {
  1: 'scavenges',
  2: 'minor mark-sweeps',
  4: 'full',
  8: 'steps',
  16: 'weak callbacks',
};
const checkouts = process.env.PAIR === undefined ? [ROOT] : [ROOT, process.env.PAIR];

const collections: [number, number, number][] = [];
const zero = monotonicMs() - performance.now();
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) collections.push([zero + startTime, duration, 0]);
}).observe({ entryTypes: ['gc'] });

const server = await startPostgres({ settings: { max_wal_size: '8GB' } });
console.log(machine());
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const checkout of checkouts) tell(checkout, await run(checkout, `r${round}_${checkouts.indexOf(checkout)}`));
  }
} finally {
  await server.stop();
}

interface Run {
  readonly samples: readonly Sample[];
  readonly probe: ProbeLog;
  /** Of the house, per transaction. */
  readonly cpuMs: number;
}

async function run(checkout: string, name: string): Promise<Run> {
  const shop = await server.createDatabase(name);
  const client = await server.connect(shop);
  await client.query('CREATE TABLE beats (id bigint PRIMARY KEY, note text)');
  await fill(client, 'orders', SNAPSHOT_ROWS);
  await fill(client, 'beside', BESIDE_ROWS);
  const data = await mkdtemp(join(process.env.DATA ?? tmpdir(), 'millrace-latency-'));
  const stamps = join(data, 'stamps.json');
  const millrace = await startMillrace({
    data: join(data, 'log'),
    command: join(checkout, 'bin/millrace'),
    env: {
      MILLRACE_PROBE: stamps,
      NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'latency-probe.ts'))}`,
    },
  });
  try {
    const house = { name, kafka: millrace.kafka, connect: millrace.connect } as House;
    const keysOf = (table: string, slot: string) => sourceKeys(shop, table, slot);
    await createConnector(house, name, keysOf('orders,public.beats', name));
    if (SNAPSHOT_ROWS > 0) await filling(house, name, `${name}.public.orders`, 0, SNAPSHOT_ROWS);
    await client.query('INSERT INTO beats VALUES (0, null)');
    await filling(house, name, `${name}.public.beats`, 0, 1);
    if (BESIDE_ROWS > 0) await createConnector(house, `${name}_beside`, keysOf('beside', `${name}_beside`));
    const { beats, cpuMs } = await beat(house, shop, millrace.pid, `${name}.public.beats`);
    process.kill(millrace.pid, 'SIGUSR2');
    const probe = await probeLog(stamps);
    return { samples: lives(beats, probe, collections), probe, cpuMs };
  } finally {
    await millrace.remove();
    await rm(data, { recursive: true, force: true, maxRetries: 3 });
    await client.end();
  }
}

async function fill(client: Client, table: string, rows: number): Promise<void> {
  const row = "i AS id, 'a note of some length, number ' || i AS note, now() AS at";
  await client.query(`CREATE TABLE ${table} AS SELECT ${row} FROM generate_series(1, ${rows}) i`);
  await client.query(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`);
}

function sourceKeys(shop: string, tables: string, slot: string): Record<string, string> {
  return {
    'connector.class': 'PostgresSource',
    'topic.prefix': slot,
    ...sourceAddress(server, shop),
    'table.include.list': `public.${tables}`,
    'slot.name': slot,
    'publication.name': slot,
  };
}

interface Beats {
  readonly sent: Map<number, number>;
  readonly committed: Map<number, number>;
  readonly read: Map<number, number>;
}

async function beat(house: House, shop: string, pid: number, topic: string): Promise<{ beats: Beats; cpuMs: number }> {
  const beats: Beats = { sent: new Map(), committed: new Map(), read: new Map() };
  await sleep(SETTLE_MS);
  const reading = follow(house, topic, (text) => {
    const { after } = JSON.parse(text) as { after: { id: number } };
    beats.read.set(Number(after.id), monotonicMs());
  });
  await sleep(SETTLE_MS);
  const writer = await server.connect(shop);
  const before = await cpuMsOf(pid);
  const began = monotonicMs();
  for (let n = 1; n <= RATE * SECONDS; n++) {
    const id = 10 ** (ROW_DIGITS - 1) + n;
    const early = began + (n * 1000) / RATE - monotonicMs();
    if (early > 0) await sleep(early);
    beats.sent.set(id, monotonicMs());
    await writer.query('INSERT INTO beats VALUES ($1, $2)', [id, 'some words']);
    beats.committed.set(id, monotonicMs());
  }
  const cpuMs = ((await cpuMsOf(pid)) - before) / (RATE * SECONDS);
  await sleep(SETTLE_MS);
  reading.stop();
  await writer.end();
  return { beats, cpuMs };
}

/** Linux counts in hundredths of a second. */
async function cpuMsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function probeLog(path: string): Promise<ProbeLog> {
  for (const end = Date.now() + PROBE_DEADLINE_MS; ; ) {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as ProbeLog;
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(50);
    }
  }
}

function tell(checkout: string, { samples, probe, cpuMs }: Run): void {
  const columns = [...STAGES, 'whole'] as const;
  console.log(`\n## ${checkout}: ${samples.length} changes, ${cpuMs.toFixed(2)} ms of CPU each\n`);
  console.log('| ms | p50 | p90 | p99 | worst |\n|---|---:|---:|---:|---:|');
  const row = (what: string, values: readonly number[]): void => {
    const cells = [0.5, 0.9, 0.99, 1].map((share) => percentile(values, share).toFixed(2));
    console.log(`| ${what} | ${cells.join(' | ')} |`);
  };
  for (const column of columns)
    row(
      column,
      samples.map(({ ms }) => ms[column]),
    );
  row(
    '(commit answered)',
    samples.map(({ commitMs }) => commitMs),
  );
  row(
    '(from then on)',
    samples.map(({ ms, commitMs }) => Math.max(0, ms.whole - commitMs)),
  );
  const first = samples[0]!.sentAt;
  row(
    '(fdatasync)',
    probe.syncs.filter(([began]) => began > first).map(([began, ended]) => ended - began),
  );
  console.log(
    `\nfdatasyncs per change: ${(probe.syncs.filter(([began]) => began > first).length / samples.length).toFixed(1)}`,
  );
  tellCollections(probe, first);
  console.log('\nThe slowest 2 %, by the stage that was late and what went on in it:\n');
  const kinds = new Map<string, Late[]>();
  for (const late of lateOnes(samples)) kinds.set(late.why, [...(kinds.get(late.why) ?? []), late]);
  for (const [why, all] of [...kinds].sort(([, a], [, b]) => b.length - a.length)) {
    const worst = Math.max(...all.map(({ ms }) => ms));
    console.log(`- ${all.length} × ${why}, up to ${worst.toFixed(1)} ms`);
  }
}

function tellCollections({ collections }: ProbeLog, since: number): void {
  for (const [kind, name] of Object.entries(KINDS)) {
    const ms = collections.filter(([began, , each]) => began > since && each === Number(kind)).map(([, ms]) => ms);
    if (ms.length === 0) continue;
    const [half, most] = [0.5, 1].map((share) => percentile(ms, share).toFixed(1));
    console.log(`garbage collection, ${name}: ${ms.length}, ${half} ms mostly, ${most} ms at most`);
  }
}
