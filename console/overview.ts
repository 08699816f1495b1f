/**
 * What the status page shows, with rates: one sample a second however many look, and the difference between two.
 *
 * A source that fails becomes a problem on the page; the last good sample is not shown as if it were new.
 */
import { withDeadline } from './http.ts';
import type { ConnectorOverview, ConsoleAddresses, Overview, TopicOverview } from './ports.ts';

/** Milliseconds between two samples; also the longest a sample is shown again. */
export const SAMPLE_INTERVAL_MS = 1_000;

export type Rated<T> = T & { readonly recordsPerSecond: number | null };

/** The answer of `/api/overview` and of each event of `/api/events`. */
export interface RatedOverview extends Omit<Overview, 'topics' | 'connectors'> {
  readonly topics?: readonly Rated<TopicOverview>[];
  readonly connectors?: readonly Rated<ConnectorOverview>[];
  readonly problems: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly startedAt: number;
  readonly version: string;
  readonly addresses: ConsoleAddresses;
}

export interface OverviewSource {
  readonly overview: () => Overview | Promise<Overview>;
  readonly addresses: () => ConsoleAddresses;
  readonly version: string;
  readonly startedAt: number;
  readonly now: () => number;
}

export class OverviewSampler {
  readonly #source: OverviewSource;
  #last: RatedOverview | null = null;
  #sampling: Promise<RatedOverview> | null = null;

  constructor(source: OverviewSource) {
    this.#source = source;
  }

  /** A sample no older than the interval. */
  async sample(): Promise<RatedOverview> {
    const last = this.#last;
    // A tenth of tolerance, or a timer that fires a little early would see the sample before.
    if (last !== null && this.#source.now() - last.at < SAMPLE_INTERVAL_MS * 0.9) return last;
    this.#sampling ??= this.#take().finally(() => {
      this.#sampling = null;
    });
    return this.#sampling;
  }

  async #take(): Promise<RatedOverview> {
    const { addresses, version, startedAt, now } = this.#source;
    const overview = await this.#ask();
    const before = this.#last;
    const at = now();
    const seconds = before === null ? 0 : (at - before.at) / 1000;
    const { topics, connectors, ...rest } = overview;
    this.#last = {
      ...rest,
      ...(topics === undefined
        ? {}
        : { topics: rated(topics, before?.topics, seconds, 'topic', ({ logEndOffset }) => logEndOffset) }),
      ...(connectors === undefined
        ? {}
        : { connectors: rated(connectors, before?.connectors, seconds, 'name', ({ records }) => records) }),
      problems: overview.problems ?? [],
      at,
      startedAt,
      version,
      addresses: addresses(),
    };
    return this.#last;
  }

  async #ask(): Promise<Overview> {
    try {
      return await withDeadline(this.#source.overview(), 'The overview of the process');
    } catch (error) {
      return { problems: [(error as Error).message] };
    }
  }
}

function rated<T extends object, Name extends keyof T>(
  list: readonly T[],
  before: readonly T[] | undefined,
  seconds: number,
  name: Name,
  counterOf: (item: T) => number | undefined,
): Rated<T>[] {
  const known = new Map(before?.map((item) => [item[name], counterOf(item)]));
  return list.map((item) => {
    const [from, to] = [known.get(item[name]), counterOf(item)];
    // A counter that went back was started again; its rate is known from the next sample on.
    const isKnown = seconds > 0 && from !== undefined && to !== undefined && to >= from;
    return { ...item, recordsPerSecond: isKnown ? (to - from) / seconds : null };
  });
}
