/**
 * Frames keys and envelopes as records of a run (`api/record-run.ts`) while they are written, without a copy: room is left for the
 * lengths in front, as wide as those of the record before, and what follows moves where they turn out wider or narrower. Runs in
 * the snapshot's thread. No I/O.
 */
import { type RecordRun, RUN_HEAD_BYTES, runVarintBytes } from '../../../api/index.ts';
import type { JsonWriter } from '../../types/json-writer.ts';

/** A record's key and value as they stand in the writer. */
interface LastRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

export class RunWriter {
  readonly #out: JsonWriter;
  count = 0;
  #largestBytes = 0;
  /** Of the last record, from its length on. */
  #start = 0;
  #keyStart = 0;
  /** -1 is no key. */
  #keyBytes = -1;
  #valueStart = 0;
  #lengthRoom = 2;
  #keyRoom = 1;
  #valueRoom = 2;
  #largestBefore = 0;

  constructor(out: JsonWriter) {
    this.#out = out;
  }

  begin(): void {
    this.#out.skip(RUN_HEAD_BYTES);
    this.count = 0;
    this.#largestBytes = 0;
  }

  /** The key is written next. */
  beginRecord(): void {
    const out = this.#out;
    this.#start = out.length;
    // Attributes and timestamp delta are a byte each.
    out.skip(this.#lengthRoom + 2 + runVarintBytes(this.count) + this.#keyRoom);
    this.#keyStart = out.length;
  }

  /** The value is written next. */
  endKey(hasKey: boolean): void {
    const out = this.#out;
    this.#keyBytes = hasKey ? out.length - this.#keyStart : -1;
    const room = runVarintBytes(this.#keyBytes);
    if (room !== this.#keyRoom) {
      out.shift(this.#keyStart, room - this.#keyRoom);
      this.#keyStart += room - this.#keyRoom;
      this.#keyRoom = room;
    }
    out.varintAt(this.#keyStart - room, this.#keyBytes);
    out.skip(this.#valueRoom);
    this.#valueStart = out.length;
  }

  endRecord(): void {
    const out = this.#out;
    const valueBytes = out.length - this.#valueStart;
    const room = runVarintBytes(valueBytes);
    if (room !== this.#valueRoom) {
      out.shift(this.#valueStart, room - this.#valueRoom);
      this.#valueStart += room - this.#valueRoom;
      this.#valueRoom = room;
    }
    out.varintAt(this.#valueStart - room, valueBytes);
    // No headers.
    out.byte(0);
    this.#writeLength();
    this.count++;
    this.#largestBefore = this.#largestBytes;
    this.#largestBytes = Math.max(this.#largestBytes, Math.max(0, this.#keyBytes) + valueBytes);
  }

  #writeLength(): void {
    const out = this.#out;
    const bodyStart = this.#start + this.#lengthRoom;
    const bodyBytes = out.length - bodyStart;
    const room = runVarintBytes(bodyBytes);
    if (room !== this.#lengthRoom) {
      const by = room - this.#lengthRoom;
      out.shift(bodyStart, by);
      this.#keyStart += by;
      this.#valueStart += by;
      this.#lengthRoom = room;
    }
    const at = out.varintAt(this.#start, bodyBytes);
    out.byteAt(at, 0);
    out.byteAt(at + 1, 0);
    out.varintAt(at + 2, this.count);
  }

  /** Takes the last record out again. */
  takeLast(): LastRecord {
    const out = this.#out;
    const { length } = out;
    const key = this.#keyBytes < 0 ? null : out.slice(this.#keyStart, this.#keyStart + this.#keyBytes);
    const value = out.slice(this.#valueStart, length - 1);
    out.skip(this.#start - length);
    this.count--;
    this.#largestBytes = this.#largestBefore;
    return { key, value };
  }

  /** All that is in it; the writer's memory goes with it, and `memory` comes in its place. */
  take(memory: ArrayBuffer | undefined): Omit<RecordRun, 'release'> {
    return { bytes: this.#out.detach(memory), count: this.count, largestBytes: this.#largestBytes };
  }
}
