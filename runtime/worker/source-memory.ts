/**
 * What a source task keeps for itself: a compacted topic of one partition that belongs to this task alone, created with the
 * first record it keeps. The source loop writes its records among the task's others; here they are read back. Besides step 4.
 *
 * One partition, so that offsets alone say what came last. Compaction leaves a record per key, so its size is that of what is kept.
 */
import { createHash } from 'node:crypto';
import {
  ConnectError,
  type KeptRecord,
  RetriableError,
  type SourceMemory,
  type SourceRecord,
} from '../../connectors/api/index.ts';
import { isRetriable, messageOf } from '../errors.ts';
import type { ConsumerRecord, LogClient, LogReader, NewTopic, ProducerRecord } from '../log/client.ts';

/** Above the default of every Kafka, so that what a task may keep does not depend on the cluster. */
const MESSAGE_BYTES_MAX = 2 << 20;
/** Kafka's limit for a topic's name. */
const TOPIC_NAME_MAX = 249;
const SUFFIX = '-kept';

export interface SourceMemoryOptions {
  readonly log: LogClient;
  /** `<group.id>-<connector>-<task>`: told apart from every other task's. */
  readonly owner: string;
  readonly replicationFactor: number;
}

export class LogMemory implements SourceMemory {
  readonly topic: string;
  readonly #options: SourceMemoryOptions;
  #isThere = false;
  #reader: LogReader | null = null;

  constructor(options: SourceMemoryOptions) {
    this.#options = options;
    this.topic = topicOf(options.owner);
  }

  /** False: {@link newTopic} is to be created before anything is written. */
  get isThere(): boolean {
    return this.#isThere;
  }

  get newTopic(): NewTopic {
    const { replicationFactor } = this.#options;
    const config = { 'cleanup.policy': 'compact', 'max.message.bytes': String(MESSAGE_BYTES_MAX) };
    return { topic: this.topic, partitions: 1, replicationFactor, config };
  }

  created(): void {
    this.#isThere = true;
  }

  /** The record as the log gets it: past transforms and converters. */
  toProducerRecord({ key, value, timestamp }: SourceRecord): ProducerRecord {
    const bytes = { key: key as Uint8Array, value: value as Uint8Array | null };
    return { topic: this.topic, partition: 0, ...bytes, headers: [], timestamp };
  }

  scan(onKept: (record: KeptRecord) => void, signal: AbortSignal): Promise<void> {
    return this.#scan(onKept, signal).catch((error: unknown) => this.#refuse(error));
  }

  async #scan(onKept: (record: KeptRecord) => void, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    if ((await log.describeTopics([this.topic])).length === 0) return;
    const table = await log.table(this.topic, (record) => onKept(keptOf(record)));
    const stop = () => void table.close().catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted && !(await isReadToEnd(table, signal)));
    } finally {
      signal.removeEventListener('abort', stop);
      await table.close();
    }
  }

  async read(offset: number): Promise<KeptRecord | null> {
    this.#reader ??= this.#options.log.reader({ topic: this.topic, partition: 0 });
    const record = await this.#reader.read(offset).catch((error: unknown) => this.#refuse(error));
    return record === null ? null : keptOf(record);
  }

  /** A task knows no errors of the log. */
  #refuse(cause: unknown): never {
    const message = `What the task keeps in topic "${this.topic}" could not be read: ${messageOf(cause)}`;
    throw isRetriable(cause) ? new RetriableError(message, { cause }) : new ConnectError(message, { cause });
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }
}

/** A keeper's deadline for a whole topic is for small ones; this may be large, and each call goes on where it was. */
async function isReadToEnd(table: { readToEnd(): Promise<void> }, signal: AbortSignal): Promise<boolean> {
  try {
    await table.readToEnd();
    return true;
  } catch (error) {
    const isOnlySlow = isRetriable(error) && (error as { code?: string }).code === 'REQUEST_TIMED_OUT';
    if (signal.aborted || isOnlySlow) return false;
    throw error;
  }
}

function keptOf({ offset, key, value }: ConsumerRecord): KeptRecord {
  return { offset, key: key ?? new Uint8Array(), value };
}

/** Names of connectors may hold what names of topics may not; a digest keeps two of them apart. */
function topicOf(owner: string): string {
  const legal = owner.replaceAll(/[^a-zA-Z0-9._-]/g, '_');
  if (legal === owner && owner.length + SUFFIX.length <= TOPIC_NAME_MAX) return owner + SUFFIX;
  const digest = createHash('sha256').update(owner).digest('hex').slice(0, 12);
  return `${legal.slice(0, TOPIC_NAME_MAX - SUFFIX.length - digest.length - 1)}-${digest}${SUFFIX}`;
}
