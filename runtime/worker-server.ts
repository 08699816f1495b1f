/**
 * The worker with its REST door: the one function a front (the CLI, a test) calls to run connectors.
 *
 * Knows no particular connector, log or registry: all are handed in. Steps 1–3 and 9–10 of the record's journey happen
 * behind it.
 */
import { ConfigError, type Plugin, parseConfig, type SchemaRegistry } from '../connectors/api/index.ts';
import { claimCodes } from './errors.ts';
import { ClaimedLog } from './log/claimed-log.ts';
import type { LogClient } from './log/client.ts';
import { PluginPath } from './plugins/plugin-path.ts';
import { watchPlugins } from './plugins/watch.ts';
import { createRestServer } from './rest/server.ts';
import { ConfigStore } from './stores/config-store.ts';
import { OffsetStore, OffsetStores } from './stores/offset-store.ts';
import { SecretStore } from './stores/secret-store.ts';
import { StatusStore } from './stores/status-store.ts';
import { applyFolder } from './worker/apply-folder.ts';
import { Claim } from './worker/claim.ts';
import { judgeWorkerClients } from './worker/client-overrides.ts';
import { ConfigProviders } from './worker/config-providers.ts';
import { withDefaults } from './worker/defaults.ts';
import { workerKeys } from './worker/keys.ts';
import { Loggers, type WorkerLogger } from './worker/loggers.ts';
import { WorkerMeasures } from './worker/measure.ts';
import { collectMetrics, type MetricFamily } from './worker/metrics.ts';
import { Plugins } from './worker/plugins.ts';
import type { Services } from './worker/services.ts';
import { Worker } from './worker/worker.ts';

export type { MetricFamily, WorkerLogger };

export interface WorkerOptions {
  /** Borrowed: the caller closes it after `stop`. */
  readonly log: LogClient;
  /** Other workers can reach the log too: the one that started last runs the connectors, the others stop. */
  readonly isLogShared?: boolean;
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
  /** For developers of plugins: load those of `plugin.path` anew when their files change. */
  readonly watchPlugins?: boolean;
  /** Shown by `GET /`. */
  readonly version?: string;
  readonly clusterId?: string;
}

export interface RunningWorker {
  /** `http://127.0.0.1:8083` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** For tests and embedding: the operations behind the REST door. */
  readonly worker: Worker;
  /** Kafka Connect's metrics, `kafka_connect_…`. Cheap; call per scrape. */
  collect(): readonly MetricFamily[];
  /** The verdict behind `GET /health`. */
  health(): Health;
  /** Stops the tasks gracefully (flush, commit), then the REST door. Resolves within the configured deadline. */
  stop(): Promise<void>;
}

export interface Health {
  readonly status: 'healthy' | 'starting' | 'unhealthy';
  readonly message: string;
}

/** Of a worker on a cluster; what it would answer or write is worth nothing until it is in touch again. */
const outOfTouch: Health = {
  status: 'unhealthy',
  message:
    'The worker has not heard from its Kafka cluster for session.timeout.ms: it may be unable to handle requests, and ' +
    'writes nothing until it has.',
};

/** Resolves when the REST door is open and the stored connectors have been told to start. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const claimed = options.isLogShared === true ? new ClaimedLog(options.log) : null;
  const services = await openServices(claimed === null ? options : { ...options, log: claimed });
  const worker = new Worker(services);
  services.statuses.versionOf = (connector) => worker.versionOf(connector);
  let health: Health = { status: 'starting', message: 'Worker is still starting up.' };
  const { version = '0.0.0', clusterId = 'millrace' } = options;
  let claim: Claim | null = null;
  const verdict = (): Health => (claim?.isFresh === false && health.status === 'healthy' ? outOfTouch : health);
  const facts = { version, clusterId, health: verdict };
  const server = createRestServer(worker, facts, services.loggers.named('connect.rest', { part: 'connect-rest' }));
  const address = await server.listen({ host: options.host, port: options.port });
  const { port } = new URL(address);
  services.statuses.workerId = `${options.host}:${port}`;
  const own = () => services.loggers.named('connect', { part: 'connect' });
  const onLost = (message: string) => {
    health = { status: 'unhealthy', message };
    own().error({ code: claimCodes.fenced }, message);
    worker.stop().catch((error: unknown) => own().warn({ err: error }, 'Stopping the tasks failed.'));
  };
  if (claimed !== null) claim = await claimGroup(claimed, services, onLost);
  worker.startStored();
  services.measures.started();
  if (options.connectorsDirectory !== undefined) {
    const logger = services.loggers.named('connect.folder', { part: 'connectors-folder' });
    await applyFolder(worker, options.connectorsDirectory, { prune: options.prune ?? false, logger });
  }
  if (health.status === 'starting')
    health = { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' };
  const unwatch = options.watchPlugins === true ? watchForChanges(worker, options) : () => undefined;
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    health = { status: 'unhealthy', message: 'The worker is stopping.' };
    unwatch();
    claim?.release();
    await worker.stop();
    await server.close();
    await services.pluginPath.close();
    await Promise.all([services.configs.close(), services.offsets.close(), services.statuses.close()]);
    await services.secrets.close();
  };
  return {
    url: `http://${options.host}:${port}`,
    host: options.host,
    port: Number(port),
    worker,
    collect: () => [...collectMetrics(worker), ...services.pluginPath.collect()],
    health: verdict,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Resolves when no other worker of the group may write any more, once it has heard of it. */
async function claimGroup(log: ClaimedLog, services: Services, onLost: (message: string) => void): Promise<Claim> {
  const { configs, settings, statuses, loggers } = services;
  const claim = await Claim.take({
    store: configs,
    workerId: statuses.workerId,
    leaseMs: settings.number('session.timeout.ms'),
    renewMs: settings.number('heartbeat.interval.ms'),
    logger: loggers.named('connect', { part: 'connect' }),
    onLost,
  });
  configs.onClaim = () => claim.noticed();
  log.guardBy(claim);
  claim.noticed();
  return claim;
}

async function openServices(options: WorkerOptions): Promise<Services> {
  const { log, registry, logger } = options;
  const measures = new WorkerMeasures();
  const raw = withDefaults(options.config ?? {});
  const { config: settings, problems } = parseConfig(workerKeys, raw);
  if (problems.length > 0) throw new ConfigError(problems);
  const clients = judgeWorkerClients(raw);
  if (clients.problems.length > 0) throw new ConfigError(clients.problems);
  const loggers = new Loggers(logger);
  const own = loggers.named('connect', { part: 'connect' });
  for (const { key, message } of clients.warnings) own.warn({ key }, message);
  const pluginPath = await PluginPath.open({
    entries: settings.list('plugin.path'),
    blockedMs: settings.number('plugin.blocked.ms'),
    logger: own,
  });
  const workerId = `${options.host}:${options.port}`;
  const storage = (what: 'config' | 'offset' | 'status') => ({
    topic: settings.string(`${what}.storage.topic`),
    partitions: what === 'config' ? 1 : settings.number(`${what}.storage.partitions`),
    replicationFactor: settings.number(`${what}.storage.replication.factor`),
    clientId: `${settings.string('group.id')}-${what}s`,
  });
  const [configs, offsets, statuses] = await Promise.all([
    ConfigStore.open(log, storage('config'), own),
    OffsetStore.open(log, storage('offset'), own),
    StatusStore.open(log, storage('status'), workerId, own),
  ]);
  const secrets = new SecretStore({
    log,
    topic: {
      topic: settings.string('secrets.storage.topic'),
      partitions: 1,
      replicationFactor: settings.number('config.storage.replication.factor'),
      clientId: `${settings.string('group.id')}-secrets`,
    },
    keyText: process.env.MILLRACE_SECRETS_KEY,
    keyFile: settings.optionalString('secrets.key.file'),
  });
  const providers = new ConfigProviders(settings.list('config.providers'), raw, process.env);
  loggers.clean = (value) => providers.redaction.clean(value);
  statuses.hide = (text) => providers.redaction.hide(text);
  providers.register('secrets', (name, key) => secrets.get(name, key));
  return {
    log,
    registry,
    plugins: new Plugins([...options.plugins, ...pluginPath.plugins], pluginPath.failures),
    pluginPath,
    providers,
    secrets,
    configs,
    offsets: new OffsetStores(offsets, (topic, below) =>
      OffsetStore.open(log, { ...storage('offset'), topic }, own, below),
    ),
    statuses,
    loggers,
    settings,
    raw,
    measures,
    loop: {
      flushIntervalMs: settings.number('offset.flush.interval.ms'),
      flushTimeoutMs: settings.number('offset.flush.timeout.ms'),
      stopTimeoutMs: settings.number('task.shutdown.graceful.timeout.ms'),
      isTopicCreationEnabled: settings.boolean('topic.creation.enable'),
      memoryReplicationFactor: settings.number('offset.storage.replication.factor'),
    },
  };
}

function watchForChanges(worker: Worker, options: WorkerOptions): () => void {
  const { pluginPath, plugins, loggers } = worker.services;
  const replace = () => plugins.replace([...options.plugins, ...pluginPath.plugins], pluginPath.failures);
  return watchPlugins(pluginPath, worker, replace, loggers.named('connect', { part: 'connect' }));
}
