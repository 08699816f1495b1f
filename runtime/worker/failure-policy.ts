/**
 * What becomes of a task or connector that failed: why it did, in one of five words, and when it is started again.
 *
 * Kafka Connect leaves it FAILED. Here it is FAILED too, with its trace, for as long as it is not running; but what may
 * pass is tried again, with a wait that grows and jitter, until a breaker opens: so many failures in a row without
 * anything done in between.
 */
import { type Config, ConfigError, DataError } from '../../connectors/api/index.ts';
import { claimCodes, DeadlineError, isTransient, RecordError } from '../errors.ts';
import { backoffMs } from './backoff.ts';

/**
 * `transient`: the same again may succeed later. `bad record` and `bad config`: somebody has to change something.
 * `fenced`: another process has this task now. `unknown`: none of these, so trying again would be a guess.
 */
export const failureCauses = ['transient', 'bad record', 'bad config', 'fenced', 'unknown'] as const;
export type FailureCause = (typeof failureCauses)[number];

/** A run this long was a success: the next failure starts counting from zero. */
const HEALTHY_RUN_MS = 60_000;
/** Failures in a row that `restart.max.attempts=-1` allows where trying again is a guess. */
const GUESSES_MAX = 10;

export interface Verdict {
  readonly cause: FailureCause;
  /** Until the next start; null: it stays FAILED. */
  readonly waitMs: number | null;
  /** For the status and the log: why, and what happens next. */
  readonly sentence: string;
}

/** One per task or connector; it remembers how often it failed in a row. */
export class FailurePolicy {
  readonly #settings: Config;
  #inARow = 0;
  #doneBefore = 0;
  /** Failures so far, by their cause. */
  readonly counts: Record<FailureCause, number>;

  /** `settings` hold the `restart.` keys. */
  constructor(settings: Config) {
    this.#settings = settings;
    this.counts = { transient: 0, 'bad record': 0, 'bad config': 0, fenced: 0, unknown: 0 };
  }

  /** `ranMs` is how long it ran; `done`, how many records it has finished in its life. */
  judge(error: unknown, ranMs: number, done = 0): Verdict {
    const cause = causeOf(error);
    this.counts[cause]++;
    if (ranMs > HEALTHY_RUN_MS || done > this.#doneBefore) this.#inARow = 0;
    this.#doneBefore = done;
    const failures = ++this.#inARow;
    const { waitMs, next } = this.#next(cause, failures);
    return { cause, waitMs, sentence: `Cause: ${cause}. ${next}` };
  }

  #next(cause: FailureCause, failures: number): { readonly waitMs: number | null; readonly next: string } {
    const policy = this.#settings.string('restart.on.failure');
    const stays = 'It stays FAILED until it is restarted.';
    const mayRestart = cause !== 'fenced' && (policy === 'always' || (policy === 'transient' && cause === 'transient'));
    if (!mayRestart) return { waitMs: null, next: stays };
    const given = this.#settings.number('restart.max.attempts');
    const max = given >= 0 ? given : cause === 'transient' ? Number.POSITIVE_INFINITY : GUESSES_MAX;
    if (failures > max) {
      const why = `${failures} failures in a row with nothing done in between (restart.max.attempts).`;
      return { waitMs: null, next: `${why} ${stays}` };
    }
    const [first, most] = [
      this.#settings.number('restart.backoff.ms'),
      this.#settings.number('restart.backoff.max.ms'),
    ];
    const waitMs = backoffMs(failures - 1, most, first);
    const attempt = failures === 1 ? '' : ` (attempt ${failures})`;
    return { waitMs, next: `It restarts by itself in ${Math.ceil(waitMs)} ms${attempt}.` };
  }
}

/** Deeper chains are loops or noise. */
const MAX_CAUSES = 10;

export function causeOf(error: unknown): FailureCause {
  const chain: Error[] = [];
  for (let each = error; each instanceof Error && chain.length < MAX_CAUSES; each = each.cause) chain.push(each);
  if (chain.some((each) => each instanceof ConfigError)) return 'bad config';
  const has = (code: string) => chain.some((each) => 'code' in each && each.code === code);
  // Fenced by the clock, not by a successor.
  if (has('TRANSACTION_TIMED_OUT')) return 'transient';
  // Fenced by a worker that had this group before, and has noticed since.
  if (has(claimCodes.former)) return 'transient';
  if (has('PRODUCER_FENCED') || has(claimCodes.fenced)) return 'fenced';
  // Who did not answer in time may do so the next time.
  if (isTransient(error) || chain.some((each) => each instanceof DeadlineError)) return 'transient';
  if (chain.some((each) => each instanceof RecordError || each instanceof DataError)) return 'bad record';
  return 'unknown';
}
