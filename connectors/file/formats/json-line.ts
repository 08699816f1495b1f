/**
 * A value as one line of JSON. What JSON cannot say is written the way Kafka's JsonConverter does: bytes as base64,
 * int64 beyond the safe range as its digits, timestamps as ISO text.
 */
import { type ConnectValue, DataError, JsonText, type RecordValue } from '../../api/index.ts';

/** JSON without line breaks. Text that is JSON already is parsed only if it is spread over lines. */
export function jsonLine(value: RecordValue): string | Uint8Array {
  if (!(value instanceof JsonText)) return textOf(value);
  if (!value.bytes.includes(10) && !value.bytes.includes(13)) return value.bytes;
  try {
    return textOf(value.parse());
  } catch (error) {
    throw new DataError(`The value is no JSON: ${(error as Error).message}.`, {
      code: 'FILE_BAD_RECORD',
      cause: error,
    });
  }
}

/** Digits put into JSON as they are; in Node 24, not yet in TypeScript's library. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

function textOf(value: ConnectValue): string {
  return JSON.stringify(value, plain) ?? 'null';
}

/** `this[key]` is the value before its own toJSON had a say: Buffer and Date have one. */
function plain(this: Record<string, unknown>, key: string, shown: unknown): unknown {
  const value = this[key];
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (typeof value === 'bigint') return rawJson(value.toString());
  if (value instanceof Map) return fromMap(value);
  if (value instanceof JsonText) return value.parse();
  return shown;
}

/** A map with text keys is an object; any other is a list of pairs, as Kafka's JsonConverter writes it. */
function fromMap(map: ReadonlyMap<unknown, unknown>): unknown {
  const entries = [...map];
  return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : entries;
}
