/**
 * Records whose rows point to rows that are not there yet: their source transaction reaches over several batches or several
 * topics, and this part came first. Their partitions are paused, so that what waits is bounded by what had been read, and
 * they are delivered in one transaction with what they wait for. In memory only: no offset passes them.
 */
import type { OffsetAndMetadata, SinkRecord, TopicPartition } from '../api/index.ts';
import { idOf } from './sink-offsets.ts';

/** Between two attempts; grows, because each costs the server a transaction that is rolled back. */
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1000;

interface Place extends TopicPartition {
  readonly first: number;
  /** Behind the last. */
  next: number;
}

export class WaitingRecords {
  readonly #waitMs: number;
  readonly #now: () => number;
  #records: SinkRecord[] = [];
  readonly #partitions = new Map<string, Place>();
  #since = 0;
  #nextTry = 0;
  #retryMs = RETRY_MS_MIN;
  /** The oldest record that waits; what it waits for was written at about the same time. */
  #oldest: number | null = null;

  /** `waitMs`: patience once nothing arrives any more that is as old as what waits. */
  constructor(waitMs: number, now: () => number = () => performance.now()) {
    this.#waitMs = waitMs;
    this.#now = now;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  /** In the order in which they came, per partition. */
  get records(): readonly SinkRecord[] {
    return this.#records;
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  has(record: SinkRecord): boolean {
    return this.#partitions.has(idOf(record.originalTopic, record.originalPartition));
  }

  /** These wait from now on, and all that comes from their partitions; one that waits already does so once. */
  add(records: readonly SinkRecord[]): void {
    if (this.isEmpty) {
      this.#since = this.#now();
      this.#retryMs = RETRY_MS_MIN;
      this.#nextTry = 0;
      this.#oldest = null;
    }
    for (const record of records) {
      const { originalTopic: topic, originalPartition: partition, offset, timestamp } = record;
      const id = idOf(topic, partition);
      const place = this.#partitions.get(id) ?? { topic, partition, first: offset, next: offset };
      if (offset < place.next) continue;
      this.#partitions.set(id, place);
      place.next = offset + 1;
      if (timestamp !== null && (this.#oldest === null || timestamp < this.#oldest)) this.#oldest = timestamp;
      this.#records.push(record);
    }
  }

  /** Whether it is time to try again. */
  isDue(): boolean {
    return !this.isEmpty && this.#now() >= this.#nextTry;
  }

  /** An attempt was in vain. */
  postpone(): void {
    this.#nextTry = this.#now() + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
  }

  /** Others were delivered: while they are as old as what waits, the rows it needs may still be on their way. */
  othersArrived(records: readonly SinkRecord[]): void {
    const oldest = this.#oldest;
    if (oldest === null) return;
    if (records.some(({ timestamp }) => timestamp !== null && timestamp <= oldest)) this.#since = this.#now();
  }

  /** Whether it has waited long enough: what it needs does not come. */
  isOverdue(): boolean {
    return !this.isEmpty && this.#now() - this.#since >= this.#waitMs;
  }

  clear(): void {
    this.#records = [];
    this.#partitions.clear();
  }

  /** These partitions are somebody else's, and so is what waits of them. Answers which waited. */
  drop(partitions: readonly TopicPartition[]): readonly TopicPartition[] {
    const dropped = partitions.filter(({ topic, partition }) => this.#partitions.delete(idOf(topic, partition)));
    this.#records = this.#records.filter((record) => this.has(record));
    return dropped;
  }

  /** What turns out to be delivered, by a commit whose answer was lost, waits no more. */
  forget(isDelivered: (record: SinkRecord) => boolean): void {
    const first = this.#records[0];
    // It was committed whole or not at all.
    if (first !== undefined && isDelivered(first)) this.clear();
  }

  /** Offsets that may be committed: no further than to what waits. */
  allowed(offsets: readonly OffsetAndMetadata[]): readonly OffsetAndMetadata[] {
    return offsets.map((each) => {
      const held = this.#partitions.get(idOf(each.topic, each.partition));
      return held === undefined ? each : { ...each, offset: Math.min(each.offset, held.first) };
    });
  }
}
