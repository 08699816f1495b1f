/**
 * What the console needs from the rest of the house, declared by the console; cli/up.ts hands it in.
 *
 * Every source is asked on demand, at most once a second per question, and answers with plain data. Counters are
 * cumulative: the console works out rates.
 */

/** What the console logs through; pino's and the worker's loggers fit. */
export interface ConsoleLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One topic, summed over its partitions. */
export interface TopicOverview {
  readonly topic: string;
  readonly partitions: number;
  readonly isInternal: boolean;
  /** Records ever appended: the sum of log end offsets. The rate is its difference per second. */
  readonly logEndOffset: number;
  /** Records still kept: the sum of (log end offset - log start offset). */
  readonly records: number;
  readonly bytes?: number;
}

export interface TaskOverview {
  readonly id: number;
  readonly state: string;
  readonly workerId?: string;
  /** Why it failed; the first line is shown, the rest on demand. */
  readonly trace?: string;
  /** What it counts and measures itself; a snapshot among them is shown as a bar. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface ConnectorOverview {
  readonly name: string;
  readonly type: 'source' | 'sink' | 'unknown';
  readonly class: string;
  readonly state: string;
  readonly trace?: string;
  readonly tasks: readonly TaskOverview[];
  /** Records that went through since the start; the rate is its difference per second. */
  readonly records?: number;
  readonly errors?: number;
  readonly deadLettered?: number;
}

export interface SubjectOverview {
  readonly subject: string;
  /** The latest version, and the id of its schema. */
  readonly version: number;
  readonly id: number;
  readonly schemaType: string;
  /** The effective level. */
  readonly compatibility: string;
}

export interface GroupOverview {
  readonly group: string;
  readonly state: string;
  readonly members: number;
  /** Records between the committed offsets and the end of the log, over all partitions; null when unknown. */
  readonly lag: number | null;
  readonly topics: readonly string[];
}

/** Everything the status page shows, as of now. A part that cannot be had is absent, with a sentence in `problems`. */
export interface Overview {
  readonly topics?: readonly TopicOverview[];
  readonly connectors?: readonly ConnectorOverview[];
  readonly subjects?: readonly SubjectOverview[];
  readonly groups?: readonly GroupOverview[];
  readonly problems?: readonly string[];
}

/** One thing that must be so before the process may be sent work, for example "broker" or "registry". */
export interface HealthCheck {
  readonly name: string;
  readonly status: 'up' | 'starting' | 'degraded' | 'down';
  /** A sentence for a person, where there is something to say. */
  readonly detail?: string;
  /** Whether `/readyz` waits for it; true when absent. A failed connector is reported here with false. */
  readonly isRequired?: boolean;
}

/** A family of samples for `/metrics`. Names follow Prometheus: `millrace_…`, `kafka_connect_…`, `kafka_…`. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  /** For a histogram or summary: `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A room's metrics. Asked at each scrape; a throw leaves this room out of the answer and is logged. */
export interface MetricSource {
  collect(): readonly MetricFamily[] | Promise<readonly MetricFamily[]>;
}

/** Where the other surfaces of this process listen, to be shown and linked. */
export interface ConsoleAddresses {
  readonly kafka?: string;
  readonly connect?: string;
  readonly registry?: string;
}
