/**
 * The ledger of a task: every record it read is written, filtered, dead-lettered, skipped, released or in flight.
 *
 * The loop compares it with what its queues really hold (`audit`). A record that is in flight by the books and in no
 * queue was forgotten, by us or by a plugin that changed what it had handed over: that is an alarm, never silence.
 */
export interface LedgerCounts {
  read: number;
  /** Durable in the log (source), delivered by `put` (sink). */
  written: number;
  /** Dropped by a transform, or discarded by the task that read it (an aborted transaction). */
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
  /** Records that left every queue without an outcome. Stays: it is evidence. */
  lost = 0;
  readonly #onLost: (records: number, ledger: Ledger) => void;

  /** `onLost` sounds the alarm; negative when more came out than went in. */
  constructor(onLost: (records: number, ledger: Ledger) => void = () => {}) {
    this.#onLost = onLost;
  }

  /** Counts records that the loop has taken in. */
  take(records: number): void {
    this.read += records;
    this.inFlight += records;
    if (this.inFlight > this.inFlightMax) this.inFlightMax = this.inFlight;
  }

  /** These go back to where they came from. */
  release(records: number): void {
    this.released += records;
    this.inFlight -= records;
  }

  /**
   * The books for whoever follows a loop that was cut off and may still be at work: what it has in flight is given back,
   * and what it still writes down is written into the old ones.
   */
  succeed(): Ledger {
    const next = new Ledger(this.#onLost);
    const { read, written, filtered, deadLettered, skipped, released, inFlight, inFlightMax, lost } = this;
    Object.assign(next, { read, written, filtered, deadLettered, skipped, released: released + inFlight });
    return Object.assign(next, { inFlightMax, lost });
  }

  /** `held` is what the loop's queues hold now; whatever else is in flight is nowhere. */
  audit(held: number): void {
    const lost = this.inFlight - held;
    if (lost === 0) return;
    this.inFlight = held;
    this.lost += lost;
    this.#onLost(lost, this);
  }

  /** Records with an outcome, those given back not counted. */
  get done(): number {
    return this.written + this.filtered + this.deadLettered + this.skipped;
  }

  /** How many records were lost track of; 0 when the books balance. */
  mismatch(): number {
    return this.read - this.done - this.released - this.inFlight;
  }
}
