/**
 * The worker with its REST door: the one function a front (the CLI, a test) calls to run connectors.
 *
 * Knows no particular connector, log or registry: all are handed in. Steps 1–3 and 9–10 of the record's journey happen
 * behind it.
 */
import type { Plugin, SchemaRegistry } from '../connectors/api/index.ts';
import type { LogClient } from './log/client.ts';

/** What the worker writes its notices to; `child` binds fields (connector, task). pino fits. */
export interface WorkerLogger {
  level: string;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: Record<string, unknown>): WorkerLogger;
}

/** One Prometheus family, ready to be printed. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

export interface WorkerOptions {
  /** Borrowed: the caller closes it after `stop`. */
  readonly log: LogClient;
  /** The registry beside the worker, for converters that name no `schema.registry.url`. */
  readonly registry?: SchemaRegistry;
  readonly plugins: readonly Plugin[];
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Worker keys as in Kafka Connect (`group.id`, `value.converter`, `offset.flush.interval.ms`, …). */
  readonly config?: Readonly<Record<string, string>>;
  readonly logger: WorkerLogger;
  /** Every `*.json` in it is applied as a connector at start. */
  readonly connectorsDirectory?: string;
  /** Delete connectors that came from the folder once and whose file is gone. */
  readonly prune?: boolean;
  /** Shown by `GET /`. */
  readonly version?: string;
  readonly clusterId?: string;
}

export interface RunningWorker {
  /** `http://127.0.0.1:8083` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Kafka Connect's metrics, `kafka_connect_…`. Cheap; call per scrape. */
  collect(): readonly MetricFamily[];
  /** The verdict behind `GET /health`. */
  health(): { readonly status: 'healthy' | 'starting' | 'unhealthy'; readonly message: string };
  /** Stops the tasks gracefully (flush, commit), then the REST door. Resolves within the configured deadline. */
  stop(): Promise<void>;
}

/** Resolves when the REST door is open and the stored connectors have been told to start. */
export type StartWorker = (options: WorkerOptions) => Promise<RunningWorker>;
