/**
 * The ledger of a task: every record it read is written, filtered, dead-lettered, skipped, released or in flight.
 *
 * `inFlight` is counted by the loop's own queue, not derived from the rest, so that a record forgotten anywhere shows
 * as a mismatch. A mismatch is an alarm: the loop checks whenever nothing is in flight.
 */
export interface LedgerCounts {
  read: number;
  /** Durable in the log (source), delivered by `put` (sink). */
  written: number;
  /** Dropped by a transform. */
  filtered: number;
  deadLettered: number;
  /** Tolerated without a dead letter queue. */
  skipped: number;
  /** Given back unprocessed, at stop or in a rebalance: somebody reads them again. */
  released: number;
}

export class Ledger implements LedgerCounts {
  read = 0;
  written = 0;
  filtered = 0;
  deadLettered = 0;
  skipped = 0;
  released = 0;
  inFlight = 0;
  inFlightMax = 0;

  /** Counts records that the loop has taken in. */
  take(records: number): void {
    this.read += records;
    this.inFlight += records;
    if (this.inFlight > this.inFlightMax) this.inFlightMax = this.inFlight;
  }

  /** How many records were lost track of; 0 when the books balance. */
  mismatch(): number {
    const done = this.written + this.filtered + this.deadLettered + this.skipped + this.released;
    return this.read - done - this.inFlight;
  }
}
