/**
 * Goes round all logs of a data directory. Right after a start it opens, and after a crash recovers, whatever nobody has
 * used yet; every few minutes it deletes old segments, forgets idle producers and puts the files of idle logs away. Ten
 * thousand logs take a while, so it works in slices with pauses between; a log in trouble stops no other.
 */
import type { PartitionLog } from './partition-log.ts';

/** How long others wait for a slice, and how long after it they are left alone: a fifth of one core. */
const sliceMs = 5;
const pauseMs = 20;

export interface CaretakerOptions {
  readonly logs: ReadonlyMap<string, PartitionLog>;
  /** `producer.id.expiration.ms`, which may change while the broker runs. */
  readonly intervals: { readonly producerExpirationMs: number };
  readonly logger: CaretakerLogger;
}

interface CaretakerLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export class Caretaker {
  readonly #options: CaretakerOptions;
  #running: Promise<void> | null = null;
  #tending: Promise<void> | null = null;
  #isStopped = false;
  /** Ends the pause under way. */
  #wake: (() => void) | null = null;

  constructor(options: CaretakerOptions) {
    this.#options = options;
  }

  /** Opens every log once, and shows it. Never rejects. */
  openAll(show: (log: PartitionLog) => void): Promise<void> {
    return this.#begin('Opening failed', async (log) => {
      const wasOpen = log.isOpen;
      void log.logEndOffset;
      show(log);
      if (wasOpen) return;
      // After a crash a log rests only when its recovery point is where it ends.
      if (log.rest()) return;
      await log.checkpoint();
      log.rest();
    });
  }

  /** One round of the regular work. Never rejects. */
  tendAll(): Promise<void> {
    this.#tending ??= this.#begin('Retention failed', (log) => {
      this.#tend(log);
      log.rest();
    }).finally(() => {
      this.#tending = null;
    });
    return this.#tending;
  }

  /** Resolves when nothing is under way any more; there is no round after it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    await this.#running;
  }

  /** Rounds come one after the other. */
  #begin(trouble: string, work: (log: PartitionLog) => Promise<void> | void): Promise<void> {
    this.#running = (this.#running ?? Promise.resolve()).then(() => this.#goRound(trouble, work));
    return this.#running;
  }

  async #goRound(trouble: string, work: (log: PartitionLog) => Promise<void> | void): Promise<void> {
    let sliceEnd = performance.now() + sliceMs;
    for (const log of [...this.#options.logs.values()]) {
      if (this.#isStopped) return;
      try {
        await work(log);
      } catch (error) {
        const { topic, partition } = log;
        const message = `${trouble} for ${topic}-${partition}; it will be tried again.`;
        this.#options.logger.warn({ topic, partition, error }, message);
      }
      if (performance.now() < sliceEnd || this.#isStopped) continue;
      await this.#pause();
      sliceEnd = performance.now() + sliceMs;
    }
  }

  #tend(log: PartitionLog): void {
    const deleted = log.enforceRetention();
    log.expireProducers(this.#options.intervals.producerExpirationMs);
    if (deleted === 0) return;
    const fields = { topic: log.topic, partition: log.partition, deleted, logStartOffset: log.logStartOffset };
    this.#options.logger.info(fields, 'Old segments were deleted.');
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
