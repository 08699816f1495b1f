/**
 * The built-in broker's own keeper of the port in `runtime/log/client.ts`: the worker's way to the log when both live in
 * one process. Batches go to the logs' append and come from their read without a socket; groups are the coordinator's
 * own, so that any Kafka client sees them.
 *
 * `cli/up.ts` opens one for the worker and closes it before the broker stops.
 */
import type { Broker } from '../broker.ts';
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { InProcessConsumer } from './consumer.ts';
import { asLogError, InProcessLogError, refusal } from './errors.ts';
import { commitOffsets } from './offsets.ts';
import { InProcessProducer } from './producer.ts';
import { InProcessReader } from './reader.ts';
import { InProcessTable } from './table.ts';
import { type InProcessTransactionalProducer, openTransactionalProducer } from './transactional-producer.ts';
import {
  type ConsumerOptions,
  type ConsumerRecord,
  type NewTopic,
  type OffsetAndMetadata,
  type ProducerOptions,
  partitionName,
  type TopicPartition,
  type TransactionalProducerOptions,
} from './types.ts';

interface Closable {
  close(): Promise<void>;
}

/** Opens the keeper on a running broker. Close it before the broker stops. */
export function inProcessLog(broker: Broker): InProcessLog {
  return new InProcessLog(broker);
}

/** Every method may be called concurrently. */
class InProcessLog {
  readonly #broker: Broker;
  readonly #open = new Set<Closable>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Creates what does not exist yet and answers the names it created. A replication factor above 1 cannot be had. */
  async createTopics(topics: readonly NewTopic[]): Promise<readonly string[]> {
    const wanted = topics.filter(({ topic }) => this.#broker.topics.get(topic) === undefined);
    if (wanted.length === 0) return [];
    for (const topic of wanted) refuseReplicas(topic);
    const outcomes = await this.#broker.topics.create(
      wanted.map(({ topic, partitions, config }) => ({
        name: topic,
        partitions,
        ...(config === undefined ? {} : { config }),
      })),
    );
    const created: string[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      if (!(outcome instanceof Error)) created.push(wanted[i]!.topic);
      // Somebody else was faster: the topic is there, which is what was asked for.
      else if (errorNameOf(outcome) !== 'TOPIC_ALREADY_EXISTS') {
        throw asLogError(outcome, `Topic "${wanted[i]!.topic}" was not created`);
      }
    }
    return created;
  }

  /** Topics that do not exist are passed over. */
  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      if (this.#broker.topics.get(topic) === undefined) continue;
      try {
        await this.#broker.topics.delete(topic);
      } catch (error) {
        throw asLogError(error, `Topic "${topic}" was not deleted`);
      }
    }
  }

  async describeTopics(
    names?: readonly string[],
  ): Promise<readonly { topic: string; partitions: number; isInternal: boolean }[]> {
    const { topics } = this.#broker;
    const found = names === undefined ? [...topics.all()] : names.flatMap((name) => topics.get(name) ?? []);
    return found.map(({ name, partitions, isInternal }) => ({ topic: name, partitions, isInternal }));
  }

  /** Null for a topic that is not there. */
  async cleanupPolicy(topic: string): Promise<string | null> {
    const config = this.#broker.topics.get(topic)?.config;
    return config === undefined ? null : config.cleanupPolicy.join(',');
  }

  async offsets(partition: TopicPartition): Promise<{ logStartOffset: number; logEndOffset: number }> {
    const { logStartOffset, highWatermark } = this.#logOf(partition);
    return { logStartOffset, logEndOffset: highWatermark };
  }

  producer(options: ProducerOptions): InProcessProducer {
    return new InProcessProducer(this.#broker, options);
  }

  /** Fences whoever had the transactional id, and aborts what it left open. */
  transactionalProducer(options: TransactionalProducerOptions): Promise<InProcessTransactionalProducer> {
    return openTransactionalProducer(this.#broker, options);
  }

  consumer(options: ConsumerOptions): InProcessConsumer {
    const consumer: InProcessConsumer = new InProcessConsumer(this.#broker, options, () => this.#open.delete(consumer));
    this.#open.add(consumer);
    return consumer;
  }

  /** What no other topic has, here or in another cluster; null for one that is not there. */
  async identityOf(topic: string): Promise<string | null> {
    const topicId = this.#broker.topics.get(topic)?.topicId;
    return topicId === undefined ? null : `${this.#broker.clusterId}/${topicId.toString()}`;
  }

  /** `from`: the offset at which to begin, for topics of one partition whose reader kept what is before it. */
  async table(topic: string, onRecord: (record: ConsumerRecord) => void, from?: number): Promise<InProcessTable> {
    const count = this.#broker.topics.get(topic)?.partitions;
    if (count === undefined) throw refusal('UNKNOWN_TOPIC_OR_PARTITION', `Topic "${topic}" does not exist.`);
    const logs = Array.from({ length: count }, (_, partition) => this.#logOf({ topic, partition }));
    const table: InProcessTable = new InProcessTable(logs, onRecord, () => this.#open.delete(table), from);
    this.#open.add(table);
    return table;
  }

  reader(partition: TopicPartition): InProcessReader {
    return new InProcessReader(() => this.#logOf(partition));
  }

  async groupOffsets(group: string): Promise<readonly OffsetAndMetadata[]> {
    const committed = this.#broker.groups.offsets(group);
    return committed.map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }));
  }

  async alterGroupOffsets(group: string, offsets: readonly OffsetAndMetadata[]): Promise<void> {
    if (offsets.length === 0) return;
    this.#refuseWhileAlive(group);
    const nobody = { group, memberId: '', groupInstanceId: null, generationId: -1 };
    const errors = await commitOffsets(this.#broker, nobody, offsets);
    const index = errors.findIndex((error) => error !== 'NONE');
    if (index < 0) return;
    throw refusal(errors[index]!, `Group "${group}" did not take an offset of ${partitionName(offsets[index]!)}.`);
  }

  /** A group that does not exist is as good as deleted. */
  async deleteGroup(group: string): Promise<void> {
    const error = await new Promise<string>((resolve) => this.#broker.groups.delete(group, resolve));
    if (error === 'NONE' || error === 'GROUP_ID_NOT_FOUND') return;
    if (error === 'NON_EMPTY_GROUP') this.#refuseWhileAlive(group);
    throw asLogError(Object.assign(new Error(error), { code: error }), `Group "${group}" was not deleted`);
  }

  #refuseWhileAlive(group: string): void {
    const { members } = this.#broker.groups.describe(group);
    if (members.length === 0) return;
    throw refusal('NON_EMPTY_GROUP', `Group "${group}" still has ${members.length} member(s). Stop them first.`);
  }

  #logOf(partition: TopicPartition): PartitionLog {
    try {
      return this.#broker.log(partition.topic, partition.partition);
    } catch (error) {
      throw asLogError(error, `The log of ${partitionName(partition)} cannot be had`);
    }
  }

  /** Closes the consumers and tables that are still open; the broker goes on. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((each) => each.close()));
  }
}

function refuseReplicas({ topic, replicationFactor }: NewTopic): void {
  if (replicationFactor === 1 || replicationFactor === -1) return;
  const message =
    `Topic "${topic}" asks for ${replicationFactor} replicas, but this broker is alone: one is all there can be. ` +
    'Set the replication factor to 1 or -1.';
  throw new InProcessLogError('INVALID_REPLICATION_FACTOR', message, { retriable: false });
}
