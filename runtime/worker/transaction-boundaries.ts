/**
 * Where the transactions of an exactly-once source end (KIP-618's `transaction.boundary`): with each poll, after an
 * interval, or where the connector's task says so.
 */
import { ConnectError, type SourceRecord, type TransactionContext } from '../../connectors/api/index.ts';
import { sliceEnd } from './source-delivery.ts';

export type Outcome = 'commit' | 'abort';

export interface TransactionBoundaries {
  /** For the task, where it is the one who decides. */
  readonly context: TransactionContext | null;
  /** How long a transaction may stay open; null where time does not end it. */
  readonly intervalMs: number | null;
  /** Whether what is open is whole when the task stops. */
  readonly endsWithTask: boolean;
  sliceEnd(records: readonly SourceRecord[], from: number): number;
  /** How the transaction ends with this record; null when it goes on. */
  after(record: SourceRecord): Outcome | null;
  /** The same at the end of a poll. */
  afterPoll(): Outcome | null;
}

export function transactionBoundaries(kind: string, intervalMs: number): TransactionBoundaries {
  if (kind === 'connector') return new RequestedBoundaries();
  return {
    context: null,
    intervalMs: kind === 'interval' ? intervalMs : null,
    endsWithTask: true,
    sliceEnd,
    after: () => null,
    afterPoll: () => (kind === 'poll' ? 'commit' : null),
  };
}

class RequestedBoundaries implements TransactionBoundaries, TransactionContext {
  readonly intervalMs = null;
  readonly endsWithTask = false;
  readonly #requested = new Map<SourceRecord, Outcome>();
  #forPoll: Outcome | null = null;

  get context(): TransactionContext {
    return this;
  }

  commitTransaction(record?: SourceRecord): void {
    this.#request('commit', record);
  }

  abortTransaction(record?: SourceRecord): void {
    this.#request('abort', record);
  }

  sliceEnd(records: readonly SourceRecord[], from: number): number {
    const end = sliceEnd(records, from);
    if (this.#requested.size === 0) return end;
    for (let index = from; index < end; index++) if (this.#requested.has(records[index]!)) return index + 1;
    return end;
  }

  after(record: SourceRecord): Outcome | null {
    const outcome = this.#requested.get(record) ?? null;
    if (outcome !== null) this.#requested.delete(record);
    return outcome;
  }

  afterPoll(): Outcome | null {
    const outcome = this.#forPoll;
    this.#forPoll = null;
    return outcome;
  }

  #request(outcome: Outcome, record: SourceRecord | undefined): void {
    const before = record === undefined ? this.#forPoll : this.#requested.get(record);
    if (before != null && before !== outcome) {
      throw new ConnectError('The same transaction was asked to commit and to abort.', { code: 'TRANSACTION_REQUEST' });
    }
    if (record === undefined) this.#forPoll = outcome;
    else this.#requested.set(record, outcome);
  }
}
