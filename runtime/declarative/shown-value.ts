/**
 * Connect data and bytes as JSON that people read: what previews, tests and their differences are written in.
 */
import { isUtf8 } from 'node:buffer';
import { type ConnectValue, type Header, plainValue, type RecordValue } from '../../connectors/api/index.ts';

/** JSON, as far as JSON goes: bytes are `{"base64": …}`, dates ISO text, 64-bit integers digits. */
export function shownValue(value: RecordValue): unknown {
  return shown(plainValue(value));
}

function shown(value: ConnectValue): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof Map) return [...value].map(([key, each]) => [shown(key), shown(each)]);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each as ConnectValue)]));
}

export function shownHeaders(headers: readonly Header[]): { readonly key: string; readonly value: unknown }[] {
  return headers.map(({ key, value }) => ({ key, value: shownValue(value) }));
}

/** Text where it is text, else base64; a registry's prefix stands apart. */
export function shownBytes(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Confluent's wire format: magic byte 0, schema id in four bytes.
  if (buffer.length > 5 && buffer[0] === 0 && isUtf8(buffer.subarray(5))) {
    return { schemaId: buffer.readUInt32BE(1), text: buffer.subarray(5).toString() };
  }
  return isUtf8(buffer) ? buffer.toString() : { base64: buffer.toString('base64') };
}
