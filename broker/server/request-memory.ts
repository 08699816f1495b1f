/**
 * Memory for requests in flight, bounded over all connections: three hundred clients that each announce a 100 MB
 * request must be a shrug. Nothing is allocated on an announcement; only bytes that arrived are counted.
 *
 * Above the limit no connection reads that holds more than a small request, so that heartbeats, fetches and questions
 * are answered whatever others hold. One more is read: the favoured, whose unfinished request is nearest to its end. It may
 * go past the limit by the rest of that request, so there is always one that gets done; if it does not within its
 * deadline it is closed, and the next is favoured. The most memory taken is therefore the limit, one request, a small request
 * of every connection, and what is kept to be used again (frame-buffers.ts).
 */

/** A connection, as far as memory goes. */
export interface MemoryUser {
  /** Bytes its unfinished request still lacks; 0 when none is unfinished. */
  readonly missingBytes: number;
  /** What arrived from it and is not done with. */
  readonly heldBytes: number;
  pauseForMemory(): void;
  resumeForMemory(): void;
  /** Must end in `forget`. */
  closeForMemory(): void;
}

/** A client that cannot finish its request within this time, while others wait for the memory it holds, is closed. */
const favouredDeadlineMs = 30_000;

/** Everything but a produce of many records fits; ten thousand connections with so much hold 160 MiB. */
const smallBytes = 16 * 1024;

export class RequestMemory {
  readonly limitBytes: number;
  #usedBytes = 0;
  readonly #waiting = new Set<MemoryUser>();
  #favoured: MemoryUser | null = null;
  #deadline: NodeJS.Timeout | null = null;
  readonly #deadlineMs: number;

  constructor(limitBytes: number, deadlineMs = favouredDeadlineMs) {
    this.limitBytes = limitBytes;
    this.#deadlineMs = deadlineMs;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes of a request arrived. */
  take(user: MemoryUser, bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes > this.limitBytes && user !== this.#favoured && user.heldBytes > smallBytes) this.#wait(user);
  }

  /** A request of the user is done with its bytes. */
  give(user: MemoryUser, bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#waiting.size === 0) return;
    if (this.#usedBytes > this.limitBytes) {
      if (user.heldBytes <= smallBytes && this.#waiting.delete(user)) user.resumeForMemory();
      return;
    }
    this.#endFavour();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const user of waiting) user.resumeForMemory();
  }

  /** The user's unfinished request is complete. */
  completed(user: MemoryUser): void {
    if (user !== this.#favoured) return;
    this.#endFavour();
    if (this.#usedBytes > this.limitBytes) this.#wait(user);
  }

  /** The user is gone; what it held is given back by itself. */
  forget(user: MemoryUser): void {
    this.#waiting.delete(user);
    if (user !== this.#favoured) return;
    this.#endFavour();
    this.#favourNext();
  }

  #wait(user: MemoryUser): void {
    this.#waiting.add(user);
    user.pauseForMemory();
    this.#favourNext();
  }

  #favourNext(): void {
    if (this.#favoured !== null || this.#usedBytes <= this.limitBytes) return;
    let nearest: MemoryUser | null = null;
    for (const user of this.#waiting) {
      if (user.missingBytes > 0 && (nearest === null || user.missingBytes < nearest.missingBytes)) nearest = user;
    }
    if (nearest === null) return;
    this.#favoured = nearest;
    this.#waiting.delete(nearest);
    this.#deadline = setTimeout(() => this.#favoured?.closeForMemory(), this.#deadlineMs);
    this.#deadline.unref();
    nearest.resumeForMemory();
  }

  #endFavour(): void {
    this.#favoured = null;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }
}
