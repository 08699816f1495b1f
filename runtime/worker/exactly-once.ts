/**
 * Delivery in transactions (KIP-618): records, their dead letters and their source offsets become true together.
 *
 * A transaction is written when it is complete, so that what a task aborts never burdens the log, and what fails half-way
 * is aborted and written again. The next one is polled and converted meanwhile. Only after the commit is the task told.
 * Whoever had this task before, in a process that is cut off but not dead, is fenced before the offsets are read.
 */
import { ConnectError, RetriableError, type SourceRecord } from '../../connectors/api/index.ts';
import { asError, isRetriable, messageOf } from '../errors.ts';
import type { ProducerPiece, ProducerRecord, RecordMetadata, TransactionalProducer } from '../log/client.ts';
import { within } from './backoff.ts';
import { isTooLarge, withoutValue } from './dead-letter-queue.ts';
import { batchOf } from './record-runs.ts';
import {
  type DeadLetterProducer,
  type DeliveryOptions,
  noteOffsets,
  PendingOffsets,
  type SourceDelivery,
  settleBatch,
} from './source-delivery.ts';
import { type SourceBatch, tolerateRefused } from './source-flight.ts';
import type { Outcome, TransactionBoundaries } from './transaction-boundaries.ts';

/** Fencing waits for the end of what the older producer left open, which takes a coordinator seconds at worst. */
const OPEN_DEADLINE_MS = 60_000;
/** Kafka's transaction.timeout.ms. */
const TRANSACTION_TIMEOUT_MS = 60_000;
/** What may be in flight. It is kept alive, so more costs the garbage collector its time: an eighth of what a snapshot's row costs. */
const RECORDS_MAX = 4_096;
/** Where a transaction takes longer than this to write, the log is far away or its disk slow, and takes more at a time. */
const SLOW_WRITE_MS = 25;
/** Even then: more would only be read again after a crash. */
const SLOW_RECORDS_MAX = 16_384;
const WAITING_BYTES_MAX = 32 << 20;
/** The same of runs, which cost the collector nothing: what is in flight is written in one turn, in which nobody else has his. */
const RUN_BYTES_MAX = 8 << 20;
/** A transaction is kept until it is committed, because it may have to be written again. */
const TRANSACTION_BYTES_MAX = 256 << 20;

class Transaction {
  readonly batches: SourceBatch[] = [];
  readonly deadLetters: ProducerRecord[] = [];
  readonly offsets = new PendingOffsets();
  /** Who waits for its dead letters to be durable; null once they are. */
  onCommitted: (() => void)[] | null = [];
  records = 0;
  /** What the garbage collector has of them: a run is one. */
  objects = 0;
  bytes = 0;
  runBytes = 0;
  outcome: Outcome = 'commit';
  /** From here on nothing can be added. */
  isBeingWritten = false;

  get isEmpty(): boolean {
    return this.batches.length === 0 && this.deadLetters.length === 0;
  }

  /** So that the record that is to blame can be found. */
  takeRunsApart(): void {
    for (const [index, batch] of this.batches.entries()) {
      if (batch.run !== null) this.batches[index] = batchOf(batch.run);
    }
  }

  add(batch: SourceBatch): void {
    this.batches.push(batch);
    this.records += batch.count;
    this.objects += batch.records.length;
    this.bytes += batch.bytes;
    if (batch.run !== null) this.runBytes += batch.bytes;
    noteOffsets(batch, this.offsets);
  }
}

export interface ExactlyOnceOptions extends DeliveryOptions {
  readonly transactionalId: string;
  readonly boundaries: TransactionBoundaries;
}

export class ExactlyOnce implements SourceDelivery {
  readonly #options: ExactlyOnceOptions;
  #producer: TransactionalProducer | null = null;
  #open = new Transaction();
  /** Complete, in their order; the first is being written. */
  #waiting: Transaction[] = [];
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];
  #isCancelled = false;
  #lastWriteMs = 0;
  /** What is open ends with the end of a poll, so that it may be written as it is. */
  #isWhole = false;
  failure: Error | null = null;
  readonly deadLetters: DeadLetterProducer = {
    send: (records) => this.#addDeadLetters(records),
    close: async () => {},
  };

  constructor(options: ExactlyOnceOptions) {
    this.#options = options;
  }

  get transactions() {
    return this.#options.boundaries.context;
  }

  /** While nothing is being written there is nothing to wait for: a task's own transaction is as large as it makes it. */
  get hasRoom(): boolean {
    if (this.#running === null) return true;
    const recordsMax = this.#lastWriteMs > SLOW_WRITE_MS ? SLOW_RECORDS_MAX : RECORDS_MAX;
    let { objects, bytes, runBytes } = this.#open;
    for (const each of this.#waiting) {
      objects += each.objects;
      bytes += each.bytes;
      runBytes += each.runBytes;
    }
    const bytesMax = this.#options.client.bufferBytes ?? WAITING_BYTES_MAX;
    return objects < recordsMax && bytes < bytesMax && runBytes < RUN_BYTES_MAX;
  }

  get held(): number {
    return this.#waiting.reduce((sum, each) => sum + each.records, this.#open.records);
  }

  get #timeoutMs(): number {
    return this.#options.client.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS;
  }

  /**
   * What the task fails with. The log ends a transaction that runs into its timeout: its commit is then refused for the
   * state it is in, and its appends are fenced, as if another producer had this id. Only the clock tells the two apart: a
   * machine that slept, a disk that hung. Such a task may begin again, from its last committed offset.
   */
  #told(error: Error, began: number): Error {
    const openMs = performance.now() - began;
    const isEnded = codeOf(error) === 'INVALID_TXN_STATE' || (isFenced(error) && openMs >= this.#timeoutMs);
    return isEnded ? timedOut(openMs, this.#timeoutMs, error) : error;
  }

  async open(): Promise<void> {
    const { environment, transactionalId, client, boundaries } = this.#options;
    const { log, offsets, connector, task } = environment;
    const opening = log.transactionalProducer({
      clientId: client.clientId ?? `connector-producer-${connector}-${task}`,
      transactionalId,
      overrides: client.overrides,
      timeoutMs: this.#timeoutMs,
    });
    this.#producer = await within(`Fencing the last ${transactionalId}`, OPEN_DEADLINE_MS, opening);
    // What the fenced one had committed is known before anything is read again.
    await offsets.readToEnd();
    if (boundaries.intervalMs !== null) this.#timer = setInterval(() => this.#seal('commit'), boundaries.intervalMs);
  }

  /** A task that ends transactions itself may do so at any record. */
  takesRuns(topic: string, bytes: number): boolean {
    return this.transactions === null && this.#producer?.takesRuns?.(topic, bytes) === true;
  }

  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  sliceEnd(records: readonly SourceRecord[], from: number): number {
    return this.#options.boundaries.sliceEnd(records, from);
  }

  send(batch: SourceBatch): void {
    const open = this.#open;
    open.add(batch);
    this.#isWhole = false;
    const last = batch.run ?? batch.records[batch.count - 1];
    const outcome = last === undefined ? null : this.#options.boundaries.after(last);
    if (outcome !== null) this.#seal(outcome);
    else if (this.#options.boundaries.intervalMs !== null && open.records >= SLOW_RECORDS_MAX) this.#seal('commit');
    else if (open.bytes > TRANSACTION_BYTES_MAX) this.#fail(tooLarge(open.bytes));
  }

  /** Polls that end while a transaction is being written go together into the next: a poll is never cut in two. */
  polled(): void {
    const { boundaries } = this.#options;
    const outcome = boundaries.afterPoll();
    if (outcome === null) return;
    this.#isWhole = boundaries.context === null;
    if (!this.#isWhole || this.#running === null) this.#seal(outcome);
  }

  /** A dead letter is in the newest transaction that is not empty, or in one before it. */
  afterDurable(callback: () => void): void {
    const newest = this.#open.isEmpty ? this.#waiting.at(-1) : this.#open;
    if (newest?.onCommitted == null) callback();
    else newest.onCommitted.push(callback);
  }

  /** Offsets go with their transaction, whose end is the boundary's to choose. */
  flushSoon(): void {}

  /** What the task left open is no transaction: its records are read again. */
  async drain(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#options.boundaries.endsWithTask) this.#seal('commit');
    await this.#running;
    if (this.failure !== null) throw this.failure;
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#producer?.close();
  }

  #seal(outcome: Outcome): void {
    if (this.#open.isEmpty || this.failure !== null) return;
    this.#open.outcome = outcome;
    this.#waiting.push(this.#open);
    this.#open = new Transaction();
    this.#isWhole = false;
    this.#running ??= this.#run();
  }

  /**
   * A dead letter goes along with its record or before it, never after: into the first transaction that can still take
   * it. That of its record can, because it waits for its dead letters.
   */
  async #addDeadLetters(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    const transaction = this.#waiting.find(({ isBeingWritten }) => !isBeingWritten) ?? this.#open;
    transaction.deadLetters.push(...records);
    return [];
  }

  async #run(): Promise<void> {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        const began = performance.now();
        await this.#write(next);
        this.#lastWriteMs = performance.now() - began;
        this.#waiting.shift();
        if (this.#isWhole && this.#waiting.length === 0) this.#seal('commit');
        this.#wake();
      }
    } catch (error) {
      this.#fail(asError(error));
    } finally {
      this.#running = null;
      this.#wake();
    }
  }

  #fail(error: Error): void {
    this.failure ??= error;
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Until it is committed, or cannot be. */
  async #write(transaction: Transaction): Promise<void> {
    const { environment, policy, signal, client } = this.#options;
    const since = performance.now();
    for (let retries = 0; ; ) {
      await Promise.all(transaction.batches.flatMap(({ pending }) => pending));
      const began = performance.now();
      try {
        transaction.isBeingWritten = true;
        await this.#appendAndCommit(transaction);
        await this.#settled(transaction, began);
        return;
      } catch (error) {
        environment.measures.commitFailures++;
        const cause = asError(error instanceof AppendFailed ? error.cause : error);
        if (!(error instanceof AppendFailed) || isFenced(cause)) throw this.#told(cause, began);
        // A log that takes no records may take no abort either (a full disk).
        for (let again = await this.#takenBack(transaction, cause); again !== null; ) {
          if (!isRetriable(again)) throw this.#told(again, began);
          await client.retries.wait(again, retries++, since, policy().maxDelayMs, signal);
          if (signal.aborted) throw cause;
          again = await this.#takenBack(transaction, cause);
        }
        if (signal.aborted) throw cause;
        policy().counts.retries++;
        // Records that were to blame are out of it by now; everything else takes time.
        if (isRetriable(cause)) await client.retries.wait(cause, retries++, since, policy().maxDelayMs, signal);
      }
    }
  }

  async #appendAndCommit(transaction: Transaction): Promise<void> {
    const { offsets, connector } = this.#options.environment;
    const batches = transaction.outcome === 'commit' ? transaction.batches : [];
    const kept = offsets.records(connector, transaction.offsets.list());
    // The last batch shares its append with what belongs to it: a small transaction is one append. A run shares with nobody.
    const last = batches.at(-1)?.run === null ? batches.at(-1) : undefined;
    const first = last === undefined ? batches : batches.slice(0, -1);
    const outs = last === undefined ? [] : outOf(last);
    const tail = [...outs, ...transaction.deadLetters, ...kept.records];
    const metadata = await this.#sendAndCommit([...first.map(pieceOf), tail]);
    for (const [index, batch] of first.entries()) keep(batch, metadata[index]!);
    const ofTail = metadata.at(-1)!;
    if (last !== undefined) keep(last, ofTail.slice(0, outs.length));
    kept.committed(ofTail.slice(outs.length + transaction.deadLetters.length));
  }

  /** In one wait for the disk, where the log can do that. Throws AppendFailed where nothing of it is true. */
  async #sendAndCommit(pieces: readonly ProducerPiece[]): Promise<readonly (readonly RecordMetadata[])[]> {
    const producer = this.#producer!;
    if (producer.sendAndCommit === undefined) {
      const lists = pieces.filter((piece): piece is readonly ProducerRecord[] => !('run' in piece));
      const [sent] = await Promise.allSettled([Promise.all(lists.map((records) => producer.send(records)))]);
      if (sent.status === 'rejected') throw appendFailed(sent.reason);
      this.#mustGoOn();
      await producer.commit();
      return sent.value;
    }
    this.#mustGoOn();
    const { written, committed } = producer.sendAndCommit(pieces);
    const [sent, end] = await Promise.allSettled([written, committed]);
    if (sent.status === 'rejected') throw appendFailed(sent.reason);
    if (end.status === 'rejected') throw end.reason;
    return sent.value;
  }

  #mustGoOn(): void {
    if (this.#isCancelled) throw new ConnectError('The task was cut off before its transaction was committed.');
  }

  async #settled(transaction: Transaction, began: number): Promise<void> {
    const { batches, offsets, outcome, records } = transaction;
    const { environment, task } = this.#options;
    const { measures } = environment;
    const commitRecord = task.commitRecord?.bind(task) ?? null;
    for (const batch of batches) settleBatch(batch, environment, commitRecord, outcome === 'abort');
    for (const tell of transaction.onCommitted ?? []) tell();
    transaction.onCommitted = null;
    await task.commit?.(offsets.list());
    measures.commitMs.add(performance.now() - began);
    measures.transactionSize.add(records);
    measures.commitSequence++;
    measures.lastProgressAt = Date.now();
  }

  /** What it could not be taken back for; null where it is. */
  #takenBack(transaction: Transaction, cause: Error): Promise<Error | null> {
    return this.#takeBack(transaction, cause).then(() => null, asError);
  }

  /** The log refused something: what is written is aborted, and records it will never take are found and tolerated. */
  async #takeBack(transaction: Transaction, error: Error): Promise<void> {
    const { logger } = this.#options.environment;
    await this.#producer!.abort();
    transaction.isBeingWritten = false;
    logger.warn({ err: error }, `A transaction was aborted and is written again: ${messageOf(error)}`);
    if (isRetriable(error)) return;
    let found = 0;
    transaction.takeRunsApart();
    for (const batch of transaction.batches) found += await this.#isolate(batch, indexesOf(batch));
    found += await this.#shortenLetters(transaction.deadLetters);
    // Nobody's record is to blame, so writing it again would fail again.
    if (found === 0) throw error;
  }

  /** Letters that are too large themselves go without the value. Answers how many. */
  async #shortenLetters(letters: ProducerRecord[]): Promise<number> {
    let found = 0;
    for (const [index, letter] of letters.entries()) {
      const smaller = isTooLarge(await this.#try([letter])) ? withoutValue(letter) : null;
      if (smaller === null) continue;
      letters[index] = smaller;
      found++;
    }
    return found;
  }

  /** Tries halves, then halves of halves, in transactions that are aborted. Answers how many were refused. */
  async #isolate(batch: SourceBatch, indexes: readonly number[]): Promise<number> {
    const error = indexes.length === 0 ? null : await this.#try(indexes.map((index) => batch.out[index]!));
    if (error === null) return 0;
    if (indexes.length === 1) {
      await tolerateRefused({ ...this.#options, policy: this.#options.policy() }, batch, indexes[0]!, error);
      return 1;
    }
    const middle = indexes.length >> 1;
    const before = await this.#isolate(batch, indexes.slice(0, middle));
    return before + (await this.#isolate(batch, indexes.slice(middle)));
  }

  async #try(records: readonly ProducerRecord[]): Promise<Error | null> {
    try {
      await this.#producer!.send(records);
      return null;
    } catch (error) {
      if (isRetriable(error) || isFenced(error)) throw error;
      return asError(error);
    } finally {
      await this.#producer!.abort();
    }
  }
}

function timedOut(openMs: number, timeoutMs: number, cause: Error): RetriableError {
  const message =
    `The log ended a transaction that was open for ${Math.round(openMs)} ms; its timeout is ${timeoutMs} ms. ` +
    'If this comes again, raise producer.override.transaction.timeout.ms, or find out what stalls.';
  return new RetriableError(message, { code: 'TRANSACTION_TIMED_OUT', cause });
}

/** The transaction can be written again: its commit was never asked for. */
class AppendFailed extends Error {}

function appendFailed(cause: unknown): AppendFailed {
  return new AppendFailed('Nothing of the transaction is true.', { cause });
}

/** By its port's word: another producer has this task's id. */
function isFenced(error: unknown): boolean {
  return codeOf(error) === 'PRODUCER_FENCED';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function indexesOf(batch: SourceBatch): number[] {
  return batch.out.map((_, index) => index).filter((index) => !batch.refused.has(index));
}

function pieceOf(batch: SourceBatch): ProducerPiece {
  return batch.run ?? outOf(batch);
}

function outOf(batch: SourceBatch): readonly ProducerRecord[] {
  return batch.refused.size === 0 ? batch.out : batch.out.filter((_, index) => !batch.refused.has(index));
}

/** Metadata has a place for each of `out`: null for what the log refused. */
function keep(batch: SourceBatch, metadata: readonly RecordMetadata[]): void {
  if (batch.refused.size === 0) {
    batch.metadata = metadata;
    return;
  }
  let next = 0;
  batch.metadata = batch.out.map((_, index) => (batch.refused.has(index) ? null : metadata[next++]!));
}

function tooLarge(bytes: number): ConnectError {
  const message =
    `The task has read ${bytes} bytes without ending its transaction; ${TRANSACTION_BYTES_MAX} are the most. ` +
    'Set transaction.boundary to poll or interval, or let the connector commit more often.';
  return new ConnectError(message, { code: 'TRANSACTION_TOO_LARGE' });
}
