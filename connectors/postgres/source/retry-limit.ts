/**
 * `errors.max.retries`: how often in a row a source may fail with what may pass. The worker tries again by itself; this says
 * when it is to stop.
 */
import { ConnectError, RetriableError } from '../../api/index.ts';

export class RetryLimit {
  readonly #max: number;
  #failures = 0;

  /** -1: no limit. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Where records came, what failed before has passed. */
  passed<T>(records: T[]): T[] {
    if (records.length > 0) this.#failures = 0;
    return records;
  }

  /** The error as it is, or one that is not tried again. */
  judge(error: ConnectError): ConnectError {
    if (this.#max < 0 || !(error instanceof RetriableError)) return error;
    if (this.#failures++ < this.#max) return error;
    const message = `${error.message} That was the last of errors.max.retries=${this.#max}: restart the task, or set -1 to go on trying.`;
    return new ConnectError(message, { code: error.code, cause: error });
  }
}
