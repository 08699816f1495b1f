/** The codecs that kafkajs leaves to its users: with the broker's own, topics of any producer can be read and written. */
import kafkajs, { CompressionTypes } from 'kafkajs';
import { type CompressionCodec, compress, compressionCodecs, decompress } from '../../broker/protocol/compression.ts';
import { LogError } from './client.ts';

const types: Readonly<Record<CompressionCodec, CompressionTypes>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** Makes them known to kafkajs. Harmless to repeat. */
export function registerCodecs(): void {
  // A table that kafkajs looks into by number; its types know only what it ships.
  const codecs = kafkajs.CompressionCodecs as Record<number, unknown>;
  for (const codec of ['snappy', 'lz4', 'zstd'] as const) {
    codecs[types[codec]] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => compress(codec, buffer),
      decompress: async (bytes: Buffer) => decompress(codec, bytes),
    });
  }
}

/** kafkajs's number for a `compression.type`. */
export function compressionOf(name: string): CompressionTypes {
  const codec = compressionCodecs.find((each) => each === name);
  if (codec !== undefined) return types[codec];
  const message = `compression.type "${name}" is none of ${compressionCodecs.join(', ')}.`;
  throw new LogError('INVALID_CONFIG', message, { retriable: false });
}
