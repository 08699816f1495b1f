/**
 * The log keeper that lives in memory: for tests, and the smallest true reading of the port.
 *
 * Real partitions, offsets and consumer groups with rebalances between members of one process; no disk, no socket, no
 * retention, no compaction. `beforeAppend` lets a test delay or refuse an append.
 */
import {
  type ConsumerOptions,
  type ConsumerRecord,
  type LogClient,
  type LogConsumer,
  LogError,
  type LogProducer,
  type LogReader,
  type LogTable,
  type NewTopic,
  type OffsetAndMetadata,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
  type TopicDescription,
  type TopicPartition,
  type TransactionalProducer,
  type TransactionalProducerOptions,
} from './client.ts';
import { MemoryConsumer, MemoryGroup } from './memory-group.ts';
import { MemoryTransactions } from './memory-transactions.ts';
import { Partitioner } from './partitioner.ts';

export interface MemoryLogOptions {
  /** Partitions of a topic created with -1. */
  readonly defaultPartitions?: number;
  /** Awaited before each append, in order; a throw refuses the whole send. For tests. */
  beforeAppend?: (records: readonly ProducerRecord[]) => void | Promise<void>;
  /** Awaited before each commit of a transaction; a throw refuses it. For tests. */
  beforeCommit?: (transactionalId: string) => void | Promise<void>;
}

interface MemoryTopic {
  readonly partitions: ConsumerRecord[][];
  readonly config: Readonly<Record<string, string>>;
}

/** The name of a partition as a map key. */
export const partitionKey = (partition: TopicPartition): string => `${partition.topic}-${partition.partition}`;

export class MemoryLog implements LogClient {
  readonly options: MemoryLogOptions;
  readonly transactions = new MemoryTransactions();
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #listeners = new Set<() => void>();

  constructor(options: MemoryLogOptions = {}) {
    this.options = options;
  }

  async createTopics(topics: readonly NewTopic[]): Promise<readonly string[]> {
    const created: string[] = [];
    for (const { topic, partitions, config } of topics) {
      if (this.#topics.has(topic)) continue;
      const count = partitions === -1 ? (this.options.defaultPartitions ?? 1) : partitions;
      this.#topics.set(topic, { partitions: Array.from({ length: count }, () => []), config: config ?? {} });
      created.push(topic);
    }
    if (created.length > 0) for (const group of this.#groups.values()) group.topicsChanged();
    return created;
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#topics.delete(topic);
    for (const group of this.#groups.values()) group.topicsChanged();
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return (names ?? [...this.#topics.keys()]).flatMap((topic) => {
      const found = this.#topics.get(topic);
      if (found === undefined) return [];
      return [{ topic, partitions: found.partitions.length, isInternal: topic.startsWith('__') }];
    });
  }

  /** Kafka's default where a topic says nothing. */
  async cleanupPolicy(topic: string): Promise<string | null> {
    return this.topicConfig(topic)?.['cleanup.policy'] ?? 'delete';
  }

  async offsets(partition: TopicPartition): Promise<{ logStartOffset: number; logEndOffset: number }> {
    return { logStartOffset: 0, logEndOffset: this.records(partition).length };
  }

  producer(options?: Partial<ProducerOptions>): LogProducer {
    return new MemoryProducer(this, new Partitioner(options?.overrides));
  }

  async transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    return this.transactions.open(this, options.transactionalId, new Partitioner(options.overrides));
  }

  consumer(options: ConsumerOptions): LogConsumer {
    return new MemoryConsumer(this, this.group(options.group), options);
  }

  async table(topic: string, onRecord: (record: ConsumerRecord) => void): Promise<LogTable> {
    const partitions = this.#topics.get(topic)?.partitions;
    if (partitions === undefined) throw unknownPartition({ topic, partition: 0 });
    const read = partitions.map(() => 0);
    const follow = () => {
      for (const [index, records] of partitions.entries()) {
        while (read[index]! < records.length) {
          const record = records[read[index]!]!;
          const outcome = this.transactions.outcomeOf(record);
          if (outcome === 'open') break;
          read[index]!++;
          if (outcome === 'committed') onRecord(record);
        }
      }
    };
    follow();
    const stopListening = this.onAppend(follow);
    return { readToEnd: async () => follow(), close: async () => stopListening() };
  }

  reader(partition: TopicPartition): LogReader {
    return {
      read: async (offset) => {
        const record = this.records(partition)[offset];
        return record === undefined || this.transactions.outcomeOf(record) !== 'committed' ? null : record;
      },
      close: async () => {},
    };
  }

  async groupOffsets(group: string): Promise<readonly OffsetAndMetadata[]> {
    return [...this.group(group).offsets.values()];
  }

  async alterGroupOffsets(group: string, offsets: readonly OffsetAndMetadata[]): Promise<void> {
    const found = this.group(group);
    found.refuseWhileAlive();
    for (const offset of offsets) found.offsets.set(partitionKey(offset), offset);
  }

  async deleteGroup(group: string): Promise<void> {
    this.group(group).refuseWhileAlive();
    this.#groups.delete(group);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** What a reader of committed data sees of a partition, for a test's own look. */
  committed(partition: TopicPartition): readonly ConsumerRecord[] {
    return this.records(partition).filter((record) => this.transactions.outcomeOf(record) === 'committed');
  }

  /** All records of a partition, whatever became of their transactions. */
  records(partition: TopicPartition): readonly ConsumerRecord[] {
    const records = this.#topics.get(partition.topic)?.partitions[partition.partition];
    if (records === undefined) throw unknownPartition(partition);
    return records;
  }

  partitionCount(topic: string): number {
    return this.#topics.get(topic)?.partitions.length ?? 0;
  }

  topicConfig(topic: string): Readonly<Record<string, string>> | undefined {
    return this.#topics.get(topic)?.config;
  }

  topicNames(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Calls `listener` after each append until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something can be read that could not before. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Appends at once and in order. */
  append(
    records: readonly ProducerRecord[],
    partitioner: Partitioner,
    transaction?: Parameters<MemoryTransactions['note']>[1],
  ): RecordMetadata[] {
    const now = Date.now();
    const placed = records.map((record) => {
      const count = this.partitionCount(record.topic);
      if (count === 0) throw unknownPartition({ topic: record.topic, partition: record.partition ?? 0 });
      const partition = record.partition ?? partitioner.partition(record, count);
      return { partition, log: this.records({ topic: record.topic, partition }) as ConsumerRecord[] };
    });
    const metadata = records.map((record, index) => {
      const { partition, log } = placed[index]!;
      const stored = copyOf(record, partition, log.length, now);
      log.push(stored);
      if (transaction !== undefined) this.transactions.note(stored, transaction);
      return { topic: record.topic, partition, offset: stored.offset, timestamp: stored.timestamp };
    });
    this.changed();
    return metadata;
  }

  group(name: string): MemoryGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new MemoryGroup(name, this);
      this.#groups.set(name, group);
    }
    return group;
  }
}

/** Copies: the producer's buffers are only borrowed. */
function copyOf(record: ProducerRecord, partition: number, offset: number, now: number): ConsumerRecord {
  return {
    topic: record.topic,
    partition,
    offset,
    timestamp: record.timestamp ?? now,
    key: record.key === null ? null : Buffer.from(record.key),
    value: record.value === null ? null : Buffer.from(record.value),
    headers:
      record.headers.length === 0
        ? noHeaders
        : record.headers.map(({ key, value }) => ({ key, value: value === null ? null : Buffer.from(value) })),
  };
}

const noHeaders: readonly never[] = [];

function unknownPartition({ topic, partition }: TopicPartition): LogError {
  return new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Partition ${partition} of topic "${topic}" does not exist.`, {
    retriable: true,
  });
}

class MemoryProducer implements LogProducer {
  readonly #log: MemoryLog;
  readonly #partitioner: Partitioner;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(log: MemoryLog, partitioner: Partitioner) {
    this.#log = log;
    this.#partitioner = partitioner;
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    const turn = this.#previous.then(async () => {
      await this.#log.options.beforeAppend?.(records);
      return this.#log.append(records, this.#partitioner);
    });
    this.#previous = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    await this.#previous;
  }
}
