/**
 * Tasks move records. The worker owns their loop; a task owns its connection to the outside world.
 *
 * Source task, in order: `start` → (`poll` → `commitRecord` per record → `commit`)* → `stop`.
 * Sink task, in order: `start` → `open` → (`put` → … → `flush`)* → `close` → `stop`; `open`/`close` come again with
 * each rebalance. Calls never overlap, except that `commitRecord` and `commit` may run while a `poll` is pending.
 */
import type { Config } from './config.ts';
import type { Logger } from './connector.ts';
import type {
  OffsetAndMetadata,
  RecordMetadata,
  SinkRecord,
  SourceOffset,
  SourcePartition,
  SourceRecord,
  TopicPartition,
} from './record.ts';
import type { Schema } from './schema.ts';

interface TaskContext {
  readonly connector: string;
  /** The task's number, from 0. */
  readonly task: number;
  readonly logger: Logger;
  /** Aborted when the task must end; a pending `poll` or retry wait should return soon after. */
  readonly signal: AbortSignal;
  /**
   * Adds to a figure of the task's own, named in small letters and underscores, which the worker shows with its metrics and in the
   * task's status. Cheap; a few names at most.
   */
  count?(figure: string, more: number): void;
  /**
   * Names a figure that goes up and down. Call from `start`; `read` is called whenever somebody looks, until the task has stopped: it
   * must be quick, and null or a throw is nothing to show. `snapshot_running`, `snapshot_rows`, `snapshot_rows_expected`,
   * `snapshot_rows_per_second` and `snapshot_seconds_left` are drawn as a bar by the console and told in a line by the command.
   */
  gauge?(figure: string, read: () => number | null): void;
}

/** The worker, as a source task sees it. */
export interface SourceTaskContext extends TaskContext {
  /** The last durable offset of each partition, in the order asked; null where none is kept. Call from `start`. */
  offsets(partitions: readonly SourcePartition[]): Promise<readonly (SourceOffset | null)[]>;
  /**
   * Every offset kept for this connector, whichever of its tasks wrote it: for what earlier runs left behind. Call from
   * `start`. Absent where a worker keeps none.
   */
  allOffsets?(): Promise<readonly KeptOffset[]>;
  /**
   * Hands a piece of input that never became a record to the error policy of stage `poll` (a CSV line with too few
   * columns, a payload that does not parse): dead-lettered, skipped or fatal by `errors.tolerance`. Resolves once it
   * is where it goes (durable, or in the transaction that is open); rejects with the original error when the policy is to fail. The task then goes on.
   */
  reportBadInput(input: BadInput): Promise<void>;
  /**
   * Tells the converters what records of a topic look like from now on, before one flows. Rejects with DataError where
   * the registry does not allow it; resolves where nobody keeps schemas, or transforms stand in between, whose result only
   * a record shows. Absent where there are no converters.
   */
  declareSchemas?(topic: string, keySchema: Schema | null, valueSchema: Schema | null): Promise<void>;
  /** Asks for offsets to be written soon, before their interval is over. */
  requestCommit?(): void;
  /** What the task keeps for itself in the log, beside its records. Absent where a worker keeps nothing. */
  readonly memory?: SourceMemory;
  /**
   * Reads a topic beside the task's own work, from where its group left off, from its beginning at first: for commands that
   * come through the log. Created where it is missing, with one partition. Absent where a worker offers no log.
   */
  follow?(topic: string, group: string): FollowedTopic;
  /**
   * Whether `poll` may answer records of this topic in runs of so many bytes (`runOf`), as things stand: nothing between the task and
   * the log looks at a record. Cheap; asked before each piece of work, because topics change. A run that comes although it is not
   * taken any more is taken apart, which costs time. `commitRecord` is not called for records in runs. Absent where runs are unknown.
   */
  takesRuns?(topic: string, bytes: number): boolean;
  /** Where the task ends transactions itself (`transaction.boundary=connector`, KIP-618); null or absent elsewhere. */
  readonly transactions?: TransactionContext | null;
}

/** A topic that a task follows. Ends with `close`, which the task calls when it stops. */
export interface FollowedTopic {
  /** What has come since the last call. Never waits; what cannot be read is told in the log and tried again. */
  take(): readonly FollowedRecord[];
  /** All that was taken is done with and does not come again. */
  commit(): Promise<void>;
  close(): Promise<void>;
}

export interface FollowedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/**
 * The worker's transaction, as a source task steers it. Call from `poll`. What is read stays out of sight until the task
 * asks for a commit; a task that stops in between reads the same records again.
 */
export interface TransactionContext {
  /** Ends the transaction with this record, or with all that the `poll` under way answers. */
  commitTransaction(record?: SourceRecord): void;
  /** Throws the transaction's records away up to this one, or all of this `poll`. Their offsets are kept: they do not come again. */
  abortTransaction(record?: SourceRecord): void;
}

/**
 * A table of bytes that a source task keeps in the log, in a compacted topic of its own that outlives the task. Written by way
 * of `poll`, with records made by `kept`: they become durable with their neighbours, in one transaction where there is one, and
 * neither transforms nor converters see them. `commitRecord` tells the offset of each. A value too large for the worker's producer
 * is forgotten instead. Read back here: committed records only.
 */
export interface SourceMemory {
  /**
   * Hands over all that is kept, oldest first; what was overwritten may still come, before what stands. Bytes are borrowed
   * until the callback returns. Rejects where the log is not reached, and resolves early once `signal` is aborted.
   */
  scan(onKept: (record: KeptRecord) => void, signal: AbortSignal): Promise<void>;
  /** The record at an offset, or null where there is none any more: compaction took it. Never two calls at once. */
  read(offset: number): Promise<KeptRecord | null>;
}

/** A record of a source's memory, as the log has it. */
export interface KeptRecord {
  readonly offset: number;
  readonly key: Uint8Array;
  /** Null: the key is forgotten. */
  readonly value: Uint8Array | null;
}

/** A source partition and how far it was read. */
export interface KeptOffset {
  readonly partition: SourcePartition;
  readonly offset: SourceOffset;
}

/** A piece of input that could not become a record. */
export interface BadInput {
  readonly error: Error;
  /** Where it stands in their world, for the dead-letter headers: topic and packet, file and byte range, … */
  readonly source: SourcePartition;
  /** The original bytes, kept as the dead letter's value. */
  readonly bytes: Uint8Array | null;
  readonly key?: Uint8Array | null;
  /**
   * Called once when the dead letter is durable for good, or the input was skipped: where a source that acknowledges each
   * message upstream may do so. Later than `reportBadInput` resolves where dead letters go in transactions.
   */
  readonly onDurable?: () => void;
}

/** A command to a running task, from an operator (`POST /connectors/{name}/tasks/{task}/signals`). */
export interface Signal {
  readonly id: string;
  /** What to do, in the connector's own words. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A source offset that is durable from now on. */
export interface StoredOffset {
  readonly partition: SourcePartition;
  /** Null where it was forgotten. */
  readonly offset: SourceOffset | null;
}

/** Brings records in. */
export interface SourceTask {
  start(context: SourceTaskContext, config: Config): void | Promise<void>;
  /**
   * The next records, in source order. Waits while there is nothing, returning an empty array or null at least about
   * once a second so that the worker can look around; must return soon once `context.signal` is aborted. Called again
   * only after the previous call settled. RetriableError: called again after a back-off. Anything else: fails.
   * The records belong to the worker from then on; buffers inside them must not be reused.
   */
  poll(): Promise<readonly SourceRecord[] | null>;
  /**
   * Called once for every record, in the order `poll` gave them, when it is done for good: durable in the log
   * (`metadata`), or dropped by a transform or dead-lettered (`null`); not for those in runs. The only place, with `commit`, where a source
   * may acknowledge upstream. Must not throw.
   */
  commitRecord?(record: SourceRecord, metadata: RecordMetadata | null): void;
  /** Called after the source offsets of everything before were themselves written durably: these, the last of each partition. */
  commit?(offsets: readonly StoredOffset[]): void | Promise<void>;
  /** Obeys a command; may be called while a `poll` is pending. DataError: nobody knows what is asked for. */
  signal?(signal: Signal): void | Promise<void>;
  /** Ends the connection. Called once, after the last `poll` settled and the last records were committed. */
  stop(): void | Promise<void>;
}

/** The worker, as a sink task sees it. */
export interface SinkTaskContext extends TaskContext {
  /** Continues a partition elsewhere, for sinks that keep offsets in their target; call from `open` or `put`. */
  seek(partition: TopicPartition, offset: number): void;
  /** The partitions that are this task's now. */
  assignment(): readonly TopicPartition[];
  /** Stops reading these partitions until `resume`; what was read already still comes. For a target that is full. */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /** Asks for a `flush` and a commit soon, before their interval is over. */
  requestCommit(): void;
  /** How long to wait before the batch comes again, instead of the worker's own back-off; call before a RetriableError. */
  retryAfter(timeoutMs: number): void;
  /**
   * Hands one bad record of a batch to the error policy of stage `put`. Resolves when it is dead-lettered durably or
   * skipped; rejects when the policy is to fail.
   */
  reportBadRecord(record: SinkRecord, error: Error): Promise<void>;
}

/** Delivers records. */
export interface SinkTask {
  start(context: SinkTaskContext, config: Config): void | Promise<void>;
  /** These partitions are ours from now on. Where the sink keeps offsets itself it seeks here. */
  open?(partitions: readonly TopicPartition[]): void | Promise<void>;
  /**
   * Delivers a batch, or takes it to deliver by the next `flush`. Order within a partition is the log's. May be empty.
   * RetriableError: the same batch again. DataError (or any other error): the worker bisects the batch to find the
   * bad record, hands that to the policy, and delivers the rest. `put` must therefore be all-or-nothing or idempotent.
   */
  put(records: readonly SinkRecord[]): Promise<void>;
  /**
   * Makes everything put so far durable. Returns the offsets that are safe to commit, or nothing when that is simply
   * everything put so far. RetriableError: called again. DataError (or any other error that cannot pass): all partitions
   * are closed and opened again, and everything since the last commit comes again in parts, each followed by a flush,
   * until the bad record stands alone.
   */
  flush?(offsets: readonly OffsetAndMetadata[]): Promise<readonly OffsetAndMetadata[] | undefined>;
  /** These partitions are somebody else's from now on; called after a last `flush` unless they were lost. */
  close?(partitions: readonly TopicPartition[]): void | Promise<void>;
  stop(): void | Promise<void>;
}
