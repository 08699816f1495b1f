/**
 * The registry's front door: a store, a core and the REST API, started and stopped together.
 *
 * cli/up.ts calls this and hands over the log; the core is given on to whoever needs the registry in process.
 */
import { RegistryCore, type RegistryCoreOptions } from './core.ts';
import { RegistryConfigError } from './errors.ts';
import { collectKept, type RegistryMetricFamily, RequestCounts } from './metrics.ts';
import { COMPATIBILITY_LEVELS, type SchemaVersion } from './model.ts';
import { DEFAULT_LIMITS } from './parse/parse-schema.ts';
import type { RecordSource } from './rest/explain-routes.ts';
import { Guard } from './rest/guard.ts';
import { registryHttpServer } from './rest/server.ts';
import type { RegistryLogins } from './security/authentication.ts';
import { type SecurityConfig, securitySettings } from './security/config.ts';
import { RolesFile } from './security/roles.ts';
import { type SoundAnswer, soundLine } from './sound/answer.ts';
import { logStore, type RegistryLog } from './store/log.ts';
import type { SchemaStore } from './store/store.ts';
import { SchemaUsage } from './usage.ts';

/** What the registry logs through; pino's and the worker's loggers fit. */
export interface RegistryLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Confluent's keys where one exists; each with its default. Those about security are in security/config.ts. */
export interface RegistryConfig extends SecurityConfig {
  /** Topic that keeps the registry, `_schemas`. */
  readonly 'kafkastore.topic'?: string;
  /** -1 is the broker's default. */
  readonly 'kafkastore.topic.replication.factor'?: number;
  /** Milliseconds a write may take before 50002, 10000. */
  readonly 'kafkastore.timeout.ms'?: number;
  /** Level where none is configured, BACKWARD. */
  readonly 'schema.compatibility.level'?: string;
  /** Confluent's code for an incompatible schema: 409 up to its 8.1, 40901 since; 409. */
  readonly 'schema.incompatible.error.code'?: number;
  /** Longest schema text in bytes before 42209, 1 MiB. */
  readonly 'schema.max.bytes'?: number;
  /** Deepest nesting of a schema text before 42201, 200; at most 1000. */
  readonly 'schema.max.depth'?: number;
  /** Milliseconds that checking one schema may take before 42201, 5000. */
  readonly 'schema.check.budget.ms'?: number;
}

export interface RegistryOptions {
  /** Where the registry is kept: a log client (topic `_schemas`), or any store. Exactly one of the two. */
  readonly log?: RegistryLog;
  readonly store?: SchemaStore;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logger?: RegistryLogger;
  /** Numbers may be text, as in a properties file. */
  readonly config?: Readonly<Partial<Record<keyof RegistryConfig, string | number>>>;
  /** A file for what makes the next start quick; its folder is there. Without it every start reads the whole log. */
  readonly snapshotFile?: string;
  /** Who has real records on which schemas can be tried. */
  readonly records?: RecordSource;
  /** Who knows users, tokens and certificates; needed where requests are asked who they are. */
  readonly logins?: RegistryLogins;
}

export interface Registry {
  /** `http://host:port`, with the port that was really bound. */
  readonly url: string;
  /** Of every listener, in the order of the config. */
  readonly urls: readonly string[];
  readonly core: RegistryCore;
  /** Who used which schema since the start; whoever meets schema ids tells it. */
  readonly usage: SchemaUsage;
  /** Metrics of the registry, asked at each scrape. */
  collect(): readonly RegistryMetricFamily[];
  /** Answers what is under way, then closes the port and the store (not the log client). */
  stop(): Promise<void>;
}

/** Starts the registry. Rejects when the store cannot be read, a setting is wrong or the port cannot be bound. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const logger = options.logger ?? SILENT;
  const config = validConfig(options.config ?? {});
  const settings = securitySettings(config, options);
  const rolesFile = settings.rolesFile;
  const roles = rolesFile === null ? null : new RolesFile(rolesFile, logger);
  const counts = new RequestCounts();
  const onBreaks = ({ subject, version }: SchemaVersion, answer: SoundAnswer): void => {
    counts.broke();
    const record = answer.verdict === 'breaks' ? answer.record : null;
    logger.warn({ subject, version, record }, `A version was registered by which records break. ${soundLine(answer)}`);
  };
  const { snapshotFile: path } = options;
  const snapshot = path === undefined ? {} : { snapshot: { path, logger } };
  const core = new RegistryCore({ store: storeOf(options, config), onBreaks, ...snapshot, ...coreOptions(config) });
  await core.start();
  if (core.unreadableRecords > 0) {
    const topic = config['kafkastore.topic'] ?? DEFAULT_TOPIC;
    logger.warn({ records: core.unreadableRecords }, `Some records of ${topic} were not understood and left alone.`);
  }
  const usage = new SchemaUsage();
  const records = options.records ?? null;
  const guard = new Guard({ core, settings, logins: options.logins ?? null, roles, logger });
  const apps = settings.places.map(({ tls }) =>
    registryHttpServer({ core, usage, records, guard, tls, logger, counts }),
  );
  const stop = async (): Promise<void> => {
    for (const app of apps) await app.close();
    await core.stop();
  };
  try {
    const urls: string[] = [];
    for (const [index, { host, port }] of settings.places.entries()) {
      urls.push(await apps[index]!.listen({ host, port }));
    }
    logger.info({ urls, subjects: core.subjects().length }, 'The schema registry answers.');
    return { url: urls[0]!, urls, core, usage, collect: () => [...collectKept(core), ...counts.collect()], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const DEFAULT_TOPIC = '_schemas';
/** Schemas are walked by recursion; the stack holds several times this. */
const DEEPEST_LIMIT = 1000;
const SILENT: RegistryLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** The keys of {@link RegistryConfig} and what each holds. */
const CONFIG_TYPES: Readonly<Record<keyof RegistryConfig, 'string' | 'number'>> = {
  'kafkastore.topic': 'string',
  'kafkastore.topic.replication.factor': 'number',
  'kafkastore.timeout.ms': 'number',
  'schema.compatibility.level': 'string',
  'schema.incompatible.error.code': 'number',
  'schema.max.bytes': 'number',
  'schema.max.depth': 'number',
  'schema.check.budget.ms': 'number',
  listeners: 'string',
  'authentication.method': 'string',
  'authentication.realm': 'string',
  'authentication.skip.paths': 'string',
  'authorization.roles.file': 'string',
  'ssl.keystore.location': 'string',
  'ssl.keystore.key': 'string',
  'ssl.keystore.certificate.chain': 'string',
  'ssl.key.password': 'string',
  'ssl.truststore.location': 'string',
  'ssl.truststore.certificates': 'string',
  'ssl.client.authentication': 'string',
};

/** Throws RegistryConfigError for a key that is unknown or holds something else; no message shows a value that may be secret. */
function validConfig(given: NonNullable<RegistryOptions['config']>): RegistryConfig {
  const config: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(given)) {
    const type = Object.hasOwn(CONFIG_TYPES, key) ? CONFIG_TYPES[key as keyof RegistryConfig] : undefined;
    if (type === undefined) {
      throw new RegistryConfigError(
        `The registry has no key '${key}'; it has ${Object.keys(CONFIG_TYPES).join(', ')}.`,
      );
    }
    config[key] = type === 'string' ? String(value) : numberOf(key, value);
  }
  return config as RegistryConfig;
}

function numberOf(key: string, value: string | number): number {
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(number)) return number;
  throw new RegistryConfigError(`The registry's key '${key}' is ${JSON.stringify(value)}, not a number.`);
}

function storeOf({ log, store }: RegistryOptions, config: RegistryConfig): SchemaStore {
  if (store !== undefined) return store;
  if (log === undefined) throw new RegistryConfigError('A registry needs a log or a store to keep its schemas in.');
  return logStore(log, {
    topic: config['kafkastore.topic'] ?? DEFAULT_TOPIC,
    replicationFactor: config['kafkastore.topic.replication.factor'] ?? -1,
  });
}

function coreOptions(config: RegistryConfig): Omit<RegistryCoreOptions, 'store'> {
  const level = config['schema.compatibility.level'];
  const defaultLevel = COMPATIBILITY_LEVELS.find((known) => known === level?.toUpperCase());
  if (level !== undefined && defaultLevel === undefined) {
    throw new RegistryConfigError(
      `The registry's key 'schema.compatibility.level' is '${level}'; it is one of ${COMPATIBILITY_LEVELS.join(', ')}.`,
    );
  }
  const depth = config['schema.max.depth'] ?? DEFAULT_LIMITS.maxDepth;
  if (depth > DEEPEST_LIMIT) {
    throw new RegistryConfigError(`The registry's key 'schema.max.depth' is ${depth}; ${DEEPEST_LIMIT} is the most.`);
  }
  const timeoutMs = config['kafkastore.timeout.ms'];
  const refusal = config['schema.incompatible.error.code'] ?? 409;
  if (refusal !== 409 && refusal !== 40901) {
    throw new RegistryConfigError(
      `The registry's key 'schema.incompatible.error.code' is ${refusal}; it is 409 or 40901.`,
    );
  }
  return {
    incompatibleErrorCode: refusal,
    limits: {
      maxBytes: config['schema.max.bytes'] ?? DEFAULT_LIMITS.maxBytes,
      maxDepth: depth,
    },
    checkBudgetMs: config['schema.check.budget.ms'],
    ...(defaultLevel === undefined ? {} : { defaultLevel }),
    ...(timeoutMs === undefined ? {} : { writeTimeoutMs: timeoutMs }),
  };
}
