/**
 * Delivers batches to a sink task: again while it says "later", by halves when it says "no".
 *
 * Holds the rules of step 10: what is retried, what is narrowed down, what counts as written.
 */
import {
  ConfigError,
  type Logger,
  type OffsetAndMetadata,
  type SinkRecord,
  type SinkTask,
  type TopicPartition,
} from '../../connectors/api/index.ts';
import { isRetriable, isTransient, messageOf, RecordError } from '../errors.ts';
import type { LogConsumer } from '../log/client.ts';
import { backoffMs, delay } from './backoff.ts';
import { ORIGINAL, type TrackedSinkRecord } from './conversion.ts';
import type { ErrorPolicy } from './error-policy.ts';
import type { Ledger } from './ledger.ts';
import type { TaskMeasures } from './measure.ts';
import type { SinkPositions } from './sink-positions.ts';

/** While a batch waits to be put again, the group is served at least this often. */
const SERVE_GROUP_MS = 500;

export interface DeliveryOptions {
  readonly task: SinkTask;
  readonly consumer: LogConsumer;
  readonly positions: SinkPositions;
  readonly policy: ErrorPolicy;
  readonly ledger: Ledger;
  readonly measures: TaskMeasures;
  readonly logger: Logger;
  readonly className: string;
  readonly signal: AbortSignal;
}

/** The task is to end while a batch is not delivered; nobody sees this outside the loop. */
export class Interrupted extends Error {}

export class SinkDelivery {
  readonly #options: DeliveryOptions;
  /** Records the plugin itself has reported; they are not put again. */
  #reported = new WeakSet<SinkRecord>();
  #hasReported = false;
  #reportedDuringPut = 0;
  /** The batch that the plugin has just now. */
  #putting: readonly SinkRecord[] = [];
  readonly #pendingReports = new Set<Promise<void>>();
  #isHeld = false;
  #isRetrying = false;
  #revocationsSeen = 0;
  /** By the task's own wish. */
  readonly #paused = new Map<string, TopicPartition>();
  #retryAfterMs: number | null = null;
  /** After a flush that failed: partition → up to where each part of a batch is flushed for itself. */
  readonly #careful = new Map<string, number>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves when every record of a batch that was just read is delivered, dead-lettered or somebody else's. */
  async deliver(batch: readonly TrackedSinkRecord[]): Promise<void> {
    this.#revocationsSeen = this.#options.positions.revocations;
    await this.#deliverPart(batch);
  }

  async #deliverPart(batch: readonly TrackedSinkRecord[]): Promise<void> {
    const ours = this.#stillOurs(batch);
    if (ours.length === 0) return;
    const { ledger, policy, className } = this.#options;
    const isCareful = this.#careful.size > 0 && this.#isCareful(ours);
    try {
      const left = await this.#putUntilTaken(ours);
      if (isCareful) await this.#flushPart(ours);
      ledger.written += left;
      ledger.inFlight -= left;
      return;
    } catch (error) {
      if (error instanceof Interrupted || error instanceof ConfigError || error instanceof RecordError) throw error;
      if (isCareful) {
        if (!isBadRecord(error)) throw error;
        await this.reset();
      }
      if (ours.length === 1) {
        const { topic, partition, offset } = ours[0]![ORIGINAL];
        const original = ours[0]![ORIGINAL];
        const outcome = await policy.tolerate({
          stage: 'TASK_PUT',
          error,
          className,
          topic,
          partition,
          offset,
          original,
        });
        if (outcome === 'skipped') ledger.skipped++;
        else ledger.deadLettered++;
        ledger.inFlight--;
        return;
      }
    }
    const middle = ours.length >> 1;
    await this.#deliverPart(ours.slice(0, middle));
    await this.#deliverPart(ours.slice(middle));
  }

  async #put(batch: readonly TrackedSinkRecord[]): Promise<void> {
    const began = performance.now();
    this.#reportedDuringPut = 0;
    this.#putting = batch;
    try {
      await this.#options.task.put(batch);
    } finally {
      this.#putting = [];
    }
    if (batch.length > 0) this.#options.measures.callMs.add(performance.now() - began);
  }

  /** The empty batch that gives a sink its clock; what it cannot do now it may do at the next. */
  async tick(): Promise<void> {
    try {
      await this.#put([]);
    } catch (error) {
      if (!isRetriable(error)) throw error;
      this.#options.policy.counts.retries++;
    }
  }

  /** The offsets that are safe to commit. Retriable failures are tried again until the task has to end. */
  async flush(offsets: readonly OffsetAndMetadata[]): Promise<readonly OffsetAndMetadata[]> {
    if (this.#options.task.flush === undefined) return offsets;
    const safe = await this.#retriedFlush(offsets);
    await this.reported();
    return this.#options.positions.allowed(safe ?? offsets);
  }

  async #retriedFlush(offsets: readonly OffsetAndMetadata[]): Promise<readonly OffsetAndMetadata[] | undefined> {
    const { task, signal, policy } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await task.flush?.(offsets);
      } catch (error) {
        if (!isRetriable(error) || signal.aborted) throw error;
        policy.counts.retries++;
        await delay(backoffMs(attempt, policy.maxDelayMs), signal);
      }
    }
  }

  /** What was read before comes again, up to these offsets, and every part of it is flushed for itself. */
  beCareful(until: readonly { readonly partition: TopicPartition; readonly until: number }[]): void {
    for (const each of until) this.#careful.set(keyOf(each.partition), each.until);
  }

  /** The task lets go of what it holds and has not made durable. */
  async reset(): Promise<void> {
    const { task, positions } = this.#options;
    await task.close?.(positions.owned());
    await task.open?.(positions.owned());
  }

  #isCareful(batch: readonly TrackedSinkRecord[]): boolean {
    return batch.some(({ originalTopic: topic, originalPartition: partition, offset }) => {
      const until = this.#careful.get(keyOf({ topic, partition }));
      if (until !== undefined && offset >= until) this.#careful.delete(keyOf({ topic, partition }));
      return until !== undefined && offset < until;
    });
  }

  async #flushPart(batch: readonly TrackedSinkRecord[]): Promise<void> {
    const next = new Map<string, OffsetAndMetadata>();
    for (const { originalTopic: topic, originalPartition: partition, offset } of batch) {
      next.set(keyOf({ topic, partition }), { topic, partition, offset: offset + 1 });
    }
    await this.#retriedFlush([...next.values()]);
  }

  /** The plugin hands over one bad record (KIP-610). Before or after its `put` has returned, or in a later one. */
  report(record: SinkRecord, error: Error): Promise<void> {
    const { policy, ledger, className } = this.#options;
    const original = (record as Partial<TrackedSinkRecord>)[ORIGINAL];
    if (original === undefined) {
      return Promise.reject(new Error('reportBadRecord was given a record that did not come from put.'));
    }
    if (this.#reported.has(record)) return Promise.resolve();
    this.#reported.add(record);
    this.#hasReported = true;
    const isInFlight = this.#putting.includes(record);
    if (isInFlight) this.#reportedDuringPut++;
    const { topic, partition, offset } = original;
    const failure = { stage: 'TASK_PUT', error, className, topic, partition, offset, original } as const;
    const reported = policy.tolerate(failure).then((outcome) => {
      if (outcome === 'skipped') ledger.skipped++;
      else ledger.deadLettered++;
      // After its put the record was already counted as written.
      if (isInFlight) ledger.inFlight--;
      else ledger.written--;
    });
    this.#pendingReports.add(reported);
    reported.then(
      () => this.#pendingReports.delete(reported),
      () => {},
    );
    return reported;
  }

  /** Resolves when every reported record is where it belongs; rejects when one was not tolerated. */
  async reported(): Promise<void> {
    if (this.#pendingReports.size > 0) await Promise.all(this.#pendingReports);
  }

  /** Stops and lets go of reading, for pause and resume. */
  hold(isHeld: boolean): void {
    const { consumer, positions } = this.#options;
    this.#isHeld = isHeld;
    if (isHeld) consumer.pause(positions.owned());
    else consumer.resume(this.#unpaused());
  }

  /** The task's own wish, which outlasts a pause of the connector and a retry. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#paused.set(keyOf(partition), partition);
    this.#options.consumer.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#paused.delete(keyOf(partition));
    if (!this.#isHeld && !this.#isRetrying) this.#options.consumer.resume(partitions);
  }

  retryAfter(timeoutMs: number): void {
    this.#retryAfterMs = timeoutMs;
  }

  #unpaused(): readonly TopicPartition[] {
    const owned = this.#options.positions.owned();
    return this.#paused.size === 0 ? owned : owned.filter((partition) => !this.#paused.has(keyOf(partition)));
  }

  /** Partitions that arrive while reading is held are held as well. */
  holdNew(partitions: readonly TopicPartition[]): void {
    if (this.#isHeld || this.#isRetrying) this.#options.consumer.pause(partitions);
  }

  /** Answers how many records were taken: the batch, less what was revoked or reported meanwhile. */
  async #putUntilTaken(batch: readonly TrackedSinkRecord[]): Promise<number> {
    let left = batch;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#put(left);
        return left.length - this.#reportedDuringPut;
      } catch (error) {
        if (!isRetriable(error)) throw error;
        await this.#waitForAnotherTry(error, attempt);
        left = this.#stillOurs(left);
        if (left.length === 0) return 0;
      }
    }
  }

  /** Serves the group with all partitions paused, so that a long retry is no reason to be put out of it. */
  async #waitForAnotherTry(error: unknown, attempt: number): Promise<void> {
    const { consumer, positions, policy, logger, signal } = this.#options;
    if (signal.aborted) throw new Interrupted('The task was stopped while a batch waited.', { cause: error });
    policy.counts.retries++;
    if (attempt === 0) logger.warn({ err: error }, `put failed and is tried again: ${messageOf(error)}`);
    this.#isRetrying = true;
    consumer.pause(positions.owned());
    try {
      const until = Date.now() + (this.#retryAfterMs ?? backoffMs(attempt, policy.maxDelayMs));
      this.#retryAfterMs = null;
      for (let left = until - Date.now(); left > 0 && !signal.aborted; left = until - Date.now()) {
        const wait = Math.min(left, SERVE_GROUP_MS);
        const [read] = await Promise.all([consumer.poll(0), delay(wait, signal)]);
        if (read.length > 0)
          for (const { topic, partition, offset } of firsts(read)) consumer.seek({ topic, partition }, offset);
      }
    } finally {
      this.#isRetrying = false;
      if (!this.#isHeld) consumer.resume(this.#unpaused());
    }
    if (signal.aborted) throw new Interrupted('The task was stopped while a batch waited.', { cause: error });
  }

  /** Without what a rebalance took away or the plugin has reported; both leave the ledger's flight here. */
  #stillOurs(batch: readonly TrackedSinkRecord[]): readonly TrackedSinkRecord[] {
    const { positions, ledger } = this.#options;
    let ours = batch;
    if (positions.revocations !== this.#revocationsSeen) {
      ours = batch.filter((record) => positions.owns(record.originalTopic, record.originalPartition));
      ledger.released += batch.length - ours.length;
      ledger.inFlight -= batch.length - ours.length;
    }
    return this.#hasReported ? ours.filter((record) => !this.#reported.has(record)) : ours;
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;

/** An error that the same records would meet again, and others would not, and about which nothing is decided yet. */
export function isBadRecord(error: unknown): boolean {
  const isOther = error instanceof ConfigError || error instanceof Interrupted || error instanceof RecordError;
  return !isTransient(error) && !isOther;
}

/** The first record of each partition in a read. */
function firsts<T extends TopicPartition>(read: readonly T[]): T[] {
  return read.filter((record, index) => {
    const before = read[index - 1];
    return before === undefined || before.topic !== record.topic || before.partition !== record.partition;
  });
}
