/**
 * Which WAL position may be confirmed to the server: one that a stored offset names, before which everything is durable.
 *
 * Confirm later and a stopped consumer pins WAL; confirm sooner and a crash leaves a gap nobody can refill. Because nothing
 * beyond a stored offset is ever confirmed, a slot that stands beyond it was moved by somebody else.
 */
import type { SourceOffset } from '../../../api/index.ts';
import { parseOffset } from '../tables/position.ts';

export class Acknowledgements {
  #confirmed = 0;
  readonly #isOurs: boolean;

  /** Where somebody else confirms, nothing is. */
  constructor(isOurs = true) {
    this.#isOurs = isOurs;
  }

  /** The position to report as flushed; 0 before there is one. */
  get confirmedLsn(): number {
    return this.#confirmed;
  }

  /** An offset is durable: every transaction that ended before it is done. A snapshot that is not over confirms nothing. */
  stored(offset: SourceOffset | null): void {
    const position = parseOffset(offset);
    if (this.#isOurs && position?.kind === 'stream')
      this.#confirmed = Math.max(this.#confirmed, position.lastCommitLsn);
  }
}
