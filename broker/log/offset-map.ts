/**
 * The last offset of each key, for one round of cleaning: a table of fixed size, so that a topic of any number of keys
 * is cleaned in bounded memory (`log.cleaner.dedupe.buffer.size`). What does not fit is left to the next round.
 *
 * As in Kafka (SkimpyOffsetMap) a key is kept as its MD5: 24 bytes a key whatever its length. Open addressing, linear
 * probing; an entry is six 32-bit words, four of the digest, two of offset + 1 (so that zeros are a free slot).
 */
import { hash } from 'node:crypto';

const wordsPerEntry = 6;
export const offsetEntryBytes = 4 * wordsPerEntry;
const two32 = 2 ** 32;

export class OffsetMap {
  readonly #words: Uint32Array;
  readonly #slots: number;
  readonly #sizeMax: number;
  #size = 0;
  /** Everything up to here has been taken in; -1 while nothing has. */
  latestOffset = -1;

  /** `keys` is how many there can be at most; the table is no larger than they or `memoryBytes` ask for. */
  constructor(keys: number, memoryBytes: number, loadFactor: number) {
    this.#slots = Math.max(1, Math.min(Math.ceil(keys / loadFactor) + 1, Math.floor(memoryBytes / offsetEntryBytes)));
    this.#sizeMax = Math.max(1, Math.floor(this.#slots * loadFactor));
    this.#words = new Uint32Array(this.#slots * wordsPerEntry);
  }

  get size(): number {
    return this.#size;
  }

  /** False when the key is new and the table is full: nothing has changed then. */
  put(key: Buffer, offset: number): boolean {
    const digest = hash('md5', key, 'buffer');
    const at = this.#find(digest);
    if (this.#isFree(at)) {
      if (this.#size === this.#sizeMax) return false;
      this.#size++;
      for (let word = 0; word < 4; word++) this.#words[at + word] = digest.readUInt32LE(4 * word);
    }
    this.#words[at + 4] = Math.floor((offset + 1) / two32);
    this.#words[at + 5] = (offset + 1) % two32;
    this.latestOffset = offset;
    return true;
  }

  /** The last offset of the key, or -1. */
  get(key: Buffer): number {
    const at = this.#find(hash('md5', key, 'buffer'));
    return this.#words[at + 4]! * two32 + this.#words[at + 5]! - 1;
  }

  /** Where the digest stands, or the free slot where it would. There is always one: the load factor is below 1. */
  #find(digest: Buffer): number {
    let slot = digest.readUInt32LE(0) % this.#slots;
    for (let probes = 0; probes < this.#slots; probes++) {
      const at = slot * wordsPerEntry;
      if (this.#isFree(at) || this.#holds(at, digest)) return at;
      slot = slot + 1 === this.#slots ? 0 : slot + 1;
    }
    throw new Error('The offset map has no free slot; its load factor must be below 1.');
  }

  #isFree(at: number): boolean {
    return this.#words[at + 4] === 0 && this.#words[at + 5] === 0;
  }

  #holds(at: number, digest: Buffer): boolean {
    return (
      this.#words[at] === digest.readUInt32LE(0) &&
      this.#words[at + 1] === digest.readUInt32LE(4) &&
      this.#words[at + 2] === digest.readUInt32LE(8) &&
      this.#words[at + 3] === digest.readUInt32LE(12)
    );
  }
}
