/**
 * A compacted topic used as a table of JSON values: what the three stores have in common.
 *
 * Writes are durable when `put` resolves, and visible at once: the answer of the append is applied before the topic's
 * own echo arrives. Every change is applied in log order per key, so an echo never brings back an older value.
 */
import { ConnectError } from '../../connectors/api/index.ts';
import type {
  ConsumerRecord,
  LogClient,
  LogProducer,
  LogTable,
  ProducerRecord,
  RecordMetadata,
} from '../log/client.ts';

export interface CompactedTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly clientId: string;
}

/** One change to the table; a null value forgets the key. */
export interface TableChange {
  readonly key: string;
  readonly value: string | null;
}

type Apply = (key: string, value: string | null) => void;

export class CompactedTable {
  readonly topic: string;
  readonly #producer: LogProducer;
  readonly #apply: Apply;
  readonly #newest = new Map<string, number>();
  #table: LogTable | undefined;

  private constructor(topic: string, producer: LogProducer, apply: Apply) {
    this.topic = topic;
    this.#producer = producer;
    this.#apply = apply;
  }

  /** Creates the topic where it is missing, reads it to its end, then follows it. */
  static async open(log: LogClient, topic: CompactedTopic, apply: Apply): Promise<CompactedTable> {
    await log.createTopics([
      {
        topic: topic.topic,
        partitions: topic.partitions,
        replicationFactor: topic.replicationFactor,
        config: { 'cleanup.policy': 'compact' },
      },
    ]);
    await mustBeCompacted(log, topic.topic);
    const table = new CompactedTable(topic.topic, log.producer({ clientId: topic.clientId }), apply);
    table.#table = await log.table(topic.topic, (record) => table.#onRecord(record));
    await table.#table.readToEnd();
    return table;
  }

  /** Appends the changes in order and resolves when they are durable and applied. */
  async put(changes: readonly TableChange[]): Promise<void> {
    if (changes.length === 0) return;
    this.applied(changes, await this.#producer.send(this.records(changes)));
  }

  /** The records of these changes, for who appends them itself, in a transaction. */
  records(changes: readonly TableChange[]): ProducerRecord[] {
    return changes.map(({ key, value }) => ({
      topic: this.topic,
      partition: null,
      isRow: true,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [],
      timestamp: null,
    }));
  }

  /** Those records are durable, at these places: what they say is true from now on. */
  applied(changes: readonly TableChange[], metadata: readonly RecordMetadata[]): void {
    for (const [index, { key, value }] of changes.entries()) this.#applyNewer(key, value, metadata[index]!.offset);
  }

  async readToEnd(): Promise<void> {
    await this.#table?.readToEnd();
  }

  async close(): Promise<void> {
    await this.#table?.close();
    await this.#producer.close();
  }

  #onRecord(record: ConsumerRecord): void {
    if (record.key === null) return;
    this.#applyNewer(record.key.toString(), record.value?.toString() ?? null, record.offset);
  }

  /** A key always lives in one partition, so its offsets tell its changes apart. */
  #applyNewer(key: string, value: string | null, offset: number): void {
    if (offset <= (this.#newest.get(key) ?? -1)) return;
    this.#newest.set(key, offset);
    this.#apply(key, value);
  }
}

/** Retention by age would forget configs and offsets that nobody changes, days later and without a word. */
async function mustBeCompacted(log: LogClient, topic: string): Promise<void> {
  const policy = await log.cleanupPolicy(topic);
  if (policy === null || policy === 'compact') return;
  const message =
    `The topic "${topic}" has cleanup.policy=${policy}; what is kept there would be forgotten by age. ` +
    'Give it cleanup.policy=compact (kafka-configs --alter --add-config cleanup.policy=compact), or name another topic.';
  throw new ConnectError(message, { code: 'TOPIC_NOT_COMPACTED' });
}

/** Parses a stored value; what is no JSON object is treated as absent, as Kafka Connect does, and reported. */
export function parseStored(text: string, onBad: (text: string) => void): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Falls through: reported below like any other value that is not an object.
  }
  onBad(text);
  return null;
}
