/**
 * A worker under examination: where it answers and which process does the work, so that records can be held against the
 * CPU time and the memory they took.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Without it the worker does nothing: the broker, where that is a process of its own. */
  readonly broker?: { cpuSeconds(): number; residentMiB(): number };
}

/** Linux counts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of a process so far, in seconds. */
export function cpuSeconds({ pid }: Subject): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory now, in MiB. */
export function residentMiB({ pid }: Subject): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / 1024;
}

/** The same of the house, worker and broker: all that runs so that a record gets from a source into the log, or out of it. */
export function houseCpuSeconds(subject: Subject): number {
  return cpuSeconds(subject) + (subject.broker?.cpuSeconds() ?? 0);
}

export function houseResidentMiB(subject: Subject): number {
  return residentMiB(subject) + (subject.broker?.residentMiB() ?? 0);
}

export async function call(subject: Subject, method: string, path: string, body?: unknown): Promise<unknown> {
  for (;;) {
    const answer = await fetch(subject.url + path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    // Kafka Connect answers 409 while it rebalances.
    if (answer.status === 409 && /rebalance/.test(text)) {
      await pause(100);
      continue;
    }
    if (!answer.ok) throw new Error(`${subject.name}: ${method} ${path} gave ${answer.status}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How far a connector has got, as it committed it. */
export async function progress(subject: Subject, name: string): Promise<number> {
  const { offsets } = (await call(subject, 'GET', `/connectors/${name}/offsets`)) as {
    offsets: { offset: { next?: number; kafka_offset?: number } }[];
  };
  return offsets.reduce((sum, { offset }) => sum + (offset.next ?? offset.kafka_offset ?? 0), 0);
}
