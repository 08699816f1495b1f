/**
 * The port to what keeps the registry: a log of keyed records that is read back in the order it was written.
 *
 * Keepers: memory.ts (tests, throw-away registries) and log.ts (the compacted topic `_schemas`). One case file
 * (store.cases.ts) runs against each. The registry itself holds nothing that is not a fold over these records.
 */

/** One record of the log. Null as value is a tombstone. */
export interface StoreRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** Which log this is, and how far it goes. */
export interface LogDescription {
  /** No other log, here or elsewhere, has it. */
  readonly identity: string;
  readonly startOffset: number;
  readonly endOffset: number;
}

export interface SchemaStore {
  /**
   * What a snapshot is held against; absent, or null as answer, where it cannot be told: then there are no snapshots. Called
   * before `open`, and makes the log where there is none.
   */
  describe?(): Promise<LogDescription | null>;
  /**
   * Hands every record kept so far to `onRecord`, oldest first, then follows the log. Called once, first, and again only
   * after `close`; resolves when everything that was there at the call has been handed over. `onRecord` is synchronous,
   * must not throw, and keeps no buffer of the record: they are lent for the call. `from` leaves out what has a smaller
   * offset; a keeper that cannot do so hands over everything.
   */
  open(onRecord: (record: StoreRecord) => void, from?: number): Promise<void>;
  /**
   * Appends the records durably and resolves once `onRecord` has seen every one of them, so that a writer reads its
   * own writes. The registry calls it one write at a time. Rejects with StoreError; then it is unknown what was kept.
   */
  append(records: readonly { readonly key: Buffer; readonly value: Buffer | null }[]): Promise<void>;
  /** Resolves when `onRecord` has seen everything appended, by anybody, before the call. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}
