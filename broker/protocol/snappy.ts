/**
 * Snappy as Kafka clients write it, in two framings: the raw block (librdkafka, kafkajs) and the one of xerial's
 * snappy-java (Java):
 *
 *      0  8 bytes  82 53 4e 41 50 50 59 00
 *      8  int32    version, 1
 *     12  int32    oldest compatible version, 1
 *     16  chunks   int32 length · raw block
 */
import { createRequire } from 'node:module';
import { ProtocolError } from './errors.ts';

const require = createRequire(import.meta.url);
let loaded: typeof import('snappy') | undefined;
function native(): typeof import('snappy') {
  loaded ??= require('snappy') as typeof import('snappy');
  return loaded;
}

const xerialMagic = Buffer.from('82534e4150505900', 'hex');
const xerialHeader = Buffer.concat([xerialMagic, Buffer.from('0000000100000001', 'hex')]);
/** The chunk of Java's SnappyOutputStream in Kafka. */
const chunkBytes = 32 * 1024;
/** A copy of 64 bytes takes 3, so no honest block unfolds further. */
const ratioMax = 22;

/** Takes both framings. */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length < xerialHeader.length || !bytes.subarray(0, 8).equals(xerialMagic)) {
    return decompressBlock(bytes, maxBytes);
  }
  const blocks: Buffer[] = [];
  let size = 0;
  let at = xerialHeader.length;
  while (at < bytes.length) {
    const length = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1;
    at += 4;
    if (length < 0 || length > bytes.length - at) {
      throw new ProtocolError(`A snappy chunk at byte ${at} does not fit the ${bytes.length} bytes there are.`);
    }
    const block = decompressBlock(bytes.subarray(at, at + length), maxBytes - size);
    blocks.push(block);
    size += block.length;
    at += length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, size);
}

function decompressBlock(block: Buffer, maxBytes: number): Buffer {
  const size = announcedBytes(block);
  if (size > maxBytes || size > block.length * ratioMax) {
    throw new ProtocolError(`A snappy block of ${block.length} bytes claims to hold ${size}, more than is taken.`);
  }
  return native().uncompressSync(block, { asBuffer: true }) as Buffer;
}

/** A block begins with the size of its content as a varint. */
function announcedBytes(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    size += (block[i]! & 0x7f) * 2 ** (7 * i);
    if (block[i]! < 0x80) return size;
  }
  throw new ProtocolError('A snappy block does not begin with its size.');
}

/** Writes xerial's framing, which every client reads. */
export function compressSnappy(bytes: Buffer): Buffer {
  const parts: Buffer[] = [xerialHeader];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const block = native().compressSync(bytes.subarray(at, at + chunkBytes));
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}
