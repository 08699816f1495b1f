/**
 * What this keeper takes and gives: the nouns of the port to the log, as this room sees them. They have the same shape
 * as those of `runtime/log/client.ts`, which this room must not import; the keeper's test checks that they fit. Types only.
 */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `offset` is the next to read. */
export interface OffsetAndMetadata extends TopicPartition {
  readonly offset: number;
  readonly metadata?: string;
}

/** A record to append. Buffers are borrowed until `send` settles. */
export interface ProducerRecord {
  readonly topic: string;
  /** Null: by the key's hash, or a sticky partition where there is no key, unless the producer is told otherwise. */
  readonly partition: number | null;
  /** A row of a table in the log: its key alone decides. */
  readonly isRow?: boolean;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  /** Milliseconds since the epoch; null is now. */
  readonly timestamp: number | null;
}

/** Records of one topic as a batch holds them, behind room for its header. */
export interface ProducerRun {
  readonly topic: string;
  readonly run: { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number };
}

export interface RecordMetadata extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
}

/** A record as read. Key, value and header values are views of a larger read. */
export interface ConsumerRecord extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface ProducerOptions {
  readonly clientId: string;
  readonly acks?: 'all' | 1;
  readonly overrides?: Readonly<Record<string, string>>;
}

export interface TransactionalProducerOptions extends ProducerOptions {
  readonly transactionalId: string;
  readonly timeoutMs?: number;
}

/** Each settles once; `written` as `send` does, with the metadata of each list. */
export interface SentAndCommitted {
  readonly written: Promise<readonly (readonly RecordMetadata[])[]>;
  readonly committed: Promise<void>;
}

export interface ConsumerOptions {
  readonly clientId: string;
  readonly group: string;
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none';
  readonly maxPollBytes?: number;
  readonly maxPollRecords?: number;
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  readonly overrides?: Readonly<Record<string, string>>;
}

export interface RebalanceListener {
  onAssigned(partitions: readonly TopicPartition[]): Promise<void>;
  onRevoked(partitions: readonly TopicPartition[], lost: boolean): Promise<void>;
}

/** The name of a partition as a map key and in messages. */
export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;
