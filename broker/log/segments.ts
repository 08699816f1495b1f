/**
 * A partition's segments, oldest first, each beginning where the one before ends. The last one is written to.
 */
import type { Segment } from './segment.ts';

export class Segments {
  /** Never empty once a log is open. */
  #list: Segment[];

  constructor(segments: readonly Segment[]) {
    this.#list = [...segments].sort((a, b) => a.baseOffset - b.baseOffset);
  }

  get active(): Segment {
    return this.#list.at(-1)!;
  }

  get all(): readonly Segment[] {
    return this.#list;
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const segment of this.#list) bytes += segment.size;
    return bytes;
  }

  add(segment: Segment): void {
    this.#list.push(segment);
  }

  /** The place of the segment that would hold the offset: the last one that begins at or before it, or the first. */
  indexFor(offset: number): number {
    let low = 0;
    let high = this.#list.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#list[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Where a segment ends: the base of the next one, or the log's end. */
  endOf(index: number, logEndOffset: number): number {
    return this.#list[index + 1]?.baseOffset ?? logEndOffset;
  }

  /** Takes the first `count` segments out. */
  takeFirst(count: number): Segment[] {
    return this.#list.splice(0, count);
  }

  /** Takes out all segments from this place on. */
  takeFrom(index: number): Segment[] {
    return this.#list.splice(index);
  }

  /** Puts one segment in the place of several next to each other. */
  replace(index: number, count: number, segment: Segment): void {
    this.#list.splice(index, count, segment);
  }
}
