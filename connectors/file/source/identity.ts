/**
 * Which file is this? A name is not enough (rotation), an inode is not enough (it is used again), a fingerprint of the
 * head is not enough (files that begin alike). Together they are: inode and birth time name a file, the hash of its
 * first kilobyte says that it was not rewritten, the hash of the bytes before the place we have read to says that this
 * place is still where we were.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Bytes of the head that are hashed, at most; a shorter file is hashed whole and again as it grows. */
export const headBytes = 1024;
/** Bytes before a position that are hashed. */
export const tailBytes = 64;

/** A hash of the first `length` bytes. */
export interface Head {
  readonly length: number;
  readonly hash: string;
}

/** A hash of the up to 64 bytes before position `at`. Filled in when a batch is cut, then left alone. */
export interface Tail {
  at: number;
  hash: string;
}

/** The part of a stat that names a file; the device is left out, because its number changes with a reboot. */
export interface StatIdentity {
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
}

/** The name of a file that survives renaming: inode and, where the file system keeps it, birth time. */
export function identityKey({ ino, birthtimeNs }: StatIdentity): string {
  return birthtimeNs > 0n ? `${ino}-${birthtimeNs}` : `${ino}`;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex').slice(0, 16);
}

/** Whatever bytes can be read from at a position. */
export interface Readable {
  read(buffer: Buffer, position: number): Promise<number>;
}

async function bytesOf(content: Readable, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  return buffer.subarray(0, await content.read(buffer, position));
}

/** Reads `length` bytes at `position`, fewer at the end of the file. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  return buffer.subarray(0, await readInto(handle, buffer, position));
}

/** Fills the buffer from `position`; answers how many bytes there were. */
export async function readInto(handle: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** The head as it is now, and whether it begins with the bytes of the one that is known. */
export async function readHead(content: Readable, known: Head): Promise<{ head: Head; isGrown: boolean }> {
  const bytes = await bytesOf(content, 0, headBytes);
  const isGrown = known.length === 0 || hashOf(bytes.subarray(0, known.length)) === known.hash;
  return { head: { length: bytes.length, hash: hashOf(bytes) }, isGrown };
}

/** True when the file still begins with these bytes. A head of no bytes says nothing. */
export async function headMatches(content: Readable, head: Head): Promise<boolean> {
  if (head.length === 0) return true;
  const bytes = await bytesOf(content, 0, head.length);
  return bytes.length === head.length && hashOf(bytes) === head.hash;
}

/** True when the bytes before the position are still these. */
export async function tailMatches(content: Readable, tail: Tail): Promise<boolean> {
  const from = Math.max(0, tail.at - tailBytes);
  const bytes = await bytesOf(content, from, tail.at - from);
  return bytes.length === tail.at - from && hashOf(bytes) === tail.hash;
}
