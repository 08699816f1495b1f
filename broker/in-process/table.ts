/**
 * A whole topic handed over record by record, then followed: for compacted topics that are tables. It belongs to no
 * group and commits nothing.
 */

import type { PartitionLog } from '../log/partition-log.ts';
import { asLogError } from './errors.ts';
import { PartitionReader } from './partition-reader.ts';
import type { ConsumerRecord } from './types.ts';

/** What is handed over between two turns of the event loop. */
const turnRecords = 2000;
const turnBytes = 1024 * 1024;

interface Waiter {
  readonly ends: readonly number[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class InProcessTable {
  readonly #readers: readonly PartitionReader[];
  readonly #onRecord: (record: ConsumerRecord) => void;
  readonly #onClosed: () => void;
  readonly #stopListening: readonly (() => void)[];
  #waiters: Waiter[] = [];
  #isScheduled = false;
  #isClosed = false;

  constructor(
    logs: readonly PartitionLog[],
    onRecord: (record: ConsumerRecord) => void,
    onClosed: () => void,
    from = 0,
  ) {
    // read_committed: what a transaction took back never was in the table.
    this.#readers = logs.map((log) => new PartitionReader(log, Math.max(from, log.logStartOffset), 'read_committed'));
    this.#onRecord = onRecord;
    this.#onClosed = onClosed;
    this.#stopListening = logs.map((log) => log.onAdvance(() => this.#schedule()));
    this.#schedule();
  }

  /** Rejects when the log cannot be read, or the table is closed meanwhile. */
  readToEnd(): Promise<void> {
    const ends = this.#readers.map((reader) => reader.log.lastStableOffset);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ends, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#turn();
    });
  }

  #turn(): void {
    let isMore = false;
    try {
      for (const reader of this.#readers) if (this.#follow(reader)) isMore = true;
    } catch (error) {
      this.#fail(asLogError(error, 'The table could not be read'));
      return;
    }
    this.#waiters = this.#waiters.filter((waiter) => {
      const isThere = this.#readers.every((reader, i) => reader.position >= waiter.ends[i]!);
      if (isThere) waiter.resolve();
      return !isThere;
    });
    if (isMore) this.#schedule();
  }

  /** Hands over a turn's worth; true when there may be more. */
  #follow(reader: PartitionReader): boolean {
    if (reader.position < reader.log.logStartOffset) reader.seek(reader.log.logStartOffset);
    const records: ConsumerRecord[] = [];
    const isMore = reader.read(records, { records: turnRecords, bytes: turnBytes });
    for (const record of records) this.#onRecord(record);
    return isMore;
  }

  #fail(error: Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#stopListening) stop();
    this.#fail(asLogError(new Error('it was closed'), 'The table was not read to its end'));
    this.#onClosed();
  }
}
