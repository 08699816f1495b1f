/**
 * What the stream has brought and how far behind it is: numbers that stream-reader.ts adds to, told once per batch, never per record.
 *
 * Names are Debezium's attributes of its streaming metrics, written small. Whether the end of the stream is reached nobody says; it is
 * taken for reached where nothing is there to read.
 */

/** Polls come at least once a second; whoever did not look for as long does not know what has happened since. */
const UNKNOWN_AFTER_MS = 5_000;

export class StreamFigures {
  creates = 0;
  updates = 0;
  deletes = 0;
  truncates = 0;
  transactions = 0;
  readonly #count: (figure: string, more: number) => void;
  /** When there was nothing more to read. */
  #endSeenAt: number | null = null;
  #isAtEnd = false;
  /** Of the transaction that was read last. */
  #committedAt: number | null = null;
  /** Something came, of whatever kind. */
  #hasBegun = false;

  readonly #now: () => number;

  /** `now` in milliseconds since 1970. */
  constructor(count: (figure: string, more: number) => void, now: () => number = Date.now) {
    this.#count = count;
    this.#now = now;
  }

  /** Behind all that was there to read: tells what was counted. `commitMicros` is 0 before the first transaction. */
  drained(hasRead: boolean, hasRecords: boolean, commitMicros: number): void {
    if (hasRead) this.#hasBegun = true;
    if (commitMicros > 0) this.#committedAt = commitMicros / 1000;
    if (hasRecords) this.#isAtEnd = false;
    if (!hasRead) return;
    this.#tell('total_number_of_create_events_seen', this.creates);
    this.#tell('total_number_of_update_events_seen', this.updates);
    this.#tell('total_number_of_delete_events_seen', this.deletes);
    this.#tell('total_number_of_truncate_events_seen', this.truncates);
    this.#tell('number_of_committed_transactions', this.transactions);
    this.creates = this.updates = this.deletes = this.truncates = this.transactions = 0;
  }

  #tell(figure: string, more: number): void {
    if (more > 0) this.#count(figure, more);
  }

  /** There is nothing to read. `isLong`: nothing came for as long as the caller waits, so not even the first of it is on its way. */
  nothingThere(isLong: boolean): void {
    if (!this.#hasBegun && !isLong) return;
    this.#isAtEnd = true;
    this.#endSeenAt = this.#now();
  }

  /**
   * Milliseconds since the commit that was read last, 0 at the end of the stream. While nobody reads (the connector is paused, the log
   * takes nothing) it grows from where that was known. Null before anything is.
   */
  get behindMs(): number | null {
    const now = this.#now();
    if (this.#isAtEnd && now - this.#endSeenAt! < UNKNOWN_AFTER_MS) return 0;
    const since = this.#isAtEnd ? this.#endSeenAt : this.#committedAt;
    return since === null ? null : Math.max(0, Math.round(now - since));
  }
}
