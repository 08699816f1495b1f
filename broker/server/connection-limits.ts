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

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #byAddress = new Map<string, number>();
  #count = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  /** When the next connection would be due if they came evenly. */
  #nextAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /**
   * Counts the socket until it is closed. Answers for how many milliseconds it must wait before it is heard, or null
   * where it would be one too many.
   */
  admits(socket: Socket): number | null {
    const { connectionsMax, perAddressMax, perAddressOverrides, perSecondMax } = this.#options.limits();
    const address = plainAddress(socket.remoteAddress);
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#count >= connectionsMax) return this.#refuse('max.connections', connectionsMax, address);
    const limit = perAddressOverrides.get(address) ?? perAddressMax;
    if (ofAddress >= limit) return this.#refuse('max.connections.per.ip', limit, address);
    this.#count++;
    this.#byAddress.set(address, ofAddress + 1);
    socket.once('close', () => this.#forget(address));
    return this.#delayMs(perSecondMax);
  }

  #delayMs(perSecondMax: number): number {
    const now = performance.now();
    this.#nextAtMs = Math.max(this.#nextAtMs, now - burstMs) + 1000 / perSecondMax;
    return Math.max(0, Math.ceil(this.#nextAtMs - now));
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
