/**
 * The registry's front door: a store, a core and the REST API, started and stopped together.
 *
 * cli/up.ts calls this and hands over the log; the core is given on to whoever needs the registry in process.
 */
import type { RegistryCore } from './core.ts';
import type { RegistryLog } from './store/log.ts';
import type { SchemaStore } from './store/store.ts';

/** What the registry logs through; pino's and the worker's loggers fit. */
export interface RegistryLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Confluent's keys where one exists; each with its default. */
export interface RegistryConfig {
  /** Topic that keeps the registry, `_schemas`. */
  readonly 'kafkastore.topic'?: string;
  /** -1 is the broker's default. */
  readonly 'kafkastore.topic.replication.factor'?: number;
  /** Milliseconds a write may take before 50002, 10000. */
  readonly 'kafkastore.timeout.ms'?: number;
  /** Level where none is configured, BACKWARD. */
  readonly 'schema.compatibility.level'?: string;
  /** Longest schema text in bytes before 42209, 1 MiB. */
  readonly 'schema.max.bytes'?: number;
  /** Deepest nesting of a schema text before 42201, 200. */
  readonly 'schema.max.depth'?: number;
}

export interface RegistryOptions {
  /** Where the registry is kept: a log client (topic `_schemas`), or any store. Exactly one of the two. */
  readonly log?: RegistryLog;
  readonly store?: SchemaStore;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logger?: RegistryLogger;
  readonly config?: RegistryConfig;
}

export interface Registry {
  /** `http://host:port`, with the port that was really bound. */
  readonly url: string;
  readonly core: RegistryCore;
  /** Answers what is under way, then closes the port and the store (not the log client). */
  stop(): Promise<void>;
}

/** Starts the registry. Rejects when the store cannot be read or the port cannot be bound. */
export async function startRegistry(_options: RegistryOptions): Promise<Registry> {
  throw new Error('The registry server is being built.');
}
