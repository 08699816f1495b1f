/**
 * The port to the log: everything the worker asks of a Kafka-protocol log, and nothing it does not.
 *
 * Three keepers: `memory.ts` (tests), `kafka.ts` (any Kafka cluster) and the built-in broker's own in-process keeper
 * (`broker/in-process/`), which hands record batches to the broker's append without a socket. One case file
 * (`client.cases.ts`) runs against each. Steps 4, 7 and 8 of the record's journey.
 *
 * Errors: a keeper throws {@link LogError}; `retriable` says whether the same call may succeed later.
 */

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `offset` is the next to read. */
export interface OffsetAndMetadata extends TopicPartition {
  readonly offset: number;
  readonly metadata?: string;
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record to append. Buffers are borrowed until `send` settles. */
export interface ProducerRecord {
  readonly topic: string;
  /**
   * Null: murmur2 of the key as in Kafka's default partitioner, or a sticky partition where there is no key, unless the
   * producer's `partitioner.class` or `partitioner.ignore.keys` say otherwise.
   */
  readonly partition: number | null;
  /** A row of a table in the log (a source offset): its key alone decides its partition, whatever the producer is told. */
  readonly isRow?: boolean;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since the epoch; null is now. */
  readonly timestamp: number | null;
}

/**
 * Records of one topic in one piece of memory, as `connectors/api/record-run.ts` describes it: its own producer writes the header of
 * a batch into it, again where it is sent again, and the log has the memory until the send settles.
 */
export interface ProducerRun {
  readonly topic: string;
  readonly run: { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number };
}

/** What is sent in one go. */
export type ProducerPiece = readonly ProducerRecord[] | ProducerRun;

/** The log's answer to a durable append. */
export interface RecordMetadata extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
}

/** A record as read. Buffers are slices of a larger read; copy what outlives the batch. */
export interface ConsumerRecord extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

export interface NewTopic {
  readonly topic: string;
  /** -1 is the broker's default. */
  readonly partitions: number;
  /** -1 is the broker's default. */
  readonly replicationFactor: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  readonly isInternal: boolean;
}

/** One connection to the log, shared by all tasks of a worker. Every method may be called concurrently. */
export interface LogClient {
  /** Creates what does not exist yet; a topic that exists is left as it is. Returns the names it created. */
  createTopics(topics: readonly NewTopic[]): Promise<readonly string[]>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  /** All topics when `names` is absent; topics that do not exist are missing from the answer. */
  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]>;
  /** The `cleanup.policy` of a topic (`compact`, `delete`, or both); null where this client may not know. */
  cleanupPolicy(topic: string): Promise<string | null>;
  /** The first offset still kept and the next one to be written. Rejects for an unknown partition. */
  offsets(partition: TopicPartition): Promise<{ readonly logStartOffset: number; readonly logEndOffset: number }>;
  producer(options: ProducerOptions): LogProducer;
  /**
   * Takes a transactional id over (KIP-98): resolves when whoever had it before can write no more and what it left open
   * is aborted. Readers of committed data see the records of each transaction together, or never.
   */
  transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer>;
  consumer(options: ConsumerOptions): LogConsumer;
  /** Reads a whole topic from its start, then follows it: for compacted topics that are tables (configs, offsets). */
  table(topic: string, onRecord: (record: ConsumerRecord) => void): Promise<LogTable>;
  /** Reads single records of a partition, by their offsets: for what is looked up again. Belongs to no group. */
  reader(partition: TopicPartition): LogReader;
  /** Committed offsets of a group: list, set (only while the group is empty), and forget. */
  groupOffsets(group: string): Promise<readonly OffsetAndMetadata[]>;
  alterGroupOffsets(group: string, offsets: readonly OffsetAndMetadata[]): Promise<void>;
  deleteGroup(group: string): Promise<void>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  readonly clientId: string;
  /** Durable (`all`, the default) or the page cache (1). */
  readonly acks?: 'all' | 1;
  readonly overrides?: Readonly<Record<string, string>>;
}

/** Appends records. One producer serves one task. */
export interface LogProducer {
  /**
   * Appends the records in order per partition and resolves once every one of them is durable (by `acks`), with
   * metadata in the order given. May be called again before the previous call settled; order is kept. When it rejects
   * with a retriable error, a prefix of each partition's records may have been written.
   */
  send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]>;
  close(): Promise<void>;
}

export interface TransactionalProducerOptions extends ProducerOptions {
  readonly transactionalId: string;
  /** A transaction open for longer is aborted by the log, and its producer fenced. Kafka's 60 s when absent. */
  readonly timeoutMs?: number;
}

/**
 * Appends that become true together. A transaction begins with the first `send` after the last end; `send` resolves once
 * the records are written, `commit` once they are there for good.
 *
 * A LogError `PRODUCER_FENCED` means that somebody else has taken the id over: nothing more can be written. After any
 * other failure of `send` the transaction can only be aborted. After a failure of `commit` or `abort` its outcome is not
 * known: only a new producer of the same id, and a look at what is committed, can tell.
 */
export interface TransactionalProducer extends LogProducer {
  commit(): Promise<void>;
  /**
   * Sends these lists and commits, in one wait for the disk; only keepers that can. `written` settles as `send` would, with
   * the metadata of each list. `committed` rejects wherever `written` does, and the transaction can then be aborted; where
   * it rejects alone, it has failed as `commit` does. Of a run the metadata is that of its first record.
   */
  sendAndCommit?(pieces: readonly ProducerPiece[]): {
    readonly written: Promise<readonly (readonly RecordMetadata[])[]>;
    readonly committed: Promise<void>;
  };
  /** Whether `sendAndCommit` takes runs of so many bytes for this topic, as it is now; where absent, it takes none. */
  takesRuns?(topic: string, bytes: number): boolean;
  abort(): Promise<void>;
}

export interface ConsumerOptions {
  readonly clientId: string;
  readonly group: string;
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none';
  /** Bytes one poll returns at most, roughly. */
  readonly maxPollBytes?: number;
  readonly maxPollRecords?: number;
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  readonly overrides?: Readonly<Record<string, string>>;
}

/** What a group member is told about its partitions. Both are awaited before the rebalance goes on. */
export interface RebalanceListener {
  onAssigned(partitions: readonly TopicPartition[]): Promise<void>;
  /** `lost`: the group has already given them to somebody else, so nothing may be committed. */
  onRevoked(partitions: readonly TopicPartition[], lost: boolean): Promise<void>;
}

/** One member of a consumer group. Calls are sequential, except `close`. */
export interface LogConsumer {
  /** Joins the group for these topics or for all whose name matches. New matching topics are picked up. */
  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener): void;
  /**
   * Records of the assigned partitions that are not paused, oldest first per partition; empty after `timeoutMs`.
   * Rebalances happen inside this call. Heartbeats do not depend on it being called often.
   */
  poll(timeoutMs: number): Promise<readonly ConsumerRecord[]>;
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  seek(partition: TopicPartition, offset: number): void;
  /** The next offset `poll` will return, or null when unknown yet. */
  position(partition: TopicPartition): number | null;
  /** The end of the log, as of the last fetch, for lag; null when unknown yet. */
  logEndOffset(partition: TopicPartition): number | null;
  /** Makes the offsets durable for the group. Rejects when the member is no longer in it. */
  commit(offsets: readonly OffsetAndMetadata[]): Promise<void>;
  /** Wakes a pending poll, leaves the group and frees everything; does not commit. */
  close(): Promise<void>;
}

/** A topic followed as a table. */
export interface LogTable {
  /** Resolves when everything appended before the call has been handed to `onRecord`. */
  readToEnd(): Promise<void>;
  close(): Promise<void>;
}

/** Single records of one partition. */
export interface LogReader {
  /**
   * The record at this offset; null where no committed record has it: compacted, aborted, gone, or not written yet. Not for
   * offsets of a transaction that is still open; one whose commit was told is waited for. One call at a time. The record's buffers are the caller's.
   */
  read(offset: number): Promise<ConsumerRecord | null>;
  close(): Promise<void>;
}

/**
 * A log that refused or was not reached. `code` is Kafka's error name, for example `UNKNOWN_TOPIC_OR_PARTITION`.
 *
 * A keeper in another room cannot import this class: it throws an error of the same name and members, and `instanceof`
 * recognises both.
 */
export class LogError extends Error {
  readonly code: string;
  readonly retriable: boolean;

  constructor(code: string, message: string, options: { retriable: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LogError';
    this.code = code;
    this.retriable = options.retriable;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'LogError' && 'retriable' in value;
  }
}
