/**
 * Time as the group coordinator sees it: a port, so that tests decide when a session times out.
 */

export interface Timers {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs once after the delay. */
  set(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  /** Harmless when it has run already. */
  cancel(): void;
}

/** Node's longest delay; a longer one would run at once. */
const delayMsMax = 2 ** 31 - 1;

export function systemTimers(now: () => number): Timers {
  return {
    now,
    set(delayMs, run) {
      const timer = setTimeout(run, Math.min(delayMs, delayMsMax));
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
