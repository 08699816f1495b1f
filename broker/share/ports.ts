/**
 * What share-partitions need of the world: ports, declared by their user. The keeper of the log is state-topic.ts; tests
 * have one that fails on demand.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { StateRecord } from './state-records.ts';
import type { ShareGroupSettings, SharePartitionKey } from './types.ts';

export interface ShareStateLog {
  /**
   * Writes one record, in the order of the calls for one share-partition. `done` is called once, after the call
   * returned, when it is durable and with its offset, or with what a client is told when it is not.
   */
  append(key: SharePartitionKey, record: StateRecord, done: (error: ErrorName | null, offset: number) => void): void;
}

/** Time, so that tests decide when a lock ends. */
export interface Timers {
  now(): number;
  set(delayMs: number, run: () => void): { cancel(): void };
}

/** The settings of a group as they are now. */
export type SettingsOf = (group: string) => ShareGroupSettings;

export interface Logger {
  error(fields: object, message: string): void;
}
