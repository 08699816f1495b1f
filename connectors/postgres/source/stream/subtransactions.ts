/**
 * Where the subtransactions of one streamed transaction begin in its spool, so that one that is rolled back can be cut off again.
 * No I/O.
 *
 * A session is in one subtransaction at a time, and ends what is inside before what is around: at a rollback everything behind
 * the first change of a subtransaction is its own or of one inside it. Those inside were begun later, and have higher ids. A loop of
 * PL/pgSQL that catches errors makes a subtransaction per turn, so a million of them take a few bytes each.
 */

const CAPACITY_MIN = 16;

export class Subtransactions {
  readonly #top: number;
  /** Distance from the top transaction's id, which survives the wraparound of ids; in ascending order. */
  #ages = new Uint32Array(CAPACITY_MIN);
  #starts = new Float64Array(CAPACITY_MIN);
  #count = 0;
  #last = 0;

  /** `top` is the id of the whole transaction. */
  constructor(top: number) {
    this.#top = top;
  }

  /** A change of `xid` comes at `position`; where it is the first, that is its beginning. */
  note(xid: number, position: number): void {
    const age = (xid - this.#top) >>> 0;
    if (age === this.#last) return;
    this.#last = age;
    if (age === 0) return;
    const place = this.#placeOf(age);
    if (place < this.#count && this.#ages[place] === age) return;
    if (this.#count === this.#ages.length) this.#grow();
    this.#ages.copyWithin(place + 1, place, this.#count);
    this.#starts.copyWithin(place + 1, place, this.#count);
    this.#ages[place] = age;
    this.#starts[place] = position;
    this.#count++;
  }

  /** Forgets a subtransaction that was rolled back, and those inside. Answers where it began, or null where it brought nothing. */
  rollBack(xid: number): number | null {
    const age = (xid - this.#top) >>> 0;
    const place = this.#placeOf(age);
    if (place === this.#count || this.#ages[place] !== age) return null;
    this.#count = place;
    this.#last = 0;
    return this.#starts[place]!;
  }

  /** The first place that holds this age or a higher one. */
  #placeOf(age: number): number {
    let low = 0;
    let high = this.#count;
    // Most are the newest.
    if (high === 0 || this.#ages[high - 1]! < age) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ages[middle]! < age) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const ages = new Uint32Array(this.#count * 2);
    const starts = new Float64Array(this.#count * 2);
    ages.set(this.#ages);
    starts.set(this.#starts);
    this.#ages = ages;
    this.#starts = starts;
  }
}
