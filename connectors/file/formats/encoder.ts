/**
 * What turns records into the bytes of a file, for the rolling sink. `text-encoder.ts`, `csv-encoder.ts` and
 * `parquet-encoder.ts` are the formats; none touches a disk. Step 10 of the record's journey.
 */
import type { SinkRecord } from '../../api/index.ts';

/** A format: which records share a file, and what writes it. */
export interface FileFormat {
  /** Without the dot. */
  readonly extension: string;
  /**
   * What a file must be of to take the record (its columns, its schema); equal texts share a file. Called once per
   * record; null where any file takes any record. Throws DataError for a value the format cannot hold.
   */
  readonly layoutOf: ((record: SinkRecord) => string) | null;
  /** A new file, for records like this one. */
  begin(first: SinkRecord): FileEncoder;
}

/** Records that are encoded but not yet part of the file; only the encoder that made it can take it. */
export type Encoded = Uint8Array | readonly unknown[];

/** One file. */
export interface FileEncoder {
  /** Throws DataError when a record cannot be written, and then leaves no trace. */
  encode(records: readonly SinkRecord[]): Encoded;
  /** Makes them part of the file. Does not throw. */
  accept(encoded: Encoded): void;
  /** Bytes ready to be written that were not taken yet. */
  take(): Uint8Array[];
  /** Bytes held back until there are enough of them to be written together, about. */
  readonly heldBytes: number;
  /** Makes what is held ready, and with `end` what closes the file. */
  release(end: boolean): void;
}
