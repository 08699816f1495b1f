/**
 * From Connect records to the log's records and back: transforms and converters in their order.
 *
 * Hot path: synchronous and without closures while the converters answer plain bytes. A converter that answers a
 * promise (the registry is asked for a new schema) makes only that record wait. A throw leaves as {@link StageFailure}.
 */
import {
  type Bytes,
  type ConnectRecord,
  type Converter,
  type ConverterContext,
  type Header,
  type HeaderConverter,
  isOffsetOnly,
  JsonText,
  type RawHeader,
  RecordDraft,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
  type SchemaRegistry,
  Schemas,
  type SinkRecord,
  type SourceRecord,
} from '../../connectors/api/index.ts';
import type { Stage } from '../errors.ts';
import type { ConsumerRecord, ProducerRecord, RecordHeader } from '../log/client.ts';
import type { OriginalRecord } from './dead-letter-queue.ts';
import type { ConnectorPlan } from './plan.ts';
import { isTraceHeader, withTrace } from './trace-context.ts';
import { TransformChain } from './transform-chain.ts';

/** A throw of a transform or converter, with the stage and the class it came from. */
export class StageFailure extends Error {
  readonly stage: Stage;
  readonly className: string;

  constructor(stage: Stage, className: string, cause: unknown) {
    super(stage, { cause });
    this.stage = stage;
    this.className = className;
  }
}

/** The sink record's own bytes ride along through every transform (a spread copies symbols), for the dead letter. */
export const ORIGINAL = Symbol('original');
export type TrackedSinkRecord = SinkRecord & { readonly [ORIGINAL]: ConsumerRecord };

const noRecordHeaders: readonly RecordHeader[] = [];
const noHeaders: readonly Header[] = [];

export class Conversion {
  readonly chain: TransformChain;
  readonly #plan: ConnectorPlan;
  readonly #key: Converter;
  readonly #value: Converter;
  readonly #header: HeaderConverter;
  readonly #beginsTraces: boolean;
  /** A converter says which schema it wrote with in a header. */
  readonly #addsHeaders: boolean;

  private constructor(
    plan: ConnectorPlan,
    chain: TransformChain,
    key: Converter,
    value: Converter,
    header: HeaderConverter,
  ) {
    this.#plan = plan;
    this.chain = chain;
    this.#key = key;
    this.#value = value;
    this.#header = header;
    this.#addsHeaders = key.addsHeaders === true || value.addsHeaders === true;
    this.#beginsTraces = plan.settings.string('trace.context') === 'begin';
  }

  /** JSON text reaches the log as it is, with no header beside it. */
  get keepsJson(): boolean {
    if (this.#plan.transforms.length > 0 || this.#beginsTraces || this.#addsHeaders) return false;
    return this.#key.keepsJson === true && this.#value.keepsJson === true;
  }

  static async create(plan: ConnectorPlan, registry: SchemaRegistry | undefined): Promise<Conversion> {
    const context = (isKey: boolean): ConverterContext => (registry === undefined ? { isKey } : { isKey, registry });
    const key = await plan.key.plugin.create();
    key.configure(plan.key.config, context(true));
    const value = await plan.value.plugin.create();
    value.configure(plan.value.config, context(false));
    const header = await plan.header.plugin.create();
    header.configure(plan.header.config);
    return new Conversion(plan, await TransformChain.create(plan.transforms), key, value, header);
  }

  close(): void {
    this.chain.close();
    this.#key.close?.();
    this.#value.close?.();
    this.#header.close?.();
  }

  /** What a transform makes of a schema only a record shows, so behind transforms nobody is asked. */
  async declareSchemas(topic: string, keySchema: Schema | null, valueSchema: Schema | null): Promise<void> {
    if (this.#plan.transforms.length > 0) return;
    await this.#key.declareSchema?.(topic, keySchema);
    await this.#value.declareSchema?.(topic, valueSchema);
  }

  /** Null when a transform dropped the record, or it is an offset alone. */
  toProducerRecord(source: SourceRecord): ProducerRecord | null | Promise<ProducerRecord> {
    if (isOffsetOnly(source)) return null;
    let stage: Stage = 'TRANSFORMATION';
    try {
      const record = this.chain.draft(source);
      if (record === null) return null;
      stage = 'HEADER_CONVERTER';
      let headers = record.headers.length === 0 ? noRecordHeaders : this.#headersToBytes(record);
      if (this.#beginsTraces) headers = withTrace(headers);
      if (this.#addsHeaders) return this.#withConvertersHeaders(lasting(record), [...headers]);
      stage = 'KEY_CONVERTER';
      const key = this.#key.fromConnectData(record.topic, record.keySchema, record.key);
      if (key instanceof Promise) return this.#finishProducerRecord(lasting(record), headers, key, null);
      stage = 'VALUE_CONVERTER';
      const value = this.#valueBytes(record);
      if (value instanceof Promise) return this.#finishProducerRecord(lasting(record), headers, key, value);
      const { topic, partition, timestamp } = record;
      return { topic, partition, key, value, headers, timestamp };
    } catch (error) {
      throw this.#failure(stage, error);
    }
  }

  #valueBytes(record: ConnectRecord): Bytes | Promise<Bytes> {
    if (record instanceof RecordDraft && record.added !== null && this.#value.fromExtended !== undefined) {
      return this.#value.fromExtended(record.topic, record.baseFields, record.added);
    }
    return this.#value.fromConnectData(record.topic, record.valueSchema, record.value);
  }

  /** Null when a transform dropped the record. */
  toSinkRecord(read: ConsumerRecord): TrackedSinkRecord | null | Promise<TrackedSinkRecord | null> {
    let stage: Stage = 'KEY_CONVERTER';
    try {
      const key = this.#key.toConnectData(read.topic, read.key, read.headers);
      if (key instanceof Promise) return this.#finishSinkRecord(read, key, null);
      stage = 'VALUE_CONVERTER';
      const value = this.#value.toConnectData(read.topic, read.value, read.headers);
      if (value instanceof Promise) return this.#finishSinkRecord(read, key, value);
      return this.#transformed(read, key, value);
    } catch (error) {
      throw error instanceof StageFailure ? error : this.#failure(stage, error);
    }
  }

  #transformed(read: ConsumerRecord, key: SchemaAndValue, value: SchemaAndValue): TrackedSinkRecord | null {
    let stage: Stage = 'HEADER_CONVERTER';
    try {
      const headers = read.headers.length === 0 ? noHeaders : this.#headersFromBytes(read);
      stage = 'TRANSFORMATION';
      return this.chain.apply<TrackedSinkRecord>({
        topic: read.topic,
        partition: read.partition,
        keySchema: key.schema,
        key: key.value,
        valueSchema: value.schema,
        value: value.value,
        headers,
        timestamp: read.timestamp,
        originalTopic: read.topic,
        originalPartition: read.partition,
        offset: read.offset,
        [ORIGINAL]: read,
      });
    } catch (error) {
      throw this.#failure(stage, error);
    }
  }

  async #withConvertersHeaders(record: ConnectRecord, headers: RecordHeader[]): Promise<ProducerRecord> {
    let stage: Stage = 'KEY_CONVERTER';
    try {
      const { topic, partition, timestamp } = record;
      const added: RawHeader[] = [];
      const key = await this.#key.fromConnectData(topic, record.keySchema, record.key, added);
      stage = 'VALUE_CONVERTER';
      const value = await this.#value.fromConnectData(topic, record.valueSchema, record.value, added);
      // A record that went through a sink and back has its old one.
      const kept = headers.filter((header) => !added.some((own) => own.key === header.key));
      return { topic, partition, key, value, headers: [...kept, ...added], timestamp };
    } catch (error) {
      throw this.#failure(stage, error);
    }
  }

  async #finishProducerRecord(
    record: ConnectRecord,
    headers: readonly RecordHeader[],
    pendingKey: Bytes | Promise<Bytes>,
    pendingValue: Promise<Bytes> | null,
  ): Promise<ProducerRecord> {
    let stage: Stage = 'KEY_CONVERTER';
    try {
      const key = await pendingKey;
      stage = 'VALUE_CONVERTER';
      const { topic, partition, valueSchema, timestamp } = record;
      const value = await (pendingValue ?? this.#value.fromConnectData(topic, valueSchema, record.value));
      return { topic, partition, key, value, headers, timestamp };
    } catch (error) {
      throw this.#failure(stage, error);
    }
  }

  async #finishSinkRecord(
    read: ConsumerRecord,
    pendingKey: SchemaAndValue | Promise<SchemaAndValue>,
    pendingValue: Promise<SchemaAndValue> | null,
  ): Promise<TrackedSinkRecord | null> {
    let stage: Stage = 'KEY_CONVERTER';
    let key: SchemaAndValue;
    let value: SchemaAndValue;
    try {
      key = await pendingKey;
      stage = 'VALUE_CONVERTER';
      value = await (pendingValue ?? this.#value.toConnectData(read.topic, read.value, read.headers));
    } catch (error) {
      throw this.#failure(stage, error);
    }
    return this.#transformed(read, key, value);
  }

  #headersToBytes(record: ConnectRecord): RecordHeader[] {
    return record.headers.map((header) => ({
      key: header.key,
      value:
        isTraceHeader(header.key) && typeof header.value === 'string'
          ? Buffer.from(header.value)
          : this.#header.fromConnectHeader(record.topic, header),
    }));
  }

  #headersFromBytes(read: ConsumerRecord): Header[] {
    return read.headers.map(({ key, value }) =>
      isTraceHeader(key) && value !== null
        ? { key, schema: Schemas.string, value: value.toString() }
        : this.#header.toConnectHeader(read.topic, key, value),
    );
  }

  #failure(stage: Stage, cause: unknown): StageFailure {
    return new StageFailure(stage, this.#classOf(stage), cause);
  }

  #classOf(stage: Stage): string {
    if (stage === 'KEY_CONVERTER') return this.#plan.key.plugin.class;
    if (stage === 'VALUE_CONVERTER') return this.#plan.value.plugin.class;
    if (stage === 'HEADER_CONVERTER') return this.#plan.header.plugin.class;
    return this.chain.failedClass;
  }
}

/** For whoever waits: the draft holds another record by then. */
function lasting(record: ConnectRecord): ConnectRecord {
  return record instanceof RecordDraft ? record.record() : record;
}

/** The nearest to "original bytes" that a source record has: what it holds already, else its JSON. */
export function originalOf(record: SourceRecord): OriginalRecord {
  return { key: rawBytes(record.key), value: rawBytes(record.value), headers: [], timestamp: record.timestamp };
}

function rawBytes(value: RecordValue): Uint8Array | null {
  if (value === null) return null;
  if (value instanceof JsonText) return value.bytes;
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  return Buffer.from(JSON.stringify(value, jsonSafe));
}

function jsonSafe(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value instanceof Map ? [...value] : value;
}
