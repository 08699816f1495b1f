/**
 * A share-partition that lives: the records in flight (in-flight.ts) and their durable state. What a consumer is told has
 * been written; what happens meanwhile is written together, next. One write at a time, so that a failed one takes back
 * nothing but itself.
 */
import { BrokerError } from '../errors.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { type Acquisition, InFlight, type Span, type Transition } from './in-flight.ts';
import type { SettingsOf, ShareStateLog, Timers } from './ports.ts';
import { type ReplayedState, type StateRecord, snapshotRecord, stateTombstone, updateRecord } from './state-records.ts';
import type { AcknowledgementBatch, AcquiredRecords, SharePartitionKey } from './types.ts';

/** Where a group that has no state for the partition yet begins; Kafka's number for "nobody has decided". */
export const undecidedOffset = -1;

export interface SharePartitionSurroundings {
  readonly log: ShareStateLog;
  readonly timers: Timers;
  readonly settingsOf: SettingsOf;
  /** Updates after which a snapshot is written (`share.coordinator.snapshot.update.records.per.snapshot`). */
  readonly updatesPerSnapshot: number;
  /** In every record: the epoch of this start of the broker. */
  readonly leaderEpoch: number;
  /** A consumer holds records until then. */
  onLocked(partition: SharePartition, untilMs: number): void;
}

type Done = (error: ErrorName | null) => void;

/** A start from one offset: a reset is the next one (Kafka's state epoch). */
interface Incarnation {
  readonly stateEpoch: number;
  readonly createTimestamp: number;
}

const unborn: Incarnation = { stateEpoch: -1, createTimestamp: 0 };

/** Something that waits to be written. */
type Job =
  | { readonly type: 'change'; readonly inFlight: InFlight; readonly transition: Transition; readonly done: Done }
  /** Where to begin: asked for only if nobody has decided by then. */
  | { readonly type: 'open'; readonly decide: (now: number) => number; readonly done: Done }
  | { readonly type: 'reset'; readonly startOffset: number; readonly done: Done }
  | { readonly type: 'snapshot'; readonly done: Done }
  | { readonly type: 'delete'; readonly done: Done };

export class SharePartition {
  readonly key: SharePartitionKey;
  /** Where its last snapshot stands in the state topic; what is before is not needed for it. -1 before the first. */
  snapshotOffset = -1;
  /** Bytes a record had when it was last read, for how much to read next. */
  bytesPerRecord = 0;
  /** When a lock may end; Infinity while nothing is held. */
  earliestLockMs = Number.POSITIVE_INFINITY;
  #inFlight: InFlight | null = null;
  #snapshotEpoch = -1;
  #incarnation: Incarnation = unborn;
  #updates = 0;
  #isWriting = false;
  #jobs: Job[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #around: SharePartitionSurroundings;

  constructor(key: SharePartitionKey, around: SharePartitionSurroundings) {
    this.key = key;
    this.#around = around;
  }

  /** Null while nobody has decided where the group begins. */
  get inFlight(): InFlight | null {
    return this.#inFlight;
  }

  /** Nothing is on disk of it and nothing on its way. */
  get isBlank(): boolean {
    return this.#snapshotEpoch < 0 && this.#jobs.length === 0 && !this.#isWriting && this.#waiting.size === 0;
  }

  /** Calls back when records have become available that were not. Returns: stop calling. */
  onAvailable(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  /** Makes sure that there is a durable start offset; `decide` is asked for one if nobody has. */
  open(decide: (now: number) => number, done: Done): void {
    if (this.#inFlight !== null) done(null);
    else this.#enqueue({ type: 'open', decide, done });
  }

  /** Begins anew at the offset, whatever was delivered before (AlterShareGroupOffsets). */
  reset(startOffset: number, done: Done): void {
    this.#enqueue({ type: 'reset', startOffset, done });
  }

  /** Forgets everything. */
  delete(done: Done): void {
    this.#enqueue({ type: 'delete', done });
  }

  /** Writes a new snapshot, so that the state topic can be cut before it. */
  snapshot(done: Done): void {
    this.#enqueue({ type: 'snapshot', done });
  }

  acquire(
    fetchOffset: number,
    spans: readonly Span[],
    request: Omit<Acquisition, 'lockedUntilMs' | 'maxRecordLocks'>,
  ): AcquiredRecords[] {
    const { recordLockDurationMs, partitionMaxRecordLocks } = this.#around.settingsOf(this.key.group);
    const lockedUntilMs = this.#around.timers.now() + recordLockDurationMs;
    const inFlight = this.#opened();
    const acquired = inFlight.acquire(fetchOffset, spans, {
      ...request,
      lockedUntilMs,
      maxRecordLocks: partitionMaxRecordLocks,
    });
    if (acquired.length > 0) this.#locked(lockedUntilMs);
    return acquired;
  }

  /** Answers when what the member said is durable. */
  acknowledge(memberId: string, batches: readonly AcknowledgementBatch[], done: Done): void {
    const { recordLockDurationMs, deliveryCountLimit } = this.#around.settingsOf(this.key.group);
    const lockedUntilMs = this.#around.timers.now() + recordLockDurationMs;
    let transition: Transition | null;
    try {
      transition = this.#opened().acknowledge(memberId, batches, { deliveryCountLimit, lockedUntilMs });
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      done(error.code);
      return;
    }
    if (transition === null) done(null);
    else this.#change(transition, done);
  }

  /** The member is gone; what it held is for others. */
  release(memberId: string): void {
    if (this.#inFlight?.release(memberId) === true) this.announce();
  }

  /** Ends the locks that are due. What cannot be written is tried again at the next call. */
  expire(): void {
    const now = this.#around.timers.now();
    if (this.#inFlight === null || now < this.earliestLockMs) return;
    const transition = this.#inFlight.expire(now, this.#around.settingsOf(this.key.group).deliveryCountLimit);
    if (transition !== null) this.#change(transition, () => {});
    this.earliestLockMs = this.#inFlight.earliestLockMs;
  }

  /** Called for each of its records at the start, oldest first; `offset` is the record's. */
  replay(record: ReplayedState, offset: number): void {
    if (record.type === 'update') this.#updates++;
    else if (record.value === null) this.#forget();
    else {
      const { startOffset, snapshotEpoch, stateEpoch, createTimestamp } = record.value;
      this.#inFlight = startOffset === undecidedOffset ? null : new InFlight(startOffset);
      this.#snapshotEpoch = snapshotEpoch;
      this.#incarnation = { stateEpoch, createTimestamp };
      this.#updates = 0;
      this.snapshotOffset = offset;
    }
    if (record.value === null || this.#inFlight === null) return;
    this.#inFlight.moveStart(record.value.startOffset);
    for (const batch of record.value.stateBatches) this.#inFlight.restore(batch);
  }

  #change(transition: Transition, done: Done): void {
    const inFlight = this.#opened();
    this.#enqueue({ type: 'change', inFlight, transition, done });
  }

  #opened(): InFlight {
    if (this.#inFlight !== null) return this.#inFlight;
    const { group, topicId, partition } = this.key;
    throw new BrokerError('INVALID_RECORD_STATE', `Group ${group} was given nothing of ${topicId}-${partition} yet.`);
  }

  #locked(untilMs: number): void {
    this.earliestLockMs = Math.min(this.earliestLockMs, untilMs);
    this.#around.onLocked(this, untilMs);
  }

  /** Whoever waits looks again. */
  announce(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #enqueue(job: Job): void {
    this.#jobs.push(job);
    this.#write();
  }

  /** Writes what waits: all changes up to the next reset at once. */
  #write(): void {
    if (this.#isWriting || this.#jobs.length === 0) return;
    const other = this.#jobs.findIndex(({ type }) => type !== 'change');
    const jobs = this.#jobs.splice(0, other === 0 ? 1 : other < 0 ? this.#jobs.length : other);
    const [first] = jobs as [Job, ...Job[]];
    switch (first.type) {
      case 'change':
        this.#writeChanges(jobs as Extract<Job, { type: 'change' }>[]);
        return;
      case 'open':
        this.#writeOpen(first);
        return;
      case 'reset':
        this.#writeStart(first.startOffset, first.done);
        return;
      case 'snapshot':
        if (this.#inFlight === null) this.#finish(first.done, null);
        else this.#append(this.#snapshotOf(this.#inFlight, this.#incarnation), true, first.done);
        return;
      case 'delete':
        this.#append(stateTombstone(this.key), false, (error) => {
          if (error === null) this.#forget();
          first.done(error);
          this.announce();
        });
    }
  }

  #writeChanges(jobs: readonly Extract<Job, { type: 'change' }>[]): void {
    const { inFlight } = jobs[0]!;
    // The group has begun anew since.
    if (inFlight !== this.#inFlight) {
      for (const { transition } of jobs) inFlight.rollback(transition);
      for (const { done } of jobs) done('INVALID_RECORD_STATE');
      this.#write();
      return;
    }
    const isSnapshot = this.#updates >= this.#around.updatesPerSnapshot;
    const record = isSnapshot ? this.#snapshotOf(inFlight, this.#incarnation) : this.#updateOf(inFlight, jobs);
    this.#append(record, isSnapshot, (error) => {
      for (const { transition } of jobs) {
        if (error === null) inFlight.commit(transition);
        else inFlight.rollback(transition);
      }
      this.earliestLockMs = inFlight.earliestLockMs;
      if (this.earliestLockMs < Number.POSITIVE_INFINITY) this.#around.onLocked(this, this.earliestLockMs);
      for (const { done } of jobs) done(error);
      this.announce();
    });
  }

  #writeOpen({ decide, done }: Extract<Job, { type: 'open' }>): void {
    if (this.#inFlight !== null) {
      this.#finish(done, null);
      return;
    }
    let startOffset: number;
    try {
      startOffset = decide(this.#around.timers.now());
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#finish(done, error.code);
      return;
    }
    this.#writeStart(startOffset, done);
  }

  #writeStart(startOffset: number, done: Done): void {
    const inFlight = new InFlight(startOffset);
    const incarnation = { stateEpoch: this.#incarnation.stateEpoch + 1, createTimestamp: this.#around.timers.now() };
    this.#append(this.#snapshotOf(inFlight, incarnation), true, (error) => {
      if (error === null) {
        this.#inFlight = inFlight;
        this.#incarnation = incarnation;
      }
      done(error);
      this.announce();
    });
  }

  #append(record: StateRecord, isSnapshot: boolean, done: Done): void {
    this.#isWriting = true;
    this.#around.log.append(this.key, record, (error, offset) => {
      this.#isWriting = false;
      if (error === null && isSnapshot) {
        this.#snapshotEpoch++;
        this.#updates = 0;
        this.snapshotOffset = offset;
      } else if (error === null) this.#updates++;
      done(error);
      this.#write();
    });
  }

  #finish(done: Done, error: ErrorName | null): void {
    done(error);
    this.#write();
  }

  #snapshotOf(inFlight: InFlight, incarnation: Incarnation): StateRecord {
    return snapshotRecord(this.key, {
      ...inFlight.snapshot(),
      ...incarnation,
      snapshotEpoch: this.#snapshotEpoch + 1,
      leaderEpoch: this.#around.leaderEpoch,
      writeTimestamp: this.#around.timers.now(),
    });
  }

  #updateOf(inFlight: InFlight, jobs: readonly Extract<Job, { type: 'change' }>[]): StateRecord {
    return updateRecord(this.key, {
      ...inFlight.projected(jobs.map(({ transition }) => transition)),
      snapshotEpoch: this.#snapshotEpoch,
      leaderEpoch: this.#around.leaderEpoch,
    });
  }

  #forget(): void {
    this.#inFlight = null;
    this.#snapshotEpoch = -1;
    this.#incarnation = unborn;
    this.#updates = 0;
    this.snapshotOffset = -1;
    this.earliestLockMs = Number.POSITIVE_INFINITY;
  }
}
