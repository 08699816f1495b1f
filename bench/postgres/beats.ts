/**
 * How long a change takes at a rate: single-row transactions, each timed twice, from the moment before its INSERT is sent and
 * from the moment at which the server's word for the commit is here, until somebody has it. Who that is, is the caller's:
 * a consumer of a topic, or a program that only brings bytes to the disk.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { follow, type House } from './house.ts';

export interface Pace {
  readonly perSecond: number;
  readonly seconds: number;
}

/** Milliseconds, of the transactions that arrived, each list ascending. */
export interface Waits {
  readonly fromInsert: readonly number[];
  /** 0 where it arrived before the server's word. */
  readonly fromCommit: readonly number[];
}

/** For what was begun to be there: a topic, a reader at its end, the last records. */
const SETTLE_MS = 2000;
/** What a change of this bench takes in the topic, with its envelope. */
const CHANGE_BYTES = 1024;

export const makeBeats = 'CREATE TABLE beats (id bigint PRIMARY KEY, note text)';
/** Nobody captures it, but the server decodes it for everybody who reads its WAL. */
export const makeUnread = 'CREATE TABLE unread (LIKE beats INCLUDING ALL)';

/** Until a consumer of the table's topic has the record. */
export async function throughHouse(house: House, topic: string, writer: Client, pace: Pace): Promise<Waits> {
  const clock = new Clock();
  // The topic is there before anybody follows it.
  await writer.query('INSERT INTO beats VALUES ($1, null)', [clock.firstId - 1]);
  await sleep(SETTLE_MS);
  const reading = follow(house, topic, (text) => {
    const { after } = JSON.parse(text) as { after: { id: number | string } | null };
    if (after !== null) clock.arrived.set(Number(after.id), performance.now());
  });
  await sleep(SETTLE_MS);
  await commitAt(pace, 'beats', writer, clock);
  await sleep(SETTLE_MS);
  reading.stop();
  return clock.waits();
}

/** Until as many bytes are on the disk behind each commit, in as many files at once: what the disk does to anybody. */
export async function throughDisk(files: number, writer: Client, pace: Pace): Promise<Waits> {
  const clock = new Clock();
  const folder = mkdtempSync(join(tmpdir(), 'beats-'));
  const fds = Array.from({ length: files }, (_, index) => openSync(join(folder, `${index}`), 'w'));
  let waiting: number[] = [];
  let working: Promise<void> | null = null;
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const ids = waiting;
      waiting = [];
      await append(fds, ids.length * CHANGE_BYTES);
      for (const id of ids) clock.arrived.set(id, performance.now());
    }
    working = null;
  };
  try {
    await commitAt(pace, 'unread', writer, clock, (id) => {
      // Whoever comes while the disk is busy goes with the next: one sync for all of them, as in a log.
      waiting.push(id);
      working ??= work();
    });
    await working;
  } finally {
    for (const fd of fds) closeSync(fd);
    rmSync(folder, { recursive: true });
  }
  return clock.waits();
}

async function append(fds: readonly number[], bytes: number): Promise<void> {
  for (const fd of fds) writeSync(fd, Buffer.alloc(bytes, 'a change'));
  const sync = promisify(fdatasync);
  await Promise.all(fds.map((fd) => sync(fd)));
}

class Clock {
  readonly firstId = Date.now() * 1000;
  readonly sent = new Map<number, number>();
  readonly committed = new Map<number, number>();
  readonly arrived = new Map<number, number>();

  waits(): Waits {
    const since = (began: ReadonlyMap<number, number>) =>
      [...began].flatMap(([id, at]) => this.#untilArrival(id, at)).sort((a, b) => a - b);
    return { fromInsert: since(this.sent), fromCommit: since(this.committed) };
  }

  #untilArrival(id: number, began: number): number[] {
    const at = this.arrived.get(id);
    return at === undefined ? [] : [Math.max(0, at - began)];
  }
}

async function commitAt(
  { perSecond, seconds }: Pace,
  table: 'beats' | 'unread',
  writer: Client,
  { firstId, sent, committed }: Clock,
  onCommit: (id: number) => void = () => {},
): Promise<void> {
  const began = performance.now();
  for (let beat = 0; beat < perSecond * seconds; beat++) {
    const early = began + (beat * 1000) / perSecond - performance.now();
    if (early > 0) await sleep(early);
    const id = firstId + beat;
    sent.set(id, performance.now());
    await writer.query(`INSERT INTO ${table} VALUES ($1, $2)`, [id, 'some words']);
    committed.set(id, performance.now());
    onCommit(id);
  }
}
