/**
 * What the reader of a snapshot has in hand: tables under way, and lanes, each with one range of one of them. State only; what is
 * done with it is `snapshot-reader.ts`'s.
 */

import { JsonWriter } from '../../types/json-writer.ts';
import type { WireConnection } from '../../wire/connection.ts';
import { type RelationMessage, Tuple } from '../tables/pgoutput.ts';
import type { TableEncoder } from '../tables/table-encoder.ts';
import type { ThreadLane } from './snapshot-lanes.ts';
import type { SnapshotRange, SnapshotTable } from './snapshot-plan.ts';

/** A table under way. */
export interface TableWork {
  readonly source: SnapshotTable;
  readonly name: string;
  readonly encoder: TableEncoder;
  readonly relation: RelationMessage;
  readonly columns: readonly string[];
  /** A thread is to leave its lines as they are: what is kept of its rows only this one knows. */
  readonly isRaw: boolean;
  readonly todo: SnapshotRange[];
  readonly partial: {
    readonly table: string;
    readonly rangePages: number;
    readonly done: number[];
    readonly xmin: number;
  };
  /** Ranges in somebody's hands. */
  active: number;
  rows: number;
  emitted: number;
  /** The last row of the range that ended last: perhaps the table's. */
  tail: Waiting | null;
}

/** A record without its origin, and the range it ends. */
export interface Waiting {
  readonly work: TableWork;
  readonly range: SnapshotRange;
  readonly key: Buffer | null;
  readonly head: Buffer;
}

/** One connection, here or in the thread, what it reads, and its row that waits for the next. */
export class Lane {
  readonly connection: WireConnection;
  readonly remote: ThreadLane | null;
  readonly out = new JsonWriter();
  readonly row = new Tuple();
  work: TableWork | null = null;
  range: SnapshotRange | null = null;
  /** The row's key, where a row waits in `out`. */
  pendingKey: Buffer | null = null;
  hasPending = false;

  /** Where the thread's chunk is used up to. */
  position = 0;
  keptPosition = 0;

  constructor(connection: WireConnection, remote: ThreadLane | null = null) {
    this.connection = connection;
    this.remote = remote;
  }

  wait(timeoutMs: number): Promise<boolean> {
    return (this.remote ?? this.connection.frames).wait(timeoutMs);
  }

  interrupt(): void {
    (this.remote ?? this.connection.frames).interrupt();
  }
}
