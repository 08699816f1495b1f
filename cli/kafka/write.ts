/**
 * Writes records to a topic in batches: what `produce` does.
 *
 * Keys choose the partition as in Kafka (murmur2); records without a key stay on one partition per batch and move on
 * with the next. Acknowledged by all in-sync replicas unless told otherwise.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompressionCodec } from '../../broker/protocol/compression.ts';
import { ErrorCode, errorName, isRetriable } from '../../broker/protocol/error-codes.ts';
import { partitionForKey } from '../../broker/protocol/partitioner.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import { CliError } from '../errors.ts';
import type { CliRecord } from '../record-json.ts';
import { produce } from './calls.ts';
import { type Cluster, check, type TopicMetadata } from './cluster.ts';

/** Below the broker's default `message.max.bytes` (1 MiB), so that only a single record can be too large. */
const BATCH_BYTES_MAX = 900_000;
/** All batches of one flush together. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
const PRODUCE_TIMEOUT_MS = 30_000;
const RETRIES_MAX = 20;
const RETRY_WAIT_MS = 200;

export interface WriteOptions {
  readonly acks: -1 | 0 | 1;
  readonly codec: CompressionCodec;
}

/** Gathers records and sends them; `flush` at the end. Calls are sequential. */
export class TopicWriter {
  readonly #cluster: Cluster;
  readonly #options: WriteOptions;
  #topic: TopicMetadata;
  readonly #builders = new Map<number, BatchBuilder>();
  #pendingBytes = 0;
  #pendingRecords = 0;
  #sticky = 0;
  /** Records the broker has acknowledged. */
  acknowledged = 0;

  constructor(cluster: Cluster, topic: TopicMetadata, options: WriteOptions) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#options = options;
    this.#sticky = Math.floor(Math.random() * topic.partitions.length);
  }

  /** Takes one record; sends everything gathered once that is enough. */
  async write(record: CliRecord, partition: number | null): Promise<void> {
    const target = partition ?? this.#partitionOf(record.key);
    if (target >= this.#topic.partitions.length) {
      throw new CliError('NOT_FOUND', `Topic ${this.#topic.topic} has no partition ${target}.`, {
        next: `It has partitions 0 to ${this.#topic.partitions.length - 1}.`,
      });
    }
    let builder = this.#builders.get(target);
    if (builder !== undefined && builder.sizeBytes + sizeOf(record) > BATCH_BYTES_MAX) {
      await this.flush();
      builder = undefined;
    }
    if (builder === undefined) {
      builder = new BatchBuilder();
      this.#builders.set(target, builder);
    }
    const before = builder.sizeBytes;
    builder.append(record.timestamp ?? Date.now(), record.key, record.value, record.headers);
    this.#pendingBytes += builder.sizeBytes - before;
    this.#pendingRecords++;
    if (this.#pendingBytes >= PENDING_BYTES_MAX) await this.flush();
  }

  #partitionOf(key: Uint8Array | null): number {
    const count = this.#topic.partitions.length;
    return key === null ? this.#sticky % count : partitionForKey(key, count);
  }

  /** Sends what was gathered and waits until all of it is acknowledged. */
  async flush(): Promise<void> {
    let batches = new Map(
      [...this.#builders].map(([partition, builder]) => [partition, builder.build({ codec: this.#options.codec })]),
    );
    const records = this.#pendingRecords;
    this.#builders.clear();
    this.#pendingBytes = 0;
    this.#pendingRecords = 0;
    this.#sticky++;
    for (let attempt = 0; batches.size > 0; attempt++) {
      if (attempt > 0) {
        await sleep(RETRY_WAIT_MS);
        this.#topic = await this.#cluster.topic(this.#topic.topic);
      }
      batches = await this.#send(batches, attempt === RETRIES_MAX);
    }
    this.acknowledged += records;
  }

  /** Answers the batches that should be sent again. */
  async #send(batches: Map<number, Buffer>, isLastAttempt: boolean): Promise<Map<number, Buffer>> {
    const again = new Map<number, Buffer>();
    const leaders = Map.groupBy(batches.keys(), (index) => this.#topic.partitions[index]!.leader);
    for (const [leader, partitions] of leaders) {
      const connection = await this.#cluster.node(leader);
      const partitionData = partitions.map((index) => ({ index, records: batches.get(index)! }));
      const request = {
        transactionalId: null,
        acks: this.#options.acks,
        timeoutMs: PRODUCE_TIMEOUT_MS,
        topicData: [{ name: this.#topic.topic, partitionData }],
      };
      if (this.#options.acks === 0) {
        await connection.send(produce, request);
        continue;
      }
      const answer = await connection.request(produce, request);
      for (const { index, errorCode, errorMessage } of answer.responses[0]?.partitionResponses ?? []) {
        if (isRetriable(errorCode) && !isLastAttempt) again.set(index, batches.get(index)!);
        else this.#check(index, errorCode, errorMessage);
      }
    }
    return again;
  }

  #check(partition: number, code: number, said: string | null): void {
    const subject = `Partition ${this.#topic.topic}-${partition}`;
    if (code === ErrorCode.MESSAGE_TOO_LARGE || code === ErrorCode.RECORD_LIST_TOO_LARGE) {
      throw new CliError('FAILED', `${subject}: a record is larger than the topic allows (${errorName(code)}).`, {
        next: 'Raise max.message.bytes of the topic, or send less in one record.',
      });
    }
    check(code, subject, said);
  }
}

/** Roughly what a record takes in a batch. */
function sizeOf(record: CliRecord): number {
  const headers = record.headers.reduce((sum, { key, value }) => sum + 3 * key.length + (value?.length ?? 0) + 10, 0);
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + headers + 40;
}
