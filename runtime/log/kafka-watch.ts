/**
 * Whether a group member over kafkajs still lives: that it fetches, joins or heartbeats, and that its commits are answered.
 * kafkajs has waits without an end (a request on a connection that is being closed when its broker dies is never settled),
 * and a member that stands in one reads nothing and says nothing. Here that is noticed; `kafka-consumer.ts` gives it up.
 *
 * Counts ticks instead of asking the clock: a process that was asleep has heard nothing for hours, and all is well.
 */
import type { Consumer } from 'kafkajs';
import { LogError } from './client.ts';

const TICK_MS = 1_000;
/** The default of kafkajs: so long a join may wait for the other members, in silence. */
const REBALANCE_MS = 60_000;
/** On top of it, for a fetch before and a way to the coordinator: kafkajs tries a lost connection again for ten seconds. */
const GRACE_MS = 15_000;

/** How long a member may be silent, ms, whose group waits `rebalanceMs` for members that are slow to join. */
export const silenceMs = (rebalanceMs: number | undefined) => (rebalanceMs ?? REBALANCE_MS) + GRACE_MS;

export class KafkaWatch {
  readonly #group: string;
  readonly #limitMs: number;
  readonly #onDead: (error: LogError) => void;
  #timer: NodeJS.Timeout | null = null;
  #silentTicks = 0;
  #commits = 0;
  #commitTicks = 0;

  /** `onDead` is called at most once, with a retriable error that says what never came. */
  constructor(consumer: Consumer, group: string, limitMs: number, onDead: (error: LogError) => void) {
    this.#group = group;
    this.#limitMs = limitMs;
    this.#onDead = onDead;
    const heard = () => {
      this.#silentTicks = 0;
    };
    consumer.on('consumer.fetch', heard);
    consumer.on('consumer.heartbeat', heard);
    consumer.on('consumer.group_join', heard);
  }

  /** From now on the member is expected to live. */
  start(): void {
    this.#silentTicks = 0;
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer ?? undefined);
    this.#timer = null;
  }

  /** A commit that is expected to come back, whatever its answer. */
  async commit(work: Promise<void>): Promise<void> {
    this.#commits++;
    try {
      await work;
    } finally {
      this.#commits--;
      this.#commitTicks = 0;
    }
  }

  #tick(): void {
    this.#silentTicks++;
    this.#commitTicks = this.#commits === 0 ? 0 : this.#commitTicks + 1;
    const most = Math.ceil(this.#limitMs / TICK_MS);
    if (this.#silentTicks > most) this.#giveUp('has neither fetched nor sent a heartbeat');
    else if (this.#commitTicks > most) this.#giveUp('has had no answer to a commit of offsets');
  }

  #giveUp(what: string): void {
    this.stop();
    const message = `The member of group "${this.#group}" ${what} for ${Math.round(this.#limitMs / 1000)} s. It is given up, and another one goes on where the group has committed.`;
    this.#onDead(new LogError('REQUEST_TIMED_OUT', message, { retriable: true }));
  }
}
