/**
 * Alternates: every load runs on Kafka, then on ours, so many times, and the medians stand side by side. What fails is
 * said and left out; a broker that died is started again.
 */
import { spawnSync } from 'node:child_process';
import type { Load } from './drivers.ts';
import type { Report } from './report-tables.ts';
import type { Running } from './subjects.ts';

export interface RoundsOptions {
  readonly rounds: number;
  /** Of the loads; less than 1 for a quick look. */
  readonly scale: number;
  /** Only rows whose names match. */
  readonly match: RegExp;
  /** Nothing begins later than this. */
  readonly minutesMax: number;
}

export const median = (numbers: readonly number[]): number =>
  numbers.length === 0 ? Number.NaN : numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

/** What takes longer is other people's writing, and will not end. */
const syncDeadlineMs = 20_000;

/** What one broker left in the page cache must not be written out while the other waits for the disk. */
function settleDisk(): void {
  spawnSync('sync', { timeout: syncDeadlineMs });
}

let topics = 0;

export class Rounds {
  readonly report: Report;
  readonly rounds: number;
  readonly scale: number;
  readonly #match: RegExp;
  readonly #endMs: number;
  #leftOut = 0;

  constructor(report: Report, { rounds, scale, match, minutesMax }: RoundsOptions) {
    this.#endMs = performance.now() + minutesMax * 60_000;
    this.report = report;
    this.rounds = rounds;
    this.scale = scale;
    this.#match = match;
  }

  /** Rows for which there was no time. */
  get leftOut(): number {
    return this.#leftOut;
  }

  get isTimeUp(): boolean {
    return performance.now() > this.#endMs;
  }

  /** Runs it; a failure is one line, and the next section has its turn. */
  async section(name: string, run: () => Promise<void>): Promise<void> {
    const began = performance.now();
    if (this.isTimeUp) {
      this.report.text(`There was no time for the section ${name}.`);
      return;
    }
    try {
      await run();
    } catch (error) {
      this.report.text(`The section ${name} failed: ${(error as Error).message.slice(0, 500)}`);
    }
    console.error(`(${name}: ${((performance.now() - began) / 1000).toFixed(0)} s)`);
  }

  /** Whether the row is asked for, and there is still time. */
  isChosen(row: string): boolean {
    if (!this.#match.test(row)) return false;
    if (this.isTimeUp) this.#leftOut++;
    return !this.isTimeUp;
  }

  /** A record count for this run's scale. */
  scaled(records: number): number {
    return Math.round(records * this.scale);
  }

  throughputTable(title: string): void {
    this.report.table(title, [
      'load',
      'Kafka, records/s',
      'Millrace',
      'Millrace, MB/s',
      'ratio',
      'Kafka, CPU s per million',
      'Millrace',
    ]);
  }

  /** One row: how many records a second, and what they cost the broker. `sent` where it is not the load's records. */
  async compare(
    what: string,
    load: Pick<Load, 'records' | 'bytes'> & { readonly sent?: number },
    subjects: readonly Running[],
    drive: (subject: Running) => Promise<number>,
  ): Promise<void> {
    if (!this.isChosen(what)) return;
    const sent = load.sent ?? load.records;
    const found = await this.samples(what, subjects, async (subject) => {
      const before = subject.cpuSeconds();
      const rate = await drive(subject);
      return { rate, cpu: ((subject.cpuSeconds() - before) / sent) * 1e6 };
    });
    const [theirs, ours] = found.map((each) => median(each.map(({ rate }) => rate))) as [number, number];
    const [theirCpu, ourCpu] = found.map((each) => median(each.map(({ cpu }) => cpu))) as [number, number];
    const ratio = `**${(ours / theirs).toFixed(2)}**`;
    this.report.row([what, theirs, ours, (ours * load.bytes) / 1e6, ratio, theirCpu, ourCpu]);
  }

  /** What each subject gave in each round; a round that failed is missing. */
  async samples<T>(what: string, subjects: readonly Running[], take: (subject: Running) => Promise<T>): Promise<T[][]> {
    const found = subjects.map((): T[] => []);
    for (let round = 0; round < this.rounds && !(round > 0 && this.isTimeUp); round++) {
      for (const [index, subject] of subjects.entries()) {
        try {
          await subject.revive();
          settleDisk();
          found[index]!.push(await take(subject));
        } catch (error) {
          console.error(`${what}, ${subject.name}: ${(error as Error).message.slice(0, 1000)}`);
        }
      }
    }
    return found;
  }

  newTopic(): string {
    return `bench-${topics++}`;
  }

  /** A topic of its own for each run, gone afterwards so that the page cache stays free. */
  async withTopic<T>(subject: Running, partitions: number, run: (topic: string) => Promise<T>): Promise<T> {
    const topic = this.newTopic();
    await subject.createTopic(topic, partitions);
    try {
      return await run(topic);
    } finally {
      await subject.deleteTopic(topic);
    }
  }

  /** A topic on each, filled once, for everybody who reads it. */
  async withFilled(
    subjects: readonly Running[],
    partitions: number,
    fill: (subject: Running, topic: string) => Promise<unknown>,
    run: (topicOf: (subject: Running) => string) => Promise<void>,
  ): Promise<void> {
    const filled = new Map<Running, string>();
    try {
      for (const subject of subjects) {
        const topic = this.newTopic();
        await subject.createTopic(topic, partitions);
        filled.set(subject, topic);
        await fill(subject, topic);
      }
      await run((subject) => filled.get(subject)!);
    } finally {
      for (const [subject, topic] of filled) await subject.deleteTopic(topic);
    }
  }
}
