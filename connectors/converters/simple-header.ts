/**
 * SimpleHeaderConverter: header values as text; on the way in it takes what the text looks like (null, boolean, number,
 * list, map, else a string), as org.apache.kafka.connect.data.Values does.
 */
import { type HeaderConverterPlugin, parseValueText, plainValue, valueText } from '../api/index.ts';
import { textOf } from './json-text.ts';

export const simpleHeaderPlugin: HeaderConverterPlugin = {
  type: 'header_converter',
  class: 'SimpleHeaderConverter',
  aliases: ['org.apache.kafka.connect.storage.SimpleHeaderConverter'],
  version: '1.0.0',
  config: { 'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' } },
  create: () => ({
    configure() {},
    fromConnectHeader: (_, { schema, value }) =>
      value === null ? null : Buffer.from(valueText(plainValue(value), schema)),
    toConnectHeader(_, key, bytes) {
      if (bytes === null) return { key, schema: null, value: null };
      return { key, ...parseValueText(textOf(bytes)) };
    },
  }),
};
