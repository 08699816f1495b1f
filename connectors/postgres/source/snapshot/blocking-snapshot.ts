/**
 * Snapshots that a signal asks for with `"type": "blocking"`: the stream stands still where it is, the tables are read like
 * those of a first snapshot (one moment, several readers, Debezium's markers), and the stream goes on from where it stood.
 *
 * Their moment is later than that place, so changes in between come once more behind the rows, in order: a key ends at its
 * newest version, and what was deleted meanwhile is deleted. What is done is kept in every offset, so a crash or a pause goes
 * on with the ranges that are left. A snapshot that the server refuses (a SELECT that is none) is given up, as in Debezium.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Logger,
  offsetOnly,
  RetriableError,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
} from '../../../api/index.ts';
import { toConnectError } from '../../errors.ts';
import type { Notifications } from '../tables/notifications.ts';
import type { PartialTable, SnapshotPosition, StreamPosition } from '../tables/position.ts';
import type { SnapshotBeside, SnapshotSession } from './snapshot-session.ts';

/** One signal's wish. */
export interface BlockingRequest {
  /** The signal's. */
  readonly id: string;
  /** Tables to read, as `schema.table`. */
  readonly tables: readonly string[];
  /** By table: a SELECT to read instead, as in Debezium, or a condition. */
  readonly filters: Readonly<Record<string, string>>;
}

/** What remains to be read, kept in every offset while there is something. */
interface Progress {
  /** The current one first. */
  readonly requests: readonly BlockingRequest[];
  /** Of the current one. */
  readonly tablesDone: readonly string[];
  readonly partial: readonly PartialTable[];
  readonly isPaused: boolean;
}

export interface BlockingContext {
  readonly partition: SourcePartition;
  readonly logger: Logger;
  readonly notifications: Notifications;
  readonly signal: AbortSignal;
  /** Opens connections that see one moment, and a reader over them. */
  open(position: SnapshotPosition, beside: SnapshotBeside): Promise<SnapshotSession>;
}

/** Where the stream stands still, and the offset of that place. */
export interface StreamPlace {
  readonly position: StreamPosition;
  readonly offset: SourceOffset;
}

const NOTHING_DONE = { tablesDone: [], partial: [] };

export class BlockingSnapshots {
  readonly #context: BlockingContext;
  #progress: Progress | null;
  #session: SnapshotSession | null = null;
  /** Something changed that no record has told yet. */
  #isUntold = false;
  #place: StreamPlace | null = null;

  constructor(context: BlockingContext, stored: SourceOffset | null) {
    this.#context = context;
    this.#progress = parseProgress(stored?.blocking_snapshot);
  }

  /** What the offsets have to say about it, or null. */
  get offset(): SourceOffset | null {
    return this.#progress === null ? null : { blocking_snapshot: this.#progress };
  }

  /** Whether the stream has to stand still. */
  get isUnderway(): boolean {
    return this.#progress !== null || this.#isUntold;
  }

  /** What is being read, or null. */
  get session(): SnapshotSession | null {
    return this.#session;
  }

  /** Takes a wish; several are read one after the other. */
  execute(request: BlockingRequest): void {
    const before = this.#progress;
    if (before === null) this.#progress = { requests: [request], ...NOTHING_DONE, isPaused: false };
    else this.#progress = { ...before, requests: [...before.requests, request] };
    this.#isUntold = true;
  }

  /** Gives all of them up, or takes tables out of them. */
  cancel(tables: readonly string[] | null): void {
    const progress = this.#withDone();
    if (progress === null) return;
    const [current, ...others] = progress.requests;
    const left = (request: BlockingRequest) =>
      tables === null ? [] : request.tables.filter((table) => !tables.includes(table));
    const unread = left(current!).filter((table) => !progress.tablesDone.includes(table));
    const kept = [current!, ...others].map((request) => ({ ...request, tables: left(request) }));
    // The current one ends with its last table that is still to be read.
    const requests = kept.filter((request, index) => (index === 0 ? unread : request.tables).length > 0);
    this.#tell('ABORTED', { data_collections: (tables ?? current!.tables).join(',') });
    this.close();
    const done = unread.length > 0 ? {} : NOTHING_DONE;
    this.#progress = requests.length === 0 ? null : { ...progress, ...done, requests };
    this.#isUntold = true;
  }

  /** A paused snapshot holds no connection: it goes on with what is left, as of a later moment. */
  pause(isPaused: boolean): void {
    const progress = this.#withDone();
    if (progress === null || progress.isPaused === isPaused) return;
    this.close();
    this.#progress = { ...progress, isPaused };
    this.#tell(isPaused ? 'PAUSED' : 'RESUMED', { data_collections: progress.requests[0]!.tables.join(',') });
    this.#isUntold = true;
  }

  /** The next records; none after `waitMs` without one. Throws what may pass; what may not ends the snapshot. */
  async next(waitMs: number, place: StreamPlace): Promise<SourceRecord[]> {
    this.#place = place;
    if (this.#isUntold || this.#progress === null) return this.#told(place);
    if (this.#progress.isPaused) {
      await sleep(waitMs, undefined, { signal: this.#context.signal }).catch(() => {});
      return [];
    }
    try {
      return await this.#read(waitMs, place.position);
    } catch (error) {
      const cause = toConnectError(error, 'reading the tables of a blocking snapshot');
      if (cause instanceof RetriableError || this.#context.signal.aborted) throw error;
      this.#giveUp(cause);
      return [];
    }
  }

  /** Lets go of the connections, keeping what is done. */
  close(): void {
    this.#progress = this.#withDone();
    this.#session?.close();
    this.#session = null;
  }

  async #read(waitMs: number, position: StreamPosition): Promise<SourceRecord[]> {
    const { tablesDone, partial, requests } = this.#progress!;
    if (this.#session === null) {
      const lsn = position.partial?.lsn ?? position.lastCommitLsn;
      const beside: SnapshotBeside = {
        ...requests[0]!,
        xid: position.partial?.xid ?? null,
        lastCommitLsn: position.isFirst === true ? null : position.lastCommitLsn,
        offsetOf: (done, parts, isLast) => this.#offsetAt(done, parts, isLast),
      };
      this.#session = await this.#context.open({ kind: 'snapshot', lsn, tablesDone, partial }, beside);
      this.#context.logger.info({ signal: requests[0]!.id }, 'The stream stands still while tables are read.');
    }
    const { reader, progress } = this.#session;
    const records = await reader.next(waitMs);
    if (!reader.isDone) return records;
    this.#context.logger.info({ ...progress.state }, 'The tables are read; the stream goes on.');
    this.#endCurrent();
    return records;
  }

  /** The next wish begins, or the stream goes on. */
  #endCurrent(): void {
    this.#session?.close();
    this.#session = null;
    this.#progress = this.#next();
    this.#isUntold = true;
  }

  #next(): Progress | null {
    const [, ...requests] = this.#progress!.requests;
    return requests.length === 0 ? null : { ...this.#progress!, ...NOTHING_DONE, requests };
  }

  #giveUp(cause: Error): void {
    const [current] = this.#progress!.requests;
    const message = `The blocking snapshot of the signal "${current!.id}" is given up, and the stream goes on. ${cause.message}`;
    this.#context.logger.warn({ err: cause, signal: current!.id }, message);
    this.#tell('ABORTED');
    this.#endCurrent();
  }

  /** What an offset says behind a record of the snapshot. */
  #offsetAt(tablesDone: readonly string[], partial: readonly PartialTable[], isLast: boolean): SourceOffset {
    const progress = isLast ? this.#next() : { ...this.#progress!, tablesDone, partial };
    return { ...this.#place!.offset, blocking_snapshot: progress ?? undefined };
  }

  /** With what the reader has read since it began. */
  #withDone(): Progress | null {
    if (this.#progress === null || this.#session === null) return this.#progress;
    const { tablesDone, partial } = this.#session.reader.position;
    return { ...this.#progress, tablesDone, partial };
  }

  /** What changed, where no row carries it; the stream is not there to do so. */
  #told({ offset }: StreamPlace): SourceRecord[] {
    this.#isUntold = false;
    return [offsetOnly(this.#context.partition, offset)];
  }

  #tell(type: string, data?: Readonly<Record<string, string>>): void {
    this.#context.notifications.tell({ aggregate: 'Initial Snapshot', type, ...(data ? { data } : {}) });
  }
}

function parseProgress(stored: unknown): Progress | null {
  if (typeof stored !== 'object' || stored === null || !('requests' in stored)) return null;
  return stored as Progress;
}
