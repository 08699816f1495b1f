/**
 * One life of a group member over kafkajs: it runs once, with sockets of its own, and is never used again. A consumer of
 * kafkajs that is stopped while it joins goes on joining, and one that is run again then has two runners, which drive each
 * other out of the group for ever (kafkajs 2.2.4, `consumer/runner.js`); it also has waits without an end. So whoever ends
 * a member ends its sockets, whatever kafkajs still waits for.
 */
import type { Consumer, ConsumerConfig, EachBatchPayload, ISocketFactory, Kafka } from 'kafkajs';
import { LogError, type OffsetAndMetadata, type TopicPartition } from './client.ts';
import { withLogErrors } from './kafka-errors.ts';
import { KafkaSockets } from './kafka-socket.ts';
import { KafkaWatch } from './kafka-watch.ts';

/** Partitions whose batches may wait side by side: a paused one must not hold up the others. */
const CONCURRENT_PARTITIONS = 64;
/** How long a member may take to leave its group; the group notices by itself where it takes longer. */
const LEAVE_MS = 5_000;
/** As kafkajs has it. */
const RETRIES = 5;

/** Makes a client whose sockets come from there. */
export type OpenKafka = (sockets: ISocketFactory) => Pick<Kafka, 'consumer'>;

export class KafkaMember {
  readonly consumer: Consumer;
  readonly #group: string;
  readonly #sockets = new KafkaSockets();
  readonly #watch: KafkaWatch;
  #committed = 0;
  #isDead = false;
  isEnded = false;

  /** `onDead` hears, once, of a member that has been silent for `silenceMs`. */
  constructor(open: OpenKafka, config: ConsumerConfig, silenceMs: number, onDead: (error: LogError) => void) {
    this.#group = config.groupId;
    const retry = { retries: RETRIES, restartOnFailure: async () => !this.isEnded };
    this.consumer = open(this.#sockets.factory).consumer({ ...config, retry });
    this.#watch = new KafkaWatch(this.consumer, this.#group, silenceMs, (error) => {
      this.#isDead = true;
      onDead(error);
    });
    this.consumer.on('consumer.commit_offsets', () => {
      this.#committed++;
    });
  }

  /** Joins; resolves when it has. */
  async run(
    topics: readonly string[],
    fromBeginning: boolean,
    eachBatch: (batch: EachBatchPayload) => Promise<void>,
  ): Promise<void> {
    this.#watch.start();
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...topics], fromBeginning });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch,
    });
  }

  /** kafkajs refuses this while it is between two joins, and so may whoever asked be. */
  seek({ topic, partition }: TopicPartition, offset: number): void {
    try {
      this.consumer.seek({ topic, partition, offset: String(offset) });
    } catch (cause) {
      throw this.#outside({ retriable: true, cause });
    }
  }

  async commit(offsets: readonly OffsetAndMetadata[]): Promise<void> {
    const commits = offsets.map(({ topic, partition, offset, metadata }) => ({
      topic,
      partition,
      offset: String(offset),
      metadata: metadata ?? '',
    }));
    const before = this.#committed;
    await withLogErrors('Committing offsets', this.#watch.commit(this.consumer.commitOffsets(commits)));
    // kafkajs says nothing where it did not even ask.
    if (this.#committed === before) throw this.#outside({ retriable: false });
  }

  /** Leaves the group, in time or not at all; never rejects. */
  async end(): Promise<void> {
    this.isEnded = true;
    this.#watch.stop();
    if (!this.#isDead) await this.#leave();
    this.#sockets.cut();
    // Who was dead wakes up here, and has nothing to leave by.
    this.consumer.disconnect().catch(() => {});
  }

  async #leave(): Promise<void> {
    const left = this.consumer.disconnect().catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([left, late]);
    clearTimeout(timer);
  }

  #outside(options: { readonly retriable: boolean; readonly cause?: unknown }): LogError {
    const message = `The member is not in group "${this.#group}" at the moment.`;
    return new LogError('UNKNOWN_MEMBER_ID', message, options);
  }
}
