/**
 * From staged to visible: one write at the end of a turn, then the answers that wait for the page cache, then one
 * fdatasync beside the event loop, then the answers that wait for the device. While an fdatasync is under way the next
 * batches gather, so that a slow device is asked less often, not more (group commit).
 *
 * The high watermark moves to the end of what is written, but never past a batch that still waits for the device: a
 * consumer sees no record that its own producer has not been promised yet. See FORMAT.md, "When a record is safe".
 *
 * A write that finds the device full is taken back and refused, nothing else changes. Any other failed write, and any
 * failed fdatasync, ends the partition: the kernel may have dropped the pages, and asking again would say yes.
 */
import { LogError } from './errors.ts';
import type { TurnEnd } from './turn-end.ts';
import type { AppendDone } from './types.ts';

/** The storage underneath, seen from here. */
export interface CommitStorage {
  /** The end of what is in the files, staged batches not included. */
  readonly writtenEndOffset: number;
  /** Writes all that is staged. After a throw `discardStaged` is called. */
  writeStaged(): void;
  /** Takes back all that is staged. */
  discardStaged(): void;
  /** Starts an fdatasync of every file with written bytes; `done` once, after all of them. */
  syncDirty(done: (error: Error | null) => void): void;
  onHighWatermark(highWatermark: number): void;
  onFailed(error: LogError): void;
}

interface Waiter {
  readonly baseOffset: number;
  /** The log end offset that must be reached. */
  readonly endOffset: number;
  readonly done: AppendDone;
}

export class CommitPipeline {
  highWatermark: number;
  /** Up to here everything is on the device. */
  durableOffset: number;
  failure: LogError | null = null;
  readonly #name: string;
  readonly #storage: CommitStorage;
  readonly #turnEnd: TurnEnd;
  /** Waiting for the write at the end of this turn. */
  #forWrite: Waiter[] = [];
  /** Waiting for the write, then for the device. */
  #forWriteThenSync: Waiter[] = [];
  /** Written, waiting for the device, oldest first. */
  #forSync: Waiter[] = [];
  #isScheduled = false;
  #isSyncing = false;
  readonly #commit = (): void => {
    this.#isScheduled = false;
    if (this.failure !== null) return;
    this.commit();
    if (this.#forSync.length > 0) this.#sync();
  };

  constructor(name: string, storage: CommitStorage, turnEnd: TurnEnd) {
    this.#name = name;
    this.#storage = storage;
    this.#turnEnd = turnEnd;
    this.highWatermark = storage.writtenEndOffset;
    this.durableOffset = storage.writtenEndOffset;
  }

  get hasStaged(): boolean {
    return this.#forWrite.length > 0 || this.#forWriteThenSync.length > 0;
  }

  /** Registers who waits for a staged batch, or for everything so far (`baseOffset` at the log's end). */
  add(baseOffset: number, endOffset: number, mustSync: boolean, done: AppendDone): void {
    (mustSync ? this.#forWriteThenSync : this.#forWrite).push({ baseOffset, endOffset, done });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#turnEnd.add(this.#commit);
  }

  /** Writes what is staged now; called at the end of the turn, and earlier when a segment must be rolled. */
  commit(): void {
    if (!this.hasStaged) return;
    const written = this.#forWrite;
    const toSync = this.#forWriteThenSync;
    this.#forWrite = [];
    this.#forWriteThenSync = [];
    try {
      this.#storage.writeStaged();
    } catch (error) {
      this.#refuse([...written, ...toSync], error as NodeJS.ErrnoException);
      return;
    }
    for (const waiter of toSync) this.#forSync.push(waiter);
    this.#advance();
    for (const waiter of written) waiter.done(null);
    if (this.#forSync.length > 0) this.#sync();
  }

  /** Begins a new log end after a truncation. Nothing may be waiting. */
  reset(endOffset: number): void {
    this.durableOffset = Math.min(this.durableOffset, endOffset);
    this.highWatermark = Math.min(this.highWatermark, endOffset);
  }

  /** Ends the partition: everybody who waits is refused, and so is everybody who comes. */
  fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = new LogError(
      'KAFKA_STORAGE_ERROR',
      `The log of ${this.#name} is offline because its disk failed (${error.message}). Check the disk, then restart the broker; ` +
        'recovery will keep every record that was acknowledged as durable.',
      { cause: error },
    );
    this.#storage.onFailed(this.failure);
    this.#refuseAll(this.failure);
  }

  /** Ends the partition without a fault: it was deleted, or the broker stops. Whoever still waits is refused. */
  stop(error: LogError): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.#refuseAll(error);
  }

  #refuseAll(error: LogError): void {
    const waiting = [...this.#forSync, ...this.#forWrite, ...this.#forWriteThenSync];
    this.#forSync = [];
    this.#forWrite = [];
    this.#forWriteThenSync = [];
    for (const waiter of waiting) waiter.done(error);
  }

  #refuse(refused: readonly Waiter[], cause: NodeJS.ErrnoException): void {
    try {
      this.#storage.discardStaged();
    } catch (error) {
      this.#forWrite = [...refused];
      this.fail(error as Error);
      return;
    }
    if (!isDeviceFull(cause)) {
      this.#forWrite = [...refused];
      this.fail(cause);
      return;
    }
    const error = new LogError(
      'KAFKA_STORAGE_ERROR',
      `The disk is full, so nothing can be appended to ${this.#name}. Free some space; appends go on by themselves.`,
      { cause },
    );
    for (const waiter of refused) waiter.done(error);
  }

  #sync(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    const endOffset = this.#storage.writtenEndOffset;
    this.#storage.syncDirty((error) => {
      this.#isSyncing = false;
      if (this.failure !== null) return;
      if (error !== null) this.fail(error);
      else this.#onDurable(endOffset);
    });
  }

  #onDurable(endOffset: number): void {
    this.durableOffset = Math.max(this.durableOffset, endOffset);
    const stillWaiting = this.#forSync.findIndex((waiter) => waiter.endOffset > endOffset);
    const count = stillWaiting < 0 ? this.#forSync.length : stillWaiting;
    const ready = this.#forSync.splice(0, count);
    // Not at once: what arrived in the same turn is written at its end, and then needs no sync of its own.
    if (this.#forSync.length > 0) this.#schedule();
    this.#advance();
    for (const waiter of ready) waiter.done(null);
  }

  #advance(): void {
    const end = Math.min(this.#forSync[0]?.baseOffset ?? Number.POSITIVE_INFINITY, this.#storage.writtenEndOffset);
    if (end <= this.highWatermark) return;
    this.highWatermark = end;
    this.#storage.onHighWatermark(end);
  }
}

/** Out of blocks, quota or file size: refused writes, not a broken disk. */
export function isDeviceFull(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOSPC' || error.code === 'EDQUOT';
}
