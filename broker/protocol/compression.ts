/**
 * The four codecs of record batches, by the number in a batch's attributes.
 *
 * Synchronous on purpose: they are called for one batch at a time by whoever must look inside. Decompression is bounded
 * before anything is allocated, because a few kilobytes may claim to be gigabytes. The native codecs are loaded when a
 * batch first needs them: most processes never do. Framings: gzip and zstd as their RFCs say, snappy in `snappy.ts`,
 * lz4 in `lz4.ts`.
 */
import zlib from 'node:zlib';
import { ProtocolError } from './errors.ts';
import { compressLz4, decompressLz4 } from './lz4.ts';
import { compressSnappy, decompressSnappy } from './snappy.ts';

/** In the order of their numbers. */
export const compressionCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CompressionCodec = (typeof compressionCodecs)[number];

/** What one batch may unfold to at most. Kafka's own bound on a request is 100 MiB before compression. */
export const maxDecompressedBytes = 256 * 1024 * 1024;

/** Throws {@link ProtocolError} for bytes that are not of the codec, and for more than `maxBytes` of content. */
export function decompress(codec: CompressionCodec, bytes: Buffer, maxBytes = maxDecompressedBytes): Buffer {
  if (codec === 'none') return bytes;
  try {
    return decompressors[codec](bytes, maxBytes);
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProtocolError(`${bytes.length} bytes are not readable as ${codec}: ${reason}`, cause);
  }
}

/** The level that a producer's `compression.<codec>.level` asks for; lz4 has one level here, snappy everywhere. */
export function levelOf(codec: CompressionCodec, settings: Readonly<Record<string, string>> = {}): number | undefined {
  if (codec !== 'gzip' && codec !== 'zstd') return undefined;
  const level = settings[`compression.${codec}.level`];
  return level === undefined ? undefined : Number(level);
}

/** Compresses with the codec's own default level unless told otherwise; only gzip and zstd have levels. */
export function compress(codec: CompressionCodec, bytes: Buffer, level?: number): Buffer {
  return codec === 'none' ? bytes : compressors[codec](bytes, level);
}

const decompressors = {
  gzip: (bytes: Buffer, maxBytes: number) => zlib.gunzipSync(bytes, { maxOutputLength: maxBytes }),
  snappy: decompressSnappy,
  lz4: decompressLz4,
  zstd: (bytes: Buffer, maxBytes: number) => zlib.zstdDecompressSync(bytes, { maxOutputLength: maxBytes }),
};

const compressors = {
  gzip: (bytes: Buffer, level = zlib.constants.Z_DEFAULT_COMPRESSION) => zlib.gzipSync(bytes, { level }),
  snappy: (bytes: Buffer) => compressSnappy(bytes),
  lz4: (bytes: Buffer) => compressLz4(bytes),
  zstd: (bytes: Buffer, level = zlib.constants.ZSTD_CLEVEL_DEFAULT) =>
    zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
};
