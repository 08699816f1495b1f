/** What a broker costs that does nothing, and how soon it answers: empty, with 10,000 partitions, with a 10 GB log. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kcatProduce, type Load } from '../drivers.ts';
import { median, type Rounds } from '../rounds.ts';
import { type Running, startKafka, startOurs } from '../subjects.ts';

const begin = [() => startKafka(), () => startOurs()];
/** After this long without work what a start left behind is settled. */
const settleMs = 5_000;

export async function starts(runs: Rounds): Promise<void> {
  runs.report.table('Start of an empty broker, to its first answer', [
    'broker',
    'start, ms',
    'resident after 5 s, MiB',
  ]);
  const found = begin.map((): { name: string; startMs: number; mib: number }[] => []);
  for (let round = 0; round < runs.rounds; round++) {
    for (const [index, start] of begin.entries()) {
      const subject = await start();
      try {
        await sleep(settleMs);
        found[index]!.push({ name: subject.name, startMs: subject.startMs, mib: subject.residentMiB() });
      } finally {
        await subject.stop();
      }
    }
  }
  for (const each of found) {
    runs.report.row([each[0]!.name, median(each.map(({ startMs }) => startMs)), median(each.map(({ mib }) => mib))]);
  }
}

const partitionsPerTopic = 100;
/** Kafka's controller takes no request that needs more than 10,000 records in its own log. */
const topicsAtOnce = 20;
const idleMs = 20_000;

export async function idlePartitions(runs: Rounds): Promise<void> {
  const topics = runs.scaled(100);
  const names = Array.from({ length: topics }, (_, index) => `idle-${index}`);
  const partitions = (topics * partitionsPerTopic).toLocaleString('en');
  runs.report.table(`${partitions} partitions, each with one record, then idle`, [
    'broker',
    'making them, s',
    'one record each, s',
    'resident, MiB',
    'CPU while idle, %',
  ]);
  await onEach(runs, async (subject) => {
    const beganMs = performance.now();
    for (let at = 0; at < names.length; at += topicsAtOnce) {
      await subject.createTopics(names.slice(at, at + topicsAtOnce), partitionsPerTopic);
    }
    const madeMs = performance.now();
    await subject.writeToEach(names, partitionsPerTopic);
    const writtenMs = performance.now();
    await sleep(settleMs);
    const cpu = subject.cpuSeconds();
    await sleep(idleMs);
    const idleCpu = ((subject.cpuSeconds() - cpu) / idleMs) * 1e5;
    return [(madeMs - beganMs) / 1000, (writtenMs - madeMs) / 1000, subject.residentMiB(), idleCpu];
  });
}

const largeLogBytes = 10e9;
const largePartitions = 10;
/** A start with so much takes long enough to be measured well, and too long to be measured often. */
const largeLogRounds = 2;

/** Until the topic's end can be asked for: that is when the log itself is there, and not the listening socket alone. */
export async function largeLog(runs: Rounds): Promise<void> {
  const load: Load = { records: runs.scaled(1_000_000), bytes: 1024, acks: '1', codec: 'none' };
  const fills = Math.ceil(largeLogBytes / (1_000_000 * load.bytes));
  const gigabytes = ((fills * load.records * load.bytes) / 1e9).toFixed(0);
  runs.report.table(
    `Start with a log of ${gigabytes} GB in ${largePartitions} partitions, to the answer where it ends`,
    ['broker', 'after a stop, ms', 'after kill -9, ms', 'resident, MiB'],
  );
  const file = join(tmpdir(), `bench-lines-${process.pid}`);
  writeFileSync(file, `${'v'.repeat(load.bytes - 1)}\n`.repeat(load.records));
  try {
    await onEach(runs, async (subject) => {
      await subject.createTopic('large', largePartitions);
      for (let i = 0; i < fills; i++) await kcatProduce(subject.bootstrap, 'large', load, file);
      const isWhole = (running: Running) => hasRecords(running, 'large', fills * load.records);
      const found: { stopped: number; killed: number; mib: number }[] = [];
      for (let round = 0; round < Math.min(runs.rounds, largeLogRounds); round++) {
        const stopped = await subject.restart('SIGTERM', isWhole);
        const killed = await subject.restart('SIGKILL', isWhole);
        found.push({ stopped, killed, mib: subject.residentMiB() });
      }
      const of = (key: 'stopped' | 'killed' | 'mib') => median(found.map((each) => each[key]));
      return [of('stopped'), of('killed'), of('mib')];
    });
  } finally {
    rmSync(file);
  }
}

/** One broker after the other, each with files of its own; one row each. */
async function onEach(runs: Rounds, measure: (subject: Running) => Promise<readonly number[]>): Promise<void> {
  for (const start of begin) {
    const subject = await start();
    try {
      runs.report.row([subject.name, ...(await measure(subject))]);
    } catch (error) {
      runs.report.row([subject.name, `failed: ${(error as Error).message.slice(0, 200)}`]);
    } finally {
      await subject.stop();
    }
  }
}

/** At least: a producer that had to try again may have written one twice. */
async function hasRecords(subject: Running, topic: string, records: number): Promise<boolean> {
  return (await subject.recordCount(topic)) >= records;
}
