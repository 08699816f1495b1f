/**
 * Runs work once at the end of the current turn of the event loop, for everybody who asked during the turn: this is
 * what turns many appends into one write. `setImmediate` runs after all sockets that were readable have been read.
 */
export class TurnEnd {
  #due: (() => void)[] = [];
  #isScheduled = false;
  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    this.#isScheduled = false;
    for (const work of due) work();
  };

  /** The caller sees to it that it asks once a turn. */
  add(work: () => void): void {
    this.#due.push(work);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }
}
