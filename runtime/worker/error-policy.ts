/**
 * The one place that decides what becomes of a failed record: again, dead letter, skip, or fail the task.
 *
 * Kafka Connect's semantics (KIP-298): `errors.retry.timeout` retries what calls itself retriable;
 * `errors.tolerance=all` goes on past what cannot be helped. A retriable error past its timeout is treated like any
 * other, never dropped in silence (KAFKA-18073).
 */
import { type Config, ConfigError, type Logger } from '../../connectors/api/index.ts';
import { isRetriable, messageOf, RecordError } from '../errors.ts';
import { backoffMs, delay } from './backoff.ts';
import type { DeadLetterQueue, Failure } from './dead-letter-queue.ts';
import { traceFields } from './trace-context.ts';

/** Counters behind kafka_connect_task_error_metrics. */
export interface ErrorCounts {
  recordFailures: number;
  recordErrors: number;
  recordsSkipped: number;
  retries: number;
  errorsLogged: number;
  lastErrorTimestamp: number;
}

export const noErrors = (): ErrorCounts => ({
  recordFailures: 0,
  recordErrors: 0,
  recordsSkipped: 0,
  retries: 0,
  errorsLogged: 0,
  lastErrorTimestamp: 0,
});

/** What became of a tolerated record. */
export type Outcome = 'dead-lettered' | 'skipped';

export class ErrorPolicy {
  readonly counts: ErrorCounts;
  readonly maxDelayMs: number;
  readonly #retryTimeoutMs: number;
  readonly #isTolerant: boolean;
  readonly #logs: boolean;
  readonly #logsRecords: boolean;
  readonly #queue: DeadLetterQueue | null;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;

  constructor(
    settings: Config,
    queue: DeadLetterQueue | null,
    logger: Logger,
    signal: AbortSignal,
    counts: ErrorCounts,
  ) {
    this.counts = counts;
    this.maxDelayMs = settings.number('errors.retry.delay.max.ms');
    this.#retryTimeoutMs = settings.number('errors.retry.timeout');
    this.#isTolerant = settings.string('errors.tolerance') === 'all';
    this.#logs = settings.boolean('errors.log.enable');
    this.#logsRecords = settings.boolean('errors.log.include.messages');
    this.#queue = queue;
    this.#logger = logger;
    this.#signal = signal;
  }

  /**
   * Waits before the next try of a record's operation and answers true; false when it must not be tried again.
   * `since` is when the first try failed, `attempt` counts from 0.
   */
  async waitToRetry(error: unknown, since: number, attempt: number): Promise<boolean> {
    if (!isRetriable(error) || this.#retryTimeoutMs === 0 || this.#signal.aborted) return false;
    const wait = backoffMs(attempt, this.maxDelayMs);
    if (this.#retryTimeoutMs > 0 && Date.now() - since + wait > this.#retryTimeoutMs) return false;
    this.counts.retries++;
    await delay(wait, this.#signal);
    return !this.#signal.aborted;
  }

  /** Resolves once the bad record is durable in its queue, or skipped; rejects when the task must fail. */
  async tolerate(failure: Failure): Promise<Outcome> {
    this.counts.recordFailures++;
    this.counts.lastErrorTimestamp = Date.now();
    if (!this.#isTolerant || failure.error instanceof ConfigError) {
      this.counts.recordErrors++;
      throw new RecordError(failure.stage, placeOf(failure), failure.error, coordinatesOf(failure));
    }
    if (this.#logs) this.#report(failure);
    if (this.#queue !== null) {
      await this.#queue.send(failure);
      return 'dead-lettered';
    }
    this.counts.recordsSkipped++;
    return 'skipped';
  }

  #report(failure: Failure): void {
    this.counts.errorsLogged++;
    const { stage, className } = failure;
    const coordinates = this.#logsRecords ? coordinatesOf(failure) : {};
    const message = `A record failed in ${stage} and was tolerated: ${messageOf(failure.error)}`;
    this.#logger.error({ stage, className, ...coordinates }, message);
  }
}

/** Where the record stands, as fields of a log line. */
function coordinatesOf({ topic, partition, offset, source, original }: Failure): object {
  const place = source === undefined ? { topic, partition, offset } : { topic, source };
  return { ...place, ...traceFields(original.headers) };
}

function placeOf({ topic, partition, offset, source }: Failure): string {
  if (source !== undefined) return `the record for topic ${topic} from ${shortened(JSON.stringify(source))}`;
  return `the record at ${topic}-${partition}@${offset}`;
}

/** An offset may list a thousand tables; what is wrong with the record stands behind it. */
const PLACE_CHARACTERS_MAX = 400;

function shortened(text: string): string {
  return text.length <= PLACE_CHARACTERS_MAX ? text : `${text.slice(0, PLACE_CHARACTERS_MAX)}…`;
}
