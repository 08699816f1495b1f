/**
 * Waits that grow, and waits that end: the only clocks of the worker.
 */
import { DeadlineError } from '../errors.ts';

/** Kafka Connect's first retry wait (RetryWithToleranceOperator.RETRIES_DELAY_MIN_MS). */
const FIRST_DELAY_MS = 300;

/** Doubles from the first delay to the cap; half of it is jitter, so that tasks do not come back in step. */
export function backoffMs(attempt: number, maxMs: number, firstMs = FIRST_DELAY_MS): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return full / 2 + (Math.random() * full) / 2;
}

/** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** The work, or a DeadlineError that names it; the work itself goes on unobserved. */
export async function within<T>(what: string, timeoutMs: number, work: T | Promise<T>): Promise<T> {
  if (!(work instanceof Promise)) return work;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Time a loop may run on microtasks alone before sockets, timers and other tasks get their turn. */
const TURN_MS = 5;

/** Lets a busy loop give way: `await` what it answers when that is not null. */
export class Turn {
  #since = performance.now();

  due(): Promise<void> | null {
    if (performance.now() - this.#since < TURN_MS) return null;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#since = performance.now();
        resolve();
      }),
    );
  }
}
