/**
 * StringConverter: values as text. Anything that is not text is written as its JSON, where Java writes `toString()`.
 */
import {
  type Converter,
  type ConverterPlugin,
  JsonText,
  type RecordValue,
  type Schema,
  Schemas,
  valueText,
} from '../api/index.ts';
import { stringifyJson, textOf } from './json-text.ts';
import { plainJson } from './plain-json.ts';

/** Java's names for what Node can decode, in capitals. */
const encodings: Record<string, BufferEncoding> = {
  'UTF-8': 'utf8',
  UTF8: 'utf8',
  'ISO-8859-1': 'latin1',
  LATIN1: 'latin1',
  'US-ASCII': 'ascii',
  ASCII: 'ascii',
  'UTF-16LE': 'utf16le',
};

/** Node cuts the eighth bit off; Java says that it was there. */
const toAscii = (text: string) => Buffer.from(text.replace(/[^\0-\x7f]/gu, '?'), 'ascii');
const fromAscii = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\xff]/g, '\ufffd');

function stringConverter(): Converter {
  let encoding: BufferEncoding = 'utf8';
  return {
    configure(config) {
      encoding = encodings[config.string('converter.encoding').toUpperCase()] ?? 'utf8';
    },
    fromConnectData(_, schema, value) {
      if (value === null) return null;
      if (value instanceof JsonText) return value.bytes;
      const text = textOfValue(value, schema);
      return encoding === 'ascii' ? toAscii(text) : Buffer.from(text, encoding);
    },
    toConnectData(_, bytes) {
      if (bytes === null) return nothing;
      if (encoding === 'utf8') return { schema: Schemas.optionalString, value: textOf(bytes) };
      const value = encoding === 'ascii' ? fromAscii(bytes) : Buffer.from(bytes).toString(encoding);
      return { schema: Schemas.optionalString, value };
    },
  };
}

const nothing = { schema: Schemas.optionalString, value: null };

function textOfValue(value: Exclude<RecordValue, null | JsonText>, schema: Schema | null): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return textOf(value);
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? stringifyJson(plainJson(value)) : valueText(value, schema);
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
      validate: (name) =>
        String(name).toUpperCase() in encodings ? null : `must be one of ${Object.keys(encodings).join(', ')}`,
      doc: 'The character encoding of the text.',
      displayName: 'Encoding',
      importance: 'high',
    },
    'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' },
  },
  create: stringConverter,
};
