/**
 * What the task and the thread that reads its snapshot say to each other. Plain data, because it is cloned on its way; the bytes
 * of rows are not copied but change hands. No I/O.
 */
import { ConnectError, RetriableError } from '../../../api/index.ts';
import { ConnectionLost, ServerError } from '../../errors.ts';
import type { RelationMessage } from '../tables/pgoutput.ts';
import type { TransactionInfo } from '../tables/table-encoder.ts';

/** What the thread is given at its start. */
export interface SnapshotThreadData {
  /** The connector's keys as they were given, and which of the two classes reads them. */
  readonly raw: Readonly<Record<string, string>>;
  readonly isCompatible: boolean;
  /** Shows in pg_stat_activity. */
  readonly name: string;
  /** Of a transaction that stays open until the thread said that it has opened its own. */
  readonly snapshot: string;
  readonly lanes: number;
  /** Of a chunk; a single row may be larger. */
  readonly chunkBytes: number;
  /** Of a run. */
  readonly runRowsMax: number;
  /** What every row's origin says. */
  readonly transaction: TransactionInfo;
  readonly lsn: string;
  /** Where large values are kept, the era they belong to. */
  readonly era: string | null;
  /** The snapshot's moment is later than where the stream goes on. */
  readonly isLate: boolean;
}

/** A range to read. */
export interface RangeOrder {
  readonly relation: RelationMessage;
  /** A COPY to STDOUT. */
  readonly sql: string;
  /** Lines are wanted as Postgres sent them. */
  readonly isRaw: boolean;
  /** Rows are wanted in runs, but for the first and the last, which may tell that they are. */
  readonly isInRuns: boolean;
}

export type ToThread =
  | { readonly lane: number; readonly order: RangeOrder }
  /** A chunk of so many bytes is used up. */
  | { readonly lane: number; readonly used: number }
  /** Nobody needs what is in it any more. */
  | { readonly spare: ArrayBuffer };

export type FromThread =
  | { readonly opened: true }
  | { readonly lane: number; readonly chunk: SnapshotChunk }
  /** Of a lane, or of the start. Nothing more comes of it. */
  | { readonly lane: number | null; readonly failure: PlainError };

/** A change of the source's memory that comes before a row. */
export interface KeptBefore {
  /** The row's place in its chunk. */
  readonly row: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Rows of one range, in their order.
 * ```
 * bytes: key | value | key | value | …      ends: key's, value's, key's, value's, …
 * ```
 * Without keys the first of each two ends is where the value begins. Raw, a value is a line of COPY. In a run the bytes are the run's,
 * and there are no ends.
 */
export interface SnapshotChunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly rows: number;
  /** The end of every value that tells its origin; another may be put in its place. */
  readonly tailBytes: number;
  readonly kept: readonly KeptBefore[];
  /** The range's last; it has the range's last row. */
  readonly isEnd: boolean;
  /** Of its rows, where they are one: the largest, in bytes. */
  readonly largestOfRun: number | null;
}

/** An error without its class, which cloning takes away. */
export interface PlainError {
  readonly kind: 'server' | 'lost' | 'connect' | 'other';
  readonly message: string;
  readonly code: string;
  readonly isRetriable: boolean;
  readonly detail?: string;
  readonly hint?: string;
}

export function toPlainError(error: unknown): PlainError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const { message } = cause;
  const code = String((cause as { code?: unknown }).code ?? '');
  if (cause instanceof ServerError) {
    const told = { ...(cause.detail ? { detail: cause.detail } : {}), ...(cause.hint ? { hint: cause.hint } : {}) };
    return { kind: 'server', message, code: cause.sqlState, isRetriable: false, ...told };
  }
  if (cause instanceof ConnectError) return { kind: 'connect', message, code, isRetriable: cause.retriable };
  return { kind: cause instanceof ConnectionLost ? 'lost' : 'other', message, code, isRetriable: false };
}

export function fromPlainError(plain: PlainError): Error {
  const { kind, message, code } = plain;
  if (kind === 'lost') return new ConnectionLost(message);
  if (kind === 'server') {
    const fields = { M: message, C: code, D: plain.detail, H: plain.hint };
    return new ServerError(new Map(Object.entries(fields).filter((entry): entry is [string, string] => !!entry[1])));
  }
  if (kind === 'connect') {
    return plain.isRetriable ? new RetriableError(message, { code }) : new ConnectError(message, { code });
  }
  return Object.assign(new Error(message), code === '' ? {} : { code });
}
