/**
 * What Produce and TxnOffsetCommit share inside a transaction: which version may do what, and what a client of that
 * version is told when the coordinator says no (KIP-890; Kafka's AddPartitionsToTxnManager and TransactionVersion).
 */
import type { ErrorName } from '../protocol/error-codes.ts';

/**
 * `adds`: the request itself takes a partition into the transaction. `verified`: the partition was added before, or the
 * write is refused, so that no transaction hangs in a partition its coordinator knows nothing of; the client knows
 * TRANSACTION_ABORTABLE. `verified-old`: the same, but it does not.
 */
export type TransactionalSupport = 'adds' | 'verified' | 'verified-old';

export function transactionalSupport(
  apiVersion: number,
  from: { readonly adds: number; readonly knowsAbortable: number },
): TransactionalSupport {
  if (apiVersion >= from.adds) return 'adds';
  return apiVersion >= from.knowsAbortable ? 'verified' : 'verified-old';
}

/** The coordinator's refusal, in words a writer understands. */
export function toldToWriter(error: ErrorName, support: TransactionalSupport): ErrorName {
  switch (error) {
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH';
    case 'TRANSACTION_ABORTABLE':
      return support === 'verified-old' ? 'INVALID_TXN_STATE' : error;
    case 'CONCURRENT_TRANSACTIONS':
      return support === 'adds' ? error : 'NOT_ENOUGH_REPLICAS';
    case 'NOT_COORDINATOR':
    case 'COORDINATOR_NOT_AVAILABLE':
      return 'NOT_ENOUGH_REPLICAS';
    default:
      return error;
  }
}

/** Before these versions a client knows only INVALID_PRODUCER_EPOCH for what fences it (KIP-588). */
export function fencedFor(error: ErrorName, apiVersion: number, knowsFencedFrom: number): ErrorName {
  return error === 'PRODUCER_FENCED' && apiVersion < knowsFencedFrom ? 'INVALID_PRODUCER_EPOCH' : error;
}
