/**
 * Notices that nobody asks the task for records any more: the connector is paused, or the log takes nothing. A stream that is held open
 * but not read keeps a server from shutting down (it waits until all of its WAL is confirmed), and a snapshot that stands still keeps
 * it from cleaning up. What is let go is taken up again by the next poll.
 */
export class Unasked {
  readonly #afterMs: number;
  readonly #letGo: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `letGo` is called once, `afterMs` behind an answer to which no other question came. */
  constructor(afterMs: number, letGo: () => void) {
    this.#afterMs = afterMs;
    this.#letGo = letGo;
  }

  asked(): void {
    clearTimeout(this.#timer);
  }

  answered(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#letGo, this.#afterMs).unref();
  }
}
