/**
 * Much work without holding anybody up: `WorkQueue` for what blocks the event loop a little each time (removing files),
 * `atATime` for what waits for the device.
 */

/** How long one turn may take. */
const turnMs = 10;

/** A queue whose work is done in the order it came, as much in a turn of the event loop as fits. */
export class WorkQueue {
  #due: (() => void)[] = [];
  #isRunning = false;
  readonly #run = (): void => {
    const end = performance.now() + turnMs;
    let at = 0;
    while (at < this.#due.length && performance.now() < end) this.#due[at++]!();
    this.#due = this.#due.slice(at);
    this.#isRunning = this.#due.length > 0;
    if (this.#isRunning) setImmediate(this.#run);
  };

  /** `work` must not throw. */
  add(work: () => void): void {
    this.#due.push(work);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#run);
  }
}

/** Does the work for every item, `limit` of them at a time. Resolves to what was thrown, in no order. */
export async function atATime<Item>(
  limit: number,
  items: Iterable<Item>,
  work: (item: Item) => Promise<unknown>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return failures;
}
