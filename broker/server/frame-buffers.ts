/**
 * Memory that requests are received into, used again from request to request. At a gigabyte a second fresh memory for each
 * costs more than everything that is done with the bytes: page faults, and a collector that is asked for room every 64 MiB.
 *
 * Sizes are powers of two. What is kept idle is bounded; the memory of a buffer that does not fit in is freed at once.
 */

/** Smaller frames get memory of their own size: cheaper to make than to keep. */
export const smallestPooledBytes = 4096;
/** A producer's `max.request.size` is 1 MiB by default, plus what stands around the records; more is rare. */
const largestKeptBytes = 2 * 1024 * 1024;
/** Some producers' requests in flight: five each, of 16 KiB to 1 MiB. */
const defaultIdleBytesMax = 16 * 1024 * 1024;

export class FrameBuffers {
  readonly #idle = new Map<number, Buffer[]>();
  readonly #idleBytesMax: number;
  #idleBytes = 0;

  constructor(idleBytesMax = defaultIdleBytesMax) {
    this.#idleBytesMax = idleBytesMax;
  }

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    if (bytes < smallestPooledBytes || bytes > largestKeptBytes) return Buffer.allocUnsafeSlow(bytes);
    const size = 2 ** Math.ceil(Math.log2(bytes));
    const kept = this.#idle.get(size)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(size);
    this.#idleBytes -= size;
    return kept;
  }

  /** The buffer as `take` gave it; nobody may look at it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size < smallestPooledBytes || size > largestKeptBytes || this.#idleBytes + size > this.#idleBytesMax) {
      freeMemory(buffer);
      return;
    }
    const list = this.#idle.get(size);
    if (list === undefined) this.#idle.set(size, [buffer]);
    else list.push(buffer);
    this.#idleBytes += size;
  }
}

/**
 * Gives a buffer's memory back now rather than at the next collection: a transfer to nothing frees it (ECMAScript 2024,
 * ArrayBuffer.prototype.transfer). Only one that has its memory for itself, as a socket's chunks and our own do; it is
 * empty afterwards, and so is every view of it.
 */
export function freeMemory(buffer: Buffer): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.length) memory.transfer(0);
}
