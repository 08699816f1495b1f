/**
 * A fetch that waits: woken by an append to one of its partitions, or when its time is up. Nothing polls.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import type { Topics } from '../metadata/topics.ts';

export class FetchWait {
  /** One of the partitions had no log when it was last looked at: it may have one by the next wake, to be watched too. */
  hasUnused = false;
  #unsubscribe: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #wake: () => void;
  #isEnded = false;

  /** `onWake` may be called many times until `end`; with true at most once. */
  constructor(waitMs: number, onWake: (isTimeUp: boolean) => void) {
    this.#wake = () => {
      if (!this.#isEnded) onWake(false);
    };
    this.#timer = setTimeout(onWake, waitMs, true);
  }

  /**
   * Watches these, and nothing it watched before; null is a partition that was never written to. `wakers` are other
   * things worth waking for: each is given what to call and answers how to stop that.
   */
  watch(
    logs: readonly (PartitionLog | null)[],
    topics: Pick<Topics, 'onPartitionsChanged'>,
    wakers: readonly ((wake: () => void) => () => void)[] = [],
  ): void {
    this.#stopWatching();
    for (const waker of wakers) this.#unsubscribe.push(waker(this.#wake));
    for (const log of logs) if (log !== null) this.#unsubscribe.push(log.onAdvance(this.#wake));
    this.hasUnused = logs.includes(null);
    if (this.hasUnused) this.#unsubscribe.push(topics.onPartitionsChanged(this.#wake));
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#stopWatching();
  }

  #stopWatching(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }
}
