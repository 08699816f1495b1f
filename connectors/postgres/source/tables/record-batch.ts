/**
 * Gathers the records of one poll, bounded in number and bytes.
 */
import {
  type Header,
  JsonText,
  type RecordRun,
  runOf,
  type Schema,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
} from '../../../api/index.ts';
import { clockTail, nowMicros } from './table-encoder.ts';

const BYTES_MAX = 4 * 1024 * 1024;
const NO_HEADERS: readonly Header[] = [];

/** Debezium's headers that say where a record comes from, where they are wanted; a source has one task. */
export function contextHeaders({ prefix, tellsContext }: { prefix: string; tellsContext: boolean }): readonly Header[] {
  if (!tellsContext) return NO_HEADERS;
  const header = (name: string, value: string): Header => {
    return { key: `__debezium.context.${name}`, value, schema: { type: 'string' } };
  };
  return [header('connectorLogicalName', prefix), header('taskId', '0'), header('connectorName', 'postgresql')];
}

export class RecordBatch {
  /** The end of every envelope in this batch: the clocks at its beginning. */
  readonly clocks = clockTail(nowMicros());
  readonly records: SourceRecord[] = [];
  readonly #partition: SourcePartition;
  readonly #recordsMax: number;
  #bytes = 0;
  /** Records of runs, but for the one that stands for them. */
  #inRuns = 0;
  #isEnded = false;

  readonly #context: readonly Header[];

  /** `context`: headers of every record. */
  constructor(partition: SourcePartition, recordsMax: number, context = NO_HEADERS) {
    this.#context = context;
    this.#partition = partition;
    this.#recordsMax = recordsMax;
  }

  /** Nothing more goes into it. */
  end(): void {
    this.#isEnded = true;
  }

  /** Records, each of a run by itself. */
  get count(): number {
    return this.records.length + this.#inRuns;
  }

  get isFull(): boolean {
    return this.#isEnded || this.count >= this.#recordsMax || this.#bytes >= BYTES_MAX;
  }

  /** Adds a record that the source keeps for itself. */
  keep(record: SourceRecord): void {
    this.#bytes += (record.key as Buffer).length + ((record.value as Buffer | null)?.length ?? 0);
    this.records.push(record);
  }

  /** Adds records of a table; there are no headers in it. */
  addRun(
    { topic, keySchema, valueSchema }: { topic: string; keySchema: Schema | null; valueSchema: Schema },
    run: RecordRun,
    sourceOffset: SourceOffset,
  ): void {
    this.#bytes += run.bytes.length;
    this.#inRuns += run.count - 1;
    this.records.push(runOf({ sourcePartition: this.#partition, sourceOffset, topic, keySchema, valueSchema }, run));
  }

  /** Adds a record; a null value is a tombstone. */
  add(
    topic: string,
    keySchema: Schema | null,
    key: Buffer | null,
    valueSchema: Schema | null,
    value: Buffer | null,
    sourceOffset: SourceOffset,
    headers = NO_HEADERS,
  ): void {
    const context = this.#context;
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0);
    this.records.push({
      sourcePartition: this.#partition,
      sourceOffset,
      topic,
      partition: null,
      keySchema,
      key: key === null ? null : new JsonText(key),
      valueSchema,
      value: value === null ? null : new JsonText(value),
      headers: context.length === 0 ? headers : headers.length === 0 ? context : [...headers, ...context],
      timestamp: null,
    });
  }
}
