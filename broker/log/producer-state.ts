/**
 * What a partition knows of each producer id: its epoch, its last batches, its open transaction. This is what makes a
 * retried batch harmless (KIP-98, KIP-360) and what the last stable offset is computed from. Rules are Kafka's
 * (ProducerAppendInfo, ProducerStateManager); persisted by producer-snapshot.ts.
 *
 * Batches change the state when they are staged, before they are on disk: `begin` opens a turn, and `rollback` brings
 * back what was before it should the write fail.
 */
import type { LastRecord } from './clean-job.ts';
import { LogError } from './errors.ts';
import type { AppendOrigin, ProducerDescription } from './types.ts';

/** A producer may have this many batches in flight, so this many are remembered to recognise a retry. */
const rememberedBatches = 5;
const sequenceMax = 2 ** 31 - 1;
/** Only a coordinator that has run out of epochs uses it, and then for more than one marker. */
const epochMax = 2 ** 15 - 1;
const noSequence = -1;

/** What of a batch concerns its producer. */
export interface ProducerBatch {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
  readonly isTransactional: boolean;
  /** Set for control batches that end a transaction. */
  readonly marker: TransactionMarker | null;
}

export interface TransactionMarker {
  readonly isCommit: boolean;
  readonly coordinatorEpoch: number;
}

interface BatchMetadata {
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly offsetDelta: number;
  readonly timestamp: number;
}

/** One producer, as a snapshot keeps it plus the batches in memory. Replaced, never changed: `rollback` relies on it. */
export interface Producer {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly batches: readonly BatchMetadata[];
  readonly coordinatorEpoch: number;
  readonly lastTimestamp: number;
  /** -1 when none is open. */
  readonly currentTransactionFirstOffset: number;
  /** Our clock, for expiry; a record's own timestamp may be years old. */
  readonly lastActiveMs: number;
}

/** A transaction whose marker is in the log. */
export interface CompletedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly isAborted: boolean;
}

export interface ProducerCheck {
  readonly origin: AppendOrigin;
  readonly transactionVersion: 1 | 2;
}

export class ProducerState {
  #producers = new Map<number, Producer>();
  /** First offsets of open transactions, by producer id. */
  #open = new Map<number, number>();
  /** Ended, but the marker is not below the high watermark yet. */
  #ended: CompletedTransaction[] = [];
  #undo: { before: Map<number, Producer | undefined>; ended: CompletedTransaction[] } | null = null;

  get size(): number {
    return this.#producers.size;
  }

  producers(): IterableIterator<Producer> {
    return this.#producers.values();
  }

  /** No transaction is open or just ended, and nobody has written since. */
  areIdleSince(ms: number): boolean {
    if (this.#open.size > 0 || this.#ended.length > 0) return false;
    for (const { lastActiveMs } of this.#producers.values()) if (lastActiveMs > ms) return false;
    return true;
  }

  describe(): ProducerDescription[] {
    return [...this.#producers.values()].map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.batches.at(-1)?.lastSequence ?? noSequence,
      lastTimestamp: producer.lastTimestamp,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTransactionStartOffset: producer.currentTransactionFirstOffset,
    }));
  }

  /** What the log cleaner must leave of each producer. */
  lastRecords(): LastRecord[] {
    return [...this.#producers.values()].map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastDataOffset: producer.batches.at(-1)?.lastOffset ?? -1,
    }));
  }

  /** The offsets the same batch was given before, or null when it is new. */
  findDuplicate(batch: ProducerBatch): { baseOffset: number; lastOffset: number } | null {
    const producer = this.#producers.get(batch.producerId);
    if (producer === undefined || producer.producerEpoch !== batch.producerEpoch || batch.marker !== null) return null;
    const lastSequence = lastSequenceOf(batch);
    const same = producer.batches.find(
      (known) => known.lastSequence === lastSequence && known.offsetDelta === batch.lastOffset - batch.baseOffset,
    );
    return same === undefined ? null : { baseOffset: same.lastOffset - same.offsetDelta, lastOffset: same.lastOffset };
  }

  /** Throws when this batch must not follow what the producer wrote before. */
  check(batch: ProducerBatch, check: ProducerCheck): void {
    const producer = this.#producers.get(batch.producerId);
    if (batch.marker !== null) checkMarker(producer, batch, batch.marker, check);
    else checkData(producer, batch, check);
  }

  /** Takes the batch in. Returns the transaction it ended, if it held a marker and one was open. */
  apply(batch: ProducerBatch, nowMs: number): CompletedTransaction | null {
    const before = this.#producers.get(batch.producerId);
    if (this.#undo !== null && !this.#undo.before.has(batch.producerId)) {
      this.#undo.before.set(batch.producerId, before);
    }
    const isSameEpoch = before?.producerEpoch === batch.producerEpoch;
    const batches = isSameEpoch ? before.batches : [];
    if (batch.marker === null) {
      const open = before !== undefined && before.currentTransactionFirstOffset >= 0;
      const first = open ? before.currentTransactionFirstOffset : batch.isTransactional ? batch.baseOffset : -1;
      this.#set({
        producerId: batch.producerId,
        producerEpoch: batch.producerEpoch,
        batches: [...batches.slice(1 - rememberedBatches), metadataOf(batch)],
        coordinatorEpoch: before?.coordinatorEpoch ?? -1,
        lastTimestamp: batch.maxTimestamp,
        currentTransactionFirstOffset: first,
        lastActiveMs: nowMs,
      });
      return null;
    }
    this.#set({
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      batches,
      coordinatorEpoch: batch.marker.coordinatorEpoch,
      lastTimestamp: batch.maxTimestamp,
      currentTransactionFirstOffset: -1,
      lastActiveMs: nowMs,
    });
    const firstOffset = before?.currentTransactionFirstOffset ?? -1;
    if (firstOffset < 0) return null;
    const ended = {
      producerId: batch.producerId,
      firstOffset,
      lastOffset: batch.lastOffset,
      isAborted: !batch.marker.isCommit,
    };
    this.#ended.push(ended);
    return ended;
  }

  /** Puts back a producer read from a snapshot. */
  restore(producer: Producer): void {
    this.#set(producer);
  }

  /** The first offset of a transaction that is open, or whose marker is not below the high watermark; null when none. */
  firstUnstableOffset(): number | null {
    if (this.#open.size === 0 && this.#ended.length === 0) return null;
    let first = Number.POSITIVE_INFINITY;
    for (const offset of this.#open.values()) first = Math.min(first, offset);
    for (const ended of this.#ended) first = Math.min(first, ended.firstOffset);
    return first;
  }

  /** The last stable offset once this transaction is out of the way, as the transaction index records it. */
  lastStableOffsetAfter(ended: CompletedTransaction): number {
    let first = ended.lastOffset + 1;
    for (const offset of this.#open.values()) first = Math.min(first, offset);
    return first;
  }

  /** Markers below the high watermark no longer hold back the last stable offset. */
  onHighWatermark(highWatermark: number): void {
    if (this.#ended.length > 0) this.#ended = this.#ended.filter((ended) => ended.lastOffset >= highWatermark);
  }

  begin(): void {
    this.#undo = { before: new Map(), ended: [...this.#ended] };
  }

  commit(): void {
    this.#undo = null;
  }

  rollback(): void {
    if (this.#undo === null) return;
    for (const [producerId, before] of this.#undo.before) {
      if (before === undefined) this.#forget(producerId);
      else this.#set(before);
    }
    this.#ended = this.#undo.ended;
    this.#undo = null;
  }

  /** Forgets producers idle for longer than `producer.id.expiration.ms`; one with an open transaction stays. */
  expire(nowMs: number, expirationMs: number): void {
    for (const producer of this.#producers.values()) {
      if (producer.currentTransactionFirstOffset < 0 && nowMs - producer.lastActiveMs > expirationMs) {
        this.#forget(producer.producerId);
      }
    }
  }

  clear(): void {
    this.#producers.clear();
    this.#open.clear();
    this.#ended = [];
  }

  #set(producer: Producer): void {
    this.#producers.set(producer.producerId, producer);
    if (producer.currentTransactionFirstOffset >= 0) {
      this.#open.set(producer.producerId, producer.currentTransactionFirstOffset);
    } else {
      this.#open.delete(producer.producerId);
    }
  }

  #forget(producerId: number): void {
    this.#producers.delete(producerId);
    this.#open.delete(producerId);
  }
}

function checkData(producer: Producer | undefined, batch: ProducerBatch, check: ProducerCheck): void {
  if (producer === undefined) {
    // Unknown producers are taken as they come: their state may have expired, or been deleted with old segments
    // (KIP-360). Transactions v2 know better, because every transaction begins with a fresh epoch (KIP-890).
    if (check.origin === 'client' && check.transactionVersion === 2 && batch.baseSequence !== 0) {
      throw outOfOrder(batch, 'nothing is known of this producer, so its first sequence must be 0');
    }
    return;
  }
  checkEpoch(producer, batch, batch.producerEpoch < producer.producerEpoch);
  // A coordinator writes offsets inside a producer's transaction without taking part in its sequence.
  if (check.origin === 'client') checkSequence(producer, batch);
  if (producer.currentTransactionFirstOffset >= 0 && !batch.isTransactional) {
    throw new LogError(
      'INVALID_TXN_STATE',
      `Producer ${batch.producerId} has a transaction open since offset ${producer.currentTransactionFirstOffset}; ` +
        'until it ends every batch must be transactional.',
    );
  }
}

function checkSequence(producer: Producer, batch: ProducerBatch): void {
  if (batch.producerEpoch !== producer.producerEpoch) {
    if (batch.baseSequence !== 0) throw outOfOrder(batch, 'a new epoch must start at sequence 0');
    return;
  }
  const last = producer.batches.at(-1)?.lastSequence ?? noSequence;
  const expected = last === sequenceMax ? 0 : last + 1;
  if (batch.baseSequence !== expected) throw outOfOrder(batch, `the next sequence is ${expected}`);
}

function checkMarker(
  producer: Producer | undefined,
  batch: ProducerBatch,
  marker: TransactionMarker,
  check: ProducerCheck,
): void {
  if (producer === undefined) return;
  // Transactions v2 bump the epoch with every marker, so a marker of the current epoch is a late one (KIP-890); unless
  // nothing is open: then it is this very marker, written again after a crash (KAFKA-19999).
  const isLate =
    check.transactionVersion === 2 &&
    batch.producerEpoch === producer.producerEpoch &&
    batch.producerEpoch < epochMax &&
    producer.currentTransactionFirstOffset >= 0;
  checkEpoch(producer, batch, batch.producerEpoch < producer.producerEpoch || isLate);
  if (marker.coordinatorEpoch < producer.coordinatorEpoch) {
    throw new LogError(
      'TRANSACTION_COORDINATOR_FENCED',
      `The marker of producer ${batch.producerId} comes from coordinator epoch ${marker.coordinatorEpoch}, but epoch ` +
        `${producer.coordinatorEpoch} has written since.`,
    );
  }
}

function checkEpoch(producer: Producer, batch: ProducerBatch, isFenced: boolean): void {
  if (!isFenced) return;
  throw new LogError(
    'INVALID_PRODUCER_EPOCH',
    `Producer ${batch.producerId} sent epoch ${batch.producerEpoch}, but epoch ${producer.producerEpoch} has written ` +
      'since: another instance took over. Close this producer.',
  );
}

function outOfOrder(batch: ProducerBatch, why: string): LogError {
  return new LogError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Producer ${batch.producerId} (epoch ${batch.producerEpoch}) sent sequence ${batch.baseSequence}: ${why}.`,
  );
}

function metadataOf(batch: ProducerBatch): BatchMetadata {
  return {
    lastSequence: lastSequenceOf(batch),
    lastOffset: batch.lastOffset,
    offsetDelta: batch.lastOffset - batch.baseOffset,
    timestamp: batch.maxTimestamp,
  };
}

/** Sequences wrap from 2^31-1 to 0. */
function lastSequenceOf(batch: ProducerBatch): number {
  if (batch.baseSequence === noSequence) return noSequence;
  const last = batch.baseSequence + (batch.lastOffset - batch.baseOffset);
  return last <= sequenceMax ? last : last - sequenceMax - 1;
}
