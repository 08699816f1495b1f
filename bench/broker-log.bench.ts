/**
 * Question: how much of the disk's speed is left when bytes go through the partition log?
 *
 * Method: 16 KiB batches, appended a turn's worth at a time (as a busy socket brings them) and read back in 1 MiB
 * fetches, beside the same bytes through bare writevSync and readSync in the same run; then acks=all with one to many
 * appends in flight, beside bare fdatasync. Medians of several rounds. Limit named: the page cache, and the device.
 *
 *     node bench/broker-log.bench.ts [--mib 512] [--rounds 5] [--dir /path]
 *
 * 2026-11-21, AMD EPYC with 2 cores shared by other work (load 3), Node 24.21, two runs: append 1017 and 1607 MB/s beside
 * 1430 and 2355 bare (about 70 %); read 12300 and 13900 beside 12000 and 17400; fdatasync 2800 and 3700 one at a time
 * beside 2200 and 3900 bare; 11000 to 30000 acks=all answers a second with 16 and more in flight, on one file.
 * Conclusion: the CRC and the copy into the page cache are the cost, the log's own code is not; tuning can wait.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, readSync, rmSync, writevSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { disk } from '../broker/fs/disk.ts';
import { defaultLogConfig } from '../broker/log/config.ts';
import { LogDirectory } from '../broker/log/log-directory.ts';
import type { PartitionLog } from '../broker/log/partition-log.ts';
import { setOffsetAndEpoch } from '../broker/protocol/record-batch.ts';
import { BatchBuilder } from '../broker/protocol/records.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const batchesPerTurn = 64;
const fetchBytes = 1024 * 1024;
const mib = 1024 * 1024;
const totalBytes = Number(values.mib) * mib;
const root = mkdtempSync(join(values.dir, 'millrace-bench-'));

/** 160 records of 100 B: about 16 KiB. */
function makeBatch(): Buffer {
  const builder = new BatchBuilder();
  const value = Buffer.alloc(92, 'v');
  for (let i = 0; i < 160; i++) builder.append(Date.now(), null, value, []);
  return builder.build();
}

const batch = makeBatch();
const turns = Math.floor(totalBytes / (batchesPerTurn * batch.length));

function openLog(name: string): { directory: LogDirectory; log: PartitionLog } {
  const silent = () => {};
  const directory = LogDirectory.open({
    path: join(root, name),
    fs: disk,
    nodeId: 0,
    address: 'bench',
    now: Date.now,
    logger: { info: silent, warn: silent, error: silent },
  });
  return { directory, log: directory.create('bench', 0, 'BenchBenchBenchBenchBe', defaultLogConfig) };
}

const megabytesPerSecond = (bytes: number, ms: number) => bytes / 1e6 / (ms / 1000);
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

/** Batches as a socket brings them: a buffer of their own each time, because the log writes into them. */
function freshTurn(): Buffer[] {
  const whole = Buffer.allocUnsafe(batchesPerTurn * batch.length);
  return Array.from({ length: batchesPerTurn }, (_, index) => {
    batch.copy(whole, index * batch.length);
    return whole.subarray(index * batch.length, (index + 1) * batch.length);
  });
}

async function appendAll(log: PartitionLog): Promise<number> {
  const started = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    let pending = batchesPerTurn;
    await new Promise<void>((resolve, reject) => {
      for (const one of freshTurn()) {
        log.append(one, { acks: 1, origin: 'client' }, (error) => {
          if (error !== null) reject(error);
          else if (--pending === 0) resolve();
        });
      }
    });
  }
  return performance.now() - started;
}

async function writeRaw(path: string): Promise<number> {
  const fd = openSync(path, 'w');
  const started = performance.now();
  let position = 0;
  for (let turn = 0; turn < turns; turn++) {
    const chunks = freshTurn();
    for (const chunk of chunks) setOffsetAndEpoch(chunk, turn, 0);
    position += writevSync(fd, chunks, position);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ms = performance.now() - started;
  closeSync(fd);
  return ms;
}

function readLog(log: PartitionLog): number {
  const started = performance.now();
  let offset = 0;
  while (offset < log.highWatermark) {
    const read = log.read(offset, fetchBytes, { isolation: 'read_uncommitted', minOneBatch: true });
    offset += Math.floor(read.records.length / batch.length) * 160;
    read.release();
  }
  return performance.now() - started;
}

function readRaw(path: string): number {
  const fd = openSync(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(fetchBytes);
  const started = performance.now();
  let position = 0;
  for (;;) {
    const read = readSync(fd, buffer, 0, fetchBytes, position);
    if (read === 0) break;
    position += read;
  }
  const ms = performance.now() - started;
  closeSync(fd);
  return ms;
}

/** Appends with acks=all, `inFlight` at a time, for a second; returns answers per second. */
async function durableRate(log: PartitionLog, inFlight: number): Promise<number> {
  const until = performance.now() + 1000;
  let answers = 0;
  await new Promise<void>((resolve, reject) => {
    let open = inFlight;
    const next = () => {
      if (performance.now() >= until) {
        if (--open === 0) resolve();
        return;
      }
      log.append(Buffer.from(batch), { acks: -1, origin: 'client' }, (error) => {
        if (error !== null) return reject(error);
        answers++;
        next();
      });
    };
    for (let i = 0; i < inFlight; i++) next();
  });
  return answers;
}

/** The device's own rate: one 16 KiB write and one fdatasync after the other. */
async function rawSyncRate(path: string): Promise<number> {
  const fd = openSync(path, 'w');
  const until = performance.now() + 1000;
  let count = 0;
  let position = 0;
  while (performance.now() < until) {
    position += writevSync(fd, [batch], position);
    await new Promise<void>((resolve, reject) =>
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error))),
    );
    count++;
  }
  closeSync(fd);
  return count;
}

const rates: Record<string, number[]> = { append: [], 'raw writev': [], read: [], 'raw read': [] };
const bytes = turns * batchesPerTurn * batch.length;
for (let round = 0; round < Number(values.rounds); round++) {
  const { directory, log } = openLog(`append-${round}`);
  rates.append!.push(megabytesPerSecond(bytes, await appendAll(log)));
  rates.read!.push(megabytesPerSecond(bytes, readLog(log)));
  await directory.close();
  rmSync(join(root, `append-${round}`), { recursive: true });
  const raw = join(root, 'raw');
  rates['raw writev']!.push(megabytesPerSecond(bytes, await writeRaw(raw)));
  rates['raw read']!.push(megabytesPerSecond(bytes, readRaw(raw)));
  rmSync(raw);
}
const result: Record<string, string> = {};
for (const [name, list] of Object.entries(rates)) result[name] = `${Math.round(median(list))} MB/s`;
const { directory, log } = openLog('durable');
result['raw fdatasync'] = `${await rawSyncRate(join(root, 'raw'))} /s`;
for (const inFlight of [1, 16, 256]) {
  result[`acks=all, ${inFlight} in flight`] = `${await durableRate(log, inFlight)} /s`;
}
await directory.close();
rmSync(root, { recursive: true });
console.log(
  `${new Date().toISOString()} · ${cpus()[0]?.model} × ${cpus().length} · Node ${process.version} · ${values.mib} MiB`,
);
console.table(result);
