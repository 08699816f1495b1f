/**
 * A Kafka cluster as the CLI sees it: who leads which partition, and Kafka's refusals as the CLI's errors.
 *
 * Works against the built-in broker and against any other; connections are opened when first needed and all closed at
 * the end of the command.
 */
import type { Command } from 'commander';
import { ErrorCode, errorName, isRetriable } from '../../broker/protocol/error-codes.ts';
import type { MetadataResponse } from '../../broker/protocol/messages/generated/metadata-response.ts';
import { CliError } from '../errors.ts';
import * as calls from './calls.ts';
import { type ClientSecurity, clientSecurity, type PropertyOptions, withProperties } from './client-properties.ts';
import { KafkaConnection } from './connection.ts';

const BOOTSTRAP_DEFAULT = '127.0.0.1:9092';

export interface PartitionLeader {
  readonly partition: number;
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
}

export interface TopicMetadata {
  readonly topic: string;
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionLeader[];
}

/** Declares `-b`, kcat's flag for where the cluster is. */
export function withBrokers(command: Command): Command {
  return withProperties(
    command.option(
      '-b, --brokers <list>',
      'host:port of one or more brokers ($MILLRACE_BROKERS)',
      process.env.MILLRACE_BROKERS ?? BOOTSTRAP_DEFAULT,
    ),
  );
}

/** What those options say. */
export interface ClusterOptions extends PropertyOptions {
  readonly brokers: string;
}

/** Runs one command's work on a cluster and closes every connection afterwards. */
export async function withCluster<T>(options: ClusterOptions, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const addresses = options.brokers.split(',').map((address) => address.trim());
  const cluster = new Cluster(addresses, clientSecurity(options));
  try {
    return await work(cluster);
  } finally {
    cluster.close();
  }
}

export class Cluster {
  readonly #bootstrap: readonly string[];
  readonly #security: ClientSecurity;
  readonly #connections = new Map<string, Promise<KafkaConnection>>();
  readonly #addresses = new Map<number, string>();

  constructor(bootstrap: readonly string[], security = clientSecurity({})) {
    this.#bootstrap = bootstrap;
    this.#security = security;
  }

  /** Any broker that answers. */
  async any(): Promise<KafkaConnection> {
    let failure: unknown;
    for (const address of this.#bootstrap) {
      try {
        return await this.#connection(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The broker with this id, as the last metadata named it. */
  async node(id: number): Promise<KafkaConnection> {
    const address = this.#addresses.get(id);
    return address === undefined ? this.any() : this.#connection(address);
  }

  #connection(address: string): Promise<KafkaConnection> {
    let connection = this.#connections.get(address);
    if (connection === undefined) {
      connection = KafkaConnection.open(address, this.#security);
      connection.catch(() => this.#connections.delete(address));
      this.#connections.set(address, connection);
    }
    return connection;
  }

  /** Forgets the connections, so that the next request opens new ones: after a broker went away. */
  reset(): void {
    for (const connection of this.#connections.values())
      connection.then(
        (open) => open.close(),
        () => undefined,
      );
    this.#connections.clear();
  }

  async metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    const connection = await this.any();
    const answer = await connection.request(calls.metadata, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    for (const { nodeId, host, port } of answer.brokers) {
      this.#addresses.set(nodeId, `${host.includes(':') ? `[${host}]` : host}:${port}`);
    }
    return answer;
  }

  /** All topics, sorted by name. */
  async topics(): Promise<TopicMetadata[]> {
    const { topics } = await this.metadata(null);
    return topics.map(describe).sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  /** One topic. NOT_FOUND when there is none of that name. */
  async topic(name: string): Promise<TopicMetadata> {
    const { topics } = await this.metadata([name]);
    const found = topics[0];
    if (found === undefined) throw unknownTopic(name);
    if (found.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) throw unknownTopic(name);
    check(found.errorCode, `Topic ${name}`);
    return describe(found);
  }

  /**
   * Offsets at a time: -2 the first kept, -1 the next to be written, else the first record at or after that many
   * milliseconds (-1 where there is none).
   */
  async offsetsAt(
    topic: TopicMetadata,
    partitions: readonly number[],
    timestamp: number,
  ): Promise<Map<number, number>> {
    const offsets = new Map<number, number>();
    for (const [leader, group] of byLeader(topic, partitions)) {
      const connection = await this.node(leader);
      const answer = await connection.request(calls.listOffsets, {
        replicaId: -1,
        topics: [{ name: topic.topic, partitions: group.map((partitionIndex) => ({ partitionIndex, timestamp })) }],
      });
      for (const { partitionIndex, errorCode, offset } of answer.topics[0]?.partitions ?? []) {
        check(errorCode, `Partition ${topic.topic}-${partitionIndex}`);
        offsets.set(partitionIndex, offset);
      }
    }
    return offsets;
  }

  close(): void {
    this.reset();
  }
}

/** Partitions grouped by the broker that leads them. */
export function byLeader(topic: TopicMetadata, partitions: readonly number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const partition of partitions) {
    const leader = topic.partitions.find((candidate) => candidate.partition === partition)?.leader;
    if (leader === undefined) {
      throw new CliError('NOT_FOUND', `Topic ${topic.topic} has no partition ${partition}.`, {
        next: `It has partitions 0 to ${topic.partitions.length - 1}.`,
      });
    }
    const group = groups.get(leader);
    if (group === undefined) groups.set(leader, [partition]);
    else group.push(partition);
  }
  return groups;
}

/** Throws what a non-zero error code of the protocol means for a command. */
export function check(code: number, subject: string, said: string | null = null): void {
  if (code === ErrorCode.NONE) return;
  const name = errorName(code);
  const message = `${subject}: ${said ?? 'refused'} (${name}).`;
  if (code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) throw new CliError('NOT_FOUND', message);
  if (code === ErrorCode.TOPIC_ALREADY_EXISTS) throw new CliError('CONFLICT', message);
  if (name.endsWith('AUTHORIZATION_FAILED')) throw new CliError('REFUSED', message);
  if (code === ErrorCode.REQUEST_TIMED_OUT) throw new CliError('TIMEOUT', message);
  throw new CliError('FAILED', message, isRetriable(code) ? { next: 'Try again: the broker says this may pass.' } : {});
}

function unknownTopic(name: string): CliError {
  return new CliError('NOT_FOUND', `There is no topic ${name}.`, {
    next: `See what there is with: millrace topic ls — or create it with: millrace topic create ${name}`,
  });
}

function describe(topic: MetadataResponse['topics'][number]): TopicMetadata {
  const partitions = topic.partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
    partition: partitionIndex,
    leader: leaderId,
    replicas: replicaNodes,
    inSyncReplicas: isrNodes,
  }));
  return {
    topic: topic.name ?? '',
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions: partitions.sort((a, b) => a.partition - b.partition),
  };
}
