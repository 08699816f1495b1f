/**
 * A record as JSON can hold it, for sinks that hand records to something that speaks JSON: a job's data, the body of a
 * request. Not the JSON converter, which reads and writes topics. Pure.
 */
import type { SinkRecord } from './record.ts';
import { type ConnectValue, isFields, plainValue } from './schema.ts';

/** How whole numbers beyond 2^53 are written: `stringifyJson` knows them as numbers, `JSON.stringify` knows none. */
export interface RecordJsonOptions {
  readonly bigints?: 'number' | 'text';
}

/** Bytes become base64, dates RFC 3339, maps objects (pairs, where a key is no text). */
export function jsonValue(value: ConnectValue, options: RecordJsonOptions = {}): ConnectValue {
  const each = (inner: ConnectValue): ConnectValue => jsonValue(inner, options);
  if (typeof value === 'bigint') return options.bigints === 'text' ? value.toString() : value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(each);
  if (value instanceof Map) {
    const pairs = [...value].map(([key, inner]) => [each(key), each(inner)] as const);
    return pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs) : (pairs as ConnectValue);
  }
  return isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, each(inner)]))
    : value;
}

/**
 * The record with all there is to it: topic, partition, offset, timestamp, key, value and headers. `value` is its value as
 * the caller reads it, so that a payload that is no JSON can be named in the caller's words.
 */
export function wholeRecord(record: SinkRecord, value: ConnectValue): ConnectValue {
  return {
    topic: record.topic,
    partition: record.originalPartition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: plainValue(record.key),
    value,
    headers: record.headers.map((header) => ({ key: header.key, value: plainValue(header.value) })),
  };
}
