/**
 * Where in the log a key was written last: from a key's hash to an offset, in flat arrays. No I/O.
 *
 * Bounded: when the younger half is full the older half is dropped, and with it what was written longest ago. A hash is no proof:
 * whoever reads the record at the offset compares its key.
 */

/** Entries of a half. Two halves of 32 MiB each, once a source has kept so many rows. */
const HALF_ENTRIES_MAX = 1 << 20;
const FIRST_SLOTS = 1 << 10;

/** Open addressing; a slot is empty while its place is NaN. Never more than half full. */
class Half {
  count = 0;
  #mask = FIRST_SLOTS - 1;
  #high = new Uint32Array(FIRST_SLOTS);
  #low = new Uint32Array(FIRST_SLOTS);
  #places = new Float64Array(FIRST_SLOTS).fill(Number.NaN);

  get(high: number, low: number): number | undefined {
    const place = this.#places[this.#slot(high, low)]!;
    return Number.isNaN(place) ? undefined : place;
  }

  set(high: number, low: number, place: number): void {
    if (this.count * 2 >= this.#places.length) this.#grow();
    const slot = this.#slot(high, low);
    if (Number.isNaN(this.#places[slot]!)) this.count++;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#places[slot] = place;
  }

  #slot(high: number, low: number): number {
    let slot = low & this.#mask;
    while (!Number.isNaN(this.#places[slot]!) && (this.#high[slot] !== high || this.#low[slot] !== low)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const [high, low, places] = [this.#high, this.#low, this.#places];
    const slots = places.length * 2;
    this.#mask = slots - 1;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#places = new Float64Array(slots).fill(Number.NaN);
    this.count = 0;
    places.forEach((place, slot) => {
      if (!Number.isNaN(place)) this.set(high[slot]!, low[slot]!, place);
    });
  }
}

export class OffsetIndex {
  readonly #halfMax: number;
  #young = new Half();
  #old = new Half();
  /** Something was dropped: that a key is not here does not mean that it was not written. */
  hasForgotten = false;

  constructor(halfMax = HALF_ENTRIES_MAX) {
    this.#halfMax = halfMax;
  }

  /** Notes where a key was written, or with `isThere` false that it was forgotten there. What was written later stands. */
  note(key: Uint8Array, offset: number, isThere: boolean): void {
    hash(key);
    const before = this.#young.get(hashHigh, hashLow) ?? this.#old.get(hashHigh, hashLow);
    if (before !== undefined && offsetOf(before) > offset) return;
    if (this.#young.count >= this.#halfMax) {
      if (this.#old.count > 0) this.hasForgotten = true;
      this.#old = this.#young;
      this.#young = new Half();
    }
    // A forgotten key keeps its offset too, as -1 - offset.
    this.#young.set(hashHigh, hashLow, isThere ? offset : -1 - offset);
  }

  /** The offset at which the key was perhaps written last, or null where nobody knows. */
  find(key: Uint8Array): number | null {
    hash(key);
    const place = this.#young.get(hashHigh, hashLow) ?? this.#old.get(hashHigh, hashLow);
    return place === undefined || place < 0 ? null : place;
  }
}

function offsetOf(place: number): number {
  return place < 0 ? -1 - place : place;
}

let hashHigh = 0;
let hashLow = 0;

/** Two multiplicative hashes of 32 bits side by side (FNV-1a's step, other factors), mixed as in MurmurHash3's end. */
function hash(key: Uint8Array): void {
  let high = 0x9dc5811c;
  let low = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    const byte = key[index]!;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b);
  }
  hashHigh = mix(high);
  hashLow = mix(low ^ high);
}

function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
