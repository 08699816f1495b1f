/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of record batches.
 *
 * Short inputs stay in JavaScript, because the call into the native module costs more than the sum itself; the bound
 * was measured by bench/protocol.bench.ts.
 */
import { crc32c as nativeCrc32c } from '@node-rs/crc32';

const nativeFromBytes = 56;
const polynomial = 0x82f63b78;

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  table[byte] = crc;
}

/** The checksum of `bytes`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  return bytes.length >= nativeFromBytes ? nativeCrc32c(bytes) >>> 0 : crc32cJs(bytes);
}

/** The same in JavaScript, for inputs of any length; the bench compares both. */
export function crc32cJs(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
