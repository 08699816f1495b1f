/**
 * Where the coordinator keeps what must survive: a port, declared by its user. The keeper is offsets-topic.ts; tests
 * have one that fails on demand.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { CoordinatorRecord } from './records.ts';

export interface GroupLog {
  /**
   * Writes all records or none, in the order of the calls for one group. `done` is called once, after the call returned,
   * when they are durable, or with what a client is told when they are not. With a producer the records are part of its
   * transaction.
   */
  append(
    group: string,
    records: readonly CoordinatorRecord[],
    done: (error: ErrorName | null) => void,
    producer?: TransactionalProducer,
  ): void;
}

export interface TransactionalProducer {
  readonly producerId: number;
  readonly producerEpoch: number;
}
