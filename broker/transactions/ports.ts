/**
 * What the transaction coordinator needs of the world: ports, declared by their user. Keepers: transaction-topic.ts and
 * marker-writer.ts; tests have their own, which fail on demand.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { TransactionRecord } from './records.ts';
import type { AwaitedRecords, Marker, ProducerIdentity, TopicPartition } from './types.ts';

export interface TransactionLog {
  /** Makes sure that there is a log; called before the first append of a new transactional id. Rejects when it cannot. */
  open(): Promise<void>;
  /**
   * `done` is called once, after the call returned, when the record is durable, or with what a client is told. Of one that is
   * only to be `written` the next durable record of the same id makes it durable, too.
   */
  append(
    transactionalId: string,
    record: TransactionRecord,
    until: 'durable' | 'written',
    done: (error: ErrorName | null) => void,
  ): void;
}

export interface MarkerWriter {
  /**
   * Writes the marker, whose end is decided on disk, into each partition, and tells the group coordinator where it is a
   * partition of offsets. `done` is called once, after the call returned, with the partitions where it must be tried again.
   */
  write(
    marker: Marker,
    partitions: readonly TopicPartition[],
    until: 'durable' | 'written',
    done: (failed: readonly TopicPartition[]) => void,
  ): void;
  /** Resolves true when all that was written into these partitions is durable, false where it cannot become so. */
  sync(partitions: readonly TopicPartition[]): Promise<boolean>;
}

export interface RecordPresence {
  /** Whether the partition holds these records of the producer, or the end of their transaction already. */
  holds(producer: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>, awaited: AwaitedRecords): boolean;
  /** Whether a transaction of the producer is open in the partition, of an epoch before this one. */
  isOpenBefore(producer: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>, partition: TopicPartition): boolean;
}

export interface ProducerIdSource {
  /** An id never given out before. Rejects when none can be reserved. */
  next(): Promise<number>;
}

/** Time, so that tests decide when a transaction times out. */
export interface Timers {
  now(): number;
  set(delayMs: number, run: () => void): { cancel(): void };
}

export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
