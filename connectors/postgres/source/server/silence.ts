/**
 * Notices that nothing comes from the server any more: a network that swallows everything ends no connection, and a stream without
 * changes looks the same. Asks for a sign of life beside the stream, and ends the connection where none comes; source-task.ts
 * then calls again.
 */
import type { Logger } from '../../../api/index.ts';
import { ServerError } from '../../errors.ts';
import { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import type { ReplicationClient } from './replication-client.ts';
import { wireOptions } from './sessions.ts';

/** The server is asked this often while nothing comes; it answers at once. */
const PULSE_MS = 10_000;
/** As wal_receiver_timeout, by which Postgres' own subscriptions go. */
const SILENT_MS = 60_000;

export interface SilenceOptions {
  readonly client: ReplicationClient;
  /** Ended with it: a question on its way there would be waited for. */
  readonly catalog: WireConnection;
  readonly settings: SourceSettings;
  readonly logger: Logger;
  /** Shows in pg_stat_activity. */
  readonly name: string;
  readonly confirmedLsn: () => number;
  readonly pulseMs?: number;
  readonly silentMs?: number;
  /** How long a new connection, and then its answer, may take. */
  readonly answerMs?: number;
}

export class SilenceWatch {
  readonly #options: SilenceOptions;
  #timer: NodeJS.Timeout | undefined;
  /** When it was last clear that the server can be heard, or that we do not listen. */
  #clearAt = Date.now();
  #isAsking = false;
  #isTold = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#clearAt = Date.now();
    this.#timer = setInterval(() => void this.#beat(), this.#options.pulseMs ?? PULSE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get #silentMs(): number {
    return Date.now() - Math.max(this.#clearAt, this.#options.client.frames.arrivedAt);
  }

  async #beat(): Promise<void> {
    const { client, confirmedLsn, pulseMs = PULSE_MS, silentMs = SILENT_MS } = this.#options;
    if (client.frames.isHeldBack) this.#clearAt = Date.now();
    if (this.#silentMs < pulseMs) {
      this.#isTold = false;
      return;
    }
    client.sendStatus(confirmedLsn(), true);
    if (this.#silentMs < silentMs || this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#judge();
    } finally {
      this.#isAsking = false;
    }
  }

  /** A server that is busy with a transaction for us may be silent for long: then its process says that it lives. */
  async #judge(): Promise<void> {
    const { client, catalog, settings, logger, pulseMs = PULSE_MS } = this.#options;
    const isThere = await this.#isSenderThere();
    // Stopped meanwhile, or something came after all.
    if (this.#timer === undefined || this.#silentMs < pulseMs) return;
    const said = `nothing has come from the server for ${Math.round(this.#silentMs / 1000)} s, though it was asked for an answer`;
    if (!isThere || this.#silentMs >= settings.database.queryTimeoutMs) {
      client.destroy(said);
      catalog.destroy(said);
      return;
    }
    if (this.#isTold) return;
    this.#isTold = true;
    logger.warn(
      { pid: client.processId },
      `Still waiting for the stream: ${said}. Its process ${client.processId} is there, so it may be busy with a large transaction; after database.query.timeout.ms (${settings.database.queryTimeoutMs}) the connection is made anew.`,
    );
  }

  /** Asked over a connection of its own. A server that refuses it is one that can be heard. */
  async #isSenderThere(): Promise<boolean> {
    const { client, settings, name, answerMs = PULSE_MS } = this.#options;
    const brief = { timeoutMs: answerMs, queryTimeoutMs: answerMs };
    try {
      const connection = await WireConnection.open({ ...wireOptions(settings, name), ...brief });
      try {
        const rows = await connection.query(`SELECT FROM pg_stat_activity WHERE pid = ${client.processId}`);
        return rows.length > 0;
      } finally {
        connection.destroy();
      }
    } catch (error) {
      return error instanceof ServerError;
    }
  }
}
