/** ByteArrayConverter: bytes as they are, both ways. */
import { type ConverterPlugin, JsonText, Schemas } from '../api/index.ts';
import { badData, shown } from './errors.ts';

export const bytesPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'ByteArrayConverter',
  aliases: ['org.apache.kafka.connect.converters.ByteArrayConverter'],
  version: '1.0.0',
  config: { 'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' } },
  create: () => ({
    configure() {},
    fromConnectData(_, schema, value) {
      if (value === null) return null;
      if (value instanceof JsonText) return value.bytes;
      if (value instanceof Uint8Array) return value;
      const type = schema === null ? '' : ` of schema type ${schema.type}`;
      throw badData(
        `ByteArrayConverter takes bytes only, this is ${shown(value)}${type}. Use StringConverter or JsonConverter.`,
      );
    },
    toConnectData: (_, bytes) => ({ schema: Schemas.optionalBytes, value: bytes }),
  }),
};
