/**
 * Any value converter as a header converter: Kafka Connect's JsonConverter, StringConverter, ByteArrayConverter and
 * number converters are both, under one class name.
 */
import type { ConverterPlugin, HeaderConverterPlugin } from '../api/index.ts';
import { badData } from './errors.ts';

/** For converters that answer at once; one that waits for a registry cannot be used for headers. */
export function asHeaderConverter(plugin: ConverterPlugin): HeaderConverterPlugin {
  return {
    ...plugin,
    type: 'header_converter',
    async create() {
      const converter = await plugin.create();
      return {
        configure: (config) => converter.configure(config, { isKey: false }),
        fromConnectHeader(topic, { schema, value }) {
          const bytes = converter.fromConnectData(topic, schema, value);
          if (bytes instanceof Promise) throw badData(`${plugin.class} cannot write headers: it waits for a registry.`);
          return bytes;
        },
        toConnectHeader(topic, key, bytes) {
          const read = converter.toConnectData(topic, bytes);
          if (read instanceof Promise) throw badData(`${plugin.class} cannot read headers: it waits for a registry.`);
          return { key, schema: read.schema, value: read.value };
        },
        close: () => converter.close?.(),
      };
    },
  };
}
