/**
 * Topics with a `compression.type` of their own: a producer's batch is packed anew in that codec before it gets an
 * offset, as Kafka's LogValidator does. Records stay byte for byte what they were; only their packing and the header's
 * codec change. Not on the path of topics that keep what producers send.
 *
 * It happens at once, because offsets are given in the order of arrival: some milliseconds for a batch of 1 MiB, more
 * with gzip (about 20) and for topics that allow larger batches.
 */
import { type CompressionCodec, compress, decompress } from '../protocol/compression.ts';
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import type { LogConfig } from './config.ts';
import { LogError } from './errors.ts';

/** The batch as the topic wants it: the same buffer where it is so already. Throws {@link LogError}. */
export function recompress(batch: Buffer, config: LogConfig, name: string): Buffer {
  const wanted = codecOf(config.compressionType);
  const codec = batches.codecOf(batch)!;
  if (wanted === null || wanted === codec) return batch;
  const packed = compress(wanted, unpack(batch, codec, name), config.compressionLevel ?? undefined);
  const bytes = batches.batchHeaderBytes + packed.length;
  if (bytes > config.maxMessageBytes) {
    throw new LogError(
      'MESSAGE_TOO_LARGE',
      `A batch for ${name} has ${bytes} bytes as ${config.compressionType}, which is larger than max.message.bytes ` +
        `(${config.maxMessageBytes}). Raise the topic config or lower batch.size of the producer.`,
    );
  }
  const anew = Buffer.concat([batch.subarray(0, batches.batchHeaderBytes), packed]);
  batches.rewriteHeader(anew, {
    codec: wanted,
    hasDeleteHorizon: false,
    baseTimestamp: batches.baseTimestamp(batch),
    maxTimestamp: batches.maxTimestamp(batch),
    recordCount: batches.recordCount(batch),
  });
  return anew;
}

function codecOf(compressionType: LogConfig['compressionType']): CompressionCodec | null {
  if (compressionType === 'producer') return null;
  return compressionType === 'uncompressed' ? 'none' : compressionType;
}

function unpack(batch: Buffer, codec: CompressionCodec, name: string): Buffer {
  try {
    return decompress(codec, batch.subarray(batches.batchHeaderBytes));
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new LogError('INVALID_RECORD', `A batch for ${name} cannot be read: ${cause.message}`, { cause });
  }
}
