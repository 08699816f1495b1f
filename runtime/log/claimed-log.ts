/**
 * The log as a worker may use it that has to share a cluster with others of its group: whatever would change something
 * first asks whether this worker is still the one that runs the group's connectors. It decides nothing; `worker/claim.ts`
 * does. Between the loops and the keeper of the log (steps 4, 7 and 8), and only for a worker on a cluster.
 */
import { claimCodes } from '../errors.ts';
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
  type RebalanceListener,
  type RecordMetadata,
  type TopicPartition,
  type TransactionalProducer,
  type TransactionalProducerOptions,
} from './client.ts';

/** Whether this worker still has its group. */
export interface GroupClaim {
  /** It was so a moment ago: cheap, asked for each append. */
  readonly isFresh: boolean;
  /** Resolves where it is so, asking the log unless that is known; rejects with a LogError `WORKER_FENCED` where not. */
  confirm(): Promise<void>;
  /** The same, and the log is asked in any case. */
  confirmAnew(): Promise<void>;
}

export class ClaimedLog implements LogClient {
  readonly #log: LogClient;
  #claim: GroupClaim | null = null;

  constructor(log: LogClient) {
    this.#log = log;
  }

  /** From here on; before, the worker only gets ready and reads. */
  guardBy(claim: GroupClaim): void {
    this.#claim = claim;
  }

  get isFresh(): boolean {
    return this.#claim?.isFresh ?? true;
  }

  async confirm(): Promise<void> {
    await this.#claim?.confirm();
  }

  async createTopics(topics: readonly NewTopic[]): Promise<readonly string[]> {
    await this.confirm();
    return this.#log.createTopics(topics);
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.confirm();
    await this.#log.deleteTopics(topics);
  }

  async alterGroupOffsets(group: string, offsets: readonly OffsetAndMetadata[]): Promise<void> {
    await this.confirm();
    await this.#log.alterGroupOffsets(group, offsets);
  }

  async deleteGroup(group: string): Promise<void> {
    await this.confirm();
    await this.#log.deleteGroup(group);
  }

  reader(partition: TopicPartition): LogReader {
    return this.#log.reader(partition);
  }

  producer(options: ProducerOptions): LogProducer {
    return new ClaimedProducer(this.#log.producer(options), this);
  }

  /** Whoever opens one fences the one before, so an older knowledge of who has the group does not do. */
  async transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    await this.#claim?.confirmAnew();
    return new ClaimedTransactions(await this.#log.transactionalProducer(options), this);
  }

  consumer(options: ConsumerOptions): LogConsumer {
    return new ClaimedConsumer(this.#log.consumer(options), this);
  }

  describeTopics(names?: readonly string[]) {
    return this.#log.describeTopics(names);
  }

  cleanupPolicy(topic: string): Promise<string | null> {
    return this.#log.cleanupPolicy(topic);
  }

  offsets(partition: TopicPartition) {
    return this.#log.offsets(partition);
  }

  table(topic: string, onRecord: (record: ConsumerRecord) => void): Promise<LogTable> {
    return this.#log.table(topic, onRecord);
  }

  groupOffsets(group: string): Promise<readonly OffsetAndMetadata[]> {
    return this.#log.groupOffsets(group);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  /**
   * What a fenced producer is to be told. Where this worker still has its group, whoever fenced it had it before and had
   * not yet noticed: the task begins again, and takes its id back.
   */
  async whyFenced(error: unknown): Promise<unknown> {
    if (this.#claim === null || !(error instanceof LogError) || error.code !== 'PRODUCER_FENCED') return error;
    try {
      await this.#claim.confirmAnew();
    } catch (lost) {
      return lost;
    }
    const cause = new LogError(claimCodes.former, 'A worker that had this group before took it over for a moment.', {
      retriable: true,
      cause: error,
    });
    return new LogError('PRODUCER_FENCED', `${error.message} ${cause.message}`, { retriable: false, cause });
  }
}

/** Sends in the order they were asked for, those that wait for the claim before those that need not. */
class ClaimedProducer implements LogProducer {
  readonly #inner: LogProducer;
  readonly #log: ClaimedLog;
  #waiting: Promise<unknown> | null = null;

  constructor(inner: LogProducer, log: ClaimedLog) {
    this.#inner = inner;
    this.#log = log;
  }

  send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    if (this.#waiting === null && this.#log.isFresh) return this.#inner.send(records);
    const turn = (this.#waiting ?? Promise.resolve()).catch(() => {}).then(() => this.#log.confirm());
    this.#waiting = turn;
    const sent = turn.then(() => {
      if (this.#waiting === turn) this.#waiting = null;
      return this.#inner.send(records);
    });
    turn.catch(() => {
      if (this.#waiting === turn) this.#waiting = null;
    });
    return sent;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

class ClaimedTransactions implements TransactionalProducer {
  readonly #inner: TransactionalProducer;
  readonly #sends: ClaimedProducer;
  readonly #log: ClaimedLog;

  constructor(inner: TransactionalProducer, log: ClaimedLog) {
    this.#inner = inner;
    this.#sends = new ClaimedProducer(inner, log);
    this.#log = log;
  }

  send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    return this.#sends.send(records).catch((error: unknown) => this.#refuse(error));
  }

  async commit(): Promise<void> {
    await this.#log.confirm();
    await this.#inner.commit().catch((error: unknown) => this.#refuse(error));
  }

  /** Takes back what is its own to take back, whoever has the group. */
  abort(): Promise<void> {
    return this.#inner.abort();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #refuse(error: unknown): Promise<never> {
    throw await this.#log.whyFenced(error);
  }
}

/** A poll that ends after a stall hands nothing out: somebody else may have the partitions. */
class ClaimedConsumer implements LogConsumer {
  readonly #inner: LogConsumer;
  readonly #log: ClaimedLog;

  constructor(inner: LogConsumer, log: ClaimedLog) {
    this.#inner = inner;
    this.#log = log;
  }

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener): void {
    this.#inner.subscribe(topics, listener);
  }

  async poll(timeoutMs: number): Promise<readonly ConsumerRecord[]> {
    if (!this.#log.isFresh) await this.#log.confirm();
    const records = await this.#inner.poll(timeoutMs);
    if (!this.#log.isFresh) await this.#log.confirm();
    return records;
  }

  async commit(offsets: readonly OffsetAndMetadata[]): Promise<void> {
    await this.#log.confirm();
    await this.#inner.commit(offsets);
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#inner.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#inner.resume(partitions);
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#inner.seek(partition, offset);
  }

  position(partition: TopicPartition): number | null {
    return this.#inner.position(partition);
  }

  logEndOffset(partition: TopicPartition): number | null {
    return this.#inner.logEndOffset(partition);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
