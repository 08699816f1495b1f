/**
 * The keeper of {@link TransactionLog}: the internal topic `__transaction_state`, one partition per transactional id by
 * the hash of its name as in Kafka. It is made when the first transactional producer comes; most brokers never need it.
 */
import { errorNameOf } from '../errors.ts';
import { partitionOfGroup } from '../groups/offsets-topic.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import { readLog } from '../metadata/read-log.ts';
import { transactionsTopic } from '../metadata/topic-names.ts';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { BatchBuilder } from '../protocol/records.ts';
import type { TransactionLog } from './ports.ts';
import { decodeTransaction, type TransactionRecord, type Unsynced, unsyncedOf } from './records.ts';
import type { Transaction } from './types.ts';

/** Called per record. */
export type TransactionVisitor = (transactionalId: string, transaction: Transaction | null, unsynced: Unsynced) => void;

interface TransactionTopicOptions {
  readonly topics: Topics;
  readonly config: BrokerConfig;
  readonly now: () => number;
  readonly logger: { error(fields: object, message: string): void };
}

export class TransactionTopic implements TransactionLog {
  readonly #options: TransactionTopicOptions;
  #opening: Promise<void> | null = null;

  constructor(options: TransactionTopicOptions) {
    this.#options = options;
  }

  open(): Promise<void> {
    if (this.#options.topics.get(transactionsTopic) !== undefined) return Promise.resolve();
    this.#opening ??= this.#create().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** Reads everything, partition by partition: what concerns one id is in one partition, oldest first. */
  replay(visit: TransactionVisitor): void {
    const topic = this.#options.topics.get(transactionsTopic);
    if (topic === undefined) return;
    for (let partition = 0; partition < topic.partitions; partition++) {
      const log = this.#options.topics.existingLog(topic, partition);
      if (log !== undefined) this.#replayLog(log, visit);
    }
  }

  append(
    transactionalId: string,
    record: TransactionRecord,
    until: 'durable' | 'written',
    done: (error: ErrorName | null) => void,
  ): void {
    const builder = new BatchBuilder();
    builder.append(this.#options.now(), record.key, record.value, record.headers);
    try {
      const topic = this.#opened();
      const log = this.#options.topics.logOf(topic, partitionOfGroup(transactionalId, topic.partitions));
      log.append(builder.build(), { acks: until === 'durable' ? -1 : 1, origin: 'coordinator' }, (error) =>
        done(error === null ? null : toldToClients(error.code)),
      );
    } catch (error) {
      const name = errorNameOf(error);
      if (name === 'UNKNOWN_SERVER_ERROR') throw error;
      setImmediate(done, toldToClients(name));
    }
  }

  async #create(): Promise<void> {
    const { topics, config } = this.#options;
    const [outcome] = await topics.create([
      {
        name: transactionsTopic,
        partitions: config.number('transaction.state.log.num.partitions'),
        config: { 'cleanup.policy': 'compact', 'segment.bytes': config.text('transaction.state.log.segment.bytes') },
      },
    ]);
    if (outcome === undefined || outcome instanceof Error)
      throw outcome ?? new Error('The topic store gave no outcome.');
  }

  #replayLog(log: PartitionLog, visit: TransactionVisitor): void {
    readLog(log, ({ key, value, headers, offset }) => {
      if (key === null) return;
      try {
        const record = decodeTransaction(key, value);
        if (record !== null) visit(record.transactionalId, record.transaction, unsyncedOf(headers));
      } catch (err) {
        const fields = { err, topic: log.topic, partition: log.partition, offset };
        this.#options.logger.error(fields, 'A record of a transaction cannot be read and is passed over.');
      }
    });
  }

  #opened(): Topic {
    const topic = this.#options.topics.get(transactionsTopic);
    if (topic === undefined) throw new Error('The transaction topic is not open yet.');
    return topic;
  }
}

/** Clients look for their coordinator again, and ask again (TransactionStateManager maps the same way). */
function toldToClients(error: ErrorName): ErrorName {
  switch (error) {
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR';
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return 'COORDINATOR_NOT_AVAILABLE';
    default:
      return 'UNKNOWN_SERVER_ERROR';
  }
}
