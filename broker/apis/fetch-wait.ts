/**
 * A fetch that waits: woken by an append to one of its partitions, or when its time is up. Nothing polls.
 */
import type { PartitionLog } from '../log/partition-log.ts';

export class FetchWait {
  readonly #unsubscribe: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #isEnded = false;

  /** `onWake` may be called many times until `end`; with true at most once. */
  constructor(logs: readonly PartitionLog[], waitMs: number, onWake: (isTimeUp: boolean) => void) {
    const wake = (): void => {
      if (!this.#isEnded) onWake(false);
    };
    for (const log of logs) this.#unsubscribe.push(log.onAdvance(wake));
    this.#timer = setTimeout(onWake, waitMs, true);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}
