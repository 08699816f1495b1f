/**
 * Records whose rows point to rows that are not there: their source transaction reaches over several batches or topics, and
 * its other part has not been read yet, or is read so far that the rows are gone again. They are delivered in one
 * transaction with what makes them whole. In memory only: no offset passes them.
 *
 * Their partitions are read on, up to a bound; where that comes near, others that are ahead stand still.
 */
import type { OffsetAndMetadata, SinkRecord, TopicPartition } from '../../api/index.ts';
import { idOf } from './sink-offsets.ts';

/** Between two attempts; grows, because each costs the server a transaction that is rolled back. */
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1000;
/** Records that may wait; with a kilobyte each this is what a task may take of memory. */
const RECORDS_MAX = 50_000;
/** From here on the others stand still for what waits. Below, reading on is the quickest way to the rest. */
const MANY_RECORDS = 20_000;

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
  /** When it began to be in vain, by the given clock. */
  #since = 0;
  /** When it began at all, in the time of records. */
  #beganAt = 0;
  #nextTry = 0;
  #retryMs = RETRY_MS_MIN;
  /** The time of the last record of each partition that was read since. */
  readonly #reached = new Map<string, TopicPartition & { readonly timestamp: number }>();

  /** `waitMs`: patience once nothing arrives any more that was in the log before. */
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
      this.#beganAt = Date.now();
      this.#reached.clear();
    }
    for (const record of records) {
      const { originalTopic: topic, originalPartition: partition, offset } = record;
      const id = idOf(topic, partition);
      const place = this.#partitions.get(id) ?? { topic, partition, first: offset, next: offset };
      if (offset < place.next) continue;
      this.#partitions.set(id, place);
      place.next = offset + 1;
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

  /** These were read: while they are from before the wait, what is needed may be among those that follow. */
  arrived(records: readonly SinkRecord[]): void {
    for (const { originalTopic: topic, originalPartition: partition, timestamp } of records) {
      if (timestamp === null) continue;
      if (timestamp <= this.#beganAt) this.#since = this.#now();
      this.#reached.set(idOf(topic, partition), { topic, partition, timestamp });
    }
  }

  /**
   * The partitions that shall not be read on for now: where much waits, those ahead of it, because they may only take away
   * what its rows point to; what waits itself, once it is too much. None while nothing arrives, so that nobody waits for ever.
   */
  standing(isIdle: boolean): readonly TopicPartition[] {
    if (this.#records.length >= RECORDS_MAX) return this.partitions;
    if (isIdle || this.#records.length < MANY_RECORDS) return [];
    const reached = [...this.#reached];
    const times = reached.flatMap(([id, { timestamp }]) => (this.#partitions.has(id) ? [timestamp] : []));
    const last = Math.max(...times);
    return reached.flatMap(([id, { topic, partition, timestamp }]) =>
      timestamp > last && !this.#partitions.has(id) ? [{ topic, partition }] : [],
    );
  }

  /** Whether it has waited long enough: what it needs does not come. */
  isOverdue(): boolean {
    return !this.isEmpty && this.#now() - this.#since >= this.#waitMs;
  }

  clear(): void {
    this.#records = [];
    this.#partitions.clear();
  }

  /** These partitions are somebody else's, and so is what waits of them. */
  drop(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.delete(idOf(topic, partition));
      this.#reached.delete(idOf(topic, partition));
    }
    this.#records = this.#records.filter((record) => this.has(record));
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
