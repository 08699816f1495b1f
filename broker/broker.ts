/**
 * The built-in broker, composed: data directory, metadata, group coordinator, sockets. Steps 5 to 8 of the record's
 * journey happen below. What it is not: it knows no connector, schema or JSON value, and no other room.
 *
 * `cli/up.ts` starts it; the in-process keeper uses the same object without a socket.
 */
import type { FileSystem } from './fs/file-system.ts';
import type { GroupCoordinator } from './groups/coordinator.ts';
import type { PartitionLog } from './log/partition-log.ts';
import type { Topics } from './metadata/topics.ts';

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
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** A running broker. */
export interface Broker {
  /** Where it listens. */
  readonly address: BrokerAddress;
  /** What clients are told: `host:port` to put into `bootstrap.servers`. */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly nodeId: number;
  /** Topics: look up, create, delete, configure. */
  readonly topics: Topics;
  /** Consumer groups and their offsets, without a socket between. */
  readonly groups: GroupCoordinator;
  /**
   * The log of a partition, made when it is first asked for. Append, read, wait (`onAdvance`) and offsets are its own
   * methods. Throws BrokerError UNKNOWN_TOPIC_OR_PARTITION.
   */
  log(topic: string, partition: number): PartitionLog;
  /** Finishes what is in flight, flushes, closes the data directory. Takes well under 10 s; a second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Opens the data directory (recovering it after a crash), replays metadata and groups, then listens. Rejects with
 * LogDirectoryError (another process holds the directory), BrokerConfigError, or Node's error for an address that
 * cannot be listened on.
 */
export type StartBroker = (options: BrokerOptions) => Promise<Broker>;
