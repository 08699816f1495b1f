/** The codecs that kafkajs leaves to its users: with the broker's own, topics of any producer can be read and written. */
import kafkajs, { CompressionTypes } from 'kafkajs';
import {
  type CompressionCodec,
  compress,
  compressionCodecs,
  decompress,
  levelOf,
} from '../../broker/protocol/compression.ts';
import { LogError, type ProducerOptions } from './client.ts';

const types: Readonly<Record<CompressionCodec, CompressionTypes>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** A table that kafkajs looks into by number; its types know only what it ships. */
const codecs = kafkajs.CompressionCodecs as Record<number, unknown>;
/** The codec's part of the attributes of a batch. */
const CODEC_BITS = 3;
/** zstd's fastest level is -131072. */
const LOWEST_LEVEL = 131_073;

/** Makes them known to kafkajs. Harmless to repeat. */
export function registerCodecs(): void {
  for (const codec of ['snappy', 'lz4', 'zstd'] as const) codecs[types[codec]] = codecWith(codec);
}

const codecWith = (codec: CompressionCodec, level?: number) => () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => compress(codec, buffer, level),
  decompress: async (bytes: Buffer) => decompress(codec, bytes),
});

/**
 * kafkajs's number for a producer's `compression.type`. It knows no levels, but looks a codec up by the whole number and
 * writes its three lowest bits: one number a level makes another entry of its table.
 */
export function compressionOf(settings: ProducerOptions['overrides']): CompressionTypes {
  const name = settings?.['compression.type'] ?? 'none';
  const codec = compressionCodecs.find((each) => each === name);
  if (codec !== undefined) {
    const level = levelOf(codec, settings);
    if (level === undefined) return types[codec];
    const number = ((level + LOWEST_LEVEL) << CODEC_BITS) | types[codec];
    codecs[number] = codecWith(codec, level);
    return number;
  }
  const message = `compression.type "${name}" is none of ${compressionCodecs.join(', ')}.`;
  throw new LogError('INVALID_CONFIG', message, { retriable: false });
}
