/** Work of the coordinator that comes round by the clock, until it is stopped. */
import type { Timers } from './ports.ts';

export class Periodic {
  readonly #timers: Timers;
  readonly #set = new Set<{ cancel(): void }>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  every(intervalMs: number, work: () => void): void {
    const timer = this.#timers.set(intervalMs, () => {
      this.#set.delete(timer);
      // First, so that work which stops it ends this round too.
      this.every(intervalMs, work);
      work();
    });
    this.#set.add(timer);
  }

  stop(): void {
    for (const timer of this.#set) timer.cancel();
    this.#set.clear();
  }
}
