/**
 * The session of a task that is no more: when a connector shrinks, the broker goes on to queue for the client ids that were
 * left behind. This empties such a session into the log, and ends it.
 *
 * Its filters are other tasks' by now. It leaves them only when those have had time to subscribe, so that what is published
 * meanwhile comes twice rather than not at all. Step 1 of the record's journey, beside `session.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../api/index.ts';
import type { MqttSettings } from './config.ts';
import { type ConnectionEvents, MqttConnection, type MqttLibrary } from './connection.ts';
import { reason } from './errors.ts';

/** A broker sends what it has queued at once; this long without a message is the end of it. */
const QUIET_MS = 1_000;
/** After a failure: the broker may be away. */
const RETRY_MS = 30_000;

export interface OrphanOptions {
  /** With the orphan's client id. */
  readonly settings: MqttSettings;
  /** What it had subscribed to. */
  readonly filters: readonly string[];
  readonly logger: Logger;
  readonly events: ConnectionEvents & { onClosed(connection: MqttConnection): void };
}

export class OrphanSession {
  /** Messages that were still in it. */
  drained = 0;
  readonly #options: OrphanOptions;
  readonly #abort = new AbortController();
  #connection: MqttConnection | null = null;
  #lastMessageAt = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(options: OrphanOptions) {
    this.#options = options;
  }

  /** Begins; returns at once. Tries again for as long as the task lives. */
  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#connection?.sendAcks();
    await this.#connection?.close();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { settings, logger } = this.#options;
    const { clientId } = settings;
    const library = (await import('mqtt')).default as unknown as MqttLibrary;
    while (!this.#abort.signal.aborted) {
      try {
        if (await this.#drain(library)) {
          await this.#forget(library);
          if (this.drained > 0)
            logger.info({ clientId, messages: this.drained }, 'Emptied the session of a task that is no more.');
          return;
        }
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        logger.warn(
          { clientId, err: error },
          `The session "${clientId}" of a former task is not emptied yet: ${reason(error)}.`,
        );
      }
      await this.#sleep(RETRY_MS);
    }
  }

  /** True when nothing is left in the session, or there was none. */
  async #drain(library: MqttLibrary): Promise<boolean> {
    const { settings, filters, events } = this.#options;
    const connection = await this.#open(library, settings);
    try {
      if (!connection.sessionPresent) return true;
      await this.#sleep(settings.handoverMs);
      await connection.unsubscribe(filters);
      this.#lastMessageAt = Date.now();
      while (Date.now() - this.#lastMessageAt < QUIET_MS || connection.acks.length > 0) {
        const isOver = await Promise.race([connection.closed.then(() => true), this.#sleep(QUIET_MS / 10)]);
        if (isOver === true || this.#abort.signal.aborted) return false;
      }
      return true;
    } finally {
      await connection.close();
      this.#connection = null;
      events.onClosed(connection);
    }
  }

  /** A clean session takes the place of the old one and ends with its connection. */
  async #forget(library: MqttLibrary): Promise<void> {
    const connection = await this.#open(library, { ...this.#options.settings, clean: true });
    await connection.close();
    this.#connection = null;
  }

  async #open(library: MqttLibrary, settings: MqttSettings): Promise<MqttConnection> {
    let last: unknown;
    for (const server of settings.servers) {
      for (const version of settings.protocol === 'auto' ? ([5, 4] as const) : ([settings.protocol] as const)) {
        const connection = new MqttConnection(library, server, version, settings, this.#events());
        this.#connection = connection;
        try {
          await connection.open();
          return connection;
        } catch (error) {
          last = error;
        }
      }
    }
    throw last;
  }

  #events(): ConnectionEvents {
    const { events } = this.#options;
    return {
      ...events,
      onPublish: (connection, packet, release) => {
        this.drained++;
        this.#lastMessageAt = Date.now();
        events.onPublish(connection, packet, release);
      },
    };
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined);
  }
}
