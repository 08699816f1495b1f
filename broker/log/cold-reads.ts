/**
 * Keeps reads that may go to the device from holding up the event loop. A read of what was written lately comes from the
 * page cache (1 MiB in 0.2 ms); one far behind may not: measured on an NVMe disk 1 MiB took 1.3 ms, 32 MiB 61 ms, and
 * for that long nobody else is served. So those are short, and only so many in one turn of the event loop; a client that
 * asked for more simply asks again.
 */

/** One read. It is also what clients ask for by default (max.partition.fetch.bytes). */
const readBytesMax = 1024 * 1024;
/** All reads of a turn: some 5 ms. */
const turnBytesMax = 4 * 1024 * 1024;
/** What is this near to the log's end was written or read a moment ago. */
const nearBytes = 64 * 1024 * 1024;

export class ColdReads {
  #left = turnBytesMax;
  readonly #refill = (): void => {
    this.#left = turnBytesMax;
  };

  /** How many of the bytes wanted may be read now; 0 when the turn's share is used up and nothing has to be read. */
  allow(wantedBytes: number, bytesToEnd: number, isOlderSegment: boolean, mustRead: boolean): number {
    if (!isOlderSegment && bytesToEnd <= nearBytes) return wantedBytes;
    if (this.#left <= 0 && !mustRead) return 0;
    if (this.#left === turnBytesMax) setImmediate(this.#refill);
    const allowed = Math.min(wantedBytes, readBytesMax);
    this.#left -= allowed;
    return allowed;
  }
}
