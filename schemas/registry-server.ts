/**
 * The registry's front door: a store, a core and the REST API, started and stopped together.
 *
 * cli/up.ts calls this and hands over the log; the core is given on to whoever needs the registry in process.
 */
import { RegistryCore, type RegistryCoreOptions } from './core.ts';
import { COMPATIBILITY_LEVELS } from './model.ts';
import { DEFAULT_LIMITS } from './parse/parse-schema.ts';
import { registryHttpServer } from './rest/server.ts';
import { logStore, type RegistryLog } from './store/log.ts';
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

/** Starts the registry. Rejects when the store cannot be read, a setting is wrong or the port cannot be bound. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const logger = options.logger ?? SILENT;
  const config = options.config ?? {};
  const core = new RegistryCore({ store: storeOf(options), ...coreOptions(config) });
  await core.start();
  if (core.unreadableRecords > 0) {
    const topic = config['kafkastore.topic'] ?? DEFAULT_TOPIC;
    logger.warn({ records: core.unreadableRecords }, `Some records of ${topic} were not understood and left alone.`);
  }
  const app = registryHttpServer(core, logger);
  try {
    const url = await app.listen({ host: options.host, port: options.port });
    logger.info({ url, subjects: core.subjects().length }, 'The schema registry answers.');
    return {
      url,
      core,
      async stop() {
        await app.close();
        await core.stop();
      },
    };
  } catch (error) {
    await core.stop();
    throw error;
  }
}

const DEFAULT_TOPIC = '_schemas';
const SILENT: RegistryLogger = { debug() {}, info() {}, warn() {}, error() {} };

function storeOf({ log, store, config }: RegistryOptions): SchemaStore {
  if (store !== undefined) return store;
  if (log === undefined) throw new Error('A registry needs a log or a store to keep its schemas in.');
  return logStore(log, {
    topic: config?.['kafkastore.topic'] ?? DEFAULT_TOPIC,
    replicationFactor: config?.['kafkastore.topic.replication.factor'] ?? -1,
  });
}

function coreOptions(config: RegistryConfig): Omit<RegistryCoreOptions, 'store'> {
  const level = config['schema.compatibility.level'];
  const defaultLevel = COMPATIBILITY_LEVELS.find((known) => known === level?.toUpperCase());
  if (level !== undefined && defaultLevel === undefined) {
    throw new Error(`schema.compatibility.level is '${level}'; it is one of ${COMPATIBILITY_LEVELS.join(', ')}.`);
  }
  const timeoutMs = config['kafkastore.timeout.ms'];
  return {
    limits: {
      maxBytes: config['schema.max.bytes'] ?? DEFAULT_LIMITS.maxBytes,
      maxDepth: config['schema.max.depth'] ?? DEFAULT_LIMITS.maxDepth,
    },
    ...(defaultLevel === undefined ? {} : { defaultLevel }),
    ...(timeoutMs === undefined ? {} : { writeTimeoutMs: timeoutMs }),
  };
}
