/**
 * Delivery without transactions: appends go on while the source is polled, offsets follow at intervals.
 *
 * In this order for each record: durable append → `commitRecord` → source offset durable → `commit`. A crash between any
 * two replays records, it never skips one.
 */
import type { SourceRecord } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { LogProducer } from '../log/client.ts';
import { within } from './backoff.ts';
import {
  type DeliveryOptions,
  noteOffsets,
  PendingOffsets,
  type SourceDelivery,
  settleBatch,
  sliceEnd,
} from './source-delivery.ts';
import { type SourceBatch, SourceFlight } from './source-flight.ts';

export class AtLeastOnce implements SourceDelivery {
  readonly transactions = null;
  readonly #options: DeliveryOptions;
  readonly #producer: LogProducer;
  readonly #flight: SourceFlight;
  readonly #pending = new PendingOffsets();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | null = null;
  #isCancelled = false;

  constructor(options: DeliveryOptions) {
    const { environment, className, client, policy, signal } = options;
    const { log, connector, task, logger } = environment;
    this.#options = options;
    const clientId = client.clientId ?? `connector-producer-${connector}-${task}`;
    this.#producer = log.producer({ clientId, overrides: client.overrides });
    const onDone = (batch: SourceBatch) => this.#onDone(batch);
    this.#flight = new SourceFlight({ producer: this.#producer, client, policy, logger, signal, className, onDone });
    this.#timer = setInterval(() => this.#flushInBackground(), environment.loop.flushIntervalMs);
  }

  get failure(): Error | null {
    return this.#flight.failure;
  }

  get hasRoom(): boolean {
    return this.#flight.hasRoom;
  }

  get held(): number {
    return this.#flight.held;
  }

  async open(): Promise<void> {}

  change(): Promise<void> {
    return this.#flight.change();
  }

  sliceEnd(records: readonly SourceRecord[], from: number): number {
    return sliceEnd(records, from);
  }

  send(batch: SourceBatch): void {
    this.#flight.send(batch);
  }

  polled(): void {}

  /** Dead letters have a producer of their own and are durable when they are handed over. */
  afterDurable(callback: () => void): void {
    callback();
  }

  /** The offset that is waited for may just be settling, and a write under way may have missed it. */
  flushSoon(): void {
    const before = this.#flushing ?? Promise.resolve();
    before.catch(() => {}).then(() => this.#flushInBackground());
  }

  async drain(): Promise<void> {
    while (!this.#flight.isEmpty && this.#flight.failure === null && !this.#isCancelled) await this.#flight.change();
    await this.#flushing?.catch(() => {});
    await this.#flush();
    if (this.#flight.failure !== null) throw this.#flight.failure;
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#producer.close();
  }

  /** Called in order: everything in the batch is durable, dropped or dead-lettered. */
  #onDone(batch: SourceBatch): void {
    const { environment, task } = this.#options;
    const commitRecord = this.#isCancelled ? undefined : task.commitRecord?.bind(task);
    settleBatch(batch, environment, commitRecord ?? null);
    noteOffsets(batch, this.#pending);
  }

  #flushInBackground(): void {
    this.#flush().catch((error: unknown) => {
      const { logger } = this.#options.environment;
      logger.warn({ err: error }, `Source offsets could not be written: ${messageOf(error)}`);
    });
  }

  /** Writes what was acknowledged since the last time, then tells the task. Never two at once. */
  async #flush(): Promise<void> {
    if (this.#flushing !== null) return this.#flushing;
    if (this.#pending.isEmpty || this.#isCancelled) return;
    this.#flushing = this.#writeOffsets().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #writeOffsets(): Promise<void> {
    const { measures, offsets, connector, loop } = this.#options.environment;
    const began = performance.now();
    const taken = this.#pending.take();
    try {
      await within('Writing source offsets', loop.flushTimeoutMs, offsets.write(connector, taken));
    } catch (error) {
      measures.commitFailures++;
      this.#pending.putBack(taken);
      throw error;
    }
    if (this.#isCancelled) return;
    await this.#options.task.commit?.(taken);
    measures.commitMs.add(performance.now() - began);
    measures.commitSequence++;
    measures.lastProgressAt = Date.now();
  }
}
