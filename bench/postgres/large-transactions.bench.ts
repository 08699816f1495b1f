/**
 * Question: is it better to read a large transaction while it runs (protocol version 2, kept in a file of ours until its commit) or
 * behind its commit (version 1, kept by the server)? And does asking for it cost small transactions anything?
 * Method: an embedded Postgres (fsync off: the question is our work), ROWS rows (default 1,000,000) inserted in one transaction; a task
 * alone in a process of its own, without a log behind it, each way in turn, ROUNDS times (default 2). Then SMALL transactions of
 * one row (default 30,000) that are all there when the reading begins. Figures of one run are comparable with one another only.
 * Run: node bench/postgres/large-transactions.bench.ts
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Client } from 'pg';
import type { SourceOffset } from '../../connectors/api/index.ts';
import { startSource } from '../../connectors/postgres/source/source-harness.ts';
import { sourceDatabase, startPostgres } from '../../test/kit/postgres.ts';

const WAYS = ['streaming=off', 'streaming=on'];
const STATEMENTS = 10;

interface Task {
  readonly config: Record<string, string>;
  readonly offset: SourceOffset | null;
  readonly count: number;
}

interface Outcome {
  /** Of the day, in milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly rssMaxMiB: number;
  readonly cpuMs: number;
}

/** The child: a task that reads `count` records and says when. */
async function read({ config, offset, count }: Task): Promise<void> {
  const source = await startSource({ config, offset });
  const began = process.cpuUsage();
  // It connects, and brings what is there already.
  const first = await source.poll();
  process.send!({ offset: source.offset() });
  let [firstAt, rssMax] = [0, 0];
  for (let left = count - first.length; left > 0; ) {
    left -= (await source.poll()).length;
    if (firstAt === 0 && left < count) firstAt = Date.now();
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
    source.records.length = 0;
    await turn();
  }
  const { user, system } = process.cpuUsage(began);
  const cpuMs = Math.round((user + system) / 1000);
  process.send!({ firstAt, lastAt: Date.now(), rssMaxMiB: Math.round(rssMax / 2 ** 20), cpuMs } satisfies Outcome);
  await once(process, 'message');
  await source.stop();
  process.disconnect();
}

if (process.send !== undefined) {
  process.once('message', (task: Task) => void read(task));
} else {
  await compare();
}

async function startReader(task: Task) {
  const child = fork(import.meta.filename);
  child.send(task);
  const [ready] = (await once(child, 'message')) as [{ offset: SourceOffset | null }];
  const outcome = once(child, 'message') as Promise<[Outcome]>;
  const end = async () => {
    child.send('end');
    await once(child, 'exit');
  };
  return { offset: ready.offset, done: async () => (await outcome)[0], end };
}

async function compare(): Promise<void> {
  const rows = Number(process.env.ROWS ?? 1_000_000);
  const rounds = Number(process.env.ROUNDS ?? 2);
  const server = await startPostgres({ settings: { max_wal_size: '8GB' } });
  const make = async (way: string) => {
    const sql = 'CREATE TABLE t (id bigint PRIMARY KEY, customer text, amount numeric(10,2), note text)';
    const keys = { 'snapshot.mode': 'no_data', 'slot.stream.params': way };
    return sourceDatabase(server, `${sql}; INSERT INTO t VALUES (0, '', 0, '')`, keys);
  };
  console.log(`One transaction of ${rows} rows`);
  for (let round = 0; round < rounds; round++)
    for (const way of WAYS) console.log(way, await large(await make(way), rows));
  const small = Number(process.env.SMALL ?? 30_000);
  console.log(`${small} transactions of one row`);
  for (let round = 0; round < rounds * 2; round++)
    for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) console.log(way, await many(await make(way), small));
  await server.stop();
}

type Made = Awaited<ReturnType<typeof sourceDatabase>>;

async function large({ client, config }: Made, rows: number): Promise<object> {
  const reader = await startReader({ config, offset: null, count: rows });
  const began = Date.now();
  await client.query('BEGIN');
  for (let part = 0; part < STATEMENTS; part++) {
    const [from, to] = [(rows / STATEMENTS) * part + 1, (rows / STATEMENTS) * (part + 1)];
    await client.query(
      `INSERT INTO t SELECT i, 'customer-' || i % 1000, (i % 10000) / 100.0, 'a note of some length, as shops have it, number ' || i FROM generate_series(${from}, ${to}) i`,
    );
  }
  const committing = Date.now();
  await client.query('COMMIT');
  const { firstAt, lastAt, ...figures } = await reader.done();
  const slot = await slotFigures(client, config['slot.name']!);
  await reader.end();
  const times = { transactionMs: committing - began, firstMs: firstAt - committing, lastMs: lastAt - committing };
  return { ...times, ...figures, ...slot };
}

/** What the server wrote to its own disk for the slot, and what processor time its sender took. */
async function slotFigures(client: Client, slot: string): Promise<object> {
  const { rows } = await client.query(
    `SELECT spill_bytes, stream_bytes, active_pid FROM pg_stat_replication_slots JOIN pg_replication_slots USING (slot_name) WHERE slot_name = $1`,
    [slot],
  );
  const { spill_bytes, stream_bytes, active_pid } = rows[0];
  const fields = readFileSync(`/proc/${active_pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const senderCpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { spillMiB: Math.round(spill_bytes / 2 ** 20), streamMiB: Math.round(stream_bytes / 2 ** 20), senderCpuMs };
}

async function many({ client, config }: Made, count: number): Promise<object> {
  const first = await startReader({ config, offset: null, count: 1 });
  await client.query("UPDATE t SET note = 'first'");
  await first.done();
  await first.end();
  await client.query(`DO $$ BEGIN FOR i IN 1..${count} LOOP UPDATE t SET amount = i % 100; COMMIT; END LOOP; END $$`);
  const began = Date.now();
  const reader = await startReader({ config, offset: first.offset, count });
  const { lastAt, cpuMs } = await reader.done();
  await reader.end();
  return { ms: lastAt - began, cpuMs };
}
