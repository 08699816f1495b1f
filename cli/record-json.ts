/**
 * A record as one JSON object, without loss: what `consume --output jsonl` prints and `produce --from jsonl` reads.
 *
 * Text stays text; bytes that are no UTF-8 are `{"base64": "…"}`; null is a tombstone, a missing key or an empty header.
 * Headers are a list, because their order and repetition mean something.
 */
import { isUtf8 } from 'node:buffer';
import { CliError } from './errors.ts';

/** A record on its way through the CLI. */
export interface CliRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  /** Milliseconds; null lets the log take the time of the append. */
  readonly timestamp: number | null;
}

/** A record with its place in the log. */
export interface StoredRecord extends CliRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

type JsonBytes = string | { readonly base64: string } | null;

/** The object behind one line. */
export function recordToJson(record: StoredRecord): Record<string, unknown> {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: bytesToJson(record.key),
    value: bytesToJson(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: bytesToJson(value) })),
  };
}

/** The record in one line, with the partition it had. BAD_INPUT with `where` when the line is something else. */
export function recordFromJson(line: string, where: string): CliRecord & { readonly partition: number | null } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new CliError('BAD_INPUT', `${where} is no JSON.`, { cause: error, next: 'Give one JSON object per line.' });
  }
  if (typeof parsed !== 'object' || parsed === null || !('value' in parsed)) {
    throw new CliError('BAD_INPUT', `${where} is no record: it has no "value".`, {
      next: 'A line looks like {"key":"k","value":"v","headers":[],"timestamp":1700000000000}; only value is needed.',
    });
  }
  const { key, value, headers, timestamp, partition } = parsed as Record<string, unknown>;
  return {
    key: bytesFromJson(key ?? null, `${where}: "key"`),
    value: bytesFromJson(value, `${where}: "value"`),
    headers: headersFromJson(headers ?? [], where),
    timestamp: wholeNumber(timestamp, `${where}: "timestamp"`),
    partition: wholeNumber(partition, `${where}: "partition"`),
  };
}

function bytesToJson(bytes: Uint8Array | null): JsonBytes {
  if (bytes === null) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? buffer.toString() : { base64: buffer.toString('base64') };
}

function bytesFromJson(value: unknown, where: string): Uint8Array | null {
  if (value === null) return null;
  if (typeof value === 'string') return Buffer.from(value);
  const base64 = (value as { base64?: unknown }).base64;
  if (typeof value === 'object' && typeof base64 === 'string') return Buffer.from(base64, 'base64');
  throw new CliError('BAD_INPUT', `${where} is neither text, null nor {"base64": "…"}.`, {
    next: 'To write a JSON document as a value, put its text in a string.',
  });
}

function headersFromJson(headers: unknown, where: string): CliRecord['headers'] {
  if (!Array.isArray(headers)) {
    throw new CliError('BAD_INPUT', `${where}: "headers" is no list.`, { next: 'Write [{"key":"k","value":"v"}].' });
  }
  return headers.map((header: { key?: unknown; value?: unknown } | null) => {
    if (typeof header?.key !== 'string') throw new CliError('BAD_INPUT', `${where}: a header has no "key".`);
    return { key: header.key, value: bytesFromJson(header.value ?? null, `${where}: header ${header.key}`) };
  });
}

function wholeNumber(value: unknown, where: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new CliError('BAD_INPUT', `${where} is no whole number.`);
}
