/** A door that a paused loop waits behind. */
export class Gate {
  #passage: Promise<void> | null = null;
  #open: (() => void) | null = null;

  get isClosed(): boolean {
    return this.#passage !== null;
  }

  close(): void {
    this.#passage ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
    this.#passage = null;
    this.#open = null;
  }

  /** Resolves when the gate opens; at once when it is open. */
  passage(): Promise<void> {
    return this.#passage ?? Promise.resolve();
  }
}
