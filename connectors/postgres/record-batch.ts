/**
 * Gathers the records of one poll, bounded in number and bytes.
 */
import {
  type Header,
  JsonText,
  type Schema,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
} from '../api/index.ts';
import { clockTail, nowMicros } from './table-encoder.ts';

const BYTES_MAX = 4 * 1024 * 1024;
const NO_HEADERS: readonly Header[] = [];

export class RecordBatch {
  /** The end of every envelope in this batch: the clocks at its beginning. */
  readonly clocks = clockTail(nowMicros());
  readonly records: SourceRecord[] = [];
  readonly #partition: SourcePartition;
  readonly #recordsMax: number;
  #bytes = 0;

  constructor(partition: SourcePartition, recordsMax: number) {
    this.#partition = partition;
    this.#recordsMax = recordsMax;
  }

  get isFull(): boolean {
    return this.records.length >= this.#recordsMax || this.#bytes >= BYTES_MAX;
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
      headers,
      timestamp: null,
    });
  }
}
