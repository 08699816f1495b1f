/**
 * How a benchmark prints: one table, each figure beside the limit measured in the same run, with date, machine, commit.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

export interface Row {
  readonly what: string;
  /** Things done, in how many milliseconds. */
  readonly count: number;
  readonly ms: number;
}

/** Prints the rows; the first is what the others are compared with. */
export function report(title: string, unit: string, rows: readonly Row[]): void {
  const rate = ({ count, ms }: Row): number => (count / ms) * 1000;
  const limit = rate(rows[0]!);
  console.log(`\n${title}\n${machine()}\n`);
  console.log(`| what | ${unit}/s | of the first |\n|---|---:|---:|`);
  for (const row of rows) {
    const share = ((rate(row) / limit) * 100).toFixed(0);
    console.log(`| ${row.what} | ${Math.round(rate(row)).toLocaleString('en')} | ${share} % |`);
  }
}

/** Date, machine, Node and commit, in one line. */
export function machine(): string {
  let commit = 'no commit';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    // A checkout without git: the date and the machine must do.
  }
  const model = cpus()[0]?.model ?? 'unknown CPU';
  return `${new Date().toISOString().slice(0, 16)} · ${availableParallelism()} × ${model} · Node ${process.version} · ${commit}`;
}

/** Runs it and answers how long it took. */
export async function timed(what: string, count: number, run: () => Promise<unknown>): Promise<Row> {
  const began = performance.now();
  await run();
  return { what, count, ms: performance.now() - began };
}

/** The median run by time. */
export async function median(runs: number, run: () => Promise<Row>): Promise<Row> {
  const rows: Row[] = [];
  for (let i = 0; i < runs; i++) rows.push(await run());
  return rows.sort((a, b) => a.ms - b.ms)[rows.length >> 1]!;
}
