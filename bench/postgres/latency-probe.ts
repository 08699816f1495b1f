/**
 * Stamps what passes through a Millrace process, from outside of its code: loaded by `--import` before anything else, it
 * wraps the calls of Node by which bytes come and go, and looks in them for the rows of latency.bench.ts. Nothing is
 * written while the clock runs; all stamps go to the file named by MILLRACE_PROBE at SIGUSR2.
 *
 * Row ids are numbers of 15 digits, which nothing else in these bytes is (microseconds have 16). Clocks are CLOCK_MONOTONIC, the same in every
 * process of a machine.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import { type NodeGCPerformanceDetail, PerformanceObserver, performance } from 'node:perf_hooks';

export type Stage = 'received' | 'written' | 'answered';

/** Times are milliseconds of the monotonic clock. */
export interface ProbeLog {
  /** Each: row, when, busy time of the event loop so far, run-queue wait of the main thread so far. */
  readonly stamps: Record<Stage, [row: number, at: number, busyMs: number, queuedMs: number][]>;
  /** When Postgres says it sent the row, by its wall clock. */
  readonly sent: [row: number, wallMs: number][];
  readonly syncs: [began: number, ended: number, fd: number][];
  readonly collections: [began: number, ms: number, kind: number][];
  /** The wall clock of 0. */
  readonly wallOfZero: number;
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const file = process.env.MILLRACE_PROBE;
const COPY_DATA = 0x64; // d
const XLOG_DATA = 0x77; // w
/** What is larger is a snapshot's; to look through it would take longer than to write it. */
const LOOKED_AT_BYTES = 32 * 1024;
/** In a frame; microseconds since 2000. */
const SERVER_TIME_AT = 22;
const POSTGRES_EPOCH_MS = 946_684_800_000;
export const ROW_DIGITS = 15;

if (file !== undefined) probe(file);

function probe(path: string): void {
  const log: ProbeLog = {
    stamps: { received: [], written: [], answered: [] },
    sent: [],
    syncs: [],
    collections: [],
    wallOfZero: performance.timeOrigin + performance.now() - monotonicMs(),
  };
  const schedstat = fs.openSync('/proc/self/schedstat', 'r');
  const text = Buffer.alloc(128);
  const stamp = (stage: Stage, bytes: Uint8Array): void => {
    if (bytes.length > LOOKED_AT_BYTES) return;
    const rows = rowsIn(bytes);
    if (rows.length === 0) return;
    const read = fs.readSync(schedstat, text, 0, text.length, 0);
    const queuedMs = Number(text.toString('latin1', 0, read).split(' ')[1]) / 1e6;
    const [at, busyMs] = [monotonicMs(), performance.eventLoopUtilization().active];
    for (const row of rows) log.stamps[stage].push([row, at, busyMs, queuedMs]);
  };
  wrapSockets(stamp, log);
  wrapFiles(stamp, log);
  const zero = monotonicMs() - performance.now();
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind = 0 } = (entry as { detail?: NodeGCPerformanceDetail }).detail ?? {};
      log.collections.push([zero + entry.startTime, entry.duration, kind]);
    }
  }).observe({ entryTypes: ['gc'] });
  process.on('SIGUSR2', () => fs.writeFileSync(path, JSON.stringify(log)));
}

/** The ids in these bytes. */
function rowsIn(bytes: Uint8Array, from = 0, to = bytes.length): number[] {
  const rows: number[] = [];
  let digits = 0;
  for (let at = from; at <= to; at++) {
    const byte = at < to ? bytes[at]! : 0;
    if (byte >= 0x30 && byte <= 0x39) digits++;
    else {
      if (digits === ROW_DIGITS) rows.push(Number(Buffer.from(bytes.subarray(at - digits, at)).toString('latin1')));
      digits = 0;
    }
  }
  return rows;
}

type Stamp = (stage: Stage, bytes: Uint8Array) => void;

function wrapSockets(stamp: Stamp, log: ProbeLog): void {
  const push = Socket.prototype.push;
  Socket.prototype.push = function (this: Socket, chunk: Buffer | null, ...rest) {
    if (chunk !== null && chunk[0] === COPY_DATA) {
      stamp('received', chunk);
      noteSent(chunk, log);
    }
    return push.call(this, chunk, ...rest);
  };
  const write = Socket.prototype.write as (chunk: Uint8Array | string, ...rest: unknown[]) => boolean;
  Socket.prototype.write = function (this: Socket, chunk: Uint8Array | string, ...rest: unknown[]) {
    if (typeof chunk !== 'string') stamp('answered', chunk);
    return write.call(this, chunk, ...rest);
  } as typeof Socket.prototype.write;
}

/** A chunk of the stream mostly holds whole frames: `d`, length, then `w`, start, end, server time, message. */
function noteSent(chunk: Buffer, log: ProbeLog): void {
  for (let at = 0; at + SERVER_TIME_AT + 8 <= chunk.length && chunk[at] === COPY_DATA; ) {
    const end = at + 1 + chunk.readUInt32BE(at + 1);
    if (chunk[at + 5] === XLOG_DATA) {
      const wallMs = Number(chunk.readBigInt64BE(at + SERVER_TIME_AT)) / 1000 + POSTGRES_EPOCH_MS;
      for (const row of rowsIn(chunk, at, Math.min(end, chunk.length))) log.sent.push([row, wallMs]);
    }
    at = end;
  }
}

function wrapFiles(stamp: Stamp, log: ProbeLog): void {
  const { writevSync, fdatasync } = fs;
  fs.writevSync = (fd, buffers, position) => {
    for (const bytes of buffers) stamp('written', bytes as Uint8Array);
    return writevSync(fd, buffers, position);
  };
  fs.fdatasync = ((fd: number, done: (error: Error | null) => void) => {
    const began = monotonicMs();
    fdatasync(fd, (error) => {
      log.syncs.push([began, monotonicMs(), fd]);
      done(error);
    });
  }) as typeof fs.fdatasync;
  syncBuiltinESMExports();
}
