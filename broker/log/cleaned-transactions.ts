/**
 * What a round of cleaning knows of transactions while it walks a log from its beginning: which data batches belong to
 * an aborted one (their records go), and which markers no longer have any data before them (they may go, once
 * `delete.retention.ms` is over). Kafka's CleanedTransactionMetadata.
 */
import { readMarker } from '../protocol/control-record.ts';
import * as batches from '../protocol/record-batch.ts';
import type { AbortedTransactionEntry } from './transaction-index.ts';

interface OngoingAborted {
  readonly entry: AbortedTransactionEntry;
  hasData: boolean;
}

export class CleanedTransactions {
  readonly #aborted: readonly AbortedTransactionEntry[];
  #next = 0;
  readonly #ongoingAborted = new Map<number, OngoingAborted>();
  readonly #ongoingCommitted = new Set<number>();
  /** Told of every aborted transaction that keeps a batch, for the transaction index of the cleaned segment. */
  onKept: (entry: AbortedTransactionEntry) => void = () => {};

  /** `aborted` are all that end at or after the first offset that will be read. */
  constructor(aborted: readonly AbortedTransactionEntry[]) {
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Takes in a data batch; true when it belongs to an aborted transaction. */
  isAborted(batch: Buffer): boolean {
    this.#beginUpTo(batches.lastOffset(batch));
    if (!batches.isTransactional(batch)) return false;
    const producerId = batches.producerId(batch);
    const aborted = this.#ongoingAborted.get(producerId);
    if (aborted === undefined) this.#ongoingCommitted.add(producerId);
    else aborted.hasData = true;
    return aborted !== undefined;
  }

  /** Takes in a control batch; true when it is the marker of a transaction of which nothing is left. */
  isMarkerOfNothing(batch: Buffer): boolean {
    this.#beginUpTo(batches.lastOffset(batch));
    const type = batches.recordCount(batch) === 0 ? undefined : readMarker(batch)?.type;
    const producerId = batches.producerId(batch);
    if (type === 'commit') return !this.#ongoingCommitted.delete(producerId);
    if (type !== 'abort') return false;
    const aborted = this.#ongoingAborted.get(producerId);
    this.#ongoingAborted.delete(producerId);
    if (aborted === undefined || !aborted.hasData) return true;
    this.onKept(aborted.entry);
    return false;
  }

  #beginUpTo(offset: number): void {
    for (; this.#next < this.#aborted.length && this.#aborted[this.#next]!.firstOffset <= offset; this.#next++) {
      const entry = this.#aborted[this.#next]!;
      if (!this.#ongoingAborted.has(entry.producerId)) {
        this.#ongoingAborted.set(entry.producerId, { entry, hasData: false });
      }
    }
  }
}
