/**
 * A fleet's deliveries as they fall due: worked out a stretch ahead, taken in order. What the source and
 * `millrace sim fleet` drive by the clock.
 */
import { type Delivery, deliveriesBetween, type FleetRules } from './fleet.ts';

export interface StreamOptions {
  /** Begins here instead of at the start of the simulated world. */
  readonly fromMs?: number;
  readonly isOurs?: (truck: number) => boolean;
  /** Each truck's last report. */
  readonly reportsMax?: number;
}

export class FleetStream {
  readonly #rules: FleetRules;
  readonly #options: StreamOptions;
  #queue: Delivery[] = [];
  /** Taken already, at the head of the queue. */
  #taken = 0;
  /** Everything that arrives before this moment is in the queue or taken. */
  #plannedMs: number;

  constructor(rules: FleetRules, options: StreamOptions = {}) {
    this.#rules = rules;
    this.#options = options;
    this.#plannedMs = options.fromMs ?? rules.startMs;
  }

  /** At most `max` deliveries that arrive before `untilMs`, in order. */
  take(untilMs: number, max: number): Delivery[] {
    const taken: Delivery[] = [];
    while (taken.length < max) {
      if (this.#taken === this.#queue.length && this.#plannedMs >= untilMs) break;
      if (this.#taken === this.#queue.length) this.#plan();
      const next = this.#queue[this.#taken];
      if (next === undefined) continue;
      if (next.atMs >= untilMs) break;
      taken.push(next);
      this.#taken++;
    }
    return taken;
  }

  /** When the next one arrives, as far as is known; the end of what is worked out where nothing is left in it. */
  nextMs(): number {
    return this.#queue[this.#taken]?.atMs ?? this.#plannedMs;
  }

  #plan(): void {
    const untilMs = this.#plannedMs + this.#rules.intervalMs;
    const { isOurs, reportsMax } = this.#options;
    this.#queue = deliveriesBetween(this.#rules, this.#plannedMs, untilMs, isOurs, reportsMax);
    this.#taken = 0;
    this.#plannedMs = untilMs;
  }
}
