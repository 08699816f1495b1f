/**
 * The log keeper for any Kafka cluster (or Redpanda), over kafkajs. `worker --config` runs on this one.
 *
 * What kafkajs cannot do: headers with different names lose their order among each other, a header without a value gets
 * an empty one, and the offsets of a group are set by joining it for a moment, without their metadata.
 */
import kafkajs, { type Admin, type ISocketFactory, Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import type {
  ConsumerOptions,
  ConsumerRecord,
  LogClient,
  LogConsumer,
  LogProducer,
  LogReader,
  LogTable,
  NewTopic,
  OffsetAndMetadata,
  ProducerOptions,
  TopicDescription,
  TopicPartition,
  TransactionalProducer,
  TransactionalProducerOptions,
} from './client.ts';
import { LogError } from './client.ts';
import { registerCodecs } from './kafka-codecs.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { asLogError, withLogErrors } from './kafka-errors.ts';
import { KafkaProducer, kafkaAppender } from './kafka-producer.ts';
import { KafkaReader } from './kafka-reader.ts';
import { wholeResponses } from './kafka-socket.ts';
import { openKafkaTable } from './kafka-table.ts';
import { openKafkaTransactions } from './kafka-transactions.ts';

export interface KafkaLogOptions {
  readonly bootstrapServers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
}

/** Connects; rejects with a retriable LogError when no broker answers. */
export async function kafkaLog(options: KafkaLogOptions): Promise<LogClient & { readonly clusterId: string }> {
  registerCodecs();
  const config: KafkaConfig = {
    clientId: options.clientId ?? 'millrace',
    brokers: [...options.bootstrapServers],
    logLevel: logLevel.NOTHING,
    socketFactory: wholeResponses,
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
  };
  const kafka = new Kafka(config);
  const admin = kafka.admin();
  await withLogErrors(`Connecting to ${options.bootstrapServers.join(', ')}`, admin.connect());
  const { clusterId } = await withLogErrors('Asking for the cluster', admin.describeCluster());
  return new KafkaLog(config, kafka, admin, clusterId);
}

interface Closable {
  close(): Promise<void>;
}

const LEADERLESS_TRIES = 20;
const LEADERLESS_WAIT_MS = 100;

class KafkaLog implements LogClient {
  readonly #config: KafkaConfig;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly clusterId: string;
  readonly #open = new Set<Closable>();

  constructor(config: KafkaConfig, kafka: Kafka, admin: Admin, clusterId: string) {
    this.#config = config;
    this.#kafka = kafka;
    this.#admin = admin;
    this.clusterId = clusterId;
  }

  async createTopics(topics: readonly NewTopic[]): Promise<readonly string[]> {
    const existing = new Set(await this.#topicNames());
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return [];
    try {
      await this.#admin.createTopics({
        // kafkajs waits for leaders once, and takes a topic that no broker has heard of yet for one that is not there.
        waitForLeaders: false,
        topics: missing.map(({ topic, partitions, replicationFactor, config }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(config ?? {}).map(([name, value]) => ({ name, value })),
        })),
      });
    } catch (error) {
      const refused = asLogError(error, `Creating ${missing.map(({ topic }) => topic).join(', ')}`);
      if (refused.code !== 'TOPIC_ALREADY_EXISTS') throw refused;
    }
    const created = missing.map(({ topic }) => topic);
    await this.#areThere(created);
    return created;
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await withLogErrors('Deleting topics', this.#admin.deleteTopics({ topics: [...topics] }));
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    const existing = await this.#topicNames();
    const wanted = names === undefined ? existing : existing.filter((topic) => names.includes(topic));
    if (wanted.length === 0) return [];
    const { topics } = await withLogErrors('Describing topics', this.#admin.fetchTopicMetadata({ topics: wanted }));
    return topics.map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.length,
      isInternal: name.startsWith('__'),
    }));
  }

  /** Who may not look at configs is not kept from anything else. */
  async cleanupPolicy(topic: string): Promise<string | null> {
    try {
      const { resources } = await this.#admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }],
      });
      return resources[0]?.configEntries.find(({ configName }) => configName === 'cleanup.policy')?.configValue ?? null;
    } catch (error) {
      const refused = asLogError(error, `Looking at the config of topic "${topic}"`);
      if (refused.retriable) throw refused;
      return null;
    }
  }

  async offsets(partition: TopicPartition): Promise<{ logStartOffset: number; logEndOffset: number }> {
    const known = await this.describeTopics([partition.topic]);
    if ((known[0]?.partitions ?? 0) <= partition.partition) {
      const message = `Partition ${partition.partition} of topic "${partition.topic}" does not exist.`;
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { retriable: true });
    }
    const all = await this.#topicOffsets(partition.topic);
    const found = all.find((each) => each.partition === partition.partition)!;
    return { logStartOffset: Number(found.low), logEndOffset: Number(found.high) };
  }

  producer(options: ProducerOptions): LogProducer {
    return this.#kept(new KafkaProducer(kafkaAppender(this.#kafka), options, (topic) => this.#partitionsOf(topic)));
  }

  async transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    return this.#kept(await openKafkaTransactions(this.#kafka, options, (topic) => this.#partitionsOf(topic)));
  }

  consumer(options: ConsumerOptions): LogConsumer {
    const open = (socketFactory: ISocketFactory) => new Kafka({ ...this.#config, socketFactory });
    return this.#kept(new KafkaConsumer(open, this, options));
  }

  async table(topic: string, onRecord: (record: ConsumerRecord) => void): Promise<LogTable> {
    return this.#kept(await openKafkaTable(this.#kafka, this, topic, onRecord));
  }

  reader(partition: TopicPartition): LogReader {
    return this.#kept(new KafkaReader(this.#kafka, this, partition));
  }

  async groupOffsets(group: string): Promise<readonly OffsetAndMetadata[]> {
    const answer = await withLogErrors('Fetching offsets', this.#admin.fetchOffsets({ groupId: group }));
    return answer.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ offset }) => Number(offset) >= 0)
        .map(({ partition, offset, metadata }) => ({
          topic,
          partition,
          offset: Number(offset),
          ...(metadata ? { metadata } : {}),
        })),
    );
  }

  async alterGroupOffsets(group: string, offsets: readonly OffsetAndMetadata[]): Promise<void> {
    await this.#refuseWhileAlive(group);
    for (const [topic, members] of Map.groupBy(offsets, (each) => each.topic)) {
      const partitions = members.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
      await withLogErrors('Setting offsets', this.#admin.setOffsets({ groupId: group, topic, partitions }));
    }
  }

  async deleteGroup(group: string): Promise<void> {
    try {
      await this.#admin.deleteGroups([group]);
    } catch (error) {
      const refused = asLogError(error, `Deleting group "${group}"`);
      if (refused.code !== 'GROUP_ID_NOT_FOUND') throw refused;
    }
  }

  /** What is still open is closed too: a connection left behind keeps the process alive. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((each) => each.close()));
    await this.#admin.disconnect();
  }

  #kept<T extends Closable>(each: T): T {
    const close = each.close.bind(each);
    this.#open.add(each);
    each.close = async () => {
      this.#open.delete(each);
      await close();
    };
    return each;
  }

  /** Until the cluster knows what it has just agreed to create. */
  async #areThere(topics: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { topics: known } = await withLogErrors(
          'Waiting for topics',
          this.#admin.fetchTopicMetadata({ topics: [...topics] }),
        );
        if (known.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
      } catch (error) {
        if (attempt === LEADERLESS_TRIES) throw error;
      }
      if (attempt === LEADERLESS_TRIES) return;
      await new Promise((resolve) => setTimeout(resolve, LEADERLESS_WAIT_MS));
    }
  }

  /** A topic that was just created has no leader for a moment, which kafkajs answers with a TypeError of its own. */
  async #topicOffsets(topic: string) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await withLogErrors('Listing offsets', this.#admin.fetchTopicOffsets(topic));
      } catch (error) {
        if (attempt === LEADERLESS_TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, LEADERLESS_WAIT_MS));
      }
    }
  }

  async #refuseWhileAlive(group: string): Promise<void> {
    const { groups } = await withLogErrors('Describing the group', this.#admin.describeGroups([group]));
    const members = groups[0]?.members.length ?? 0;
    if (members === 0) return;
    const message = `Group "${group}" still has ${members} members. Stop them first.`;
    throw new LogError('NON_EMPTY_GROUP', message, { retriable: false });
  }

  async #partitionsOf(topic: string): Promise<number> {
    const [described] = await this.describeTopics([topic]);
    return described?.partitions ?? 0;
  }

  #topicNames(): Promise<string[]> {
    return withLogErrors('Listing topics', this.#admin.listTopics());
  }
}
