/**
 * Requests for rebirths: one node is asked at most once in an interval, and all nodes together at a rate that a plant's
 * network stands, however many of them we know nothing of after an outage. Sends through a port; no other I/O.
 */
import { encodeRebirth } from './payload.ts';
import { commandTopic } from './topic.ts';

/** Publishes a command; false when there is no connection. */
export type Send = (topic: string, payload: Buffer) => boolean;

/** Time between two requests, whatever nodes they go to: twenty a second. */
const PACE_MS = 50;
/** Nodes that wait to be asked; one that finds no place asks again with its next message. */
const WAITING_MAX = 65_536;

export class RebirthRequests {
  /** Requests sent. */
  sent = 0;
  readonly #send: Send;
  readonly #intervalMs: number;
  readonly #waiting = new Set<string>();
  readonly #askedAt = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(intervalMs: number, send: Send) {
    this.#intervalMs = intervalMs;
    this.#send = send;
  }

  /** `GROUP/NODE` shall tell its births again. */
  want(node: string): void {
    if (this.#waiting.size >= WAITING_MAX || this.#waiting.has(node)) return;
    if (Date.now() - (this.#askedAt.get(node) ?? 0) < this.#intervalMs) return;
    this.#waiting.add(node);
    this.#timer ??= setInterval(() => this.#next(), PACE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#waiting.clear();
  }

  #next(): void {
    const [node] = this.#waiting;
    if (node === undefined) {
      this.#forgetOld();
      this.stop();
      return;
    }
    const now = Date.now();
    if (!this.#send(commandTopic(node), encodeRebirth(now))) return;
    this.sent++;
    this.#waiting.delete(node);
    this.#askedAt.set(node, now);
  }

  #forgetOld(): void {
    const old = Date.now() - this.#intervalMs;
    for (const [node, at] of this.#askedAt) if (at <= old) this.#askedAt.delete(node);
  }
}
