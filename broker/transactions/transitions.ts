/**
 * The rules of a transactional id, as pure functions: what is known, what is asked, and what follows from it. Every
 * epoch, fencing and retry rule of Kafka's coordinator is one of these (TransactionCoordinator and TransactionMetadata
 * of Kafka 4; KIP-98, KIP-360, KIP-890). Nothing here waits, writes or remembers: coordinator.ts does.
 *
 *     Empty ──add──▶ Ongoing ──end──▶ PrepareCommit ──markers──▶ CompleteCommit ──add──▶ Ongoing …
 *                       └───end or fence──▶ PrepareAbort ──markers──▶ CompleteAbort ──init──▶ Empty
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import { hasPartition, noPartitions, withPartitions } from './partitions.ts';
import type {
  InitRequest,
  Marker,
  ProducerIdentity,
  TopicPartition,
  Transaction,
  TransactionVersion,
} from './types.ts';

const none = -1;
/** An int16 on the wire. */
const epochMax = 2 ** 15 - 1;
/** Producers never get the largest epoch, so that there is always one left to fence them with. */
const producerEpochMax = epochMax - 1;

/** What follows from a request. */
export type Decision =
  /** Nothing changes, and this is the answer; NONE for what has already been done. */
  | { readonly kind: 'answer'; readonly error: ErrorName }
  /** This becomes true once it is on disk. */
  | { readonly kind: 'change'; readonly next: Transaction }
  /** Ask again with a new producer id: the epochs of this one are used up. */
  | { readonly kind: 'new-producer-id' }
  /** The transaction that is open must be aborted first. */
  | { readonly kind: 'fence' };

const answer = (error: ErrorName): Decision => ({ kind: 'answer', error });
const change = (next: Transaction): Decision => ({ kind: 'change', next });

/** A transactional id that is asked for the first time. */
export function newTransaction(request: InitRequest, producerId: number, nowMs: number): Transaction {
  return {
    transactionalId: request.transactionalId,
    producerId,
    previousProducerId: none,
    nextProducerId: none,
    producerEpoch: none,
    lastProducerEpoch: none,
    timeoutMs: request.timeoutMs,
    state: 'Empty',
    partitions: noPartitions,
    startTimestamp: none,
    lastUpdateTimestamp: nowMs,
    clientTransactionVersion: 0,
  };
}

/**
 * InitProducerId: fences whoever had the id, and gives the next epoch. Where the producer id may have left orphans, it gives
 * another: an end under the same one would be theirs, too.
 */
export function decideInit(
  now: Transaction,
  request: InitRequest,
  nowMs: number,
  newProducerId: number | null,
  mayHaveOrphans = false,
): Decision {
  const { expected } = request;
  if (isPrepared(now)) return answer('CONCURRENT_TRANSACTIONS');
  if (expected !== null && !mayGoOn(now, expected)) return answer('PRODUCER_FENCED');
  if (now.state === 'Ongoing') return { kind: 'fence' };
  const begun = {
    ...now,
    previousProducerId: now.producerId,
    nextProducerId: none,
    state: 'Empty' as const,
    timeoutMs: request.timeoutMs,
    partitions: noPartitions,
    startTimestamp: none,
    lastUpdateTimestamp: nowMs,
    clientTransactionVersion: request.beginsAtOnce === true ? (2 as const) : now.clientTransactionVersion,
  };
  const isUsedUp =
    isExhausted(now.producerEpoch) && (expected === null || expected.producerEpoch === now.producerEpoch);
  if (isUsedUp || (mayHaveOrphans && expected === null)) {
    if (newProducerId === null) return { kind: 'new-producer-id' };
    const lastProducerEpoch = expected === null ? none : now.producerEpoch;
    return change({ ...begun, producerId: newProducerId, producerEpoch: 0, lastProducerEpoch });
  }
  if (expected === null) return change({ ...begun, producerEpoch: now.producerEpoch + 1, lastProducerEpoch: none });
  if (now.producerEpoch === none || expected.producerEpoch === now.producerEpoch) {
    return change({ ...begun, producerEpoch: now.producerEpoch + 1, lastProducerEpoch: now.producerEpoch });
  }
  // It asks again because it got no answer. A new producer would have set the last epoch to -1.
  if (expected.producerEpoch === now.lastProducerEpoch) return change(begun);
  return answer('PRODUCER_FENCED');
}

/** Whether a producer that goes on after an error is still the one (KIP-360); its epoch is judged later. */
function mayGoOn(now: Transaction, expected: { readonly producerId: number; readonly producerEpoch: number }): boolean {
  if (now.producerEpoch === none || expected.producerId === now.producerId) return true;
  return expected.producerId === now.previousProducerId && isExhausted(expected.producerEpoch);
}

/** AddPartitionsToTxn, AddOffsetsToTxn, and the first Produce or TxnOffsetCommit of KIP-890 for a partition. */
export function decideAdd(
  now: Transaction,
  who: ProducerIdentity,
  added: readonly TopicPartition[],
  version: TransactionVersion,
  nowMs: number,
): Decision {
  const refusal = refuseProducer(now, who);
  if (refusal !== null) return answer(refusal);
  const partitions = withPartitions(now.partitions, added);
  if (now.state === 'Ongoing' && partitions === now.partitions) return answer('NONE');
  return change({
    ...now,
    previousProducerId: now.producerId,
    nextProducerId: none,
    state: 'Ongoing',
    partitions,
    startTimestamp: now.state === 'Ongoing' ? now.startTimestamp : nowMs,
    lastUpdateTimestamp: nowMs,
    clientTransactionVersion: version,
  });
}

/** Whether this producer has a transaction open in which this partition takes part. */
export function judgeWrite(now: Transaction, who: ProducerIdentity, topic: string, partition: number): ErrorName {
  const refusal = refuseProducer(now, who);
  if (refusal !== null) return refusal;
  const isInTransaction = now.state === 'Ongoing' && hasPartition(now.partitions, topic, partition);
  return isInTransaction ? 'NONE' : 'TRANSACTION_ABORTABLE';
}

/** An end comes before the identity: the producer may know already what it is going to be called after it. */
function refuseProducer(now: Transaction, who: ProducerIdentity): ErrorName | null {
  if (isPrepared(now)) return 'CONCURRENT_TRANSACTIONS';
  if (now.producerId !== who.producerId) return 'INVALID_PRODUCER_ID_MAPPING';
  return now.producerEpoch === who.producerEpoch ? null : 'PRODUCER_FENCED';
}

/** EndTxn up to v4: the epoch stays, so that a late request and a repeated one look the same. */
export function decideEnd(now: Transaction, who: ProducerIdentity, isCommit: boolean, nowMs: number): Decision {
  if (now.producerId !== who.producerId) return answer('INVALID_PRODUCER_ID_MAPPING');
  if (now.producerEpoch !== who.producerEpoch) return answer('PRODUCER_FENCED');
  switch (now.state) {
    case 'Ongoing':
      return change(prepared(now, isCommit, 0, none, nowMs));
    case 'CompleteCommit':
    case 'CompleteAbort':
      return answer((now.state === 'CompleteCommit') === isCommit ? 'NONE' : 'INVALID_TXN_STATE');
    case 'PrepareCommit':
    case 'PrepareAbort':
      return answer((now.state === 'PrepareCommit') === isCommit ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE');
    case 'Empty':
      return answer('INVALID_TXN_STATE');
  }
}

/**
 * EndTxn v5 (KIP-890): every end takes the next epoch, so that the epoch alone tells a repeated request (it has the one
 * before) from the next transaction's. An abort with nothing to abort is taken too, for a producer that does not know
 * whether anything arrived.
 */
export function decideEndV2(
  now: Transaction,
  who: ProducerIdentity,
  isCommit: boolean,
  nowMs: number,
  newProducerId: number | null,
): Decision {
  // Its producer may be at the next transaction already, under an id or epoch that is not true yet.
  if (isPrepared(now)) return answer('CONCURRENT_TRANSACTIONS');
  const isRepeatedOverRotation =
    now.previousProducerId === who.producerId && who.producerEpoch === producerEpochMax && now.producerEpoch === 0;
  const isRepeated = now.producerEpoch === who.producerEpoch + 1 || isRepeatedOverRotation;
  const isCurrent = now.producerEpoch === who.producerEpoch;
  if (now.producerId !== who.producerId && !isRepeatedOverRotation) return answer('INVALID_PRODUCER_ID_MAPPING');
  switch (now.state) {
    case 'Ongoing':
      if (!isCurrent) return answer('PRODUCER_FENCED');
      return prepareV2(now, isCommit, nowMs, newProducerId);
    case 'Empty':
      if (!isCurrent) return answer('PRODUCER_FENCED');
      return isCommit ? answer('INVALID_TXN_STATE') : prepareV2(now, false, nowMs, newProducerId);
    default:
      if (isRepeated) return answer((now.state === 'CompleteCommit') === isCommit ? 'NONE' : 'INVALID_TXN_STATE');
      if (!isCurrent) return answer('PRODUCER_FENCED');
      return isCommit ? answer('INVALID_TXN_STATE') : prepareV2(now, false, nowMs, newProducerId);
  }
}

/** The coordinator aborts by itself: the transaction timed out, or a new producer took the id over. */
export function decideFence(now: Transaction, nowMs: number, newProducerId: number | null): Decision {
  if (now.state !== 'Ongoing') return answer('CONCURRENT_TRANSACTIONS');
  return prepareV2(now, false, nowMs, newProducerId);
}

function prepareV2(now: Transaction, isCommit: boolean, nowMs: number, newProducerId: number | null): Decision {
  if (!isExhausted(now.producerEpoch)) return change(prepared(now, isCommit, 2, none, nowMs));
  if (newProducerId === null) return { kind: 'new-producer-id' };
  return change(prepared(now, isCommit, 2, newProducerId, nowMs));
}

function prepared(
  now: Transaction,
  isCommit: boolean,
  version: TransactionVersion,
  nextProducerId: number,
  nowMs: number,
): Transaction {
  return {
    ...now,
    previousProducerId: now.producerId,
    nextProducerId,
    producerEpoch: version === 2 ? Math.min(now.producerEpoch + 1, epochMax) : now.producerEpoch,
    lastProducerEpoch: version === 2 ? now.producerEpoch : now.lastProducerEpoch,
    state: isCommit ? 'PrepareCommit' : 'PrepareAbort',
    // An abort of nothing has no beginning, but the record needs one.
    startTimestamp: now.state === 'Ongoing' ? now.startTimestamp : nowMs,
    lastUpdateTimestamp: nowMs,
    clientTransactionVersion: version,
  };
}

/** All markers are written. */
export function completed(now: Transaction, nowMs: number): Transaction {
  const isRotated = now.clientTransactionVersion === 2 && now.nextProducerId !== none;
  return {
    ...now,
    previousProducerId: now.producerId,
    nextProducerId: none,
    producerId: isRotated ? now.nextProducerId : now.producerId,
    producerEpoch: isRotated ? 0 : now.producerEpoch,
    state: now.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    partitions: noPartitions,
    lastUpdateTimestamp: nowMs,
  };
}

export function markerOf(now: Transaction, coordinatorEpoch: number): Marker {
  return {
    producerId: now.producerId,
    producerEpoch: now.producerEpoch,
    isCommit: now.state === 'PrepareCommit',
    coordinatorEpoch,
    transactionVersion: now.clientTransactionVersion,
  };
}

export function isPrepared(now: Transaction): boolean {
  return now.state === 'PrepareCommit' || now.state === 'PrepareAbort';
}

/** Whether what this producer has open in this partition is part of the transaction that is open, or being ended. */
export function holds(
  now: Transaction,
  { producerId, producerEpoch }: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>,
  { topic, partition }: TopicPartition,
): boolean {
  if (now.producerId !== producerId || !hasPartition(now.partitions, topic, partition)) return false;
  if (now.state === 'Ongoing') return producerEpoch === now.producerEpoch;
  // With v2 the epoch of an end is the next transaction's already.
  const isNext = now.clientTransactionVersion === 2 && producerEpoch === now.producerEpoch && producerEpoch < epochMax;
  return isPrepared(now) && !isNext;
}

export function isTimedOut(now: Transaction, nowMs: number): boolean {
  return now.state === 'Ongoing' && now.startTimestamp + now.timeoutMs < nowMs;
}

/** Nothing is open, and nobody used the id for `transactional.id.expiration.ms`. */
export function isExpired(now: Transaction, nowMs: number, expirationMs: number): boolean {
  return now.state !== 'Ongoing' && !isPrepared(now) && now.lastUpdateTimestamp <= nowMs - expirationMs;
}

function isExhausted(epoch: number): boolean {
  return epoch >= producerEpochMax;
}
