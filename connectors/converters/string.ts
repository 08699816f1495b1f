/**
 * StringConverter: values as text. Anything that is not text is written as its JSON, where Java writes `toString()`.
 */
import { type Converter, type ConverterPlugin, JsonText, type RecordValue, Schemas } from '../api/index.ts';
import { badData } from './errors.ts';
import { stringifyJson, textOf } from './json-text.ts';
import { plainJson } from './plain-json.ts';

/** Java's names for what Node can decode. */
const encodings: Record<string, BufferEncoding> = {
  'UTF-8': 'utf8',
  UTF8: 'utf8',
  'ISO-8859-1': 'latin1',
  'US-ASCII': 'latin1',
  'UTF-16LE': 'utf16le',
};

function stringConverter(): Converter {
  let encoding: BufferEncoding = 'utf8';
  return {
    configure(config) {
      encoding = encodings[config.string('converter.encoding').toUpperCase()] ?? 'utf8';
    },
    fromConnectData(_, __, value) {
      if (value === null) return null;
      if (value instanceof JsonText) return value.bytes;
      return Buffer.from(valueText(value), encoding);
    },
    toConnectData(_, bytes) {
      if (bytes === null) return nothing;
      const value = encoding === 'utf8' ? textOf(bytes) : Buffer.from(bytes).toString(encoding);
      return { schema: Schemas.optionalString, value };
    },
  };
}

const nothing = { schema: Schemas.optionalString, value: null };

function valueText(value: Exclude<RecordValue, null | JsonText>): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return textOf(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return stringifyJson(plainJson(value));
  if (typeof value === 'symbol' || typeof value === 'function') throw badData('The value has no text.');
  return String(value);
}

export const stringPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'StringConverter',
  aliases: ['org.apache.kafka.connect.storage.StringConverter'],
  version: '1.0.0',
  config: {
    'converter.encoding': {
      type: 'string',
      default: 'UTF-8',
      oneOf: Object.keys(encodings),
      doc: 'The character encoding of the text.',
      displayName: 'Encoding',
      importance: 'high',
    },
    'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' },
  },
  create: stringConverter,
};
