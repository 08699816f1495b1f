/**
 * Buffers for reads, used again once the socket has taken the bytes. Fresh 1 MiB buffers for every fetch cost the
 * kernel a page fault per 4 KiB and halve the throughput (see bench/broker-log.bench.ts).
 *
 * Sizes are powers of two. What is kept idle is bounded; a buffer that does not fit in is left to the collector.
 */

const smallestBytes = 4096;
/** One fetch may ask for 50 MiB, but reads come a partition at a time, 1 MiB by default; larger ones are not kept. */
const largestKeptBytes = 8 * 1024 * 1024;

export class ReadBuffers {
  readonly #idle = new Map<number, Buffer[]>();
  readonly #idleBytesMax: number;
  #idleBytes = 0;

  constructor(idleBytesMax = 32 * 1024 * 1024) {
    this.#idleBytesMax = idleBytesMax;
  }

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    const size = Math.max(smallestBytes, 2 ** Math.ceil(Math.log2(bytes)));
    const kept = this.#idle.get(size)?.pop();
    if (kept !== undefined) {
      this.#idleBytes -= size;
      return kept;
    }
    return Buffer.allocUnsafeSlow(size > largestKeptBytes ? bytes : size);
  }

  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size > largestKeptBytes || this.#idleBytes + size > this.#idleBytesMax) return;
    const list = this.#idle.get(size);
    if (list === undefined) this.#idle.set(size, [buffer]);
    else list.push(buffer);
    this.#idleBytes += size;
  }
}
