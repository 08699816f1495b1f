/**
 * The records of a share-partition that are in flight (KIP-932): which are available, which a consumer holds, which are
 * done. Pure: no clock, no log, no storage; the time is an argument. Step 8 of the record's journey, for share groups.
 *
 *        done        start offset              next offset      not yet looked at
 *     ───────────────┤ run │ run │ run │ run │ run ├──────────────────────────────▶
 *
 * The window from the start offset (SPSO) to the next offset (one past Kafka's SPEO) is a row of runs without holes:
 * neighbouring offsets in the same state. A window is as wide as `share.partition.max.record.locks` allows, so that is
 * what bounds the memory.
 *
 * A change that must survive is first a {@link Transition}: its runs are spoken for until it is committed or rolled back.
 */
import { BrokerError } from '../errors.ts';
import {
  type AcknowledgementBatch,
  AcknowledgeType,
  type AcquiredRecords,
  DeliveryState,
  type StateBatch,
} from './types.ts';

interface Outcome {
  readonly state: DeliveryState;
  readonly deliveryCount: number;
}

interface Run {
  first: number;
  last: number;
  state: DeliveryState;
  deliveryCount: number;
  /** Who holds it; empty unless acquired. */
  memberId: string;
  /** When the lock ends; 0 unless acquired. */
  lockedUntilMs: number;
  /** What it will be once that is durable. */
  pending: Outcome | null;
}

/** Changes on their way to the log: all of them come true, or none. */
export interface Transition {
  readonly runs: readonly Run[];
}

/** A stretch of the log that was read: a record batch, or several neighbours. Both ends included. */
export interface Span {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Aborted, or control records: nobody is to see it. */
  readonly isHidden: boolean;
}

export interface Acquisition {
  readonly memberId: string;
  readonly maxRecords: number;
  /** Not a record more than `maxRecords` (KIP-1206), even if that cuts a record batch. */
  readonly isStrict: boolean;
  /** How many records the consumer would like to acknowledge at once. */
  readonly batchSize: number;
  /** The window grows no wider, but for the rest of its last record batch. */
  readonly maxRecordLocks: number;
  readonly lockedUntilMs: number;
}

export class InFlight {
  #startOffset: number;
  #nextOffset: number;
  #runs: Run[] = [];

  /** Nothing in flight. */
  constructor(startOffset: number) {
    this.#startOffset = startOffset;
    this.#nextOffset = startOffset;
  }

  /** Everything below is done (SPSO). */
  get startOffset(): number {
    return this.#startOffset;
  }
  /** Everything from here on was never given to anybody. */
  get nextOffset(): number {
    return this.#nextOffset;
  }
  get runCount(): number {
    return this.#runs.length;
  }
  /** Offsets of the window that nobody will be given again (KIP-1226). */
  get deliveryCompleteCount(): number {
    return this.#runs.reduce((sum, run) => (isDone(run.state) ? sum + sizeOf(run) : sum), 0);
  }
  /** When the next lock ends; Infinity while there is none. */
  get earliestLockMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { state, pending, lockedUntilMs } of this.#runs) {
      if (state === DeliveryState.acquired && pending === null) earliest = Math.min(earliest, lockedUntilMs);
    }
    return earliest;
  }

  /** Where to read for the next consumer; null while the window is as wide as it may be and nothing in it is available. */
  nextFetchOffset(maxRecordLocks: number): number | null {
    for (const run of this.#runs) if (isAvailable(run)) return run.first;
    return this.#nextOffset - this.#startOffset < maxRecordLocks ? this.#nextOffset : null;
  }

  /**
   * Gives what is available in the spans, which are in order and were read from `fetchOffset`, to a member. What the log
   * no longer has (compaction) and what nobody is to see is archived on the way: that needs no log, it is found out again.
   */
  acquire(fetchOffset: number, spans: readonly Span[], request: Acquisition): AcquiredRecords[] {
    const acquired: AcquiredRecords[] = [];
    let position = fetchOffset;
    let left = request.maxRecords;
    for (const span of spans) {
      if (left <= 0) break;
      if (span.lastOffset < position) continue;
      this.#skip(position, span.firstOffset - 1);
      const first = Math.max(position, span.firstOffset);
      if (span.isHidden) this.#skip(first, span.lastOffset);
      else {
        this.#extend(span.lastOffset, request, left);
        left -= this.#take(first, span.lastOffset, left, request, acquired);
        // The window is full: what follows stays unseen, or it would be taken for a hole.
        if (span.lastOffset >= this.#nextOffset) break;
      }
      position = span.lastOffset + 1;
    }
    this.#tidy();
    return acquired;
  }

  /**
   * What a member says of records it holds. Renewals count at once; the rest is the transition, null when there is none.
   * Throws INVALID_RECORD_STATE or INVALID_REQUEST, and then nothing has changed.
   */
  acknowledge(
    memberId: string,
    batches: readonly AcknowledgementBatch[],
    { deliveryCountLimit, lockedUntilMs }: { readonly deliveryCountLimit: number; readonly lockedUntilMs: number },
  ): Transition | null {
    for (const batch of batches) this.#check(memberId, batch);
    const changed: Run[] = [];
    for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
      for (const [first, last, type] of stretches(firstOffset, lastOffset, acknowledgeTypes)) {
        for (const run of this.#cut(first, last)) {
          if (type === AcknowledgeType.renew) run.lockedUntilMs = lockedUntilMs;
          else {
            run.pending = outcomeOf(type, run, deliveryCountLimit);
            changed.push(run);
          }
        }
      }
    }
    return transitionOf(changed);
  }

  /**
   * A member is gone: what it holds was sent but not looked at, so that delivery does not count. That is what the log
   * says of it anyway. Says whether anything is available now that was not.
   */
  release(memberId: string): boolean {
    const held = this.#runs.filter((run) => isHeld(run) && run.memberId === memberId);
    for (const run of held) Object.assign(run, durable(run), { memberId: '', lockedUntilMs: 0 });
    this.#tidy();
    return held.length > 0;
  }

  /** Locks that have ended: available again, or archived when that was the last delivery. */
  expire(now: number, deliveryCountLimit: number): Transition | null {
    const ended = this.#runs.filter((run) => isHeld(run) && run.lockedUntilMs <= now);
    for (const run of ended) run.pending = outcomeOf(AcknowledgeType.release, run, deliveryCountLimit);
    return transitionOf(ended);
  }

  commit({ runs }: Transition): void {
    for (const run of runs) {
      Object.assign(run, run.pending, { pending: null, memberId: '', lockedUntilMs: 0 });
    }
    this.#tidy();
  }

  /** As if it had never been asked for; a lock that has ended meanwhile ends now. */
  rollback({ runs }: Transition): void {
    for (const run of runs) run.pending = null;
  }

  /** The log begins later now: what is below is not to be had. */
  moveStart(offset: number): void {
    if (offset <= this.#startOffset) return;
    while (this.#runs.length > 0 && this.#runs[0]!.last < offset) this.#runs.shift();
    const [first] = this.#runs;
    if (first !== undefined) first.first = Math.max(first.first, offset);
    this.#startOffset = offset;
    this.#nextOffset = Math.max(this.#nextOffset, offset);
    this.#tidy();
  }

  /** A durable batch, laid over what is known; used while the state is read back. Holes before it were never done. */
  restore({ firstOffset, lastOffset, deliveryState, deliveryCount }: StateBatch): void {
    if (lastOffset < this.#startOffset) return;
    const state = isKnown(deliveryState) ? deliveryState : DeliveryState.available;
    if (lastOffset >= this.#nextOffset) this.#append(lastOffset, DeliveryState.available);
    for (const run of this.#cut(Math.max(firstOffset, this.#startOffset), lastOffset)) {
      Object.assign(run, { state, deliveryCount, memberId: '', lockedUntilMs: 0 });
    }
    this.#tidy();
  }

  /**
   * What of the runs a transition changes must be written, and the start offset and count of done records that will be
   * true once it is; other pending changes count as made.
   */
  projected(transitions: readonly Transition[]): ProjectedState {
    const changed = new Set(transitions.flatMap(({ runs }) => runs));
    return this.#project((run) => changed.has(run));
  }

  /** The same for everything: a snapshot. What is held counts as it did before it was given. */
  snapshot(): ProjectedState {
    return this.#project(() => true);
  }

  #project(isWanted: (run: Run) => boolean): ProjectedState {
    const stateBatches: StateBatch[] = [];
    let startOffset = this.#startOffset;
    let deliveryCompleteCount = 0;
    for (const run of this.#runs) {
      const { state, deliveryCount } = durable(run);
      if (isDone(state) && run.first === startOffset) {
        startOffset = run.last + 1;
        continue;
      }
      if (isDone(state)) deliveryCompleteCount += sizeOf(run);
      const isNews = deliveryCount > 0 || state !== DeliveryState.available || run.pending !== null;
      if (!isWanted(run) || !isNews) continue;
      const last = stateBatches.at(-1);
      const isSame =
        last?.lastOffset === run.first - 1 && last.deliveryState === state && last.deliveryCount === deliveryCount;
      const batch = { firstOffset: run.first, lastOffset: run.last, deliveryState: state, deliveryCount };
      if (isSame) stateBatches[stateBatches.length - 1] = { ...batch, firstOffset: last.firstOffset };
      else stateBatches.push(batch);
    }
    return { startOffset, deliveryCompleteCount, stateBatches };
  }

  /** The window takes in the records up to here, unless it is too wide already. */
  #extend(lastOffset: number, { isStrict, maxRecordLocks }: Acquisition, left: number): void {
    if (lastOffset < this.#nextOffset) return;
    const room = maxRecordLocks - (this.#nextOffset - this.#startOffset);
    if (room <= 0) return;
    const last = isStrict ? Math.min(lastOffset, this.#nextOffset + Math.min(left, room) - 1) : lastOffset;
    this.#append(last, DeliveryState.available);
  }

  /** Hands out what is available between the two; answers how many records that is. */
  #take(first: number, last: number, left: number, request: Acquisition, acquired: AcquiredRecords[]): number {
    let taken = 0;
    for (const { first: from, last: to } of this.#availableBetween(first, last)) {
      if (request.isStrict && taken >= left) break;
      const end = request.isStrict ? Math.min(to, from + (left - taken) - 1) : to;
      for (const run of this.#cut(from, end)) {
        run.state = DeliveryState.acquired;
        run.deliveryCount++;
        run.memberId = request.memberId;
        run.lockedUntilMs = request.lockedUntilMs;
        taken += sizeOf(run);
        note(acquired, run, request.batchSize);
      }
    }
    return taken;
  }

  #availableBetween(first: number, last: number): { readonly first: number; readonly last: number }[] {
    return this.#runs
      .filter((run) => isAvailable(run) && run.last >= first && run.first <= last)
      .map((run) => ({ first: Math.max(run.first, first), last: Math.min(run.last, last) }));
  }

  /** There is nothing to deliver between the two. */
  #skip(first: number, last: number): void {
    if (last < first) return;
    for (const between of this.#availableBetween(first, last)) {
      for (const run of this.#cut(between.first, between.last)) run.state = DeliveryState.archived;
    }
    if (last >= this.#nextOffset) this.#append(last, DeliveryState.archived);
  }

  #append(last: number, state: DeliveryState): void {
    if (last < this.#nextOffset) return;
    const first = this.#nextOffset;
    this.#runs.push({ first, last, state, deliveryCount: 0, memberId: '', lockedUntilMs: 0, pending: null });
    this.#nextOffset = last + 1;
  }

  #check(memberId: string, { firstOffset, lastOffset }: AcknowledgementBatch): void {
    if (lastOffset >= this.#nextOffset) {
      const why = `Offsets ${firstOffset} to ${lastOffset} have not all been given to a consumer yet.`;
      throw new BrokerError(firstOffset >= this.#nextOffset ? 'INVALID_RECORD_STATE' : 'INVALID_REQUEST', why);
    }
    for (let i = this.#indexOf(firstOffset); i < this.#runs.length && this.#runs[i]!.first <= lastOffset; i++) {
      const run = this.#runs[i]!;
      if (isHeld(run) && run.memberId === memberId) continue;
      const where = `Offset ${Math.max(run.first, firstOffset)}`;
      const why = isHeld(run) ? 'is held by another member' : 'is not held by this member';
      throw new BrokerError('INVALID_RECORD_STATE', `${where} ${why}; it may have been delivered again.`);
    }
  }

  /** The first run that ends at the offset or after it. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.last < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The runs between the two, cut so that they begin and end there. Below the window there is nothing. */
  #cut(first: number, last: number): Run[] {
    this.#splitAt(first);
    this.#splitAt(last + 1);
    const begin = this.#indexOf(first);
    let end = begin;
    while (end < this.#runs.length && this.#runs[end]!.last <= last) end++;
    return this.#runs.slice(begin, end);
  }

  /** Makes a run begin at the offset, if one spans it. */
  #splitAt(offset: number): void {
    const index = this.#indexOf(offset);
    const run = this.#runs[index];
    if (run === undefined || run.first >= offset) return;
    this.#runs.splice(index, 0, { ...run, last: offset - 1 });
    run.first = offset;
  }

  /** The start moves over what is done; neighbours that are alike become one. */
  #tidy(): void {
    let done = 0;
    while (done < this.#runs.length && isDone(this.#runs[done]!.state)) done++;
    if (done > 0) this.#startOffset = this.#runs[done - 1]!.last + 1;
    const kept: Run[] = [];
    for (let i = done; i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      const before = kept.at(-1);
      if (before !== undefined && areAlike(before, run)) before.last = run.last;
      else kept.push(run);
    }
    this.#runs = kept;
  }
}

/** The durable form of a state, as it will be. */
export interface ProjectedState {
  readonly startOffset: number;
  readonly deliveryCompleteCount: number;
  readonly stateBatches: readonly StateBatch[];
}

function sizeOf({ first, last }: Run): number {
  return last - first + 1;
}

function isDone(state: DeliveryState): boolean {
  return state === DeliveryState.acknowledged || state === DeliveryState.archived;
}

function isAvailable({ state, pending }: Run): boolean {
  return state === DeliveryState.available && pending === null;
}

/** By a consumer that may still say something of it. */
function isHeld({ state, pending }: Run): boolean {
  return state === DeliveryState.acquired && pending === null;
}

function isKnown(state: number): state is DeliveryState {
  return state === DeliveryState.acknowledged || state === DeliveryState.archived;
}

/** A run with a change under way stays for itself: the transition knows it by identity. */
function areAlike(one: Run, other: Run): boolean {
  return (
    one.pending === null &&
    other.pending === null &&
    one.state === other.state &&
    one.deliveryCount === other.deliveryCount &&
    one.memberId === other.memberId &&
    one.lockedUntilMs === other.lockedUntilMs
  );
}

/** What a restart would find. */
function durable(run: Run): Outcome {
  if (run.pending !== null) return run.pending;
  if (run.state !== DeliveryState.acquired) return { state: run.state, deliveryCount: run.deliveryCount };
  return { state: DeliveryState.available, deliveryCount: run.deliveryCount - 1 };
}

function outcomeOf(type: number, { deliveryCount }: Run, deliveryCountLimit: number): Outcome {
  switch (type) {
    case AcknowledgeType.accept:
      return { state: DeliveryState.acknowledged, deliveryCount };
    case AcknowledgeType.release: {
      const isLast = deliveryCount >= deliveryCountLimit;
      return { state: isLast ? DeliveryState.archived : DeliveryState.available, deliveryCount };
    }
    default:
      return { state: DeliveryState.archived, deliveryCount };
  }
}

function transitionOf(runs: readonly Run[]): Transition | null {
  return runs.length === 0 ? null : { runs };
}

/** Neighbours of one type at a time. */
function* stretches(first: number, last: number, types: readonly number[]): Generator<[number, number, number]> {
  if (types.length === 1) {
    yield [first, last, types[0]!];
    return;
  }
  let begin = 0;
  for (let i = 1; i <= types.length; i++) {
    if (i < types.length && types[i] === types[begin]) continue;
    yield [first + begin, first + i - 1, types[begin]!];
    begin = i;
  }
}

/** Neighbours with the same count go to the consumer as one, up to the size it likes to acknowledge at once. */
function note(acquired: AcquiredRecords[], { first, last, deliveryCount }: Run, batchSize: number): void {
  const before = acquired.at(-1);
  const isOne =
    before !== undefined &&
    before.lastOffset === first - 1 &&
    before.deliveryCount === deliveryCount &&
    last - before.firstOffset < batchSize;
  if (isOne) acquired[acquired.length - 1] = { ...before, lastOffset: last };
  else acquired.push({ firstOffset: first, lastOffset: last, deliveryCount });
}
