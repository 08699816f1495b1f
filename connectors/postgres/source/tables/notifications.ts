/**
 * Tells how snapshots go: as records of a topic in Debezium's form, as lines of the log, or not at all.
 */
import { randomUUID } from 'node:crypto';
import type { Logger, SourceOffset } from '../../../api/index.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { notificationKeySchema, notificationValueSchema } from './envelope-schema.ts';
import type { RecordBatch } from './record-batch.ts';

export interface Notification {
  /** That of the signal, where one asked. */
  readonly id?: string;
  readonly aggregate: 'Initial Snapshot' | 'Incremental Snapshot';
  readonly type: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Notifications wait here until records can be written. */
const WAITING_MAX = 10_000;

export class Notifications {
  readonly #settings: SourceSettings;
  readonly #logger: Logger;
  #waiting: Notification[] = [];

  constructor(settings: SourceSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
  }

  tell(notification: Notification): void {
    const { notifications } = this.#settings;
    const { aggregate, type, data } = notification;
    if (notifications.isLogged) this.#logger.info({ ...data }, `${aggregate}: ${type}`);
    if (notifications.topic !== null && this.#waiting.length < WAITING_MAX) this.#waiting.push(notification);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds what waits to a batch. */
  flush(batch: RecordBatch, offset: SourceOffset): void {
    const { notifications, prefix } = this.#settings;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { id = randomUUID(), aggregate, type, data } of waiting) {
      const additional = { connector_name: prefix, ...data };
      const value = { id, type, aggregate_type: aggregate, additional_data: additional, timestamp: Date.now() };
      const [key, body] = [{ id }, value].map((it) => Buffer.from(JSON.stringify(it)));
      batch.add(notifications.topic!, notificationKeySchema, key!, notificationValueSchema, body!, offset);
    }
  }
}
