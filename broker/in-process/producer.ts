/**
 * Appends records to the broker's logs without a socket. Step 4 and 5 of the record's journey: chooses the partition,
 * gathers one batch (or a few) per partition from each `send`, and hands the bytes to the log, which owns them from then.
 */
import type { Broker } from '../broker.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { AppendInfo } from '../log/types.ts';
import { type CompressionCodec, compressionCodecs } from '../protocol/compression.ts';
import { partitionForKey } from '../protocol/partitioner.ts';
import { BatchBuilder } from '../protocol/records.ts';
import { asLogError, InProcessLogError, refusal } from './errors.ts';
import type { ProducerOptions, ProducerRecord, RecordMetadata } from './types.ts';

/** What a batch is closed at; the default of max.message.bytes allows no more. */
const batchBytesMax = 1024 * 1024;
/** Records without a key stay on one partition for this much, so that batches fill up (KIP-794's aim). */
const stickyBytes = 64 * 1024;

/** A batch on its way, and where its records stood in the list that was sent. */
interface Batch {
  readonly log: PartitionLog;
  readonly builder: BatchBuilder;
  readonly indexes: number[];
}

interface Sticky {
  partition: number;
  bytesLeft: number;
}

export class InProcessProducer {
  readonly #broker: Broker;
  readonly #acks: -1 | 1;
  readonly #codec: CompressionCodec;
  readonly #sticky = new Map<string, Sticky>();
  #inFlight = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(broker: Broker, options: ProducerOptions) {
    this.#broker = broker;
    this.#acks = options.acks === 1 ? 1 : -1;
    this.#codec = codecOf(options.overrides?.['compression.type'] ?? 'none');
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    if (this.#isClosed) throw refusal('NETWORK_EXCEPTION', 'The producer is closed.');
    if (records.length === 0) return [];
    const nowMs = Date.now();
    const batches = this.#gather(records, nowMs);
    const built = batches.map((batch) => this.#build(batch));
    return await this.#append(records, batches, built, nowMs);
  }

  /** One open batch per partition; a full one is closed and another opened. */
  #gather(records: readonly ProducerRecord[], nowMs: number): Batch[] {
    const batches: Batch[] = [];
    const open = new Map<string, Map<number, Batch>>();
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!;
      const partition = record.partition ?? this.#choose(record);
      let ofTopic = open.get(record.topic);
      if (ofTopic === undefined) {
        ofTopic = new Map();
        open.set(record.topic, ofTopic);
      }
      let batch = ofTopic.get(partition);
      if (batch === undefined || isFull(batch, record)) {
        const log = batch?.log ?? this.#logOf(record.topic, partition);
        batch = { log, builder: new BatchBuilder(), indexes: [] };
        ofTopic.set(partition, batch);
        batches.push(batch);
      }
      batch.builder.append(record.timestamp ?? nowMs, record.key, record.value, record.headers);
      batch.indexes.push(index);
    }
    return batches;
  }

  #logOf(topic: string, partition: number): PartitionLog {
    try {
      return this.#broker.log(topic, partition);
    } catch (error) {
      throw asLogError(error, `Nothing was appended to ${topic}-${partition}`);
    }
  }

  #choose(record: ProducerRecord): number {
    const partitions = this.#broker.topics.get(record.topic)?.partitions;
    if (partitions === undefined) {
      throw refusal('UNKNOWN_TOPIC_OR_PARTITION', `Topic "${record.topic}" does not exist. Create it first.`);
    }
    if (record.key !== null) return partitionForKey(record.key, partitions);
    if (partitions === 1) return 0;
    let sticky = this.#sticky.get(record.topic);
    if (sticky === undefined) {
      sticky = { partition: Math.floor(Math.random() * partitions), bytesLeft: stickyBytes };
      this.#sticky.set(record.topic, sticky);
    }
    if (sticky.bytesLeft <= 0) {
      sticky.partition++;
      sticky.bytesLeft = stickyBytes;
    }
    sticky.bytesLeft -= record.value?.length ?? 0;
    return sticky.partition % partitions;
  }

  /** Everything is built, and its size checked, before anything is appended: a record too large leaves no trace. */
  #build({ log, builder, indexes }: Batch): Buffer {
    const batch = builder.build({ codec: this.#codec });
    if (batch.length <= log.config.maxMessageBytes) return batch;
    throw refusal(
      'MESSAGE_TOO_LARGE',
      `${indexes.length} record(s) of ${batch.length} bytes do not fit into ${log.topic}-${log.partition}, whose ` +
        `max.message.bytes is ${log.config.maxMessageBytes}. Raise it, or send less.`,
    );
  }

  #append(
    records: readonly ProducerRecord[],
    batches: readonly Batch[],
    built: readonly Buffer[],
    nowMs: number,
  ): Promise<readonly RecordMetadata[]> {
    return new Promise((resolve, reject) => {
      const metadata = new Array<RecordMetadata>(records.length);
      let failure: unknown = null;
      let pending = 1;
      const done = (error: unknown): void => {
        failure ??= error;
        if (--pending > 0) return;
        this.#settled();
        if (failure === null) resolve(metadata);
        else reject(asLogError(failure, 'The records were not all appended'));
      };
      this.#inFlight++;
      for (let i = 0; i < batches.length && failure === null; i++) {
        pending++;
        try {
          const info = batches[i]!.log.append(built[i]!, { acks: this.#acks, origin: 'client' }, done);
          describe(records, batches[i]!, info, nowMs, metadata);
        } catch (error) {
          done(error);
        }
      }
      done(null);
    });
  }

  #settled(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  /** Waits for what was sent. The log answers every append, with an error when its disk fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

/** Varints, attributes and the like: what a record, and each header, takes at most beside its bytes. */
const recordFrameBytes = 36;
const headerFrameBytes = 10;

function isFull({ log, builder }: Batch, { key, value, headers }: ProducerRecord): boolean {
  let bytes = recordFrameBytes + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) {
    bytes += headerFrameBytes + Buffer.byteLength(header.key) + (header.value?.length ?? 0);
  }
  return builder.sizeBytes + bytes > Math.min(batchBytesMax, log.config.maxMessageBytes);
}

function describe(
  records: readonly ProducerRecord[],
  batch: Batch,
  info: AppendInfo,
  nowMs: number,
  into: RecordMetadata[],
): void {
  const { topic, partition } = batch.log;
  for (let i = 0; i < batch.indexes.length; i++) {
    const index = batch.indexes[i]!;
    const timestamp = info.logAppendTimeMs >= 0 ? info.logAppendTimeMs : (records[index]!.timestamp ?? nowMs);
    into[index] = { topic, partition, offset: info.baseOffset + i, timestamp };
  }
}

function codecOf(name: string): CompressionCodec {
  const codec = compressionCodecs.find((each) => each === name);
  if (codec !== undefined) return codec;
  const message = `compression.type "${name}" is none of ${compressionCodecs.join(', ')}.`;
  throw new InProcessLogError('INVALID_CONFIG', message, { retriable: false });
}
