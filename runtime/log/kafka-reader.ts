/**
 * Single records of a partition over kafkajs, which reads only as a member of a group: one of its own, that commits nothing,
 * rests, and is sent to an offset when one is asked for. A read costs a turn of kafkajs's loop; what is asked for often belongs
 * into a cache of whoever asks.
 */
import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { type ConsumerRecord, type LogClient, LogError, type LogReader, type TopicPartition } from './client.ts';
import { asLogError, withLogErrors } from './kafka-errors.ts';
import { consumerRecord } from './kafka-records.ts';

/** How long kafkajs sleeps while nothing is asked for, and so how long a read waits at least. */
const TURN_MS = 5;
/** The batch that holds the offset comes whole, however little is asked for. */
const FETCH_BYTES = 1024;
/** Joining a group takes seconds on a cluster; a fetch is far quicker. */
const READ_DEADLINE_MS = 30_000;
/** After so long without an answer the log is asked whether it has the offset at all. */
const QUIET_MS = 500;

interface Wanted {
  readonly offset: number;
  /** Batches that came without it. */
  misses: number;
  settle(record: ConsumerRecord | null): void;
  fail(error: Error): void;
}

export class KafkaReader implements LogReader {
  readonly #consumer: Consumer;
  readonly #log: Pick<LogClient, 'offsets'>;
  readonly #partition: TopicPartition;
  #running: Promise<void> | null = null;
  #wanted: Wanted | null = null;

  constructor(kafka: Kafka, log: Pick<LogClient, 'offsets'>, partition: TopicPartition) {
    this.#log = log;
    this.#partition = partition;
    this.#consumer = kafka.consumer({
      groupId: `millrace-reader-${randomUUID()}`,
      maxWaitTimeInMs: TURN_MS,
      maxBytesPerPartition: FETCH_BYTES,
      allowAutoTopicCreation: false,
    });
    // Markers of transactions are handed to nobody: the place is behind the offset all the same.
    this.#consumer.on('consumer.end_batch_process', ({ payload }) => {
      const wanted = this.#wanted;
      if (wanted !== null && payload.batchSize === 0 && Number(payload.lastOffset) >= wanted.offset)
        this.#missed(wanted);
    });
    this.#consumer.on('consumer.crash', ({ payload }) => {
      this.#wanted?.fail(asLogError(payload.error, `Reading ${this.#name}`));
    });
  }

  async read(offset: number): Promise<ConsumerRecord | null> {
    this.#running ??= withLogErrors(`Reading ${this.#name}`, this.#run());
    try {
      await this.#running;
    } catch (error) {
      this.#running = null;
      throw error;
    }
    return this.#fetch(offset);
  }

  #fetch(offset: number): Promise<ConsumerRecord | null> {
    const { topic, partition } = this.#partition;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(deadline);
        clearTimeout(quiet);
        this.#wanted = null;
        this.#consumer.pause([{ topic, partitions: [partition] }]);
      };
      const settle = (record: ConsumerRecord | null) => {
        end();
        resolve(record);
      };
      const fail = (error: Error) => {
        end();
        reject(error);
      };
      const wanted: Wanted = { offset, misses: 0, settle, fail };
      const deadline = setTimeout(() => {
        const message = `Offset ${offset} of ${this.#name} was not read within ${READ_DEADLINE_MS} ms.`;
        fail(new LogError('REQUEST_TIMED_OUT', message, { retriable: true }));
      }, READ_DEADLINE_MS);
      const quiet = setTimeout(() => this.#lookForEnds(wanted), QUIET_MS);
      this.#wanted = wanted;
      this.#seek(offset);
      this.#consumer.resume([{ topic, partitions: [partition] }]);
    });
  }

  /** An offset that is gone, or not written yet, is fetched for ever. */
  #lookForEnds(wanted: Wanted): void {
    this.#log.offsets(this.#partition).then(
      ({ logStartOffset, logEndOffset }) => {
        if (this.#wanted !== wanted || (wanted.offset >= logStartOffset && wanted.offset < logEndOffset)) return;
        wanted.settle(null);
      },
      (error: Error) => {
        if (this.#wanted === wanted) wanted.fail(error);
      },
    );
  }

  async close(): Promise<void> {
    this.#wanted?.fail(
      new LogError('REQUEST_TIMED_OUT', `The reader of ${this.#name} was closed.`, { retriable: true }),
    );
    if (this.#running !== null) await this.#consumer.disconnect();
  }

  get #name(): string {
    return `${this.#partition.topic}-${this.#partition.partition}`;
  }

  /** Resolves once the group has its member; what is fetched before anybody asks is dropped. */
  async #run(): Promise<void> {
    const consumer = this.#consumer;
    await consumer.connect();
    await consumer.subscribe({ topic: this.#partition.topic, fromBeginning: true });
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on('consumer.group_join', () => resolve());
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => this.#onBatch(payload),
    });
    await joined;
  }

  #onBatch({ batch, pause }: EachBatchPayload): void {
    const { topic, partition } = this.#partition;
    const wanted = this.#wanted;
    if (batch.partition !== partition) return;
    if (wanted === null) {
      pause();
      return;
    }
    const found = batch.messages.find((message) => Number(message.offset) === wanted.offset);
    if (found !== undefined) wanted.settle(consumerRecord(topic, partition, found));
    else if (Number(batch.lastOffset()) >= wanted.offset) this.#missed(wanted);
  }

  /** A batch without the record, or from another place: one may have been under way when the record was asked for. */
  #missed(wanted: Wanted): void {
    if (++wanted.misses > 1) wanted.settle(null);
    else this.#seek(wanted.offset);
  }

  #seek(offset: number): void {
    const { topic, partition } = this.#partition;
    this.#consumer.seek({ topic, partition, offset: String(offset) });
  }
}
