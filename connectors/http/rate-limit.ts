/**
 * Spaces turns evenly: so many per second, none saved up from idle times beyond one second's worth.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const BURST_MS = 1000;

export class RateLimit {
  readonly #spacingMs: number;
  /** When the next turn is due. */
  #due = 0;

  /** `perSecond` null: no limit. */
  constructor(perSecond: number | null) {
    this.#spacingMs = perSecond === null ? 0 : 1000 / perSecond;
  }

  /** Resolves when it is the caller's turn, or soon after the signal. */
  async turn(signal: AbortSignal, nowMs = performance.now()): Promise<void> {
    if (this.#spacingMs === 0) return;
    this.#due = Math.max(this.#due, nowMs - BURST_MS) + this.#spacingMs;
    const wait = this.#due - nowMs;
    if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
}
