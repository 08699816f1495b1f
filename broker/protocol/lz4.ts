/**
 * LZ4 frames (the frame format's specification 1.6), as Kafka uses them since message format 1.
 *
 *      0  4 bytes  04 22 4d 18
 *      4  FLG      7-6 version 01, 5 independent blocks, 4 block checksums, 3 content size, 2 content checksum, 0 dictionary
 *      5  BD       6-4 block size: 4 is 64 KiB … 7 is 4 MiB
 *      6  optional 8 bytes content size, 4 bytes dictionary id; 1 byte header checksum
 *         blocks   uint32 little-endian size (top bit: stored as it is) · bytes · optional 4 bytes checksum; size 0 ends
 *
 * The blocks are walked before anything is unfolded, because the native codec has no bound of its own.
 */
import { createRequire } from 'node:module';
import { ProtocolError } from './errors.ts';

const require = createRequire(import.meta.url);
let loaded: typeof import('lz4-napi') | undefined;
function native(): typeof import('lz4-napi') {
  loaded ??= require('lz4-napi') as typeof import('lz4-napi');
  return loaded;
}

const magic = 0x184d2204;
const headerBytesMin = 7;
/** A match of 255 bytes more takes one byte. */
const ratioMax = 255;

export function decompressLz4(bytes: Buffer, maxBytes: number): Buffer {
  const most = unfoldedBytesMax(bytes);
  if (most > maxBytes) {
    throw new ProtocolError(`An lz4 frame of ${bytes.length} bytes may unfold to ${most}, more than is taken.`);
  }
  return native().decompressFrameSync(bytes);
}

export function compressLz4(bytes: Buffer): Buffer {
  return native().compressFrameSync(bytes);
}

/** The most that a frame can hold: its blocks at their full size, or at the best ratio there is. */
function unfoldedBytesMax(frame: Buffer): number {
  if (frame.length < headerBytesMin || frame.readUInt32LE(0) !== magic)
    throw new ProtocolError('This is no lz4 frame.');
  const flags = frame[4]!;
  const blockBytes = 1 << (8 + 2 * ((frame[5]! >> 4) & 7));
  const checksumBytes = flags & 0x10 ? 4 : 0;
  let at = headerBytesMin + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  let most = 0;
  while (at + 4 <= frame.length) {
    const word = frame.readUInt32LE(at);
    if (word === 0) break;
    const size = word & 0x7fffffff;
    most += word > 0x7fffffff ? size : Math.min(blockBytes, size * ratioMax);
    at += 4 + size + checksumBytes;
  }
  return most;
}
