/**
 * Source batches between the converter and the durable log: sent without waiting, finished strictly in order.
 *
 * A batch is done when all its records, and the dead letters it caused, are durable; batches are handed to `onDone` in
 * the order they were sent, so source offsets advance over the contiguous acknowledged prefix and nothing else. When a
 * batch fails, everything behind it is sent again after it: later records may appear twice, never only out of order.
 */
import { isRun, type Logger, type RunRecord, type SourceRecord } from '../../connectors/api/index.ts';
import { asError, isRetriable, messageOf } from '../errors.ts';
import type { LogProducer, ProducerRecord, RecordMetadata } from '../log/client.ts';
import type { ProducerSettings } from './client-settings.ts';
import type { ErrorPolicy } from './error-policy.ts';

/** Enough to keep a quick log busy; what is in flight is kept alive, so more costs the garbage collector its time. */
const RECORDS_MAX = 4_096;
/** Where an append takes longer than this, the log is far away or its disk slow, and takes more at a time. */
const SLOW_APPEND_MS = 5;
/** Even then: more would only be replayed after a crash. */
const SLOW_RECORDS_MAX = 16_384;
const MAX_BYTES = 32 << 20;

/** What became of the records that did not go to the topic. */
export interface Dropped {
  filtered: number;
  deadLettered: number;
  skipped: number;
}

export class SourceBatch {
  /** As `poll` gave them. */
  readonly records: readonly SourceRecord[];
  readonly out: ProducerRecord[] = [];
  /** The index in `records` of each member of `out`; null while nothing was dropped. */
  outIndex: number[] | null = null;
  readonly dropped: Dropped = { filtered: 0, deadLettered: 0, skipped: 0 };
  /** Pending dead letters; the batch is not done before them. */
  readonly pending: Promise<unknown>[] = [];
  /** Set where it is a run of records, which passes without being looked at. */
  readonly run: RunRecord | null;
  /** How many there were when the worker took them: a task that changes its array afterwards is found out by it. */
  readonly count: number;
  bytes: number;
  metadata: readonly (RecordMetadata | null)[] = [];
  /** `performance.now()` of its first send. */
  sentAt = 0;
  isDone = false;
  /** Indexes in `out` that the log refused for good and the policy tolerated. */
  readonly refused = new Set<number>();
  error: Error | null = null;

  constructor(records: readonly SourceRecord[]) {
    this.records = records;
    const [first] = records;
    this.run = first !== undefined && isRun(first) ? first : null;
    this.count = this.run?.run.count ?? records.length;
    this.bytes = this.run?.run.bytes.length ?? 0;
  }

  add(record: ProducerRecord, index: number): void {
    this.out.push(record);
    this.outIndex?.push(index);
    this.bytes += (record.key === null ? 0 : record.key.length) + (record.value === null ? 0 : record.value.length);
  }

  /** The record at `index` does not go to the topic. */
  drop(index: number): void {
    this.outIndex ??= Array.from({ length: index }, (_, before) => before);
  }
}

export interface FlightOptions {
  readonly producer: LogProducer;
  readonly client: Pick<ProducerSettings, 'bufferBytes' | 'retries'>;
  readonly policy: () => ErrorPolicy;
  readonly logger: Logger;
  /** Aborted when retries must end. */
  readonly signal: AbortSignal;
  readonly className: string;
  /** Called in the order of `send`, each batch once. */
  readonly onDone: (batch: SourceBatch) => void;
}

export class SourceFlight {
  readonly #options: FlightOptions;
  #queue: SourceBatch[] = [];
  #records = 0;
  #bytes = 0;
  #recovery: Promise<void> | null = null;
  #unsettled = 0;
  #waiters: (() => void)[] = [];
  /** What the task must fail with. */
  failure: Error | null = null;

  constructor(options: FlightOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#records;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  get hasRoom(): boolean {
    const bytesMax = this.#options.client.bufferBytes ?? MAX_BYTES;
    const recordsMax = this.#isLogSlow() ? SLOW_RECORDS_MAX : RECORDS_MAX;
    return this.#records < recordsMax && this.#bytes < bytesMax && this.#recovery === null;
  }

  #isLogSlow(): boolean {
    const oldest = this.#queue[0];
    return oldest !== undefined && performance.now() - oldest.sentAt > SLOW_APPEND_MS;
  }

  /** Starts sending; call only while there is room. */
  send(batch: SourceBatch): void {
    batch.sentAt = performance.now();
    this.#queue.push(batch);
    this.#records += batch.count;
    this.#bytes += batch.bytes;
    // A recovery that began while this batch was converted sends it in its turn.
    if (this.#recovery !== null) return;
    this.#unsettled++;
    this.#attempt(batch).then(
      (metadata) => this.#settle(batch, metadata, null),
      (error: unknown) => this.#settle(batch, [], asError(error)),
    );
  }

  /** Resolves when something changed: there is room, it is empty, or it failed. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  async #attempt(batch: SourceBatch): Promise<readonly (RecordMetadata | null)[]> {
    const sent = batch.out.length === 0 ? [] : this.#options.producer.send(batch.out);
    if (batch.pending.length === 0) return sent;
    const [metadata] = await Promise.all([sent, ...batch.pending]);
    return metadata;
  }

  #settle(batch: SourceBatch, metadata: readonly (RecordMetadata | null)[], error: Error | null): void {
    this.#unsettled--;
    batch.metadata = metadata;
    batch.error = error;
    batch.isDone = error === null;
    if (this.failure === null && this.#recovery === null) {
      this.#advance();
      if (this.#queue[0]?.error) this.#recovery = this.#recover();
    }
    this.#wake();
  }

  #advance(): void {
    let done = 0;
    try {
      for (const batch of this.#queue) {
        if (!batch.isDone) break;
        done++;
        this.#records -= batch.count;
        this.#bytes -= batch.bytes;
        this.#options.onDone(batch);
      }
    } catch (error) {
      this.failure = asError(error);
    }
    if (done > 0) this.#queue.splice(0, done);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async #recover(): Promise<void> {
    try {
      while (this.#unsettled > 0) await this.change();
      for (const batch of this.#queue) batch.isDone = false;
      let since = performance.now();
      for (let attempt = 0; this.#queue.length > 0; attempt++) {
        if (await this.#resendHead()) [attempt, since] = [-1, performance.now()];
        else await this.#pause(attempt, since);
      }
    } catch (error) {
      this.failure = asError(error);
    } finally {
      this.#recovery = null;
      this.#wake();
    }
  }

  /** True when the oldest batch is done; false when it is to be tried again later. */
  async #resendHead(): Promise<boolean> {
    const batch = this.#queue[0]!;
    // A dead letter that failed has been tried for as long as it may be: the task must fail with it.
    await Promise.all(batch.pending);
    try {
      const mustIsolate = batch.error !== null && !isRetriable(batch.error);
      batch.metadata = mustIsolate ? await this.#isolate(batch, 0, batch.out.length) : await this.#sendAgain(batch);
    } catch (error) {
      if (error instanceof NotTolerated) throw error.cause;
      batch.error = asError(error);
      return false;
    }
    batch.isDone = true;
    this.#advance();
    if (this.failure !== null) throw this.failure;
    return true;
  }

  async #sendAgain(batch: SourceBatch): Promise<readonly RecordMetadata[]> {
    return batch.out.length === 0 ? [] : this.#options.producer.send(batch.out);
  }

  async #pause(attempt: number, since: number): Promise<void> {
    const { logger, signal, client } = this.#options;
    const policy = this.#options.policy();
    const { error } = this.#queue[0]!;
    if (error === null || !isRetriable(error)) return;
    if (signal.aborted) throw error;
    policy.counts.retries++;
    if (attempt === 0) logger.warn({ err: error }, `An append failed and is tried again: ${messageOf(error)}`);
    await client.retries.wait(error, attempt, since, policy.maxDelayMs, signal);
  }

  /** Sends halves, then halves of halves, until the refused records stand alone and the policy decides on each. */
  async #isolate(batch: SourceBatch, from: number, to: number): Promise<(RecordMetadata | null)[]> {
    if (to - from === 1 && batch.refused.has(from)) return [null];
    try {
      return [...(await this.#options.producer.send(batch.out.slice(from, to)))];
    } catch (error) {
      if (isRetriable(error)) throw error;
      if (to - from === 1) return [await this.#tolerate(batch, from, error)];
    }
    const middle = (from + to) >> 1;
    return [...(await this.#isolate(batch, from, middle)), ...(await this.#isolate(batch, middle, to))];
  }

  async #tolerate(batch: SourceBatch, index: number, error: unknown): Promise<null> {
    try {
      const { className } = this.#options;
      await tolerateRefused({ className, policy: this.#options.policy() }, batch, index, error);
      return null;
    } catch (cause) {
      throw new NotTolerated(cause);
    }
  }
}

/** A record that the log will never take meets the policy; rejects when the task must fail. */
export async function tolerateRefused(
  options: { readonly className: string; readonly policy: ErrorPolicy },
  batch: SourceBatch,
  index: number,
  error: unknown,
): Promise<void> {
  const out = batch.out[index]!;
  const record = batch.records[batch.outIndex?.[index] ?? index]!;
  const outcome = await options.policy.tolerate({
    stage: 'KAFKA_PRODUCE',
    error,
    className: options.className,
    topic: out.topic,
    partition: out.partition,
    offset: null,
    source: { partition: record.sourcePartition, offset: record.sourceOffset },
    original: { key: out.key, value: out.value, headers: out.headers, timestamp: out.timestamp },
  });
  batch.refused.add(index);
  if (outcome === 'skipped') batch.dropped.skipped++;
  else batch.dropped.deadLettered++;
}

/** Carries the policy's verdict out of the isolation. */
class NotTolerated extends Error {
  constructor(cause: unknown) {
    super('A record was not tolerated.', { cause });
  }
}
