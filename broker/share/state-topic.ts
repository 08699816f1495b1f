/**
 * The keeper of {@link ShareStateLog}: the internal topic `__share_group_state`, one partition per share-partition by the
 * hash of its name as in Kafka. It is made when the first share group comes; most brokers never need it.
 *
 * It is not compacted: an update says only what changed. What is before the last snapshot of everybody is deleted.
 */
import { errorNameOf } from '../errors.ts';
import { partitionOfGroup } from '../groups/offsets-topic.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import { readLog } from '../metadata/read-log.ts';
import { shareStateTopic } from '../metadata/topic-names.ts';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { BatchBuilder } from '../protocol/records.ts';
import type { Logger, ShareStateLog } from './ports.ts';
import { decodeState, type ReplayedState, type StateRecord } from './state-records.ts';
import type { SharePartitionKey } from './types.ts';

interface StateTopicOptions {
  readonly topics: Topics;
  readonly config: BrokerConfig;
  readonly now: () => number;
  readonly logger: Logger;
}

export class ShareStateTopic implements ShareStateLog {
  readonly #options: StateTopicOptions;
  #opening: Promise<void> | null = null;

  constructor(options: StateTopicOptions) {
    this.#options = options;
  }

  /** Makes sure that the topic exists. Rejects when it cannot. */
  open(): Promise<void> {
    if (this.#options.topics.get(shareStateTopic) !== undefined) return Promise.resolve();
    this.#opening ??= this.#create().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** Reads everything, partition by partition: what concerns one share-partition is in one, oldest first. */
  replay(visit: (record: ReplayedState, offset: number) => void): void {
    for (const log of this.#logs()) this.#replayLog(log, visit);
  }

  append(key: SharePartitionKey, record: StateRecord, done: (error: ErrorName | null, offset: number) => void): void {
    if (this.#options.topics.get(shareStateTopic) !== undefined) {
      this.#append(key, record, done);
      return;
    }
    this.open().then(
      () => this.#append(key, record, done),
      (error: unknown) => done(toldToClients(errorNameOf(error)), -1),
    );
  }

  /**
   * Deletes what is before the oldest snapshot still needed in each partition of the topic; `neededFrom` knows it, by the
   * partition, and is asked for no more than the log has.
   */
  prune(neededFrom: (partition: number, logEndOffset: number) => number): void {
    for (const log of this.#logs()) {
      if (!log.isOnline) continue;
      const offset = Math.min(neededFrom(log.partition, log.highWatermark), log.highWatermark);
      if (offset > log.logStartOffset) log.deleteRecords(offset);
    }
  }

  /** Which partition holds what concerns the share-partition. */
  partitionOf(key: SharePartitionKey): number {
    return partitionOfGroup(nameOf(key), this.#opened().partitions);
  }

  *#logs(): Generator<PartitionLog> {
    const topic = this.#options.topics.get(shareStateTopic);
    for (let partition = 0; partition < (topic?.partitions ?? 0); partition++) {
      const log = this.#options.topics.existingLog(topic!, partition);
      if (log !== undefined) yield log;
    }
  }

  #append(key: SharePartitionKey, record: StateRecord, done: (error: ErrorName | null, offset: number) => void): void {
    const builder = new BatchBuilder();
    builder.append(this.#options.now(), record.key, record.value, []);
    try {
      const topic = this.#opened();
      const log = this.#options.topics.logOf(topic, partitionOfGroup(nameOf(key), topic.partitions));
      const { baseOffset } = log.append(builder.build(), { acks: -1, origin: 'coordinator' }, (error) =>
        done(error === null ? null : toldToClients(error.code), baseOffset),
      );
    } catch (error) {
      const name = errorNameOf(error);
      if (name === 'UNKNOWN_SERVER_ERROR') throw error;
      setImmediate(done, toldToClients(name), -1);
    }
  }

  async #create(): Promise<void> {
    const { topics, config } = this.#options;
    const [outcome] = await topics.create([
      {
        name: shareStateTopic,
        partitions: config.number('share.coordinator.state.topic.num.partitions'),
        config: {
          'cleanup.policy': 'delete',
          'retention.ms': '-1',
          'segment.bytes': config.text('share.coordinator.state.topic.segment.bytes'),
        },
      },
    ]);
    if (outcome === undefined || outcome instanceof Error)
      throw outcome ?? new Error('The topic store gave no outcome.');
  }

  #replayLog(log: PartitionLog, visit: (record: ReplayedState, offset: number) => void): void {
    readLog(log, ({ key, value, offset }) => {
      if (key === null) return;
      try {
        const record = decodeState(key, value);
        if (record !== null) visit(record, offset);
      } catch (err) {
        const fields = { err, topic: log.topic, partition: log.partition, offset };
        this.#options.logger.error(fields, 'A record of a share group cannot be read and is passed over.');
      }
    });
  }

  #opened(): Topic {
    const topic = this.#options.topics.get(shareStateTopic);
    if (topic === undefined) throw new Error('The topic of share group state is not open yet.');
    return topic;
  }
}

/** Kafka's name of a share-partition as a coordinator's key. */
function nameOf({ group, topicId, partition }: SharePartitionKey): string {
  return `${group}:${topicId}:${partition}`;
}

/** Clients ask again (SharePartition.fetchPersisterError maps the same way). */
function toldToClients(error: ErrorName): ErrorName {
  switch (error) {
    case 'KAFKA_STORAGE_ERROR':
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return 'COORDINATOR_NOT_AVAILABLE';
    default:
      return 'UNKNOWN_SERVER_ERROR';
  }
}
