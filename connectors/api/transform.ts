/**
 * Transforms and predicates: pure functions of one record with a configured life around them.
 *
 * Steps 2 and 9 of the record's journey. They never mutate, wait or remember; one instance serves one task, so calls
 * are never concurrent.
 */
import type { Config } from './config.ts';
import type { ConnectRecord } from './record.ts';

/** Answers a record: the same, a new one, or null to drop it. */
export interface Transform {
  configure(config: Config): void;
  /** A throw sends this record to the error policy of stage `transformation`; the next one is called as usual. */
  apply<R extends ConnectRecord>(record: R): R | null;
  close?(): void;
}

/** Decides whether a transform applies to a record. */
export interface Predicate {
  configure(config: Config): void;
  test(record: ConnectRecord): boolean;
  close?(): void;
}
