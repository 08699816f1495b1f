/**
 * The built-in broker, composed: data directory, metadata, group coordinator, sockets. Steps 5 to 8 of the record's
 * journey happen below. What it is not: it knows no connector, schema or JSON value, and no other room.
 *
 * `cli/up.ts` starts it; the in-process keeper uses the same object without a socket.
 */
import { type LogLevels, noLogLevels } from './apis/broker-loggers.ts';
import { ProduceDeadlines } from './apis/produce-deadlines.ts';
import { servedApis } from './apis/served.ts';
import { disk } from './fs/disk.ts';
import type { FileSystem } from './fs/file-system.ts';
import { consumerGroupSettings } from './groups/consumer/config.ts';
import { ConsumerGroups } from './groups/consumer/coordinator.ts';
import { type CoordinatorConfig, GroupCoordinator } from './groups/coordinator.ts';
import { OffsetsTopic } from './groups/offsets-topic.ts';
import { ShareGroups } from './groups/share/coordinator.ts';
import { systemTimers, type Timers } from './groups/timers.ts';
import { LogDirectory } from './log/log-directory.ts';
import type { PartitionLog } from './log/partition-log.ts';
import { type BrokerConfig, parseBrokerConfig } from './metadata/broker-config.ts';
import { cleanerConfig } from './metadata/cleaner-config.ts';
import { MetadataLog } from './metadata/metadata-log.ts';
import { ProducerIds } from './metadata/producer-ids.ts';
import { ResourceConfigs } from './metadata/resource-configs.ts';
import { parseTopicConfig } from './metadata/topic-config.ts';
import { Topics } from './metadata/topics.ts';
import { type BrokerMetricFamily, collectBrokerMetrics } from './metrics.ts';
import { currentListener, type Listener, listenersOf, refuseOpenListeners } from './security/listeners.ts';
import { Security } from './security/security.ts';
import { tlsOptions } from './security/tls.ts';
import type { Session } from './server/api.ts';
import { ApiDispatch } from './server/dispatch.ts';
import { FetchSessions } from './server/fetch-sessions.ts';
import { connectionLimits } from './server/limit-config.ts';
import { Server } from './server/server.ts';
import { shareGroupSettings } from './share/config.ts';
import { ShareSessions } from './share/sessions.ts';
import { ShareDelivery } from './share/share-delivery.ts';
import { SharePartitions } from './share/share-partitions.ts';
import { ShareStateTopic } from './share/state-topic.ts';
import type { SharePartitionKey } from './share/types.ts';
import type { BrokerState } from './state.ts';
import { TransactionCoordinator } from './transactions/coordinator.ts';
import type { TransactionConfig } from './transactions/entry.ts';
import { PartitionMarkers } from './transactions/marker-writer.ts';
import { abortOrphans } from './transactions/orphans.ts';
import { LogPresence } from './transactions/record-presence.ts';
import { TransactionTopic } from './transactions/transaction-topic.ts';
import { RecordValidation } from './validation/record-validation.ts';

/** What the broker logs through; pino fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface BrokerOptions {
  readonly dataDir: string;
  /** Interface to listen on; the loopback by default. */
  readonly host?: string;
  /** 0 picks a free one; 9092 by default. */
  readonly port?: number;
  /** What clients are told to connect to, where it differs from `host` and `port`. */
  readonly advertisedHost?: string;
  readonly advertisedPort?: number;
  /** Kafka's broker keys and their values as strings (`num.partitions`, `message.max.bytes`, …). An unknown key is refused. */
  readonly config?: Readonly<Record<string, string>>;
  /** The real disk by default. */
  readonly fs?: FileSystem;
  /** Milliseconds since the epoch; the system clock by default. */
  readonly now?: () => number;
  readonly logger: Logger;
  /** What BROKER_LOGGER resources set (KIP-412); nothing by default. */
  readonly logLevels?: LogLevels;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** A running broker. */
export interface Broker {
  /** Where it listens. */
  readonly address: BrokerAddress;
  /** Where each listener is bound, by its name. */
  readonly addresses: ReadonlyMap<string, BrokerAddress>;
  /** What clients are told: `host:port` to put into `bootstrap.servers`. */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly nodeId: number;
  readonly config: BrokerConfig;
  /** Topics: look up, create, delete, configure. */
  readonly topics: Topics;
  /** Consumer groups and their offsets, without a socket between. */
  readonly groups: GroupCoordinator;
  /** Transactional ids and what they have open, without a socket between. */
  readonly transactions: TransactionCoordinator;
  /** Users, ACLs and quotas, without a socket between. */
  readonly security: Security;
  /** Checks records of the topics that ask for it, once somebody who knows schemas is put to `use`. */
  readonly validation: RecordValidation;
  /**
   * The log of a partition, made when it is first asked for. Append, read, wait (`onAdvance`) and offsets are its own
   * methods. Throws BrokerError UNKNOWN_TOPIC_OR_PARTITION.
   */
  log(topic: string, partition: number): PartitionLog;
  /** The same without making it, for who only looks: undefined while the partition was never used, which is empty. */
  existingLog(topic: string, partition: number): PartitionLog | undefined;
  /** Figures for `/metrics`, with Kafka's names. Cheap; call per scrape. */
  collect(): BrokerMetricFamily[];
  /** Finishes what is in flight, flushes, closes the data directory. Takes well under 10 s; a second call waits for the first. */
  stop(): Promise<void>;
}

const defaultHost = '127.0.0.1';
const defaultPort = 9092;
/** Listening on these is listening everywhere; no client can connect to them. */
const wildcardHosts: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/**
 * Opens the data directory (recovering it after a crash), replays metadata and groups, then listens. Rejects with
 * LogDirectoryError (another process holds the directory), BrokerConfigError, or Node's error for an address that
 * cannot be listened on.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const config = parseBrokerConfig(options.config ?? {});
  const logs = openLogs(options, config);
  try {
    const broker = new RunningBroker(options, config, logs);
    await broker.listen();
    return broker;
  } catch (error) {
    await logs.close();
    throw error;
  }
}

function openLogs(options: BrokerOptions, config: BrokerConfig): LogDirectory {
  const { host = defaultHost, port = defaultPort, logger } = options;
  return LogDirectory.open({
    path: options.dataDir,
    fs: options.fs ?? disk,
    nodeId: config.number('broker.id'),
    address: `${host}:${port}`,
    now: options.now ?? Date.now,
    logger,
    flushDurable: config.boolean('log.flush.durable'),
    cleaner: cleanerConfig(config),
    intervals: {
      checkpointMs: config.number('log.flush.offset.checkpoint.interval.ms'),
      retentionMs: config.number('log.retention.check.interval.ms'),
      get producerExpirationMs() {
        return config.number('producer.id.expiration.ms');
      },
    },
  });
}

class RunningBroker implements Broker, BrokerState {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly config: BrokerConfig;
  readonly logs: LogDirectory;
  readonly configs: ResourceConfigs;
  readonly topics: Topics;
  readonly producerIds: ProducerIds;
  readonly fetchSessions: FetchSessions;
  readonly produceDeadlines = new ProduceDeadlines();
  readonly groups: GroupCoordinator;
  readonly share: ShareDelivery;
  readonly transactions: TransactionCoordinator;
  readonly markers: PartitionMarkers;
  readonly security: Security;
  readonly validation = new RecordValidation();
  readonly logger: Logger;
  readonly logLevels: LogLevels;
  readonly dataDir: string;
  readonly #options: BrokerOptions;
  readonly #server: Server;
  readonly #dispatch: ApiDispatch;
  readonly #listeners: readonly Listener[];
  readonly #offsetsTopic: OffsetsTopic;
  readonly #transactionTopic: TransactionTopic;
  readonly #shareStateTopic: ShareStateTopic;
  #expiry: NodeJS.Timeout | null = null;
  #pruning: NodeJS.Timeout | null = null;
  #addresses: ReadonlyMap<string, BrokerAddress> = new Map();
  #stopping: Promise<void> | null = null;

  constructor(options: BrokerOptions, config: BrokerConfig, logs: LogDirectory) {
    const now = options.now ?? Date.now;
    this.#options = options;
    this.dataDir = options.dataDir;
    this.config = config;
    this.logs = logs;
    this.logger = options.logger;
    this.logLevels = options.logLevels ?? noLogLevels;
    this.nodeId = config.number('broker.id');
    this.clusterId = logs.clusterId;
    const metadata = new MetadataLog(logs, parseTopicConfig({}, config.given), now);
    this.configs = new ResourceConfigs(metadata, config);
    this.topics = new Topics(metadata, logs, config);
    this.configs.onChanged(({ kind }) => kind === 'broker' && this.topics.brokerConfigChanged());
    this.producerIds = new ProducerIds(metadata);
    this.security = new Security(metadata, config, now, options.logger);
    this.fetchSessions = new FetchSessions(config.number('max.incremental.fetch.session.cache.slots'), now);
    this.#offsetsTopic = new OffsetsTopic({ topics: this.topics, config, now, logger: options.logger });
    const timers = systemTimers(now);
    const log = this.#offsetsTopic;
    const configOf = (group: string) =>
      consumerGroupSettings(config, this.configs.groupValue.bind(this.configs), group);
    const consumers = new ConsumerGroups({ configOf, timers, log, topics: this.topics });
    this.#shareStateTopic = new ShareStateTopic({ topics: this.topics, config, now, logger: options.logger });
    this.share = this.#newShareDelivery(timers);
    const shares = this.#newShareGroups(timers);
    this.groups = new GroupCoordinator(coordinatorConfig(config), timers, log, consumers, shares);
    this.topics.onChanged(() => {
      consumers.topicsChanged();
      shares.topicsChanged();
    });
    this.topics.onDeleted(({ topicId }) => this.share.partitions.topicDeleted(topicId));
    this.topics.onDeleted(({ name }) => this.groups.topicDeleted(name));
    this.#transactionTopic = new TransactionTopic({ topics: this.topics, config, now, logger: options.logger });
    this.markers = new PartitionMarkers({
      topics: this.topics,
      now,
      logger: options.logger,
      isFlushDurable: config.boolean('log.flush.durable'),
      onOffsetsEnded: (partition, producerId, isCommit) => this.#endOffsets(partition, producerId, isCommit),
    });
    this.transactions = new TransactionCoordinator(transactionConfig(config), {
      log: this.#transactionTopic,
      markers: this.markers,
      records: new LogPresence(this.topics),
      producerIds: this.producerIds,
      timers: systemTimers(now),
      logger: options.logger,
      coordinatorEpoch: logs.leaderEpoch,
    });
    this.#listeners = listenersOf(config, { host: options.host ?? defaultHost, port: options.port ?? defaultPort });
    refuseOpenListeners(this.#listeners, this.security.users.count);
    this.#dispatch = new ApiDispatch(servedApis, this, this.logger);
    this.#server = this.#newServer();
    this.#renewCertificates();
  }

  #newShareDelivery(timers: Timers): ShareDelivery {
    const { config, logs } = this;
    const partitions = new SharePartitions({
      log: this.#shareStateTopic,
      timers,
      settingsOf: (group) => shareGroupSettings(config, this.configs.groupValue.bind(this.configs), group),
      updatesPerSnapshot: config.number('share.coordinator.snapshot.update.records.per.snapshot'),
      leaderEpoch: logs.leaderEpoch,
    });
    return new ShareDelivery(partitions, new ShareSessions(config.number('group.share.max.share.sessions')));
  }

  #newShareGroups(timers: Timers): ShareGroups {
    const { partitions } = this.share;
    return new ShareGroups({
      timers,
      log: this.#offsetsTopic,
      topics: this.topics,
      sizeMax: this.config.number('group.share.max.size'),
      settingsOf: partitions.settingsOf,
      isTaken: (group) => this.groups.has(group),
      forgetDelivery: (group, done) => partitions.delete(partitions.ofGroup(group), done),
    });
  }

  /** New keys and certificates count when they can be used: from the next handshake on (KIP-226). */
  #renewCertificates(): void {
    this.configs.onCheck((candidate) => {
      for (const listener of this.#listeners) if (listener.usesTls) tlsOptions(currentListener(listener, candidate));
    });
    this.configs.onChanged(({ kind }) => {
      if (kind === 'broker') this.#server.renewTls(this.config);
    });
  }

  #newServer(): Server {
    const { config, logger, security } = this;
    return new Server({
      listeners: this.#listeners.map((listener) => ({
        listener,
        authentication: security.authenticationOf(listener),
      })),
      loginMaxBytes: config.number('sasl.server.max.receive.size'),
      limits: () => connectionLimits(config, security.quotas),
      requestMaxBytes: config.number('socket.request.max.bytes'),
      requestMemoryBytes: config.number('queued.max.request.bytes'),
      idleMs: config.number('connections.max.idle.ms'),
      dispatch: this.#dispatch,
      logger,
    });
  }

  get address(): BrokerAddress {
    const [first] = this.#addresses.values();
    if (first === undefined) throw new Error('The broker does not listen yet.');
    return first;
  }

  get addresses(): ReadonlyMap<string, BrokerAddress> {
    return this.#addresses;
  }

  get bootstrap(): string {
    const known = this.#listeners[0]!.advertised ?? this.address;
    const { advertisedHost = known.host, advertisedPort = known.port } = this.#options;
    const host = wildcardHosts.has(advertisedHost) ? 'localhost' : advertisedHost;
    return host.includes(':') ? `[${host}]:${advertisedPort}` : `${host}:${advertisedPort}`;
  }

  /** Groups and transactions are replayed before the first client is heard. */
  async listen(): Promise<void> {
    await this.#offsetsTopic.open();
    this.#offsetsTopic.replay({
      record: (record, producerId) => {
        if (record.type === 'share-group') this.groups.shares.replay(record);
        else this.groups.replay(record, producerId);
      },
      marker: (partition, producerId, isCommit) => this.#endOffsets(partition, producerId, isCommit),
    });
    this.groups.replayed();
    this.groups.shares.replayed();
    this.#replayShareState();
    this.#transactionTopic.replay((...found) => this.transactions.replay(...found));
    await this.transactions.start();
    const bound = await this.#server.listen();
    this.#addresses = new Map(this.#listeners.map(({ name }, index) => [name, bound[index]!]));
    this.logs.start((log) => abortOrphans(log, this));
    this.#expiry = setInterval(() => this.groups.expire(), this.config.number('offsets.retention.check.interval.ms'));
    this.#expiry.unref();
    const pruneMs = this.config.number('share.coordinator.state.topic.prune.interval.ms');
    this.#pruning = setInterval(() => this.#pruneShareState(), pruneMs);
    this.#pruning.unref();
  }

  /** What was being deleted when the broker stopped is deleted now. */
  #replayShareState(): void {
    const { partitions } = this.share;
    this.#shareStateTopic.replay((record, offset) => partitions.replay(record, offset));
    partitions.replayed();
    const isWanted = ({ group, topicId, partition }: SharePartitionKey): boolean =>
      this.groups.shares.get(group)?.initialized.get(topicId)?.partitions.has(partition) === true &&
      this.topics.byId(topicId) !== undefined;
    const left = [...partitions.all()].filter(({ key }) => !isWanted(key));
    partitions.delete(left, () => {});
  }

  #pruneShareState(): void {
    const topic = this.#shareStateTopic;
    topic.prune((partition, logEndOffset) =>
      this.share.partitions.neededFrom((key) => topic.partitionOf(key) === partition, logEndOffset),
    );
  }

  endpoint(session: Session): BrokerAddress {
    const { listener, localHost, localPort } = session;
    if (listener.advertised !== null) return listener.advertised;
    const { advertisedHost = listener.host, advertisedPort = localPort } = this.#options;
    return { host: wildcardHosts.has(advertisedHost) ? localHost : advertisedHost, port: advertisedPort };
  }

  log(topic: string, partition: number): PartitionLog {
    return this.topics.log(topic, partition);
  }

  existingLog(topic: string, partition: number): PartitionLog | undefined {
    return this.topics.existingLogOf(topic, partition);
  }

  collect(): BrokerMetricFamily[] {
    return collectBrokerMetrics(this, this.#dispatch.stats);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #endOffsets(partition: number, producerId: number, isCommit: boolean): void {
    const isKeptThere = (group: string): boolean => this.#offsetsTopic.partitionOf(group) === partition;
    this.groups.endTransaction(producerId, isCommit, isKeptThere);
  }

  async #stop(): Promise<void> {
    if (this.#expiry !== null) clearInterval(this.#expiry);
    if (this.#pruning !== null) clearInterval(this.#pruning);
    this.groups.stop();
    this.groups.shares.stop();
    this.share.partitions.stop();
    this.transactions.stop();
    await this.#server.stop();
    await this.logs.close();
  }
}

function coordinatorConfig(config: BrokerConfig): CoordinatorConfig {
  return {
    sessionTimeoutMsMin: config.number('group.min.session.timeout.ms'),
    sessionTimeoutMsMax: config.number('group.max.session.timeout.ms'),
    sizeMax: config.number('group.max.size'),
    initialDelayMs: config.number('group.initial.rebalance.delay.ms'),
    offsetMetadataBytesMax: config.number('offset.metadata.max.bytes'),
    offsetsRetentionMs: config.number('offsets.retention.minutes') * 60_000,
  };
}

function transactionConfig(config: BrokerConfig): TransactionConfig {
  return {
    timeoutMsMax: config.number('transaction.max.timeout.ms'),
    idExpirationMs: config.number('transactional.id.expiration.ms'),
    abortIntervalMs: config.number('transaction.abort.timed.out.transaction.cleanup.interval.ms'),
    expiryIntervalMs: config.number('transaction.remove.expired.transaction.cleanup.interval.ms'),
  };
}
