/**
 * Question: how long does the broker take to start, to make partitions and to stop, when there is much of everything?
 *
 * Method: each step is a process of its own on one data directory: `fill` writes one batch to each of so many partitions
 * in one turn of the event loop (as one Produce would), waits for the answers and is killed or stopped; `start` opens the
 * directory, notes when it can serve, lets what goes on in the background end, and tells its memory, CPU and files.
 * `big` writes one log of so many MiB in 1 GiB segments. Limit named: the device's syncs, shown as bare fdatasyncs.
 *
 *     node bench/start.bench.ts [--partitions 1000] [--mib 0] [--acks 1] [--dir /path]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Broker, startBroker } from '../broker/broker.ts';
import { BatchBuilder } from '../broker/protocol/records.ts';
import { machine } from './report.ts';

const { values } = parseArgs({
  options: {
    partitions: { type: 'string', default: '1000' },
    mib: { type: 'string', default: '0' },
    acks: { type: 'string', default: '1' },
    dir: { type: 'string', default: tmpdir() },
    /** What a child does: fill, big or start; then how it ends. */
    step: { type: 'string' },
    end: { type: 'string', default: 'stop' },
    data: { type: 'string' },
  },
});
const partitions = Number(values.partitions);
const mib = 1024 * 1024;
/** Longer than the background work after a start takes, and a retention check fits in. */
const restMs = 4000;

const silent = () => {};
const logger = { debug: silent, info: silent, warn: console.error, error: console.error };

function batchOf(bytes: number): Buffer {
  const builder = new BatchBuilder();
  const value = Buffer.alloc(1000, 'v');
  do builder.append(Date.now(), null, value, []);
  while (builder.sizeBytes < bytes - 2000);
  return builder.build();
}

const open = (): Promise<Broker> => startBroker({ dataDir: values.data!, port: 0, logger });

async function append(broker: Broker, partition: number, batch: Buffer): Promise<void> {
  const acks = Number(values.acks) as -1 | 1;
  await new Promise<void>((resolve, reject) => {
    broker
      .log('t', partition)
      .append(batch, { acks, origin: 'client' }, (error) => (error ? reject(error) : resolve()));
  });
}

async function fill(): Promise<object> {
  const broker = await open();
  await broker.topics.create([{ name: 't', partitions }]);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  const batch = batchOf(1);
  const appends = Array.from({ length: partitions }, (_, index) => append(broker, index, Buffer.from(batch)));
  const turnMs = Math.round(performance.now() - began);
  await Promise.all(appends);
  const fillMs = Math.round(performance.now() - began);
  delay.disable();
  return { turnMs, fillMs, ...(await finish(broker)) };
}

async function big(): Promise<object> {
  const broker = await open();
  await broker.topics.create([{ name: 't', partitions: 1 }]);
  const batch = batchOf(mib);
  for (let at = 0; at < Number(values.mib); at++) await append(broker, 0, batch.fill(0, 0, 8));
  return finish(broker);
}

async function start(): Promise<object> {
  const startMs = Math.round(performance.now());
  const began = performance.now();
  const broker = await open();
  const openMs = Math.round(performance.now() - began);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(restMs);
  delay.disable();
  const cpu = process.cpuUsage();
  await sleep(restMs / 2);
  const { user, system } = process.cpuUsage(cpu);
  const blockedMs = Math.round(delay.max / 1e6);
  const cpuMs = Math.round((user + system) / 1000);
  const rssMib = Math.round(process.memoryUsage().rss / mib);
  const files = readdirSync('/proc/self/fd').length;
  return { loadMs: startMs, openMs, blockedMs, cpuMs, rssMib, files, ...(await finish(broker)) };
}

async function finish(broker: Broker): Promise<object> {
  if (values.end === 'kill') return {};
  const began = performance.now();
  await broker.stop();
  return { stopMs: Math.round(performance.now() - began) };
}

function child(data: string, step: string, end: 'stop' | 'kill'): void {
  const inherited = [`--partitions=${values.partitions}`, `--mib=${values.mib}`, `--acks=${values.acks}`];
  const args = [import.meta.filename, ...inherited, '--data', data, '--step', step, '--end', end];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  console.log(`${step}, then ${end}: ${stdout.trim()}`);
}

async function runStep(step: string): Promise<void> {
  const result = await { fill, big, start }[step as 'fill']();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.kill(process.pid, 'SIGKILL'));
}

function runAll(): void {
  const step = Number(values.mib) > 0 ? 'big' : 'fill';
  console.log(
    `${machine()}\n${step === 'big' ? `${values.mib} MiB` : `${partitions} partitions`}, acks=${values.acks}`,
  );
  const data = mkdtempSync(join(values.dir, 'millrace-start-'));
  try {
    child(data, step, 'kill');
    child(data, 'start', 'stop');
    child(data, 'start', 'kill');
    rmSync(data, { recursive: true });
    child(data, step, 'stop');
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

if (values.step === undefined) runAll();
else await runStep(values.step);
