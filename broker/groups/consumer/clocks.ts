/**
 * The clocks of a group's members: how long each may be silent, and how long it may take for what it was told to do. What
 * happens when one runs out is decided by its owner, coordinator.ts. Nothing of it survives a restart.
 */
import type { Timer, Timers } from '../timers.ts';

/**
 * `session`: its next sign of life. `revocation`: it gives partitions up. `join` and `sync`: a member of the classic
 * protocol comes again, and fetches what it was given.
 */
export type ClockKind = 'session' | 'revocation' | 'join' | 'sync';

const kinds: readonly ClockKind[] = ['session', 'revocation', 'join', 'sync'];

export class MemberClocks {
  readonly #timers: Timers;
  readonly #running: Readonly<Record<ClockKind, Map<string, Timer>>> = {
    session: new Map(),
    revocation: new Map(),
    join: new Map(),
    sync: new Map(),
  };

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Starts the clock anew. `expired` is told how to find out later whether this very clock is still the one that counts. */
  start(kind: ClockKind, memberId: string, delayMs: number, expired: (isStillDue: () => boolean) => void): void {
    const running = this.#running[kind];
    running.get(memberId)?.cancel();
    const timer = this.#timers.set(delayMs, () => expired(() => running.get(memberId) === timer));
    running.set(memberId, timer);
  }

  has(kind: ClockKind, memberId: string): boolean {
    return this.#running[kind].has(memberId);
  }

  end(kind: ClockKind, memberId: string): void {
    this.#running[kind].get(memberId)?.cancel();
    this.#running[kind].delete(memberId);
  }

  /** The member is gone. */
  forget(memberId: string): void {
    for (const kind of kinds) this.end(kind, memberId);
  }

  /** The group is gone, or the broker stops. */
  stop(): void {
    for (const kind of kinds) {
      for (const timer of this.#running[kind].values()) timer.cancel();
      this.#running[kind].clear();
    }
  }
}
