/**
 * SimpleHeaderConverter: header values as text; on the way in it takes what the text looks like (null, boolean, number,
 * list, map, else a string), as org.apache.kafka.connect.data.Values does.
 */
import {
  type ConnectValue,
  type HeaderConverterPlugin,
  plainValue,
  type RecordValue,
  type Schema,
  Schemas,
} from '../api/index.ts';
import { parseJsonText, stringifyJson, textOf } from './json-text.ts';
import { plainJson } from './plain-json.ts';

const WHOLE = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export const simpleHeaderPlugin: HeaderConverterPlugin = {
  type: 'header_converter',
  class: 'SimpleHeaderConverter',
  aliases: ['org.apache.kafka.connect.storage.SimpleHeaderConverter'],
  version: '1.0.0',
  config: { 'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' } },
  create: () => ({
    configure() {},
    fromConnectHeader: (_, { value }) => (value === null ? null : Buffer.from(headerText(value))),
    toConnectHeader(_, key, bytes) {
      if (bytes === null) return { key, schema: null, value: null };
      return { key, ...inferred(textOf(bytes)) };
    },
  }),
};

function headerText(given: RecordValue): string {
  const value = plainValue(given);
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return stringifyJson(plainJson(value));
  return String(value);
}

function inferred(text: string): { schema: Schema | null; value: ConnectValue } {
  const trimmed = text.trim();
  if (trimmed === 'null') return { schema: null, value: null };
  if (trimmed === 'true' || trimmed === 'false') return { schema: Schemas.boolean, value: trimmed === 'true' };
  if (WHOLE.test(trimmed)) return wholeNumber(trimmed) ?? { schema: Schemas.string, value: text };
  if (NUMBER.test(trimmed)) return { schema: Schemas.float64, value: Number(trimmed) };
  if (/^(\[.*\]|\{.*\})$/s.test(trimmed)) {
    try {
      return { schema: null, value: parseJsonText(trimmed) };
    } catch {
      // Text in brackets that is no JSON is text.
    }
  }
  return { schema: Schemas.string, value: text };
}

/** The smallest type that holds it, as Java's parser chooses. */
function wholeNumber(text: string): { schema: Schema; value: number | bigint } | null {
  const value = BigInt(text.replace(/^\+/, ''));
  for (const [bits, schema] of [
    [8, Schemas.int8],
    [16, Schemas.int16],
    [32, Schemas.int32],
    [64, Schemas.int64],
  ] as const) {
    if (BigInt.asIntN(bits, value) !== value) continue;
    return { schema, value: Number.isSafeInteger(Number(value)) ? Number(value) : value };
  }
  return null;
}
