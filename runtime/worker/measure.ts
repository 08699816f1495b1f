/**
 * Counts and averages behind the metrics: plain numbers that the loops add to, read at each scrape.
 */
import type { SourceTaskContext } from '../../connectors/api/index.ts';

/** Average and extremes of something measured now and then. */
export class Measure {
  count = 0;
  sum = 0;
  max = 0;
  min = 0;

  add(value: number): void {
    if (this.count === 0 || value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    this.count++;
    this.sum += value;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
}

/** The rates below are over about this long, as Kafka's (`metrics.sample.window.ms`). */
const RATE_WINDOW_MS = 30_000;
/** Two readers in the same moment must not make a window of nothing. */
const SAMPLE_APART_MS = 1_000;

/** How fast a counter grows, found out by whoever looks: the counting itself costs nothing. */
export class SampledRate {
  #samples: { readonly at: number; readonly value: number }[];

  constructor(now = Date.now()) {
    this.#samples = [{ at: now, value: 0 }];
  }

  /** Per second, given what the counter is now. */
  perSecond(value: number, now = Date.now()): number {
    while (this.#samples.length > 1 && this.#samples[1]!.at <= now - RATE_WINDOW_MS) this.#samples.shift();
    const { at, value: before } = this.#samples[0]!;
    if (now - this.#samples.at(-1)!.at >= SAMPLE_APART_MS) this.#samples.push({ at: now, value });
    return now === at ? 0 : ((value - before) * 1_000) / (now - at);
  }
}

/** Attempts to start something, and how they ended. */
export class Startups {
  attempts = 0;
  successes = 0;
  failures = 0;
}

/** What the worker did as a whole. */
export class WorkerMeasures {
  readonly connectors = new Startups();
  readonly tasks = new Startups();
  readonly #began = performance.now();
  /** How long it took until the stored connectors were told to start, ms; 0 before. */
  startMs = 0;
  /** When that was, ms since the epoch. */
  startedAt: number | null = null;

  started(): void {
    this.startMs = performance.now() - this.#began;
    this.startedAt = Date.now();
  }
}

/** What one task did; outlives the task's restarts, so that a failed task's series stay. */
export class TaskMeasures {
  readonly batchSize = new Measure();
  /** Duration of `poll` calls that brought records (source) or of `put` calls (sink), ms. */
  readonly callMs = new Measure();
  readonly commitMs = new Measure();
  /** Records of a committed transaction (exactly-once sources). */
  readonly transactionSize = new Measure();
  /** Records in flight, looked at with each batch. */
  readonly active = new Measure();
  /** Figures of the task's own: counted, over its restarts too, and asked for while it lives. */
  readonly own = new Map<string, number>();
  #gauges = new Map<string, () => number | null>();
  #run: AbortSignal | null = null;
  readonly readRate = new SampledRate();
  readonly writeRate = new SampledRate();
  readonly commitRate = new SampledRate();
  readonly skipRate = new SampledRate();
  commitFailures = 0;
  commitSkips = 0;
  commitSequence = 0;
  /** Sinks: records between the last read and the end of the log, over the owned partitions the worst; partitions. */
  lag = 0;
  partitions = 0;
  /** Sources: age of the newest record when it was durable. Sinks: age of the last record delivered, while there are more. */
  lagMs = 0;
  /** Timestamp of the last record delivered; null before the first. */
  lastTimestamp: number | null = null;
  /** When the last record was read or a commit succeeded, for a verdict on progress. */
  lastProgressAt = 0;

  /** What the context of a task that starts now has for figures of its own; its gauges take the place of the last run's. */
  context(run: AbortSignal): Pick<SourceTaskContext, 'count' | 'gauge'> {
    this.#run = run;
    const gauges = new Map<string, () => number | null>();
    this.#gauges = gauges;
    return {
      count: (figure, more) => void this.own.set(figure, (this.own.get(figure) ?? 0) + more),
      gauge: (figure, read) => void gauges.set(figure, read),
    };
  }

  /** That run has ended: nobody knows its gauges any more. One that ends late must not take its successor's along. */
  ended(run: AbortSignal): void {
    if (this.#run === run) this.#gauges = new Map();
  }

  /** What goes up and down, as it is now. A task that fails to tell must not take the others' figures along. */
  gauges(): [figure: string, value: number][] {
    return [...this.#gauges].flatMap(([figure, read]): [string, number][] => {
      const value = quietly(read);
      return typeof value === 'number' && Number.isFinite(value) ? [[figure, value]] : [];
    });
  }

  /** All of its own, for the status. */
  figures(): Record<string, number> {
    return Object.fromEntries([...this.gauges(), ...this.own]);
  }
}

function quietly(read: () => number | null): number | null {
  try {
    return read();
  } catch {
    return null;
  }
}
