/**
 * Runs work once at the end of the current turn of the event loop, for everybody who asked during the turn: this is
 * what turns many appends into one write. `setImmediate` runs after all sockets that were readable have been read.
 *
 * Where thousands asked, the rest waits for the next turn, so that nobody else is held up.
 */

/** How long one turn may take; a tenth of what a client would notice. */
const turnMs = 10;
/** Reading the clock costs as much as some work. */
const clockEvery = 16;

export class TurnEnd {
  #due: (() => void)[] = [];
  #isScheduled = false;
  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    const end = due.length > clockEvery ? performance.now() + turnMs : 0;
    let at = 0;
    while (at < due.length) {
      due[at++]!();
      if (at % clockEvery === 0 && performance.now() > end) break;
    }
    if (at < due.length) this.#due = [...due.slice(at), ...this.#due];
    this.#isScheduled = this.#due.length > 0;
    if (this.#isScheduled) setImmediate(this.#run);
  };

  /** The caller sees to it that it asks once a turn. */
  add(work: () => void): void {
    this.#due.push(work);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }
}
