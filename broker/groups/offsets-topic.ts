/**
 * The keeper of {@link GroupLog}: the internal topic `__consumer_offsets`, one partition per group by the hash of its
 * name as in Kafka, so that what concerns one group stays in order.
 */

import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import { type RecordVisitor, readLog } from '../metadata/read-log.ts';
import { offsetsTopic } from '../metadata/topic-names.ts';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { BatchBuilder } from '../protocol/records.ts';
import type { GroupLog, TransactionalProducer } from './group-log.ts';
import { type CoordinatorRecord, decodeRecord, type ReplayedRecord } from './records.ts';

interface OffsetsTopicOptions {
  readonly topics: Topics;
  readonly config: BrokerConfig;
  readonly now: () => number;
  readonly logger: { error(fields: object, message: string): void };
}

/** Is told what the topic holds. */
export interface OffsetsVisitor {
  /** `producerId` is -1 for what is part of no transaction. */
  record(record: ReplayedRecord, producerId: number): void;
  /** A transaction's end in one partition of the topic. */
  marker(partition: number, producerId: number, isCommit: boolean): void;
}

export class OffsetsTopic implements GroupLog {
  readonly #options: OffsetsTopicOptions;
  #topic: Topic | null = null;

  constructor(options: OffsetsTopicOptions) {
    this.#options = options;
  }

  /** Makes sure that the topic exists. Called once, before anything else. */
  async open(): Promise<void> {
    const { topics, config } = this.#options;
    const existing = topics.get(offsetsTopic);
    if (existing !== undefined) {
      this.#topic = existing;
      return;
    }
    const [outcome] = await topics.create([
      {
        name: offsetsTopic,
        partitions: config.number('offsets.topic.num.partitions'),
        config: { 'cleanup.policy': 'compact', 'segment.bytes': config.text('offsets.topic.segment.bytes') },
      },
    ]);
    if (outcome === undefined || outcome instanceof Error)
      throw outcome ?? new Error('The topic store gave no outcome.');
    this.#topic = outcome;
  }

  /** Reads everything, partition by partition: what concerns one group is in one partition, oldest first. */
  replay(visitor: OffsetsVisitor): void {
    const topic = this.#opened();
    for (let partition = 0; partition < topic.partitions; partition++) {
      const log = this.#options.topics.existingLog(topic, partition);
      if (log !== undefined) this.#replayLog(log, visitor);
    }
  }

  /** Which partition holds what concerns the group. */
  partitionOf(group: string): number {
    return partitionOfGroup(group, this.#opened().partitions);
  }

  append(
    group: string,
    records: readonly CoordinatorRecord[],
    done: (error: ErrorName | null) => void,
    producer?: TransactionalProducer,
  ): void {
    const topic = this.#opened();
    const now = this.#options.now();
    const builder = new BatchBuilder();
    for (const { key, value } of records) builder.append(now, key, value, []);
    try {
      const log = this.#options.topics.logOf(topic, partitionOfGroup(group, topic.partitions));
      const batch = builder.build(producer === undefined ? {} : { ...producer, isTransactional: true });
      log.append(batch, { acks: -1, origin: 'coordinator' }, (error) =>
        done(error === null ? null : toldToClients(error.code)),
      );
    } catch (error) {
      const name = errorNameOf(error);
      if (name === 'UNKNOWN_SERVER_ERROR') throw error;
      setImmediate(done, toldToClients(name));
    }
  }

  #replayLog(log: PartitionLog, visitor: OffsetsVisitor): void {
    const visit: RecordVisitor = ({ key, value, offset }, producerId) => {
      if (key === null) return;
      try {
        const record = decodeRecord(key, value);
        if (record !== null) visitor.record(record, producerId);
      } catch (err) {
        const fields = { err, topic: log.topic, partition: log.partition, offset };
        this.#options.logger.error(fields, 'A record of a consumer group cannot be read and is passed over.');
      }
    };
    readLog(log, visit, (producerId, isCommit) => visitor.marker(log.partition, producerId, isCommit));
  }

  #opened(): Topic {
    if (this.#topic === null) throw new Error('The offsets topic is not open yet.');
    return this.#topic;
  }
}

/** Clients know what to do with these (GroupCoordinatorService maps the same way). */
function toldToClients(error: ErrorName): ErrorName {
  switch (error) {
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR';
    case 'MESSAGE_TOO_LARGE':
      return 'INVALID_COMMIT_OFFSET_SIZE';
    default:
      return error;
  }
}

/** Java's `String.hashCode`, without its sign, modulo the partitions: where Kafka's tools look for a group. */
export function partitionOfGroup(group: string, partitions: number): number {
  let hash = 0;
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0;
  return (hash === -(2 ** 31) ? 0 : Math.abs(hash)) % partitions;
}
