/**
 * What the transaction coordinator keeps of each transactional id and of each request until it is answered, and what it is
 * given to work with. The rules are transitions.ts, what happens is coordinator.ts.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { Logger, MarkerWriter, ProducerIdSource, RecordPresence, Timers, TransactionLog } from './ports.ts';
import type { Decision } from './transitions.ts';
import type { AwaitedRecords, Transaction, UnsyncedMarker } from './types.ts';

export interface TransactionConfig {
  /** `transaction.max.timeout.ms`. */
  readonly timeoutMsMax: number;
  /** `transactional.id.expiration.ms`. */
  readonly idExpirationMs: number;
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms`. */
  readonly abortIntervalMs: number;
  /** `transaction.remove.expired.transaction.cleanup.interval.ms`. */
  readonly expiryIntervalMs: number;
}

export interface TransactionSurroundings {
  readonly log: TransactionLog;
  readonly markers: MarkerWriter;
  readonly records: RecordPresence;
  readonly producerIds: ProducerIdSource;
  readonly timers: Timers;
  readonly logger: Logger;
  /** The epoch of this start of the broker: markers of an earlier one are recognised as late. */
  readonly coordinatorEpoch: number;
}

/** One transactional id. */
export class Entry {
  current: Transaction;
  /** Of an earlier start of the broker, whose beginning of a transaction may be lost while its records are not. */
  mayHaveOrphans: boolean;
  /** What the commit that was found at the start stands only with. */
  awaited: readonly AwaitedRecords[] = [];
  /** Markers that may not be on disk: every record of the id says so. */
  unsynced: readonly UnsyncedMarker[] = [];
  /** A record about it is on its way to the disk, or a producer id is. */
  isChanging = false;
  readonly waiting = new Set<Attempt>();

  constructor(current: Transaction, mayHaveOrphans = false) {
    this.current = current;
    this.mayHaveOrphans = mayHaveOrphans;
  }
}

/** A request until it is answered. */
export interface Attempt {
  readonly entry: Entry;
  readonly deadlineMs: number;
  readonly decide: (now: Transaction, newProducerId: number | null) => Decision;
  /** With what it changed, or null where nothing was to be changed. */
  readonly done: (error: ErrorName, next: Transaction | null) => void;
  /** What it changes is true at once. */
  readonly isAtOnce?: boolean;
  /** What it changes is true only with these. */
  readonly records?: CommittedRecords;
  timer: { cancel(): void } | null;
}

/** Records on their way to the disk. */
export interface CommittedRecords {
  readonly awaited: readonly AwaitedRecords[];
  /** Rejects where they will not be there. */
  readonly durable: Promise<unknown>;
}

/** Whether records of it may be in the logs without its beginning: not of a producer that waits for the disk before it writes. */
export function mayHaveOrphans({ clientTransactionVersion }: Transaction): boolean {
  return clientTransactionVersion === 2;
}
