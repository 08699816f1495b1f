/**
 * 64-bit integers as numbers: offsets, timestamps and producer ids are safe integers inside the house, and a BigInt per
 * batch would cost more than the batch's whole header.
 */

import { longMax } from './reader.ts';

const two32 = 2 ** 32;

/** Exact within ±2^53; beyond that the nearest number, which no check of ours takes for a valid offset. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * two32 + buffer.readUInt32BE(at + 4);
}

/** {@link longMax} is written as Long.MAX_VALUE; what is no 64-bit integer throws a RangeError. */
export function writeInt64(buffer: Buffer, at: number, value: number): void {
  if (value === longMax) {
    buffer.writeInt32BE(0x7fffffff, at);
    buffer.writeInt32BE(-1, at + 4);
    return;
  }
  const high = Math.floor(value / two32);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(value - high * two32, at + 4);
}
