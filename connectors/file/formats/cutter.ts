/**
 * Cuts a chunk into records. A cutter takes whole records only: what is left behind the cursor is the beginning of a
 * record whose rest is not there yet. `lines.ts`, `csv.ts`, `json-values.ts`, `elf.ts` and `whole-file.ts` are the cutters.
 */
import type { ConnectValue, RecordValue, Schema } from '../../api/index.ts';
import type { Chunk } from './chunk.ts';

/** Takes what a cutter finds, in file order. `end` is the index behind the record, its line end included. */
export interface CutSink {
  record(schema: Schema | null, value: RecordValue, key: string | null, end: number): void;
  /** A piece that is no record; `problem` continues "Bytes 3 to 9 of file …". */
  bad(from: number, end: number, problem: string, cause?: unknown): void;
}

/** The schema to hand a value over with: given, or learnt from the values so far. */
export type SchemaOfValue = (value: ConnectValue) => Schema | null;

export interface Cutter {
  /** Hash of the header in use, for the offset; absent for formats without one. */
  readonly headerHash?: string | null;
  /** Takes at most `max` pieces from the cursor on and moves it behind them. */
  cut(chunk: Chunk, max: number, sink: CutSink): void;
  /**
   * The file has ended inside a record for long: gives up the first line of it, if there is a whole one. For formats
   * whose records may span lines.
   */
  giveUp?(chunk: Chunk, sink: CutSink): void;
  /** Called before the first chunk of a file, and again when it continues in the middle, with its first bytes. */
  begin?(head: Chunk): number;
}
