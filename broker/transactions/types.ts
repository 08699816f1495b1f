/**
 * What goes in and out of the transaction coordinator: the nouns of the transactional APIs, free of wire versions. Types
 * only; the rules are in transitions.ts.
 */
import type { ErrorName } from '../protocol/error-codes.ts';

/** Kafka's names and numbers (org.apache.kafka.coordinator.transaction.TransactionState); the numbers are on disk. */
export const transactionStates = {
  Empty: 0,
  Ongoing: 1,
  PrepareCommit: 2,
  PrepareAbort: 3,
  CompleteCommit: 4,
  CompleteAbort: 5,
} as const;

export type TransactionState = keyof typeof transactionStates;

/** How the producer speaks: 0 adds partitions itself and keeps its epoch; 2 is KIP-890, with a new epoch each time. */
export type TransactionVersion = 0 | 2;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Partitions by topic. Replaced, never changed. */
export type PartitionsByTopic = ReadonlyMap<string, ReadonlySet<number>>;

/** All that is known of one transactional id, as a record of `__transaction_state` keeps it. Replaced, never changed. */
export interface Transaction {
  readonly transactionalId: string;
  readonly producerId: number;
  /** The id before the last change; -1 for none. */
  readonly previousProducerId: number;
  /** The id this transaction ends with where its epochs are used up; -1 otherwise. */
  readonly nextProducerId: number;
  /** -1 until the first InitProducerId is answered. */
  readonly producerEpoch: number;
  /** The epoch before, for a producer that asks again because it got no answer; not on disk, as in Kafka. */
  readonly lastProducerEpoch: number;
  readonly timeoutMs: number;
  readonly state: TransactionState;
  readonly partitions: PartitionsByTopic;
  /** -1 while nothing was begun. */
  readonly startTimestamp: number;
  readonly lastUpdateTimestamp: number;
  readonly clientTransactionVersion: TransactionVersion;
}

/** Who speaks: a producer, as it was told by InitProducerId or EndTxn. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface InitRequest {
  readonly transactionalId: string;
  readonly timeoutMs: number;
  /** What a producer that goes on after an error has (KIP-360); null for a new one. */
  readonly expected: { readonly producerId: number; readonly producerEpoch: number } | null;
  /**
   * It is within this process, and its transactions begin without waiting for the disk: the first of them may be lost by a
   * power cut that leaves its records, and whoever comes next must know.
   */
  readonly beginsAtOnce?: boolean;
}

/** Of InitProducerId and EndTxn. Id and epoch are -1 where there is nothing to tell. */
export interface ProducerAnswer {
  readonly error: ErrorName;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** What a partition must hold of a transaction, up to which sequence of its producer, for its commit to stand. */
export interface AwaitedRecords extends TopicPartition {
  readonly lastSequence: number;
}

/** The marker of a commit within this process, which may be in these partitions without being on disk. */
export interface UnsyncedMarker {
  readonly producerId: number;
  /** The marker's own: the next after that of the records. */
  readonly producerEpoch: number;
  readonly partitions: PartitionsByTopic;
}

/** What is written into every partition of a transaction that ends. */
export interface Marker {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly isCommit: boolean;
  readonly coordinatorEpoch: number;
  readonly transactionVersion: TransactionVersion;
}
