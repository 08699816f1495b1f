/**
 * How many connections there may be: in all (`max.connections`), of one address (`max.connections.per.ip`), and how many
 * may come in a second (`max.connection.creation.rate`, KIP-402 and KIP-612). Counts from the first packet, so that
 * half-open TLS handshakes count, too.
 */
import type { Socket } from 'node:net';
import type { Logger } from '../broker.ts';

export interface ConnectionLimitValues {
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  /** Address → its own limit. */
  readonly perAddressOverrides: ReadonlyMap<string, number>;
  readonly perSecondMax: number;
  /** The same for one address (`connection_creation_rate`, KIP-612); null: no limit of its own. */
  readonly perSecondMaxOf: (address: string) => number | null;
}

export interface ConnectionLimitsOptions {
  /** What counts at this moment; asked for each connection. */
  readonly limits: () => ConnectionLimitValues;
  readonly logger: Logger;
}

/** One line an hour is enough for a limit that is being hit all the time. */
const logIntervalMs = 60 * 60 * 1000;
/** A second's worth may come at once. */
const burstMs = 1000;
/** Addresses with a rate of their own whose last connections are remembered; the oldest are forgotten. */
const pacesMax = 10_000;

/** Spreads what comes too fast. */
class Pace {
  /** When the next would be due if they came evenly. */
  #nextAtMs = Number.NEGATIVE_INFINITY;

  /** How long this one waits, in milliseconds. */
  next(perSecond: number): number {
    const now = performance.now();
    this.#nextAtMs = Math.max(this.#nextAtMs, now - burstMs) + 1000 / perSecond;
    return Math.max(0, Math.ceil(this.#nextAtMs - now));
  }
}

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #byAddress = new Map<string, number>();
  #count = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #all = new Pace();
  readonly #paces = new Map<string, Pace>();

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /**
   * Counts the socket until it is closed. Answers for how many milliseconds it must wait before it is heard, or null
   * where it would be one too many.
   */
  admits(socket: Socket): number | null {
    const limits = this.#options.limits();
    const { connectionsMax, perAddressMax, perAddressOverrides, perSecondMax } = limits;
    const address = plainAddress(socket.remoteAddress);
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#count >= connectionsMax) return this.#refuse('max.connections', connectionsMax, address);
    const limit = perAddressOverrides.get(address) ?? perAddressMax;
    if (ofAddress >= limit) return this.#refuse('max.connections.per.ip', limit, address);
    this.#count++;
    this.#byAddress.set(address, ofAddress + 1);
    socket.once('close', () => this.#forget(address));
    const delayMs = this.#all.next(perSecondMax);
    const ofAddressMax = limits.perSecondMaxOf(address);
    return ofAddressMax === null ? delayMs : Math.max(delayMs, this.#paceOf(address).next(ofAddressMax));
  }

  #paceOf(address: string): Pace {
    let pace = this.#paces.get(address);
    if (pace === undefined) {
      if (this.#paces.size >= pacesMax) this.#paces.delete(this.#paces.keys().next().value!);
      pace = new Pace();
      this.#paces.set(address, pace);
    }
    return pace;
  }

  #forget(address: string): void {
    this.#count--;
    const left = this.#byAddress.get(address)! - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  #refuse(key: string, limit: number, clientHost: string): null {
    const now = performance.now();
    if (now - this.#loggedAtMs < logIntervalMs) return null;
    this.#loggedAtMs = now;
    this.#options.logger.warn({ limit, clientHost }, `Connections are refused: as many as ${key} are open already.`);
    return null;
  }
}

/** An IPv4 address as it is written, also where it came in by an IPv6 socket. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}
