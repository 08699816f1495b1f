/** The number converters: big-endian, fixed width, as org.apache.kafka.connect.converters.NumberConverter writes them. */
import { type ConverterPlugin, type Schema, Schemas } from '../api/index.ts';
import { badData, shown } from './errors.ts';

interface Width {
  readonly name: string;
  readonly bytes: number;
  readonly schema: Schema;
  readonly write: (buffer: Buffer, value: number | bigint) => void;
  readonly read: (buffer: Buffer) => number | bigint | boolean;
}

const widths: readonly Width[] = [
  {
    name: 'Short',
    bytes: 2,
    schema: Schemas.optionalInt16,
    write: (buffer, value) => buffer.writeInt16BE(Number(value)),
    read: (buffer) => buffer.readInt16BE(),
  },
  {
    name: 'Integer',
    bytes: 4,
    schema: Schemas.optionalInt32,
    write: (buffer, value) => buffer.writeInt32BE(Number(value)),
    read: (buffer) => buffer.readInt32BE(),
  },
  {
    name: 'Long',
    bytes: 8,
    schema: Schemas.optionalInt64,
    write: (buffer, value) => buffer.writeBigInt64BE(BigInt(value)),
    read: (buffer) => safe(buffer.readBigInt64BE()),
  },
  {
    name: 'Float',
    bytes: 4,
    schema: Schemas.optionalFloat32,
    write: (buffer, value) => buffer.writeFloatBE(Number(value)),
    read: (buffer) => buffer.readFloatBE(),
  },
  {
    name: 'Double',
    bytes: 8,
    schema: Schemas.optionalFloat64,
    write: (buffer, value) => buffer.writeDoubleBE(Number(value)),
    read: (buffer) => buffer.readDoubleBE(),
  },
];

const safe = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

const converterType = {
  'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' },
} as const;

function numberPlugin({ name, bytes: width, schema, write, read }: Width): ConverterPlugin {
  const whole = name !== 'Float' && name !== 'Double';
  return {
    type: 'converter',
    class: `${name}Converter`,
    aliases: [`org.apache.kafka.connect.converters.${name}Converter`],
    version: '1.0.0',
    config: converterType,
    create: () => ({
      configure() {},
      fromConnectData(_, given, value) {
        if (value === null) return null;
        if (given !== null && given.type !== schema.type) {
          throw badData(`${name}Converter takes ${schema.type}, the schema of this value is ${given.type}.`);
        }
        const fits = typeof value === 'bigint' || (typeof value === 'number' && (!whole || Number.isInteger(value)));
        if (!fits) throw badData(`${name}Converter takes a number of its kind, this is ${shown(value)}.`);
        const buffer = Buffer.alloc(width);
        try {
          write(buffer, value as number | bigint);
        } catch (cause) {
          throw badData(`${shown(value)} does not fit into ${width} bytes.`, cause);
        }
        return buffer;
      },
      toConnectData(_, bytes) {
        if (bytes === null) return { schema, value: null };
        if (bytes.length !== width) throw badData(`${name}Converter reads ${width} bytes, there are ${bytes.length}.`);
        return { schema, value: read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
      },
    }),
  };
}

const booleanPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'BooleanConverter',
  aliases: ['org.apache.kafka.connect.converters.BooleanConverter'],
  version: '1.0.0',
  config: converterType,
  create: () => ({
    configure() {},
    fromConnectData(_, __, value) {
      if (value === null) return null;
      if (typeof value !== 'boolean') throw badData(`BooleanConverter takes a boolean, this is ${shown(value)}.`);
      return Buffer.from([value ? 1 : 0]);
    },
    toConnectData(_, bytes) {
      if (bytes === null) return { schema: Schemas.optionalBoolean, value: null };
      if (bytes.length !== 1 || bytes[0]! > 1) throw badData('BooleanConverter reads one byte that is 0 or 1.');
      return { schema: Schemas.optionalBoolean, value: bytes[0] === 1 };
    },
  }),
};

export const numberPlugins: readonly ConverterPlugin[] = [...widths.map(numberPlugin), booleanPlugin];
