/**
 * Memory for requests in flight, bounded over all connections: three hundred clients that each announce a 100 MB
 * request must be a shrug, and others must not notice. Nothing is allocated on an announcement; only bytes that arrived
 * are counted.
 *
 * Above the limit no connection reads on that holds more than a small request, but for those that are let through to their
 * end: all with little to come, nearest first, within a reserve of their own, and one large one. Who is let through and
 * sends nothing makes way for the next, and is closed when it stays silent for long while others wait; so is who fell
 * silent before memory was short. The most memory taken is therefore the limit, the reserve, one largest request, a small
 * request of every connection, and what is kept to be used again (frame-buffers.ts).
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

export interface RequestMemoryOptions {
  /** `queued.max.request.bytes`. */
  readonly limitBytes: number;
  /** `socket.request.max.bytes`. */
  readonly requestMaxBytes: number;
  /** A client that is silent in the middle of a request for so long, while memory is short, is closed. */
  readonly silenceMsMax?: number;
  /** How often is looked who is silent, and how long one that is let through may take for its next byte. */
  readonly lookMs?: number;
}

const silenceMsDefault = 30_000;
/** A round trip around the world and a packet lost on the way. */
const lookMsDefault = 1000;
/** Everything but a produce of many records fits; ten thousand connections with so much hold 160 MiB. */
const smallBytes = 16 * 1024;
/** A producer's `max.request.size` is 1 MiB by default: with no more than this to come it is let through beside others. */
const littleBytes = 2 * 1024 * 1024;
/** What all of those may take together beyond the limit. */
const reserveBytes = 32 * 1024 * 1024;

/** When a user was last seen to lack so much. */
interface Sighting {
  missingBytes: number;
  sinceMs: number;
}

export class RequestMemory {
  readonly limitBytes: number;
  #usedBytes = 0;
  /** Users that hold more than a small request. */
  readonly #holders = new Set<MemoryUser>();
  /** Paused, in the order of their coming. */
  readonly #waiting = new Set<MemoryUser>();
  /** Let through, since when. */
  readonly #passing = new Map<MemoryUser, number>();
  /** Those of the waiting that were let through and sent nothing; who was so last is last. */
  readonly #silent = new Set<MemoryUser>();
  readonly #sightings = new Map<MemoryUser, Sighting>();
  readonly #beyondMax: number;
  readonly #silenceMsMax: number;
  readonly #lookMs: number;
  #look: NodeJS.Timeout | null = null;

  constructor(options: RequestMemoryOptions) {
    const { limitBytes, requestMaxBytes, silenceMsMax = silenceMsDefault, lookMs = lookMsDefault } = options;
    this.limitBytes = limitBytes;
    this.#beyondMax = reserveBytes + requestMaxBytes;
    this.#silenceMsMax = silenceMsMax;
    this.#lookMs = lookMs;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes of a request arrived. */
  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** The user knows what it lacks after what it took. It is paused where there is no room for more. */
  taken(user: MemoryUser): void {
    if (user.heldBytes <= smallBytes) return;
    this.#holders.add(user);
    if (this.#usedBytes > this.limitBytes && !this.#passing.has(user)) this.#wait(user);
  }

  /** A request of the user is done with its bytes. */
  give(user: MemoryUser, bytes: number): void {
    this.#usedBytes -= bytes;
    const isSmall = user.heldBytes <= smallBytes;
    if (isSmall) this.#holders.delete(user);
    if (this.#waiting.size === 0 && this.#look === null) return;
    if (this.#usedBytes <= this.limitBytes) {
      this.#relax();
      return;
    }
    if (isSmall && this.#waiting.delete(user)) user.resumeForMemory();
    this.#letThrough();
  }

  /** The user's unfinished request is complete. */
  completed(user: MemoryUser): void {
    if (this.#look === null) return;
    this.#sightings.delete(user);
    if (this.#passing.delete(user) && this.#usedBytes > this.limitBytes) this.#wait(user);
  }

  /** The user is gone; what it held is given back by itself. */
  forget(user: MemoryUser): void {
    this.#holders.delete(user);
    this.#waiting.delete(user);
    this.#silent.delete(user);
    this.#sightings.delete(user);
    if (this.#passing.delete(user)) this.#letThrough();
  }

  #wait(user: MemoryUser): void {
    this.#waiting.add(user);
    user.pauseForMemory();
    this.#look ??= setInterval(() => this.#lookAround(), this.#lookMs).unref();
    this.#letThrough();
  }

  /** There is room: everybody reads. */
  #relax(): void {
    if (this.#look !== null) clearInterval(this.#look);
    this.#look = null;
    this.#passing.clear();
    this.#silent.clear();
    this.#sightings.clear();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const user of waiting) user.resumeForMemory();
  }

  /** Whoever's rest fits beyond the limit; what is let through counts as taken. */
  #letThrough(): void {
    let beyondBytes = this.#usedBytes - this.limitBytes;
    let hasLarge = false;
    for (const { missingBytes } of this.#passing.keys()) {
      beyondBytes += missingBytes;
      if (missingBytes > littleBytes) hasLarge = true;
    }
    for (;;) {
      const user = this.#nextWith((missingBytes) => missingBytes <= littleBytes);
      if (user === null || beyondBytes + user.missingBytes > this.#beyondMax) break;
      beyondBytes += user.missingBytes;
      this.#pass(user);
    }
    // Half of the reserve stays for those that come while the large one takes its time.
    if (hasLarge || beyondBytes > reserveBytes / 2) return;
    const large = this.#nextWith((missingBytes) => missingBytes > littleBytes);
    if (large !== null) this.#pass(large);
  }

  /** Of the waiting, the nearest to its end; one that was silent only when there is no other. */
  #nextWith(isMeant: (missingBytes: number) => boolean): MemoryUser | null {
    let nearest: MemoryUser | null = null;
    for (const user of this.#waiting) {
      const { missingBytes } = user;
      if (missingBytes === 0 || !isMeant(missingBytes) || this.#silent.has(user)) continue;
      if (nearest === null || missingBytes < nearest.missingBytes) nearest = user;
    }
    if (nearest !== null) return nearest;
    for (const user of this.#silent) if (isMeant(user.missingBytes)) return user;
    return null;
  }

  #pass(user: MemoryUser): void {
    this.#waiting.delete(user);
    this.#silent.delete(user);
    this.#passing.set(user, performance.now());
    user.resumeForMemory();
  }

  /** Sets aside and at last closes who sends nothing. Runs while memory is short. */
  #lookAround(): void {
    const now = performance.now();
    for (const user of [...this.#holders]) {
      // Closing one may have made room for all.
      if (this.#look === null) return;
      this.#lookAt(user, now);
    }
    this.#letThrough();
    if (this.#passing.size === 0) this.#closeGreatest();
  }

  #lookAt(user: MemoryUser, now: number): void {
    const { missingBytes } = user;
    const wasSilent = this.#silent.has(user);
    const known = this.#sightings.get(user);
    const isBlameless = missingBytes === 0 || (this.#waiting.has(user) && !wasSilent);
    if (isBlameless || known === undefined || known.missingBytes !== missingBytes) {
      this.#sightings.set(user, { missingBytes, sinceMs: now });
      return;
    }
    if (now - known.sinceMs >= this.#silenceMsMax) {
      user.closeForMemory();
      return;
    }
    const passingSinceMs = this.#passing.get(user);
    if (passingSinceMs === undefined || now - passingSinceMs < this.#lookMs) return;
    this.#passing.delete(user);
    this.#waiting.add(user);
    this.#silent.add(user);
    user.pauseForMemory();
  }

  /** Nobody gets on any more: who was silent and holds most goes, so that others do. */
  #closeGreatest(): void {
    let greatest: MemoryUser | null = null;
    for (const user of this.#silent) if (greatest === null || user.heldBytes > greatest.heldBytes) greatest = user;
    greatest?.closeForMemory();
  }
}
