/**
 * Which requests were taken before, by the name their sender gave them. Kept in the source offsets, so that a restart
 * does not forget: with exactly-once delivery the name and the record are durable together.
 *
 * Names are spread over slots by their hash; each slot remembers the last so many and is one source partition.
 */
import { createHash } from 'node:crypto';
import type { SourceOffset, SourcePartition } from '../api/index.ts';

/** What the first request of a name was answered with; `{}` where a restart came between. */
export type Taken =
  | Readonly<Record<string, never>>
  | { readonly topic: string; readonly partition: number; readonly offset: number }
  | { readonly dropped: true };

const SLOTS = 64;
/** Names a slot remembers; 64 slots of 128 are the last 8,192 requests or so. */
const SLOT_SIZE = 128;
/** Names longer than a hash are kept as one. */
const NAME_LENGTH_MAX = 64;

export class SeenKeys {
  readonly #base: Readonly<Record<string, string>>;
  readonly #slots: string[][] = Array.from({ length: SLOTS }, () => []);
  readonly #answers = new Map<string, Taken | null>();

  constructor(base: Readonly<Record<string, string>>) {
    this.#base = base;
  }

  /** The source partitions whose offsets `restore` wants, in order. */
  get partitions(): readonly SourcePartition[] {
    return this.#slots.map((_, slot) => ({ ...this.#base, slot }));
  }

  restore(offsets: readonly (SourceOffset | null)[]): void {
    for (const [slot, offset] of offsets.entries()) {
      const names = Array.isArray(offset?.names) ? offset.names.map(String) : [];
      this.#slots[slot] = names;
      for (const name of names) this.#answers.set(name, {});
    }
  }

  /** Undefined: new. Null: its record is on its way. Else what the first was answered with (`{}` after a restart). */
  find(name: string): Taken | null | undefined {
    return this.#answers.get(shortened(name));
  }

  /** Notes a new name; answers where its record comes from, which makes the name durable with the record. */
  take(name: string): { sourcePartition: SourcePartition; sourceOffset: SourceOffset } {
    const short = shortened(name);
    const slot = createHash('sha256').update(short).digest()[0]! % SLOTS;
    const names = this.#slots[slot]!;
    names.push(short);
    while (names.length > SLOT_SIZE) this.#answers.delete(names.shift()!);
    this.#answers.set(short, null);
    return { sourcePartition: { ...this.#base, slot }, sourceOffset: { names: [...names] } };
  }

  settle(name: string, taken: Taken): void {
    const short = shortened(name);
    if (this.#answers.has(short)) this.#answers.set(short, taken);
  }

  /** Forgets a name whose record did not become durable. */
  release(name: string): void {
    const short = shortened(name);
    this.#answers.delete(short);
    for (const names of this.#slots) {
      const at = names.indexOf(short);
      if (at >= 0) names.splice(at, 1);
    }
  }
}

function shortened(name: string): string {
  return name.length <= NAME_LENGTH_MAX ? name : createHash('sha256').update(name).digest('hex');
}
