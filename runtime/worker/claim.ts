/**
 * Who runs the connectors of a group whose log other processes can reach too: the worker that started last. It says so
 * in the config topic, whose order everybody reads alike; whoever reads there that somebody came after it stops for good.
 *
 * Knowledge of that kind grows old: a process that stood still (a sleeping machine, a long pause) does not know what
 * happened meanwhile. So a claim is asked for again every heartbeat, and one that was not confirmed within the session
 * timeout is worth nothing until the config topic has been read to its end again. `log/claimed-log.ts` asks before writing.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '../../connectors/api/index.ts';
import { claimCodes } from '../errors.ts';
import type { GroupClaim } from '../log/claimed-log.ts';
import { LogError } from '../log/client.ts';

/** Of a worker that claims its group, as stored. */
export interface Claimant {
  readonly id: string;
  readonly workerId: string;
  /** ms since the epoch, for people. */
  readonly since: number;
}

/** Where claims are kept: the config topic. */
export interface ClaimStore {
  claimant(): Claimant | null;
  putClaimant(claimant: Claimant): Promise<void>;
  readToEnd(): Promise<void>;
}

export interface ClaimOptions {
  readonly store: ClaimStore;
  readonly workerId: string;
  /** How long a confirmation is good (session.timeout.ms), and how often it is renewed (heartbeat.interval.ms). */
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly logger: Logger;
  /** Called once. Nothing can be written any more. */
  readonly onLost: (message: string) => void;
  /** In ms. A clock that was set, and one that slept along with the machine, do not err in the same way. */
  readonly clocks?: readonly (() => number)[];
}

export class Claim implements GroupClaim {
  readonly #options: ClaimOptions;
  readonly #id = randomUUID();
  readonly #clocks: readonly (() => number)[];
  #confirmedAt: readonly number[];
  #confirming: Promise<void> | null = null;
  #lost: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: ClaimOptions) {
    this.#options = options;
    this.#clocks = options.clocks ?? [Date.now, () => performance.now()];
    this.#confirmedAt = this.#now();
  }

  /** Resolves when the log says so. */
  static async take(options: ClaimOptions): Promise<Claim> {
    const claim = new Claim(options);
    await options.store.putClaimant({ id: claim.#id, workerId: options.workerId, since: Date.now() });
    claim.#timer = setInterval(() => claim.#renew(), options.renewMs).unref();
    return claim;
  }

  /** A clock that was set back says nothing. */
  get isFresh(): boolean {
    if (this.#lost !== null) return false;
    return this.#clocks.every((now, index) => {
      const ageMs = now() - this.#confirmedAt[index]!;
      return ageMs >= 0 && ageMs < this.#options.leaseMs;
    });
  }

  async confirm(): Promise<void> {
    if (!this.isFresh) await this.confirmAnew();
  }

  async confirmAnew(): Promise<void> {
    if (this.#lost === null) {
      this.#confirming ??= this.#look().finally(() => {
        this.#confirming = null;
      });
      await this.#confirming;
    }
    if (this.#lost !== null) throw new LogError(claimCodes.fenced, this.#lost, { retriable: false });
  }

  /** The log was read and somebody else stands there. */
  noticed(): void {
    const newest = this.#options.store.claimant();
    if (this.#lost !== null || newest === null || newest.id === this.#id) return;
    this.#lost =
      `This worker was taken over by ${newest.workerId}, which started with the same config topic at ` +
      `${new Date(newest.since).toISOString()}: it has stopped its tasks and writes nothing more. ` +
      'Restart it to take over again, or give it a group.id and topics of its own.';
    this.release();
    this.#options.onLost(this.#lost);
  }

  release(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // What is read is at least as new as this moment.
    const asked = this.#now();
    await this.#options.store.readToEnd();
    this.noticed();
    this.#confirmedAt = asked;
  }

  #now(): readonly number[] {
    return this.#clocks.map((now) => now());
  }

  #renew(): void {
    this.confirmAnew().catch((error: unknown) => {
      if (this.#lost !== null) return;
      this.#options.logger.warn({ err: error }, 'Whether this worker still has its group could not be asked.');
    });
  }
}
