/**
 * The one writer: changes happen one after the other, each seeing everything written before it.
 *
 * What callers decide inside `exclusive` (is it known, is it compatible, which id is next) cannot be overtaken.
 */
import { errors, RegistryError } from './errors.ts';
import type { SchemaStore } from './store/store.ts';

/** Writes that may wait at once; beyond it callers are told to come back. */
const MAX_WAITING_WRITES = 10_000;

export interface KeyedValue {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export class RegistryWriter {
  readonly #store: SchemaStore;
  readonly #timeoutMs: number;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: SchemaStore, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs `change` when all changes before it are done and everything in the log has been read. */
  async exclusive<T>(change: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING_WRITES) throw errors.tooManyWrites(MAX_WAITING_WRITES);
    this.#waiting++;
    const run = this.#tail.then(async () => {
      await this.#withDeadline(this.#store.catchUp());
      return change();
    });
    this.#tail = run.catch(() => undefined);
    try {
      return await run;
    } finally {
      this.#waiting--;
    }
  }

  /** Appends inside `exclusive`; resolves when the fold has seen the records. */
  async append(records: readonly KeyedValue[]): Promise<void> {
    await this.#withDeadline(this.#store.append(records));
  }

  /** Resolves when every change asked for so far is done. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  async #withDeadline<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(errors.timeout(this.#timeoutMs)), this.#timeoutMs);
    });
    try {
      return await Promise.race([work, deadline]);
    } catch (error) {
      throw error instanceof RegistryError ? error : errors.store(error);
    } finally {
      clearTimeout(timer);
    }
  }
}
