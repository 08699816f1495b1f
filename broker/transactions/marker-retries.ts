/**
 * Writes markers for as long as it takes: what is decided has to reach every partition, whatever a disk says of it now. Asked
 * by coordinator.ts for what it decides, and by unsynced-markers.ts for what a start finds missing.
 */
import type { TransactionSurroundings } from './entry.ts';
import type { Marker, TopicPartition } from './types.ts';

/** After a marker could not be written (a full disk), until it is tried again. */
const retryMs = 1000;

export class MarkerRetries {
  readonly #around: Pick<TransactionSurroundings, 'markers' | 'timers' | 'logger'>;
  #isStopped = false;

  constructor(around: Pick<TransactionSurroundings, 'markers' | 'timers' | 'logger'>) {
    this.#around = around;
  }

  /** `done` is called when all are written, at once where there are none, and never after {@link stop}. */
  write(
    transactionalId: string,
    marker: Marker,
    partitions: readonly TopicPartition[],
    until: 'durable' | 'written',
    done: () => void,
  ): void {
    if (this.#isStopped) return;
    if (partitions.length === 0) {
      done();
      return;
    }
    const { markers, timers, logger } = this.#around;
    markers.write(marker, partitions, until, (failed) => {
      if (failed.length > 0) {
        const message = 'Markers of a transaction cannot be written yet; they are tried again.';
        logger.warn({ transactionalId, partitions: failed }, message);
        timers.set(retryMs, () => this.write(transactionalId, marker, failed, until, done));
      } else if (!this.#isStopped) done();
    });
  }

  /** The next start finds what is missing. */
  stop(): void {
    this.#isStopped = true;
  }
}
