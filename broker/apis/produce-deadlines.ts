/**
 * The `timeoutMs` of Produce: how long acks=-1 waits for the disk before the client is told REQUEST_TIMED_OUT, as Kafka's
 * delayed produce waits for replicas. The records stay appended, and a retry of an idempotent producer is recognised.
 *
 * Nearly every produce is answered within milliseconds, so there is no timer for each: whoever still waits is looked at
 * a few times a second, and answered that much later than asked.
 */

/** A produce that waits. */
export interface Waiting {
  /** Answers with what is done and a timeout for the rest. False: not now, try again at the next look. */
  expire(): boolean;
}

const checkMs = 100;

export class ProduceDeadlines {
  readonly #waiting = new Map<Waiting, number>();
  #timer: NodeJS.Timeout | null = null;

  add(waiting: Waiting, timeoutMs: number): void {
    this.#waiting.set(waiting, performance.now() + timeoutMs);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#check(), checkMs);
    this.#timer.unref();
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  #check(): void {
    const now = performance.now();
    for (const [waiting, deadline] of this.#waiting) {
      if (deadline <= now && waiting.expire()) this.#waiting.delete(waiting);
    }
    if (this.#waiting.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
