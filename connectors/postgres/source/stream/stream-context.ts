/**
 * What the reader of the replication stream is given, and who listens to what it reads. Types only; the reading is
 * stream-reader.ts, and source-task.ts puts both together.
 */
import type { SourceOffset, SourcePartition } from '../../../api/index.ts';
import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import type { ReplicationClient } from '../server/replication-client.ts';
import type { KeptValues } from '../tables/kept-values.ts';
import type { Tuple } from '../tables/pgoutput.ts';
import type { RecordBatch } from '../tables/record-batch.ts';
import type { TableEncoder } from '../tables/table-encoder.ts';
import type { Tables } from '../tables/tables.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { CommittedStream } from './committed-stream.ts';

export interface StreamContext {
  readonly settings: SourceSettings;
  readonly partition: SourcePartition;
  readonly tables: Tables;
  readonly acknowledgements: Acknowledgements;
  readonly client: ReplicationClient;
  /** What it brings. */
  readonly stream: CommittedStream;
  /** A connection for questions to the catalogue. */
  readonly catalog: WireConnection;
  readonly signal: AbortSignal;
  /** Runs the statement that goes with a heartbeat. */
  readonly onHeartbeat: () => Promise<void>;
  readonly listener: StreamListener;
  /** A row was inserted into the signal table. */
  readonly onSignal: (row: Tuple) => void;
  /** Large values of rows, where they are kept in the log. */
  readonly kept: KeptValues | null;
  /** Adds to a figure of the task. */
  readonly count: (figure: string, more: number) => void;
  /** The position of this very slot in this very server, kept in every offset. */
  readonly proof: SourceOffset;
}

/** What a snapshot beside the stream wants to hear of it. */
export interface StreamListener {
  /** A change that is about to be written; its records follow. */
  changed(relation: number, table: TableEncoder, row: Tuple, before: Tuple | null): void;
  /** A table was emptied. */
  truncated(relation: number): void;
  /** A transaction ended whose changes are all written. */
  committed(xid: number): void;
  /** The mark behind a chunk came by; answers true where records of the chunk are to follow in this batch. */
  marked(mark: string): boolean;
  /** The stream has come to this place, between transactions; answers as `marked` does. Called often. */
  passed(lsn: number): boolean;
  /** Adds those records; between transactions, so that the offset is a plain position. */
  flush(batch: RecordBatch, offset: SourceOffset): void;
  /** What the offsets have to say about it, or null. */
  readonly offset: SourceOffset | null;
}

/** Begins the prefix of our own marks in the WAL; nobody sees them in a topic. */
export const MARK_PREFIX = 'millrace.mark.';
