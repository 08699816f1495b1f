/**
 * Which WAL position may be confirmed to the server: the last one before which every record is durable in the log.
 *
 * Confirm later and a stopped consumer pins WAL; confirm sooner and a crash leaves a gap nobody can refill.
 */

export class Acknowledgements {
  #emitted = 0;
  #done = 0;
  #confirmed = 0;
  /** Positions in order, each with the number of records that must be done before it counts. */
  #waiting: { readonly records: number; lsn: number }[] = [];
  #head = 0;

  /** The position to report as flushed; 0 before there is one. */
  get confirmedLsn(): number {
    return this.#confirmed;
  }

  /** Records went to the worker. */
  emitted(count: number): void {
    this.#emitted += count;
  }

  /** The next record in order is done for good. */
  done(): void {
    this.#done++;
    this.#settle();
  }

  /**
   * The server's stream passed a position outside of any transaction: a commit's end, or what a keepalive tells.
   * It counts once every record emitted up to now is done; at once where nothing is pending.
   */
  passed(lsn: number): void {
    const last = this.#waiting.length > this.#head ? this.#waiting.at(-1) : undefined;
    if (last !== undefined && last.records === this.#emitted) last.lsn = Math.max(last.lsn, lsn);
    else this.#waiting.push({ records: this.#emitted, lsn });
    this.#settle();
  }

  #settle(): void {
    while (this.#head < this.#waiting.length && this.#waiting[this.#head]!.records <= this.#done) {
      this.#confirmed = Math.max(this.#confirmed, this.#waiting[this.#head]!.lsn);
      this.#head++;
    }
    // Shifting one by one would be quadratic; cutting now and then is not.
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }
}
