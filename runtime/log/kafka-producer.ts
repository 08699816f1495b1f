/**
 * Appends through kafkajs: one request at a time, everything that was sent meanwhile goes along with the next.
 *
 * kafkajs keeps no order between overlapping sends, so this producer has one under way at most; what waits is gathered,
 * which makes batches as large as the cluster is slow.
 */
import type { CompressionTypes, Kafka, RecordMetadata as KafkaMetadata, Message, ProducerBatch } from 'kafkajs';
import {
  LogError,
  type LogProducer,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
} from './client.ts';
import { compressionOf } from './kafka-codecs.ts';
import { asLogError } from './kafka-errors.ts';
import { Partitioner } from './partitioner.ts';

interface Send {
  readonly records: readonly ProducerRecord[];
  readonly resolve: (metadata: readonly RecordMetadata[]) => void;
  readonly reject: (error: LogError) => void;
}

/** Records gathered at once. */
const MAX_RECORDS = 5_000;
/**
 * What one request holds of one partition becomes one batch, and brokers take batches up to `message.max.bytes`, a mebibyte
 * unless somebody changed it. A record that is larger goes alone.
 */
const PARTITION_BYTES_MAX = 512 * 1024;
/** Of a request; brokers end connections that send a hundred mebibytes (`socket.request.max.bytes`). */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** Lengths, timestamps and headers of a record, roughly. */
const RECORD_OVERHEAD_BYTES = 64;

/** Sends one request; kafkajs's `sendBatch`, of a producer or of a transaction. */
export type AppendBatch = (batch: ProducerBatch) => Promise<KafkaMetadata[]>;

/** What is below: it connects when it is first used. */
export interface Appender {
  readonly append: AppendBatch;
  close(): Promise<void>;
}

/** A plain producer of kafkajs. */
export function kafkaAppender(kafka: Kafka): Appender {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  let connected: Promise<void> | null = null;
  return {
    append: async (batch) => {
      connected ??= producer.connect();
      await connected.catch((error: unknown) => {
        connected = null;
        throw error;
      });
      return producer.sendBatch(batch);
    },
    close: async () => {
      if (connected !== null) await producer.disconnect();
    },
  };
}

export class KafkaProducer implements LogProducer {
  readonly #appender: Appender;
  readonly #acks: number;
  readonly #compression: CompressionTypes;
  readonly #partitionsOf: (topic: string) => Promise<number>;
  readonly #partitioner: Partitioner;
  readonly #counts = new Map<string, number>();
  #waiting: Send[] = [];
  #running: Promise<void> | null = null;

  constructor(appender: Appender, options: ProducerOptions, partitionsOf: (topic: string) => Promise<number>) {
    this.#appender = appender;
    const acks = options.overrides?.acks ?? String(options.acks ?? 'all');
    // kafkajs has no answer to give for acks=0, and the worker needs one: where the record went.
    this.#acks = acks === '1' || acks === '0' ? 1 : -1;
    this.#partitionsOf = partitionsOf;
    this.#partitioner = new Partitioner(options.overrides);
    this.#compression = compressionOf(options.overrides);
  }

  send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    await this.#running;
    await this.#appender.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#take();
      try {
        const placed = await this.#place(group.flatMap(({ records }) => records));
        this.#answer(group, await this.#append(placed));
      } catch (error) {
        const refused = asLogError(error, 'An append');
        if (refused.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#counts.clear();
        for (const { reject } of group) reject(refused);
      }
    }
    this.#running = null;
  }

  #take(): Send[] {
    let records = 0;
    let count = 0;
    for (const send of this.#waiting) {
      records += send.records.length;
      if (count > 0 && records > MAX_RECORDS) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Chooses partitions; refuses what does not exist before anything is sent. */
  async #place(records: readonly ProducerRecord[]): Promise<PlacedRecord[]> {
    const placed: PlacedRecord[] = [];
    for (const record of records) {
      const count = this.#counts.get(record.topic) ?? (await this.#learnCount(record.topic));
      const partition = record.partition ?? this.#partitioner.partition(record, count);
      if (partition >= count) {
        const message = `Partition ${partition} of topic "${record.topic}" does not exist.`;
        throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { retriable: true });
      }
      placed.push({ ...record, partition });
    }
    return placed;
  }

  async #learnCount(topic: string): Promise<number> {
    const count = await this.#partitionsOf(topic);
    if (count > 0) this.#counts.set(topic, count);
    return count;
  }

  async #append(records: readonly PlacedRecord[]): Promise<RecordMetadata[]> {
    const metadata: RecordMetadata[] = [];
    for (const request of requestsOf(records)) metadata.push(...(await this.#request(request)));
    return metadata;
  }

  async #request(records: readonly PlacedRecord[]): Promise<RecordMetadata[]> {
    const topics = Map.groupBy(records, ({ topic }) => topic);
    const now = Date.now();
    const answers = await this.#appender.append({
      acks: this.#acks,
      compression: this.#compression,
      topicMessages: [...topics].map(([topic, members]) => ({
        topic,
        messages: members.map((each) => message(each, now)),
      })),
    });
    return metadataOf(records, answers, now);
  }

  #answer(group: readonly Send[], metadata: readonly RecordMetadata[]): void {
    let from = 0;
    for (const { records, resolve } of group) {
      resolve(metadata.slice(from, from + records.length));
      from += records.length;
    }
  }
}

type PlacedRecord = ProducerRecord & { readonly partition: number };

/** Cuts where a partition, or all together, would become more than a broker takes at once. Order stays. */
function* requestsOf(records: readonly PlacedRecord[]): Generator<readonly PlacedRecord[]> {
  const ofPartition = new Map<string, number>();
  let total = 0;
  let from = 0;
  for (const [index, record] of records.entries()) {
    const id = `${record.topic}-${record.partition}`;
    const bytes = sizeOf(record);
    const before = ofPartition.get(id) ?? 0;
    if ((before > 0 && before + bytes > PARTITION_BYTES_MAX) || (total > 0 && total + bytes > REQUEST_BYTES_MAX)) {
      yield records.slice(from, index);
      from = index;
      total = 0;
      ofPartition.clear();
    }
    total += bytes;
    ofPartition.set(id, (ofPartition.get(id) ?? 0) + bytes);
  }
  yield from === 0 ? records : records.slice(from);
}

function sizeOf({ key, value, headers }: ProducerRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.byteLength ?? 0);
  return bytes;
}

const EMPTY = Buffer.alloc(0);

function message(record: PlacedRecord, now: number): Message {
  const headers: Record<string, Buffer[]> = {};
  for (const { key, value } of record.headers) {
    // kafkajs 2.2.4 measures a header's value without asking whether it is null: none becomes empty.
    headers[key] = [...(headers[key] ?? []), bufferOf(value) ?? EMPTY];
  }
  return {
    key: bufferOf(record.key),
    value: bufferOf(record.value),
    partition: record.partition,
    timestamp: String(record.timestamp ?? now),
    headers,
  };
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The answer holds one base offset per partition; records of a partition follow it in the order they were given. */
function metadataOf(
  records: readonly PlacedRecord[],
  answers: readonly KafkaMetadata[],
  now: number,
): RecordMetadata[] {
  const next = new Map(
    answers.map(({ topicName, partition, baseOffset }) => [`${topicName}-${partition}`, Number(baseOffset ?? -1)]),
  );
  return records.map(({ topic, partition, timestamp }) => {
    const offset = next.get(`${topic}-${partition}`) ?? -1;
    next.set(`${topic}-${partition}`, offset + 1);
    return { topic, partition, offset, timestamp: timestamp ?? now };
  });
}
