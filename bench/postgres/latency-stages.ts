/**
 * From the stamps of latency.bench.ts to stages: how long each change was in each, and for the slowest which was late and why.
 */
import type { ProbeLog, Stage } from './latency-probe.ts';

/** In the order in which a change goes through them. */
export const STAGES = ['in Postgres', 'to our socket', 'until written', 'until visible', 'to the consumer'] as const;
export type StageName = (typeof STAGES)[number];

export interface Sample {
  readonly sentAt: number;
  readonly ms: Readonly<Record<StageName | 'whole', number>>;
  readonly commitMs: number;
  /** Per stage: what of it somebody was seen to take. */
  readonly seen: Readonly<Record<StageName, Readonly<Record<Suspect, number>>>>;
}

const SUSPECTS = ['garbage collection', 'our work', 'waiting for a CPU', 'fdatasync', 'garbage of the bench'] as const;
type Suspect = (typeof SUSPECTS)[number];

export interface Beats {
  readonly sent: ReadonlyMap<number, number>;
  readonly committed: ReadonlyMap<number, number>;
  readonly read: ReadonlyMap<number, number>;
}

/** The slowest: this share of all. */
const SLOWEST = 0.02;
/** A suspect is named where it took this share of the excess. */
const MOST = 0.5;

type Spans = readonly (readonly [began: number, ended: number])[];

/** Changes whose every stage was seen. */
export function lives(
  beats: Beats,
  probe: ProbeLog,
  ofBench: readonly (readonly [number, number, number])[],
): Sample[] {
  const wall = new Map(probe.sent.map(([row, wallMs]) => [row, wallMs - probe.wallOfZero]));
  const at = (stage: Stage) => new Map(probe.stamps[stage].map((stamp) => [stamp[0], stamp]));
  const [received, written, answered] = [at('received'), at('written'), at('answered')];
  const collections = probe.collections.map(([began, ms]) => [began, began + ms] as const);
  const syncs = probe.syncs.map(([began, ended]) => [began, ended] as const);
  const theirs = ofBench.map(([began, ms]) => [began, began + ms] as const);
  const samples: Sample[] = [];
  for (const [row, sentAt] of beats.sent) {
    const [a, b, c, readAt] = [received.get(row), written.get(row), answered.get(row), beats.read.get(row)];
    const walAt = wall.get(row);
    if (!a || !b || !c || readAt === undefined || walAt === undefined) continue;
    const times = [sentAt, walAt, a[1], b[1], c[1], readAt];
    const busy = [0, 0, 0, b[2] - a[2], c[2] - b[2], 0];
    const queued = [0, 0, 0, b[3] - a[3], c[3] - b[3], 0];
    const ms: Record<string, number> = { whole: readAt - sentAt };
    const seen: Record<string, Record<Suspect, number>> = {};
    for (const [index, stage] of STAGES.entries()) {
      const [from, to] = [times[index]!, times[index + 1]!];
      ms[stage] = to - from;
      const isBench = index === 0 || index === 4;
      seen[stage] = {
        'garbage collection': overlap(collections, from, to),
        'our work': busy[index + 1]!,
        'waiting for a CPU': queued[index + 1]!,
        fdatasync: covered(syncs, from, to),
        'garbage of the bench': isBench ? overlap(theirs, from, to) : 0,
      };
    }
    samples.push({ sentAt, commitMs: beats.committed.get(row)! - sentAt, ms, seen } as Sample);
  }
  return samples;
}

export interface Late {
  readonly why: string;
  readonly ms: number;
}

/** Names for each of the slowest the stage that exceeds its own median most, and what took most of it. */
export function lateOnes(samples: readonly Sample[]): Late[] {
  const limit = percentile(
    samples.map(({ ms }) => ms.whole),
    1 - SLOWEST,
  );
  const median = Object.fromEntries(
    STAGES.map((stage) => [
      stage,
      percentile(
        samples.map(({ ms }) => ms[stage]),
        0.5,
      ),
    ]),
  );
  return samples
    .filter(({ ms }) => ms.whole >= limit)
    .map(({ ms, seen }) => {
      const excess = (stage: StageName) => ms[stage] - median[stage]!;
      const stage = STAGES.reduce((most, each) => (excess(each) > excess(most) ? each : most));
      const why = SUSPECTS.find((suspect) => seen[stage][suspect] > excess(stage) * MOST) ?? 'nothing we see';
      return { why: `${stage}: ${why}`, ms: ms.whole };
    });
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Time within [from, to] of spans that do not overlap one another. */
function overlap(spans: Spans, from: number, to: number): number {
  return spans.reduce((sum, [began, ended]) => sum + Math.max(0, Math.min(ended, to) - Math.max(began, from)), 0);
}

/** The longest that one span covers of it. */
function covered(spans: Spans, from: number, to: number): number {
  return spans.reduce((most, [began, ended]) => Math.max(most, Math.min(ended, to) - Math.max(began, from)), 0);
}
