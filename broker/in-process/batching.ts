/**
 * What the plain and the transactional producer of this keeper share: records become batches, one open batch for each
 * partition, and batches go into the logs. It knows no transaction and keeps nothing but where keyless records go.
 */
import type { Broker } from '../broker.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { AppendInfo, AppendOptions } from '../log/types.ts';
import { type CompressionCodec, compressionCodecs, levelOf } from '../protocol/compression.ts';
import { partitionForKey, RoundRobin, type Spreading, spreadingOf } from '../protocol/partitioner.ts';
import type { BatchOptions } from '../protocol/record-batch.ts';
import { BatchBuilder } from '../protocol/records.ts';
import type { Judged } from '../validation/record-validation.ts';
import { asLogError, InProcessLogError, refusal } from './errors.ts';
import type { ProducerOptions, ProducerRecord, RecordMetadata } from './types.ts';

/** What a batch is closed at unless batch.size says otherwise; the default of max.message.bytes allows no more. */
const batchBytesMax = 1024 * 1024;
/** Records without a key stay on one partition for this much, so that batches fill up (KIP-794's aim). */
const stickyBytes = 64 * 1024;

/** Node shares memory of its own among smaller ones. */
const spareBytesMin = 64 * 1024;
/** A batch that grew has up to twice what it needs. */
const spareBytesMax = 4 * batchBytesMax;
/** Two sends of a source that is quick, some batches each. */
const sparesMax = 8;

/** A batch on its way, and where its records stood in the list that was sent. */
export interface Batch {
  readonly log: PartitionLog;
  readonly builder: BatchBuilder;
  readonly indexes: number[];
  /** Set where the topic wants its records checked; throws where the batch is refused. */
  readonly judge: ((batch: Buffer) => Divided | null) | null;
}

/** A batch that was judged: what stays, and what goes to the dead letters. */
interface Divided extends Judged {
  /** Of each of `dead`. */
  readonly deadLetterLogs: readonly PartitionLog[];
}

interface Sticky {
  partition: number;
  bytesLeft: number;
}

/** Part of what a batch is built with. */
export interface Packing {
  readonly codec: CompressionCodec;
  readonly compressionLevel: number | undefined;
}

/** Sorts records into batches by partition. */
export class Batching {
  readonly #broker: Broker;
  readonly #bytesMax: number;
  readonly #clientId: string;
  /** What the batches of the last send took on average: mostly the next ones are alike. */
  #expectedBytes = 0;
  /** Memory of batches that are in the log. */
  readonly #spare: Buffer[] = [];
  readonly #spreading: Spreading;
  readonly #roundRobin = new RoundRobin();
  readonly #sticky = new Map<string, Sticky>();

  constructor(broker: Broker, { clientId, overrides }: ProducerOptions) {
    this.#broker = broker;
    this.#clientId = clientId;
    this.#spreading = spreadingOf(overrides);
    this.#bytesMax = Number(overrides?.['batch.size'] ?? batchBytesMax);
  }

  /** One open batch per partition; a full one is closed and another opened. */
  gather(records: readonly ProducerRecord[], nowMs: number): Batch[] {
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
      if (batch === undefined || isFull(batch, record, this.#bytesMax)) {
        const log = batch?.log ?? this.logOf(record.topic, partition);
        batch = { log, builder: new BatchBuilder(this.#room()), indexes: [], judge: this.#judgeFor(log) };
        ofTopic.set(partition, batch);
        batches.push(batch);
      }
      batch.builder.append(record.timestamp ?? nowMs, record.key, record.value, record.headers);
      batch.indexes.push(index);
    }
    const bytes = batches.reduce((sum, { builder }) => sum + builder.sizeBytes, 0);
    // An eighth more, so that one that is a little larger does not grow to twice its size.
    this.#expectedBytes = Math.ceil(((bytes / batches.length) * 9) / 8);
    return batches;
  }

  /**
   * Whether records may become a batch of this topic as they are: nobody chooses their partition, looks at them or has them packed.
   */
  takesRuns(name: string, bytes: number): boolean {
    const topic = this.#broker.topics.get(name);
    // One that is not there yet may be made as it pleases; whoever sends asks again.
    if (topic === undefined) return bytes <= this.#bytesMax;
    if (topic.partitions !== 1 || topic.validation !== null) return false;
    return bytes <= Math.min(this.#bytesMax, topic.config.maxMessageBytes);
  }

  /** These were appended, and the log has answered: their memory holds the next ones. */
  reuse(built: readonly Buffer[]): void {
    for (const { buffer, byteOffset, byteLength } of built) {
      // A part of memory that others share is not ours to give.
      const isWhole = byteOffset === 0 && byteLength >= spareBytesMin && buffer.byteLength <= spareBytesMax;
      if (isWhole && this.#spare.length < sparesMax) this.#spare.push(Buffer.from(buffer));
    }
  }

  #room(): number | Buffer {
    const spare = this.#expectedBytes < spareBytesMin ? undefined : this.#spare.pop();
    return spare !== undefined && spare.length >= this.#expectedBytes ? spare : this.#expectedBytes;
  }

  logOf(topic: string, partition: number): PartitionLog {
    try {
      return this.#broker.log(topic, partition);
    } catch (error) {
      throw asLogError(error, `Nothing was appended to ${topic}-${partition}`);
    }
  }

  #judgeFor({ topic, partition }: PartitionLog): Batch['judge'] {
    const { topics, validation } = this.#broker;
    const wish = topics.get(topic)?.validation ?? null;
    if (wish === null) return null;
    return (batch) => {
      const judged = validation.judge(wish, topic, partition, batch, this.#clientId);
      if (judged.dead.length === 0) return null;
      const deadLetterLogs = judged.dead.map((letters) => validation.deadLetterLog(topics, letters, partition));
      return { ...judged, deadLetterLogs };
    };
  }

  #choose(record: ProducerRecord): number {
    const partitions = this.#broker.topics.get(record.topic)?.partitions;
    if (partitions === undefined) {
      throw refusal('UNKNOWN_TOPIC_OR_PARTITION', `Topic "${record.topic}" does not exist. Create it first.`);
    }
    if (partitions === 1) return 0;
    const goesByKey = record.isRow === true || this.#spreading === 'by key';
    if (goesByKey && record.key !== null) return partitionForKey(record.key, partitions);
    if (this.#spreading === 'round robin') return this.#roundRobin.partition(record.topic, partitions);
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
}

/** The finished bytes. Throws where they are too large for the topic, before anything is appended. */
export function buildBatch({ log, builder, indexes }: Batch, options: BatchOptions): Buffer {
  const batch = builder.build(options);
  if (batch.length <= log.config.maxMessageBytes) return batch;
  throw refusal(
    'MESSAGE_TOO_LARGE',
    `${indexes.length} record(s) of ${batch.length} bytes do not fit into ${log.topic}-${log.partition}, whose ` +
      `max.message.bytes is ${log.config.maxMessageBytes}. Raise it, or send less.`,
  );
}

/** Appends every batch, in order, before it returns; resolves with each record's place when the logs have answered. */
export function appendBatches(
  records: readonly ProducerRecord[],
  batches: readonly Batch[],
  built: readonly Buffer[],
  nowMs: number,
  options: AppendOptions,
): Promise<readonly RecordMetadata[]> {
  return new Promise((resolve, reject) => {
    const metadata = new Array<RecordMetadata>(records.length);
    let failure: unknown = null;
    let pending = 1;
    const done = (error: unknown): void => {
      failure ??= error;
      if (--pending > 0) return;
      if (failure === null) resolve(metadata);
      else reject(asLogError(failure, 'The records were not all appended'));
    };
    for (let i = 0; i < batches.length && failure === null; i++) {
      pending++;
      try {
        const batch = batches[i]!;
        const judged = batch.judge?.(built[i]!) ?? null;
        const info =
          judged === null
            ? batch.log.append(built[i]!, { ...options, isOwn: true }, done)
            : batch.log.append(judged.batch, { ...options, hasHoles: true }, done);
        for (const [index, letters] of (judged?.dead ?? []).entries()) {
          pending++;
          judged!.deadLetterLogs[index]!.append(letters.batch, options, done);
        }
        describe(records, batch, info, nowMs, metadata);
      } catch (error) {
        done(error);
      }
    }
    done(null);
  });
}

/** Varints, attributes and the like: what a record, and each header, takes at most beside its bytes. */
const recordFrameBytes = 36;
const headerFrameBytes = 10;

function isFull({ log, builder }: Batch, { key, value, headers }: ProducerRecord, bytesMax: number): boolean {
  let bytes = recordFrameBytes + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) {
    bytes += headerFrameBytes + Buffer.byteLength(header.key) + (header.value?.length ?? 0);
  }
  return builder.sizeBytes + bytes > Math.min(bytesMax, log.config.maxMessageBytes);
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

/** How the batches of a producer are packed, as its settings say. */
export function packingOf(settings: ProducerOptions['overrides']): Packing {
  const name = settings?.['compression.type'] ?? 'none';
  const codec = compressionCodecs.find((each) => each === name);
  if (codec !== undefined) return { codec, compressionLevel: levelOf(codec, settings) };
  const message = `compression.type "${name}" is none of ${compressionCodecs.join(', ')}.`;
  throw new InProcessLogError('INVALID_CONFIG', message, { retriable: false });
}
