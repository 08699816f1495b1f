/**
 * The console's front door: health, metrics and the status page on one port, started and stopped together.
 *
 * A client of what it is handed; it holds no state of the house. cli/up.ts starts it.
 */
import type { ConsoleAddresses, ConsoleLogger, HealthCheck, MetricSource, Overview } from './ports.ts';

export interface ConsoleOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What `/api/overview` and the status page show. */
  readonly overview: () => Overview | Promise<Overview>;
  /** What `/readyz` and `/health` report. */
  readonly health: () => readonly HealthCheck[] | Promise<readonly HealthCheck[]>;
  readonly metrics: readonly MetricSource[];
  /** Asked at each request, as ports are known late. */
  readonly addresses?: () => ConsoleAddresses;
  readonly version?: string;
  readonly logger?: ConsoleLogger;
  /** Host names, beside the bound one and loopback's, that a browser may use to reach the console. */
  readonly allowedHosts?: readonly string[];
}

export interface Console {
  /** `http://host:port`, with the port that was really bound. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the console. Rejects when the port cannot be bound. */
export async function startConsole(_options: ConsoleOptions): Promise<Console> {
  throw new Error('The console is being built.');
}
