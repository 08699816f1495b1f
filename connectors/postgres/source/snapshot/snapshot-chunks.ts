/**
 * Makes chunks of the rows of a range: keys and envelopes side by side, as they go into records. Runs in the snapshot's thread;
 * what it writes is to the last byte what the task writes itself where there is no thread. No I/O.
 */

import { JsonWriter } from '../../types/json-writer.ts';
import { Tuple } from '../tables/pgoutput.ts';
import { clockTail, NO_BEFORE, nowMicros, type TableEncoder, type TransactionInfo } from '../tables/table-encoder.ts';
import { readCopyLine } from './copy-rows.ts';
import { RunWriter } from './run-writer.ts';
import type { KeptBefore, SnapshotChunk } from './snapshot-messages.ts';

/** Room for so many at the beginning; a chunk has room for as many as the one before. */
const ROWS_MIN = 256;

/** Of runs, one for all: not given away with their memory. */
const NO_ENDS = new Uint32Array(0);

export interface ChunkSettings {
  readonly transaction: TransactionInfo;
  readonly lsn: string;
  readonly era: string | null;
  readonly isLate: boolean;
  readonly chunkBytes: number;
  readonly runRowsMax: number;
}

export class ChunkWriter {
  readonly #settings: ChunkSettings;
  readonly #out: JsonWriter;
  readonly #scratch = new JsonWriter();
  readonly #row = new Tuple();
  readonly #run: RunWriter;
  #isInRuns = false;
  /** The chunk under construction is a run. */
  #isRun = false;
  #encoder: TableEncoder | null = null;
  #tail: Buffer = Buffer.alloc(0);
  #ends = new Uint32Array(2 * ROWS_MIN);
  #rows = 0;
  #kept: KeptBefore[] = [];
  /** Memory of chunks that nobody needs any more. */
  readonly #spare: ArrayBuffer[];

  constructor(settings: ChunkSettings, spare: ArrayBuffer[]) {
    this.#settings = settings;
    this.#spare = spare;
    // A row that passes the bound finds room behind it.
    this.#out = new JsonWriter(Math.ceil(settings.chunkBytes * 1.125));
    this.#run = new RunWriter(this.#out);
  }

  get #isFull(): boolean {
    const { chunkBytes, runRowsMax } = this.#settings;
    return this.#out.length >= chunkBytes || (this.#isRun && this.#rows >= runRowsMax);
  }

  /** Begins a range; without an encoder lines stay as they are. `isInRuns`: rows between its first and its last go in runs. */
  begin(encoder: TableEncoder | null, isInRuns: boolean): void {
    this.#isInRuns = isInRuns;
    this.#encoder = encoder;
    this.#out.discard();
    this.#rows = 0;
    this.#kept = [];
    this.#isRun = false;
    this.#setTail();
  }

  /** Before a row is added: what is to be handed over first; null where there is nothing. */
  makeRoom(): SnapshotChunk | null {
    // A row alone is the range's first, or was not the last although nothing came behind it for a while.
    const isAlone = this.#isInRuns && !this.#isRun && this.#rows > 0;
    if (!isAlone && !this.#isFull) return null;
    const chunk = this.#isRun ? this.#takeRun(false) : this.take(false);
    if (this.#isInRuns) {
      this.#isRun = true;
      this.#run.begin();
    }
    return chunk;
  }

  /** All that is left of the range. */
  takeEnd(): SnapshotChunk[] {
    const run = this.#isRun ? this.#takeRun(true) : null;
    const last = this.take(true);
    return run === null ? [last] : [run, last];
  }

  /** Adds the line `buffer[start, end)`, line end included. */
  add(buffer: Buffer, start: number, end: number): void {
    const out = this.#out;
    const encoder = this.#encoder;
    if (encoder === null) {
      const before = out.length;
      out.copy(buffer, start, end);
      this.#note(before);
      return;
    }
    const row = this.#row;
    readCopyLine(buffer, start, end - 1, encoder.columnCount, row);
    if (this.#settings.era !== null) this.#keep(encoder);
    if (this.#isRun) {
      this.#addToRun(encoder);
      return;
    }
    if (encoder.hasKey) encoder.writeKey(out, row);
    const keyEnd = out.length;
    out.raw(NO_BEFORE);
    encoder.writeRow(out, row, null);
    out.raw(this.#tail);
    this.#note(keyEnd);
  }

  #addToRun(encoder: TableEncoder): void {
    const out = this.#out;
    const run = this.#run;
    run.beginRecord();
    if (encoder.hasKey) encoder.writeKey(out, this.#row);
    run.endKey(encoder.hasKey);
    out.raw(NO_BEFORE);
    encoder.writeRow(out, this.#row, null);
    out.raw(this.#tail);
    run.endRecord();
    this.#rows++;
  }

  #note(keyEnd: number): void {
    const at = 2 * this.#rows;
    if (at === this.#ends.length) {
      const more = new Uint32Array(2 * this.#ends.length);
      more.set(this.#ends);
      this.#ends = more;
    }
    this.#ends[at] = keyEnd;
    this.#ends[at + 1] = this.#out.length;
    this.#rows++;
  }

  /** Nothing of this table is kept yet, so only a large row is a change. */
  #keep({ toast }: TableEncoder): void {
    const row = this.#row;
    if (toast === null || !toast.isLarge(row)) return;
    const key = toast.key(row, null);
    const value = key === null ? null : toast.encode(this.#settings.era!, row, null, this.#settings.isLate);
    // Copies of their own: the memory behind a small buffer is shared with others, and would be cloned with it.
    if (key !== null && value !== null)
      this.#kept.push({ row: this.#rows, key: new Uint8Array(key), value: new Uint8Array(value) });
  }

  /** All rows so far, the range's last among them where it `isEnd`. */
  take(isEnd: boolean): SnapshotChunk {
    const tailBytes = this.#encoder === null ? 0 : this.#tail.length;
    const ends = this.#ends;
    const rows = this.#rows;
    const kept = this.#kept;
    const bytes = this.#out.detach(this.#spare.pop());
    this.#ends = new Uint32Array(ends.length);
    this.#rows = 0;
    this.#kept = [];
    this.#setTail();
    return { bytes, ends, rows, tailBytes, kept, isEnd, largestOfRun: null };
  }

  /** All rows so far in a run; where the newest `staysBehind`, it is the first of the chunk that comes next, which is no run. */
  #takeRun(staysBehind: boolean): SnapshotChunk | null {
    const newest = staysBehind ? this.#run.takeLast() : null;
    const rows = this.#run.count;
    const isKeptOfNewest = ({ row }: KeptBefore) => row >= rows;
    const kept = this.#kept.filter((one) => !isKeptOfNewest(one));
    const ofNewest = this.#kept.filter(isKeptOfNewest).map((one) => ({ ...one, row: 0 }));
    if (rows === 0) this.#out.discard();
    const run = rows === 0 ? null : this.#run.take(this.#spare.pop());
    this.#isRun = false;
    this.#rows = 0;
    this.#kept = ofNewest;
    if (newest !== null) {
      if (newest.key !== null) this.#out.raw(newest.key);
      const keyEnd = this.#out.length;
      this.#out.raw(newest.value);
      this.#note(keyEnd);
    } else this.#setTail();
    if (run === null) return null;
    const { bytes, largestBytes } = run;
    return {
      bytes,
      ends: NO_ENDS,
      rows,
      tailBytes: 0,
      kept,
      isEnd: false,
      largestOfRun: largestBytes,
    };
  }

  /** All rows but the newest, which may be the range's last; null where there are no others. */
  takeEarlier(): SnapshotChunk | null {
    if (this.#isRun) return this.#takeRun(true);
    if (this.#rows < 2) return null;
    const all = this.take(false);
    const rows = all.rows - 1;
    const [start, keyEnd, end] = [all.ends[2 * rows - 1]!, all.ends[2 * rows]!, all.ends[2 * rows + 1]!];
    // The bytes of the newest go with the others, which is not worth a copy: there is time, nothing comes.
    const newest = all.bytes.slice(start, end);
    const tail = all.tailBytes;
    this.#out.copy(newest, 0, newest.length - tail);
    if (tail > 0) this.#out.raw(this.#tail);
    this.#note(keyEnd - start);
    this.#kept = all.kept.filter(({ row }) => row === rows).map((kept) => ({ ...kept, row: 0 }));
    return { ...all, rows, kept: all.kept.filter(({ row }) => row < rows) };
  }

  /** What ends every value of the chunk: its origin, and the clock at its beginning. */
  #setTail(): void {
    if (this.#encoder === null) return;
    const { transaction, lsn } = this.#settings;
    const clocks = clockTail(nowMicros());
    this.#encoder.writeOrigin(this.#scratch, transaction, 'true', lsn, 'r', clocks);
    this.#tail = this.#scratch.take();
  }
}
